"""Makes a format of what the settings say: a preset's name, or a format itself."""

from collections.abc import Callable
from dataclasses import replace

from usage_metrics.errors import ConfigError
from usage_metrics.logs.format import Format
from usage_metrics.logs.web.format_string import LineLayout, read_format
from usage_metrics.logs.web.iis import IisLog
from usage_metrics.logs.web.json_fields import JSON_PRESETS, read_fields
from usage_metrics.logs.web.json_format import JsonLog
from usage_metrics.logs.web.line_format import LineLog
from usage_metrics.parameters import did_you_mean

JSON = "json"
"""The name of the format whose fields the settings name."""

_COMMON = '%h %l %u %t "%r" %>s %b'
_AGENT = '"%{Referer}i" "%{User-Agent}i"'

LINE_PRESETS = {
    "combined": f"{_COMMON} {_AGENT}",
    "common": _COMMON,
    "vhost_combined": f"%v:%p {_COMMON} {_AGENT}",
    "nginx_ingress": "$remote_addr - $remote_user [$time_local] "
    '"$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" '
    "$request_length $request_time",
}
"""The formats of lines that have a name."""

WITHOUT_MORE = ("common",)
"""The presets behind which nothing may follow: it would be those of another."""

OTHERS: dict[str, Callable[[], Format]] = {"iis": IisLog}
"""The formats that are neither lines of a pattern nor JSON."""

NAMES = (*LINE_PRESETS, *JSON_PRESETS, *OTHERS, JSON)

_MAIN = (
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
    '"$http_referer" "$http_user_agent" "$http_x_forwarded_for"'
)
"""What the packages of nginx have in their configuration."""


def open_format(setting: str, fields: str = "") -> Format:
    """The format that the settings describe.

    Args:
        setting: the name of a preset, several separated by commas if their lines are
            mixed, ``json``, or a format of nginx or Apache.
        fields: for ``json``, which field holds what.

    Raises:
        ConfigError: if a name is unknown, or the format cannot be read.
    """
    setting = setting.strip()
    if setting == JSON:
        return JsonLog(read_fields(fields))
    if fields.strip():
        raise ConfigError(
            f"fields is for format = {JSON}, and format is {setting}; leave one out"
        )
    if setting in JSON_PRESETS:
        return JsonLog(JSON_PRESETS[setting])
    if setting in OTHERS:
        return OTHERS[setting]()
    return LineLog(line_layouts(setting))


def line_layouts(setting: str) -> list[LineLayout]:
    """The formats of lines that a setting names, or the one that it is.

    Raises:
        ConfigError: if a name is unknown, or the format cannot be read.
    """
    names = [name.strip() for name in setting.split(",")]
    if not all(name.isidentifier() for name in names):
        return [read_format(setting)]
    for name in names:
        if name not in LINE_PRESETS:
            raise ConfigError(_unknown(name, is_mixed=len(names) > 1))
    return [_preset(name) for name in names]


def recognised_format(reads: Callable[[Format], bool]) -> str | None:
    """The format of a log, as the settings name it; None if it has none of these.

    Args:
        reads: says whether most of the log's lines are entries in a format.
    """
    known = ("nginx_ingress", _MAIN, *LINE_PRESETS, *JSON_PRESETS, *OTHERS)
    return next((one for one in known if reads(open_format(one))), None)


def _unknown(name: str, *, is_mixed: bool) -> str:
    if is_mixed and name in NAMES:
        return f"format names {name} and others; its log has no other lines"
    known = LINE_PRESETS if is_mixed else NAMES
    return (
        f"format = {name} is not known{did_you_mean(name, known)}; it is one of "
        f"{', '.join(known)}, or the format as it stands in the configuration of nginx "
        "or Apache"
    )


def _preset(name: str) -> LineLayout:
    layout = read_format(LINE_PRESETS[name])
    return replace(layout, takes_more=name not in WITHOUT_MORE)
