"""Which field of a JSON log holds what: Caddy's, Traefik's, or as the settings say.

A field within an object is named with a dot, such as ``request.host``. A name that has
dots itself stands in quotes.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from usage_metrics.errors import ConfigError
from usage_metrics.logs.web.schema import FIELDS
from usage_metrics.parameters import did_you_mean

Path = tuple[str, ...]
"""The names of a field and of the objects around it, the outermost first."""

_NAME = re.compile(r'"([^"]*)"|([^."]+)')

COLUMNS = {
    "timestamp": "time",
    "remote_ip": "remote_addr",
    "request_method": "method",
    "request_url": "target",
    "response_size": "bytes",
} | {
    name: name
    for name in (
        *("forwarded_for", "request", "query", "protocol", "status", "referer"),
        *("user_agent", "scheme", "host", "port", "latency"),
    )
}
"""The column of each name in the setting ``fields``."""

UNITS = {"latency_ms": 1e-3, "latency_us": 1e-6, "latency_ns": 1e-9}
"""Further names for ``latency``, and the seconds of their units."""


@dataclass(frozen=True)
class JsonFields:
    """Where the columns are in the objects of a log."""

    paths: Mapping[str, tuple[Path, ...]]
    """By column; of several, the first that is there counts."""
    unit: float = 1.0
    """The seconds of the unit of ``latency``."""
    request_if: tuple[Path, str] | None = None
    """A field and its value in entries that are requests; None: all are."""


def read_fields(setting: str) -> JsonFields:
    """Read the setting ``fields``, such as ``remote_ip: client.address, …``.

    Raises:
        ConfigError: if a name is unknown, or too little is named.
    """
    paths: dict[str, tuple[Path, ...]] = {}
    unit = 1.0
    for part in filter(None, map(str.strip, setting.split(","))):
        name, colon, field = map(str.strip, part.partition(":"))
        if name not in COLUMNS and name not in UNITS:
            known = [*COLUMNS, *UNITS]
            raise ConfigError(
                f"fields has {name!r}, which is not known{did_you_mean(name, known)}; "
                f"it may name {', '.join(known)}"
            )
        if not colon or not field:
            raise ConfigError(
                f"fields has {part!r}; write {name}, a colon, and the name of the field"
            )
        unit = UNITS.get(name, unit)
        paths[COLUMNS.get(name, "latency")] = (path(field),)
    for name, *others in (
        ("timestamp",),
        ("remote_ip", "forwarded_for"),
        ("request_url", "request"),
    ):
        if not {COLUMNS[each] for each in (name, *others)} & paths.keys():
            raise ConfigError(
                f"fields does not say which field is {name}; write such as "
                "fields = timestamp: time, remote_ip: client.address, request_url: url"
            )
    _check_apart([one for [one] in paths.values()])
    return JsonFields(paths, unit)


def _check_apart(paths: Sequence[Path]) -> None:
    """Refuse a field that has others in it.

    Raises:
        ConfigError: naming both.
    """
    for outer in paths:
        for inner in paths:
            if outer != inner and outer == inner[: len(outer)]:
                raise ConfigError(
                    f"fields has {'.'.join(outer)} and {'.'.join(inner)}; a field is "
                    "either a value or an object with others in it"
                )


def path(text: str) -> Path:
    """The path of a field as it is written."""
    return tuple(quoted or plain for quoted, plain in _NAME.findall(text))


def _preset(
    unit: float = 1.0, request_if: tuple[Path, str] | None = None, **names: str
) -> JsonFields:
    unknown = names.keys() - {field.name for field in FIELDS}
    if unknown:
        raise ValueError(f"no columns: {unknown}")
    return JsonFields(
        {name: tuple(map(path, text.split())) for name, text in names.items()},
        unit,
        request_if,
    )


JSON_PRESETS = {
    "caddy": _preset(
        request_if=(("msg",), "handled request"),
        remote_addr="request.remote_ip request.remote_addr",
        client_addr="request.client_ip",
        forwarded_for="request.headers.X-Forwarded-For",
        user="user_id",
        time="ts",
        method="request.method",
        target="request.uri",
        protocol="request.proto",
        status="status",
        bytes="size",
        referer="request.headers.Referer",
        user_agent="request.headers.User-Agent",
        host="request.host",
        latency="duration",
    ),
    "traefik": _preset(
        unit=1e-9,
        remote_addr="ClientHost",
        forwarded_for="request_X-Forwarded-For",
        user="ClientUsername",
        time="StartUTC",
        method="RequestMethod",
        target="RequestPath",
        protocol="RequestProtocol",
        status="DownstreamStatus",
        bytes="DownstreamContentSize",
        referer="request_Referer",
        user_agent="request_User-Agent",
        scheme="RequestScheme",
        host="RequestHost",
        port="RequestPort",
        latency="Duration",
    ),
    "cloudflare": _preset(
        remote_addr="ClientIP",
        time="EdgeStartTimestamp",
        method="ClientRequestMethod",
        target="ClientRequestURI",
        protocol="ClientRequestProtocol",
        status="EdgeResponseStatus",
        bytes="EdgeResponseBytes",
        referer="ClientRequestReferer",
        user_agent="ClientRequestUserAgent",
        scheme="ClientRequestScheme",
        host="ClientRequestHost",
    ),
}
"""The logs in JSON that have a name."""
