"""The columns of a web server's log, the same for every server and format."""

import pyarrow as pa

from usage_metrics.arrow import INTEGER, NUMBER, STRING, TIMESTAMP, column
from usage_metrics.logs.format import UNREADABLE
from usage_metrics.logs.line_ids import LINE_ID

FIELDS = [
    column("remote_addr", STRING, "Address of the client, or of the proxy before us"),
    column("client_addr", STRING, "Address of the client, as a server behind proxies "
           "made it out"),
    column("forwarded_for", STRING, "X-Forwarded-For: the addresses that proxies saw"),
    column("user", STRING, "Name by which the client logged in"),
    column("time", TIMESTAMP, "When the request came, or its response ended", "UTC"),
    column("request", STRING, "Method, target and protocol, as the client sent them"),
    column("method", STRING, "GET, HEAD, …, in formats that have it apart"),
    column("target", STRING, "What was requested, in formats that have it apart"),
    column("query", STRING, "The query, in formats that have it apart"),
    column("protocol", STRING, "HTTP/1.1, …, in formats that have it apart"),
    column("status", INTEGER, "HTTP status of the response"),
    column("bytes", INTEGER, "Size of the response", "bytes"),
    column("referer", STRING, "The page that contained the link"),
    column("user_agent", STRING, "What the client calls itself"),
    column("scheme", STRING, "http or https"),
    column("host", STRING, "The host that was asked"),
    column("port", INTEGER, "The port that was asked"),
    column("latency", NUMBER, "Time until the response was sent", "seconds"),
]  # fmt: skip
"""What a server says of a request; null where its format does not say it."""

LOG = pa.schema([*FIELDS, LINE_ID, *UNREADABLE])
"""The raw columns."""

NAMES = tuple(field.name for field in FIELDS)
