"""Gives the texts of a log line their types: times in UTC, numbers, texts unescaped."""

import contextlib
import datetime as dt
import json
import re
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import INTEGER, NUMBER, STRING, TIMESTAMP, each_distinct
from usage_metrics.logs.blocks import Block, Integers
from usage_metrics.logs.web.variables import COMMON_TIME, EPOCH, Kind, Variable

_ESCAPE = re.compile(rb"\\(x[0-9A-Fa-f]{2}|[\"\\bnrtvf])")
_CONTROLS = {b"b": b"\b", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
_CONTROLS[b"f"] = b"\f"

_WIDTH = len("22/Jan/2026:03:56:14 +0100")
_DIGITS = [0, 1, 7, 8, 9, 10, 12, 13, 15, 16, 18, 19, 22, 23, 24, 25]
_SIGNS = {2: b"/", 6: b"/", 11: b":", 14: b":", 17: b":", 20: b" "}
_MONTHS = np.array(
    [
        int.from_bytes(name, "big")
        for name in b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
    ]
)
_ORDER = np.argsort(_MONTHS)
_SECOND = 1_000_000

PLAIN_TIME = (
    r"^(?:19[789]|20[0-9]|21[0-9])[0-9]-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9]"
    r"(?:\.[0-9]{1,9})?Z$"
)
"""Times that Arrow reads at once."""

EPOCH_UNITS = (1e11, 1e14, 1e17)
"""A number of seconds since 1970 is below the first of these, until the year 5138;
one of milliseconds below the second, of microseconds below the third; the others are
nanoseconds."""

Bytes = npt.NDArray[np.uint8]


def cut(block: Block, starts: Integers, ends: Integers) -> pa.Array:
    """The pieces of a block's text from some places to others, in order."""
    if not len(starts):
        return pa.array([], STRING)
    offsets = np.column_stack([starts, ends]).astype(np.int32).ravel()
    buffers = pa.py_buffer(offsets), pa.py_buffer(block.text)
    # Every other piece is what stands between two that are wanted.
    pieces = pa.StringArray.from_buffers(len(offsets) - 1, *buffers)
    return pieces.take(pa.array(np.arange(0, len(offsets), 2)))


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
    data = texts.buffers()[2]
    if data is None or not (np.frombuffer(data, np.uint8) == ord("\\")).any():
        return texts
    has_any = pc.fill_null(pc.match_substring(texts, "\\"), False)
    undo: Callable[[str], str] = _of_json if is_json else _of_server
    found = each_distinct(texts.filter(has_any), undo)
    return pc.replace_with_mask(texts, has_any, found)


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


def common_times(texts: pa.Array) -> pa.Array:
    """Times such as ``22/Jan/2026:03:56:14 +0100``, in UTC.

    Args:
        texts: without nulls, each of the kind ``COMMON_TIME``.
    """
    letters = columns_of(texts, _WIDTH)
    number = (letters - ord("0")).astype(np.int32)
    day, hour, minute, second, zone_hour, zone_minute = (
        number[at] * 10 + number[at + 1] for at in (0, 12, 15, 18, 22, 24)
    )
    year = ((number[7] * 10 + number[8]) * 10 + number[9]) * 10 + number[10]
    name = (letters[3].astype(np.int32) << 16) + (letters[4].astype(np.int32) << 8)
    name += letters[5]
    at = np.minimum(np.searchsorted(_MONTHS, name, sorter=_ORDER), 11)
    month = _ORDER[at]
    first = ((year - 1970) * 12 + month).astype("datetime64[M]")
    date = first.astype("datetime64[D]") + (day - 1)
    is_time = (_MONTHS[month] == name) & (date.astype("datetime64[M]") == first)
    is_time &= (hour < 24) & (minute < 60) & (second <= 60) & (day > 0)
    is_time &= (zone_hour < 24) & (zone_minute < 60)
    zone = (zone_hour * 60 + zone_minute) * np.where(letters[21] == ord("-"), -1, 1)
    seconds = date.astype(np.int64) * 86_400 + (hour * 60 + minute - zone) * 60 + second
    return pa.array(seconds * _SECOND, mask=~is_time).cast(TIMESTAMP)


def are_common_times(texts: pa.Array) -> npt.NDArray[np.bool_]:
    """Which texts are of the kind ``COMMON_TIME``."""
    has_width = pc.equal(pc.binary_length(texts), _WIDTH).to_numpy(zero_copy_only=False)
    if not has_width.all():
        found = pc.match_substring_regex(texts, f"^{COMMON_TIME.pattern}$")
        return np.asarray(found.to_numpy(zero_copy_only=False))
    letters = columns_of(texts, _WIDTH)
    good = (letters[_DIGITS] - ord("0") <= 9).all(axis=0)
    for at, sign in _SIGNS.items():
        good &= letters[at] == ord(sign)
    good &= (letters[21] == ord("+")) | (letters[21] == ord("-"))
    good &= (letters[3] - ord("A") < 26) & (letters[4] - ord("a") < 26)
    good &= letters[5] - ord("a") < 26
    return np.asarray(good)


def columns_of(texts: pa.Array, width: int) -> Bytes:
    """The first letters of texts of one width, the second ones, and so on."""
    if not len(texts):
        return np.empty((width, 0), np.uint8)
    _, offsets, data = texts.buffers()
    first = np.frombuffer(offsets, np.int32)[texts.offset]
    letters = np.frombuffer(data, np.uint8, len(texts) * width, first)
    return np.ascontiguousarray(letters.reshape(len(texts), width).T)
