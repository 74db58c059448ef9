"""The rule for logs in JSON: one line, turned into a row in plain Python."""

import datetime as dt
import json
import math
import re
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from usage_metrics.arrow import INTEGER, NUMBER, STRING, TIMESTAMP
from usage_metrics.logs.web.json_fields import JsonFields, Path
from usage_metrics.logs.web.schema import LOG
from usage_metrics.logs.web.values import iso_time, micro_of
from usage_metrics.logs.web.variables import EPOCH

NOTHING = ("", "-")
"""What stands in place of a value that there is not."""

LARGEST = 10**18
"""Sizes and durations are smaller."""

AMOUNT = r"[0-9]{1,18}(?:\.[0-9]{1,18})?"

_SHOWN = 60


class NotAnEntryError(ValueError):
    """A line is not an entry; the message says why."""


def entry_of(line: str, fields: JsonFields) -> dict[str, Any]:
    """Read a line, of which what stands before the first bracket is left out.

    Raises:
        NotAnEntryError: naming the field and its value, or what is wrong with the line.
    """
    entry = _object(line[max(line.find("{"), 0) :])
    time = _first(entry, "time", fields)
    if time is None:
        raise NotAnEntryError(f"has no {'.'.join(fields.paths['time'][0])}")
    condition = fields.request_if
    if condition and _at(entry, condition[0]) != condition[1]:
        return {"time": time}
    row = {column: _first(entry, column, fields) for column in fields.paths}
    if row.get("latency") is not None:
        row["latency"] *= fields.unit
    return row


def _first(entry: dict[str, Any], column: str, fields: JsonFields) -> Any:
    """The value of a column: of the first of its fields that is there."""
    for path in fields.paths[column]:
        value = _at(entry, path)
        if value is not None:
            return _value(column, value, path)
    return None


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text, parse_int=_whole_number)
    except RecursionError:
        raise NotAnEntryError("is nested too deeply") from None
    except json.JSONDecodeError as error:
        fault = f"{error.msg.removesuffix(' at')} at character {error.pos + 1}"
        raise NotAnEntryError(f"is not JSON: {fault}") from None
    if not isinstance(value, dict):
        raise NotAnEntryError("is no JSON object")
    return value


def _whole_number(digits: str) -> int | float:
    return int(digits) if len(digits) < len(str(LARGEST)) * 2 else math.inf


def _at(entry: dict[str, Any], path: Path) -> Any:
    value: Any = entry
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _value(column: str, value: Any, path: Path) -> Any:
    type_ = LOG.field(column).type
    expected, convert = _KINDS[type_]
    found = convert(value)
    if found is not None:
        return found
    if isinstance(value, str) and value in NOTHING:
        return None
    if (value == [] and type_ == STRING) or column == "latency":
        return None
    shown = json.dumps(value, ensure_ascii=False)
    shown = shown[:_SHOWN] + ("…" if len(shown) > _SHOWN else "")
    raise NotAnEntryError(f"has {'.'.join(path)} = {shown}, which is not {expected}")


def _text(value: Any) -> str | None:
    if isinstance(value, list) and value and all(isinstance(v, str) for v in value):
        value = ", ".join(value)
    if not isinstance(value, str) or value == "-":
        return None
    return value.encode("utf-8", "replace").decode()


def _count(value: Any) -> int | None:
    if isinstance(value, str) and re.fullmatch("[0-9]{1,18}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if value == value // 1 and 0 <= value < LARGEST else None


def _amount(value: Any) -> float | None:
    if isinstance(value, str) and re.fullmatch(AMOUNT, value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < LARGEST else None


def time_of(value: Any) -> dt.datetime | int | None:
    """A time, as a text or a number since 1970; None if it is neither."""
    if isinstance(value, str):
        if not re.fullmatch(EPOCH.pattern, value):
            return iso_time(value)
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return micro_of(float(value))


_KINDS: dict[pa.DataType, tuple[str, Callable[[Any], Any]]] = {
    STRING: ("text", _text),
    TIMESTAMP: ("a time", time_of),
    INTEGER: ("a whole number", _count),
    NUMBER: ("a number", _amount),
}
"""What the value of a column is, for people, and what becomes of it."""
