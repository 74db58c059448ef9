"""The variables of nginx's and Apache's log formats, and how their values are written.

Within a column, the variable that says it best comes first: a format may have several.
"""

from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Kind:
    """How a value is written."""

    pattern: str
    """What the rule takes, without groups that capture."""
    expected: str
    """What it is, for people."""

    @property
    def in_quotes(self) -> "Kind":
        """How the same is written in quotes: it may be empty, a word have blanks."""
        if self in (WORD, USER, ADDRESS):
            return TEXT
        return QUOTED.get(self, self)


TEXT = Kind(r'(?:[^"\\]|\\.)*?', "a text without quotes")
USER = Kind(r'(?:[^"\\\[]|\\.)*?', "a name")
"""It may have blanks; a bracket would be that of the time."""
WORD = Kind(r'[^ "]+', "a word")
ADDRESS = Kind(
    r'(?:[^ ":]+|unix:|[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*(?:%[0-9A-Za-z]+)?)',
    "an address",
)
"""Or the name of a host; not one with a port, as virtual hosts have."""
COUNT = Kind(r"(?:[0-9]{1,18}|-)", "a whole number")
STATUS = Kind(r"(?:[0-9]{3}|-)", "three digits")
AMOUNT = Kind(r"(?:[0-9]{1,12}(?:\.[0-9]{1,9})?|-)", "a number")
COMMON_TIME = Kind(
    r"[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4}",
    "a time such as 22/Jan/2026:03:56:14 +0100",
)
ISO_TIME = Kind(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?"
    r" ?(?:Z|[+-][0-9]{2}:?[0-9]{2})",
    "a time such as 2026-01-22T03:56:14+01:00",
)
EPOCH = Kind(r"[0-9]{9,19}(?:\.[0-9]{1,9})?", "a time in seconds since 1970")

QUOTED = {
    kind: Kind(f"{kind.pattern}?", f"{kind.expected} or empty")
    for kind in (COUNT, STATUS, AMOUNT)
}

TIMES = (COMMON_TIME, ISO_TIME, EPOCH)


@dataclass(frozen=True)
class Variable:
    """A variable of a format, and the column that its value goes into."""

    name: str
    """As the configuration writes it."""
    column: str | None
    """None: its value is not kept."""
    kind: Kind
    unit: float = 1.0
    """The seconds of its unit, if it is a duration."""
    rank: int = 0
    """Of several variables of a column, the one with the lowest is taken."""
    holds_query: bool = False
    """Whether a target has its query."""


def _variables(sign: str, *rows: tuple[Any, ...]) -> dict[str, Variable]:
    """Variables by their names, ranked."""
    made = {name: Variable(f"{sign}{name}", *row) for name, *row in rows}
    return {n: replace(one, rank=rank) for rank, (n, one) in enumerate(made.items())}


NGINX = _variables(
    "$",
    ("remote_addr", "remote_addr", ADDRESS),
    ("http_x_forwarded_for", "forwarded_for", TEXT),
    ("remote_user", "user", USER),
    ("time_local", "time", COMMON_TIME),
    ("time_iso8601", "time", ISO_TIME),
    ("msec", "time", EPOCH),
    ("request", "request", TEXT),
    ("request_method", "method", WORD),
    ("request_uri", "target", TEXT),
    ("uri", "target", TEXT),
    ("document_uri", "target", TEXT),
    ("args", "query", TEXT),
    ("query_string", "query", TEXT),
    ("server_protocol", "protocol", WORD),
    ("status", "status", STATUS),
    ("body_bytes_sent", "bytes", COUNT),
    ("bytes_sent", "bytes", COUNT),
    ("http_referer", "referer", TEXT),
    ("http_user_agent", "user_agent", TEXT),
    ("scheme", "scheme", WORD),
    ("http_host", "host", TEXT),
    ("host", "host", WORD),
    ("server_name", "host", WORD),
    ("server_port", "port", COUNT),
    ("request_time", "latency", AMOUNT),
)
"""Those that say something about the request, by their names without the dollar."""

NGINX_OTHERS = (
    r"(?:http|sent_http|sent_trailer|upstream|cookie|arg|ssl|geoip2?|proxy|fastcgi|uwsgi"
    r"|grpc|gzip|connection|tcpinfo|realip|request|server|http2|http3|quic|limit"
    r"|content|jwt|secure_link|modern|ancient|slice|memcached|spdy|uid)_\w+"
    r"|binary_remote_addr|connection|connections_\w+|date_gmt|date_local|document_root"
    r"|hostname|https|http2|http3|invalid_referer|is_args|is_request_port|limit_rate"
    r"|nginx_version|pid|pipe|realpath_root|remote_port|namespace|ingress_name"
    r"|service_name|service_port|location_path|req_id|the_real_ip|_"
)
"""Further variables of nginx and its modules, and of Kubernetes' controller; ``$_``
stands for one that the user has made."""

APACHE = _variables(
    "%",
    ("a", "remote_addr", ADDRESS),
    ("h", "remote_addr", ADDRESS),
    ("{x-forwarded-for}i", "forwarded_for", TEXT),
    ("l", None, USER),
    ("u", "user", USER),
    ("t", "time", COMMON_TIME),
    ("{sec}t", "time", EPOCH),
    ("{msec}t", "time", EPOCH),
    ("{usec}t", "time", EPOCH),
    ("r", "request", TEXT),
    ("m", "method", WORD),
    ("U", "target", TEXT),
    ("q", "query", TEXT),
    ("H", "protocol", WORD),
    ("s", "status", STATUS),
    ("b", "bytes", COUNT),
    ("B", "bytes", COUNT),
    ("O", "bytes", COUNT),
    ("{referer}i", "referer", TEXT),
    ("{user-agent}i", "user_agent", TEXT),
    ("{host}i", "host", TEXT),
    ("V", "host", WORD),
    ("v", "host", WORD),
    ("p", "port", COUNT),
    ("{canonical}p", "port", COUNT),
    ("{local}p", "port", COUNT),
    ("D", "latency", AMOUNT, 1e-6),
    ("{us}T", "latency", AMOUNT, 1e-6),
    ("{ms}T", "latency", AMOUNT, 1e-3),
    ("T", "latency", AMOUNT),
    ("{s}T", "latency", AMOUNT),
)
"""Those that say something about the request, without the percent sign."""

NGINX["request_uri"] = replace(NGINX["request_uri"], holds_query=True)

APACHE_OTHERS = r"(?:\{[^}]*\})?(?:[AaCDefhIikLlmnOoPpRrSsTtuUVvX]|\^ti|\^to|\^FU|\^FB)"
"""Further ones of Apache and its modules."""
