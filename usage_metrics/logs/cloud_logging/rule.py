"""The rule: one JSON log entry, turned into a row of ``ENTRY`` in plain Python.

In JSON sizes are strings, latency is a duration (``"0.012s"``), times have up to nine
decimal places and absent fields have no key. Here all of that becomes the types of the
BigQuery sink; times are truncated, not rounded, to microseconds.

:mod:`usage_metrics.logs.cloud_logging.fast_path` reads many lines at once with the same
result.
"""

import datetime as dt
import json
import math
import re
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from usage_metrics.arrow import BOOLEAN, INTEGER, NUMBER, STRING, TIMESTAMP
from usage_metrics.logs.blocks import REST, Block
from usage_metrics.logs.cloud_logging.entry import (
    ENTRY,
    ENTRY_FIELDS,
    other_fields,
    tree_of,
    without_surrogates,
)
from usage_metrics.logs.lines import CUT, LONGEST_LINE

INTEGER_TEXT = r"-?[0-9]{1,19}"
DURATION_TEXT = r"-?[0-9]{1,12}(\.[0-9]{1,12})?s"
TIMESTAMP_TEXT = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"
    r"(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})"
)

LONGEST_DURATION = 1e12
"""Seconds; with as many digits as ``DURATION_TEXT`` allows."""

_REFUSED = {
    CUT: f"is longer than {LONGEST_LINE >> 20} MB; its beginning is kept",
    REST: "and all lines after it were not read: no log unpacks to so much, or has an "
    "entry so long",
}
"""Why lines are rejected that end so."""

SHOWN = 80
"""How many characters of an invalid value the reason quotes."""


class NotAnEntryError(ValueError):
    """A line is not a log entry; the message says why."""


def entries_singly(block: Block) -> pa.Table:
    """Read lines one by one; one that is not an entry becomes a row that says why."""
    rows = []
    for row in range(len(block)):
        line = block.line(row)
        try:
            rows.append(entry_from_line(line))
        except NotAnEntryError as error:
            rows.append(
                {
                    "unreadable": line.decode("utf-8", "replace").rstrip("\r"),
                    "unreadableReason": f"{block.place(row)} {error}",
                }
            )
    return pa.Table.from_pylist(rows, schema=ENTRY)


def entry_from_line(line: bytes) -> dict[str, Any]:
    """Read one line with Python's own JSON reader.

    Returns:
        A row of ``ENTRY`` as plain values, without absent fields.

    Raises:
        NotAnEntryError: naming the field and its value, or what is wrong with the line.
    """
    for ending, reason in _REFUSED.items():
        if line.endswith(ending):
            raise NotAnEntryError(reason)
    try:
        value = _decode(line.decode("utf-8", "replace"))
        if not isinstance(value, dict):
            raise NotAnEntryError("is no JSON object")
        row: dict[str, Any] = _convert(value, _SHAPE, "")
        if row.get("timestamp") is None:
            raise NotAnEntryError("has no timestamp")
        return row | {"otherFields": other_fields(value)}
    except RecursionError:
        raise NotAnEntryError("is nested too deeply") from None
    except json.JSONDecodeError as error:
        fault = f"{error.msg.removesuffix(' at')} at character {error.pos + 1}"
        raise NotAnEntryError(f"is not JSON: {fault}") from None


def _whole_number(digits: str) -> int | str:
    try:
        return int(digits)
    except ValueError:  # more digits than Python converts
        return digits


def _fraction(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits


def _refuse(constant: str) -> None:
    raise NotAnEntryError(f"is not JSON: {constant} is no number there")


_decode = json.JSONDecoder(
    parse_int=_whole_number, parse_float=_fraction, parse_constant=_refuse
).decode


def _convert(value: Any, shape: Any, path: str) -> Any:
    """Convert a JSON value to plain Python, as the type at this path requires."""
    if value is None:
        return None
    if isinstance(shape, dict):
        expected = "an object"
        if isinstance(value, dict):
            prefix = f"{path}." if path else ""
            return {
                name: _convert(item, shape[name], prefix + name)
                for name, item in value.items()
                if name in shape
            }
    elif isinstance(shape, list):
        expected = "a list"
        if isinstance(value, list):
            # BigQuery has no null lists: an empty one means an absent field.
            return [_convert(item, shape[0], f"{path}[]") for item in value] or None
    else:
        expected, convert = shape
        converted = convert(value)
        if converted is not None:
            return converted
    raise NotAnEntryError(f"has {path} = {_excerpt(value)}, which is not {expected}")


def _excerpt(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return repr(text[:SHOWN]) + ("…" if len(text) > SHOWN else "")


def _text(value: Any) -> str | None:
    return without_surrogates(value) if isinstance(value, str) else None


def _integer(value: Any) -> int | None:
    if isinstance(value, str) and re.fullmatch(INTEGER_TEXT, value):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value if -(2**63) <= value < 2**63 else None
    return None


def _seconds(value: Any) -> float | None:
    if isinstance(value, str) and re.fullmatch(DURATION_TEXT, value):
        return float(value[:-1])
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if abs(value) < LONGEST_DURATION else None
    return None


def _boolean(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _time(value: Any) -> dt.datetime | None:
    match = re.fullmatch(TIMESTAMP_TEXT, value) if isinstance(value, str) else None
    if match is None:
        return None
    fraction = (match[1] or "")[:7]  # datetime has no more than six digits
    try:
        time = dt.datetime.fromisoformat(value[:19] + fraction + match[2])
        return time.astimezone(dt.UTC)
    except (ValueError, OverflowError):  # no such day, or before the year 1
        return None


_SCALARS: dict[pa.DataType, tuple[str, Callable[[Any], Any]]] = {
    STRING: ("text", _text),
    INTEGER: ("an integer", _integer),
    NUMBER: ("a duration such as 0.25s", _seconds),
    TIMESTAMP: ("a time such as 2022-03-15T14:25:58.184967Z", _time),
    BOOLEAN: ("true or false", _boolean),
}


_SHAPE = tree_of(pa.struct(ENTRY_FIELDS), _SCALARS.__getitem__)
