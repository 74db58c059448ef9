"""Gives the texts of a log line their types: times in UTC, numbers, texts unescaped."""

import contextlib
import datetime as dt
import json
import re
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import INTEGER, NUMBER, STRING, TIMESTAMP, each_distinct
from usage_metrics.logs.cutting import has_any
from usage_metrics.logs.moments import common_times
from usage_metrics.logs.web.variables import COMMON_TIME, EPOCH, Kind, Variable

_ESCAPE = re.compile(rb"\\(x[0-9A-Fa-f]{2}|[\"\\bnrtvf])")
_CONTROLS = {b"b": b"\b", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
_CONTROLS[b"f"] = b"\f"

PLAIN_TIME = (
    r"^(?:19[789]|20[0-9]|21[0-9])[0-9]-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9]"
    r"(?:\.[0-9]{1,9})?Z$"
)
"""Times that Arrow reads at once."""

EPOCH_UNITS = (1e11, 1e14, 1e17)
"""A number of seconds since 1970 is below the first of these, until the year 5138;
one of milliseconds below the second, of microseconds below the third; the others are
nanoseconds."""


def typed(texts: pa.Array, variable: Variable, type_: pa.DataType) -> pa.Array:
    """The values of a column; null where there is none, or no such time.

    Args:
        texts: as they stand in the lines, of the variable's kind.
        variable: says how they are written.
        type_: what the column holds.
    """
    if type_ == TIMESTAMP:
        return times(texts, variable.kind)
    texts = pc.if_else(pc.equal(texts, "-"), pa.scalar(None, STRING), texts)
    if type_ == STRING:
        return texts
    texts = pc.if_else(pc.equal(texts, ""), pa.scalar(None, STRING), texts)
    if type_ == INTEGER:
        return texts.cast(INTEGER)
    return pc.multiply(texts.cast(NUMBER), variable.unit)


def unescaped(texts: pa.Array, is_json: bool) -> pa.Array:
    """Undo the escapes of texts, bytewise; one that is not UTF-8 then stays escaped."""
    if not has_any(texts, ord("\\")):
        return texts
    is_escaped = pc.fill_null(pc.match_substring(texts, "\\"), False)
    undo: Callable[[str], str] = _of_json if is_json else _of_server
    found = each_distinct(texts.filter(is_escaped), undo)
    return pc.replace_with_mask(texts, is_escaped, found)


def _of_server(text: str) -> str:
    raw = _ESCAPE.sub(lambda match: _byte(match[1]), text.encode())
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return text


def _byte(escape: bytes) -> bytes:
    if len(escape) > 1:
        return bytes([int(escape[1:], 16)])
    return _CONTROLS.get(escape, escape)


def _of_json(text: str) -> str:
    try:
        found: str = json.loads(f'"{text}"', strict=False)
        found.encode()
    except ValueError:
        return text
    return found


def times(texts: pa.Array, kind: Kind) -> pa.Array:
    """The times that texts of a kind say, in UTC; null for one that cannot be."""
    if kind is COMMON_TIME:
        return common_times(texts)
    if kind is EPOCH:
        return epochs(texts.cast(NUMBER))
    if pc.all(pc.match_substring_regex(texts, PLAIN_TIME)).as_py():
        with contextlib.suppress(pa.ArrowInvalid):  # no such day
            return texts.cast(pa.timestamp("ns", "UTC")).cast(TIMESTAMP, safe=False)
    encoded = texts.dictionary_encode()
    found = [iso_time(text) for text in encoded.dictionary.to_pylist()]
    return pa.array(found, TIMESTAMP).take(encoded.indices)


def iso_time(text: str) -> dt.datetime | None:
    """A time in ISO 8601 with its zone, truncated to microseconds, in UTC."""
    text = re.sub(r"([.,]\d{6})\d+", r"\1", text.replace(" +", "+").replace(" -", "-"))
    try:
        return dt.datetime.fromisoformat(text).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None


def epochs(numbers: pa.Array) -> pa.Array:
    """Times of numbers since 1970, in the unit that their size shows."""
    values = numbers.to_numpy(zero_copy_only=False).astype(float)
    powers = np.searchsorted(EPOCH_UNITS, np.nan_to_num(values), side="right")
    micro = np.rint(values * 10.0 ** (6 - 3 * powers))
    is_time = (values > 0) & (micro < 2**62)
    whole = np.where(is_time, micro, 0).astype(np.int64)
    return pa.array(whole, mask=~is_time).cast(TIMESTAMP)


def micro_of(number: float) -> int | None:
    """A number since 1970 in microseconds; None if it is no time."""
    found: int | None = epochs(pa.array([number])).cast(INTEGER)[0].as_py()
    return found
