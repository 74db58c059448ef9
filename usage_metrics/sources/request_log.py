"""What a request is, whichever log it comes from: columns that all sources share.

A source gives what its log says, by the names of these columns, and says what a URL
asks for. The rest is the same for all: addresses in one spelling, URLs in their parts,
who asked. So counting, privacy and the report know no source by name.
"""

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics import arrow
from usage_metrics.addresses.parsing import canonical_addresses
from usage_metrics.agents.classifier import AGENT
from usage_metrics.arrow import BOOLEAN, INTEGER, NUMBER, STRING, TIMESTAMP, column
from usage_metrics.cleaning.urls import split_urls
from usage_metrics.cleaning.who_asked import settings_from, who_asked

URL = [
    column("request_url_scheme", STRING, "Scheme of the URL: http or https"),
    column("request_url_netloc", STRING, "Host of the URL, and port if given"),
    column("request_url_path", STRING, "Path of the URL, as it was sent"),
    column("request_url_query", STRING, "Query of the URL, after the question mark"),
]

SAID = [
    column("insert_id", STRING, "Id of the log entry"),
    column("timestamp", TIMESTAMP, "When the request came", "UTC"),
    column("request_method", STRING, "GET, HEAD, …"),
    column(
        "request_url",
        STRING,
        "The requested URL, without signatures; if long, its beginning and a digest",
    ),
    column("status", INTEGER, "HTTP status of the response"),
    column("response_size", INTEGER, "Size of the response", "bytes"),
    column(
        "object_size",
        INTEGER,
        "Size of the whole object of which the response may be a part",
        "bytes",
    ),
    column(
        "user_agent",
        STRING,
        "What the client calls itself; if long, its beginning and a digest",
    ),
    column(
        "remote_ip",
        STRING,
        "Address of the client; after cleaning, what [privacy] addresses leaves of it",
    ),
    column("referer", STRING, "The page that contained the link"),
    column(
        "latency", NUMBER, "Time from the request to the end of the response", "seconds"
    ),
    column("protocol", STRING, "HTTP/1.1, HTTP/2, …"),
]
"""What a log says of a request; null where it does not."""

ASKED = [
    column("database", STRING, "The database, bucket or folder that was asked for"),
    column("table", STRING, "The table, object or file in it, decoded"),
    column("format", STRING, "The format asked for: html, json, csv, parquet, …"),
    column("page", STRING, "Kind of page or object"),
    column("is_data_request", BOOLEAN, "Whether it asks for data"),
]
"""What a URL asks for."""

REQUEST = pa.schema([*SAID, *URL, *ASKED, *AGENT])
"""The columns of every log's requests; a source may have more behind them."""

AskedFor = Callable[[pa.Array], Mapping[str, pa.Array]]
"""Says of distinct URLs, the last of which is null, what each asks for: the columns
``URL`` and ``ASKED``, and others that follow from the URL."""

_NOT_FOUND = 404

_PORT = r"^(?:([0-9.]+)|\[([0-9A-Fa-f:.]+)\]):[0-9]+$"
"""An address with a port, as some logs have it."""


def requests_from(
    said: Mapping[str, pa.Array | pa.ChunkedArray],
    asked_for: AskedFor,
    settings: Any,
    schema: pa.Schema = REQUEST,
) -> pa.Table:
    """Make requests of what a log says.

    Args:
        said: columns by name; ``request_url``, ``user_agent`` and ``remote_ip`` are
            needed, any other of ``schema`` that is not said is null.
        asked_for: says what distinct URLs ask for.
        settings: the source's section, for who is known to us.
        schema: the columns to make.
    """
    columns = dict(said)
    columns["remote_ip"] = one_spelling(columns["remote_ip"])
    urls = columns["request_url"] = arrow.dictionary(columns["request_url"])
    asked = asked_for(pa.concat_arrays([urls.dictionary, pa.nulls(1, STRING)]))
    # A request without a URL takes the last row.
    codes = pc.fill_null(urls.indices, len(urls.dictionary))
    columns |= {
        name: arrow.take_encoded(values, codes) for name, values in asked.items()
    }
    agents = arrow.dictionary(columns["user_agent"])
    columns |= who_asked(agents, columns["remote_ip"], settings_from(settings))
    rows = len(codes)
    return pa.table(
        {
            field.name: columns[field.name]
            if field.name in columns
            else pa.nulls(rows, field.type)
            for field in schema
        }
    )


def without_missing(requests: pa.Table) -> pa.Table:
    """The requests, of which those for what is not there are for no data."""
    is_missing = pc.fill_null(pc.equal(requests["status"], _NOT_FOUND), False)
    is_data = pc.and_not(requests["is_data_request"], is_missing)
    number = requests.column_names.index("is_data_request")
    return requests.set_column(number, "is_data_request", is_data)


def url_parts(urls: pa.Array) -> dict[str, pa.Array]:
    """The columns ``URL`` of distinct URLs, for sources that know what is asked."""
    return {f"request_url_{part}": found for part, found in split_urls(urls).items()}


def one_spelling(addresses: pa.Array | pa.ChunkedArray) -> pa.DictionaryArray:
    """Addresses without ports, each in one spelling; other text as it is."""
    encoded = arrow.dictionary(addresses)
    bare = pc.replace_substring_regex(encoded.dictionary, _PORT, r"\1\2")
    return arrow.take_encoded(canonical_addresses(bare), encoded.indices)
