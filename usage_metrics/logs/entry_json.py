"""Log entries written as JSON lines, turned into the columns of ``ENTRY``.

In JSON sizes are strings, latency is a duration (``"0.012s"``), times have up to nine
digits of a second and what is absent has no key; here all of that becomes the types of
the BigQuery sink (times are cut, not rounded, to microseconds).

A block of lines goes through Arrow's JSON reader in one piece. What that reader cannot
take (a cut line, a number where text should be) is found by halving the block, and
read line by line with Python's, as is an entry with a field nobody declared; so one
bad line costs a little time and nothing else. Every line ends as a row: an entry, or
the line itself with the reason why it is none.
"""

import datetime as dt
import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from usage_metrics.columns import BOOLEAN, INTEGER, NUMBER, STRING, TIMESTAMP
from usage_metrics.logs.entry import ENTRY, OUR_COLUMNS

LINE_BY_LINE = 32
"""A block of at most so many lines is not halved again but read line by line."""

LONGEST_FAST_LINE = 20_000
"""Bytes. Arrow's reader overflows the stack on JSON nested some 20,000 deep."""

HEAD_LINES = 256
"""So many lines of a block tell which fields its entries have."""

INTEGER_TEXT = r"^-?[0-9]{1,18}$"
DURATION_TEXT = r"^-?[0-9]{1,12}(\.[0-9]{1,12})?s$"
TIMESTAMP_TEXT = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"
    r"(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$"
)
SINCE_1970 = r"^(19[789]|2[0-9]{2})"
"""Before 1970 Arrow cuts the digits of a second upwards; such times go singly."""

NUMBERS_IN_JSON = frozenset({"status", "index", "totalSplits"})
"""Integers of 32 bits; JSON has them as numbers, those of 64 bits as text."""


class NotAnEntryError(ValueError):
    """A line is no log entry; the message says why."""


def entries_from_lines(block: bytes, numbers: Sequence[int], name: str) -> pa.Table:
    """Read complete lines of JSON.

    Args:
        block: lines without blank ones among them, each a log entry as JSON.
        numbers: their line numbers, for the reasons of what cannot be read.
        name: the name of the file, likewise.

    Returns:
        A table of schema ``ENTRY`` with one row per line, in the order of the lines.
    """
    table = _read_block(block, len(numbers))
    if table is not None:
        return _reread_odd_rows(table, block, numbers, name)
    if len(numbers) <= LINE_BY_LINE:
        return _read_singly(zip(numbers, _lines(block), strict=True), name)
    half = len(numbers) // 2
    start_of_second = _line_starts(block)[half]
    return pa.concat_tables(
        [
            entries_from_lines(block[:start_of_second], numbers[:half], name),
            entries_from_lines(block[start_of_second:], numbers[half:], name),
        ]
    )


def entry_from_line(line: bytes) -> dict[str, Any]:
    """Read one line with Python's own JSON reader.

    Returns:
        A row of ``ENTRY`` as plain values.

    Raises:
        NotAnEntryError: saying which field, with what value, makes it none.
    """
    try:
        value = json.loads(line.decode("utf-8", "replace"), parse_constant=_no_constant)
    except RecursionError:
        raise NotAnEntryError("is nested too deeply") from None
    except ValueError as error:
        raise NotAnEntryError(f"is not JSON ({error})") from None
    if not isinstance(value, dict):
        raise NotAnEntryError("is no JSON object")
    row: dict[str, Any] = _convert(value, _ENTRY_SHAPE, "")
    if row["timestamp"] is None:
        raise NotAnEntryError("has no timestamp")
    row["otherFields"] = _as_json(_undeclared(value, _ENTRY_SHAPE))
    return row


# --- the fast way: a block at once ------------------------------------------------


def _json_type(field: pa.Field) -> pa.DataType:
    """The type a declared field has in JSON."""
    type_ = field.type
    if pa.types.is_struct(type_):
        return pa.struct([(child.name, _json_type(child)) for child in type_])
    if pa.types.is_list(type_):
        return pa.list_(_json_type(type_.value_field))
    if type_ in (TIMESTAMP, NUMBER):
        return STRING
    if type_ == INTEGER and field.name not in NUMBERS_IN_JSON:
        return STRING
    return type_


JSON_ENTRY = pa.schema(
    [
        (field.name, _json_type(field))
        for field in ENTRY
        if field.name not in OUR_COLUMNS
    ]
)


def _read_block(block: bytes, lines: int) -> pa.Table | None:
    """Read a block with Arrow's reader; None when it holds what that cannot take."""
    starts = _line_starts(block)
    if np.diff(np.append(starts, len(block))).max(initial=0) > LONGEST_FAST_LINE:
        return None
    head = block[: starts[HEAD_LINES]] if lines > HEAD_LINES else block
    try:
        seen = _read_json(head, None).schema
        declared = pa.schema(_common_fields(JSON_ENTRY, seen))
        table = _read_json(block, declared)
        if table.num_rows != lines:
            return None
        table.validate(full=True)
        return _typed(table, declared)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeDecodeError):
        return None


def _read_json(block: bytes, schema: pa.Schema | None) -> pa.Table:
    # A leading object: on a block of nothing but nulls the reader crashes.
    source = pa.py_buffer(b"{}\n" + block)
    table = pj.read_json(
        pa.BufferReader(source),
        read_options=pj.ReadOptions(use_threads=False, block_size=source.size + 1),
        parse_options=pj.ParseOptions(explicit_schema=schema),
    )
    return table.slice(1).combine_chunks()


def _common_fields(
    declared: Iterable[pa.Field], seen: Iterable[pa.Field]
) -> list[pa.Field]:
    """The declared fields that were seen; each other one costs the reader time."""
    seen_types = {field.name: field.type for field in seen}
    fields = []
    for field in declared:
        type_ = seen_types.get(field.name)
        if type_ is None:
            continue
        if pa.types.is_struct(type_) and pa.types.is_struct(field.type):
            children = _common_fields(field.type, type_)
            fields.append(pa.field(field.name, pa.struct(children)))
        else:
            fields.append(field)
    return fields


def _typed(table: pa.Table, declared: pa.Schema) -> pa.Table:
    """Give the columns of a JSON table the types of ``ENTRY``.

    Beside them stands the boolean column ``odd``: rows to be read singly, as they lack
    a time or hold something that was not ``declared`` to the reader.
    """
    entry = pa.StructArray.from_arrays(
        [_one_array(column) for column in table.columns], fields=list(table.schema)
    )
    columns = [
        _cast(_child(entry, field.name, declared), field.type) for field in ENTRY
    ]
    odd = pc.or_(
        columns[ENTRY.get_field_index("timestamp")].is_null(),
        _has_undeclared(entry, declared),
    )
    schema = ENTRY.append(pa.field("odd", pa.bool_()))
    return pa.Table.from_arrays([*columns, odd], schema=schema)


def _cast(array: pa.Array, type_: pa.DataType) -> pa.Array:
    """Cast what JSON gave to a type of ``ENTRY``.

    Raises:
        pa.ArrowInvalid: if a value does not have the text form of that type.
    """
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), type_)
    if pa.types.is_struct(type_):
        children = [_cast(_child(array, c.name, array.type), c.type) for c in type_]
        return pa.StructArray.from_arrays(
            children, fields=list(type_), mask=array.is_null()
        )
    if pa.types.is_list(type_):
        return array.cast(type_)
    if array.type == type_:
        return array
    if type_ == TIMESTAMP:
        _require(array, TIMESTAMP_TEXT)
        _require(array, SINCE_1970)
        nanoseconds = array.cast(pa.timestamp("ns", tz="UTC"))
        return nanoseconds.cast(TIMESTAMP, safe=False)
    if type_ == NUMBER:
        _require(array, DURATION_TEXT)
        return pc.utf8_slice_codeunits(array, 0, -1).cast(NUMBER)
    _require(array, INTEGER_TEXT)
    return array.cast(type_)


def _require(array: pa.Array, pattern: str) -> None:
    if not pc.all(pc.match_substring_regex(array, pattern), min_count=0).as_py():
        raise pa.ArrowInvalid(f"a value is not of the form {pattern}")


def _has_undeclared(array: pa.StructArray, declared: Iterable[pa.Field]) -> pa.Array:
    """Which rows hold a field, at any depth, that was not declared."""
    types = {field.name: field.type for field in declared}
    found = pa.array(np.zeros(len(array), dtype=bool))
    for index, field in enumerate(array.type):
        child = pc.struct_field(array, [index])
        if field.name not in types:
            found = pc.or_(found, child.is_valid())
        elif pa.types.is_struct(field.type):
            found = pc.or_(found, _has_undeclared(child, types[field.name]))
        elif field.type != types[field.name]:  # a list of structs with a child more
            found = pc.or_(found, child.is_valid())
    return found


def _child(
    array: pa.StructArray, name: str, declared: pa.Schema | pa.StructType
) -> pa.Array:
    """A child of a struct; nulls when it has none of that name as declared."""
    index = array.type.get_field_index(name)
    if index < 0 or declared.get_field_index(name) < 0:
        return pa.nulls(len(array))
    return pc.struct_field(array, [index])


def _one_array(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


# --- the slow way: a line at a time -----------------------------------------------


def _reread_odd_rows(
    table: pa.Table, block: bytes, numbers: Sequence[int], name: str
) -> pa.Table:
    odd = np.flatnonzero(table["odd"].to_numpy())
    table = table.drop_columns(["odd"])
    if not len(odd):
        return table
    lines = _lines(block)
    reread = _read_singly([(numbers[row], lines[row]) for row in odd], name)
    rest = np.setdiff1d(np.arange(table.num_rows), odd)
    order = np.argsort(np.concatenate([rest, odd]))
    return pa.concat_tables([table.take(rest), reread]).take(order)


def _read_singly(lines: Iterable[tuple[int, bytes]], name: str) -> pa.Table:
    rows = []
    for number, line in lines:
        try:
            rows.append(entry_from_line(line))
        except NotAnEntryError as error:
            rows.append(
                {
                    "unreadable": line.decode("utf-8", "replace").rstrip("\r\n"),
                    "unreadableReason": f"line {number} of {name} {error}",
                }
            )
    return pa.Table.from_pylist(rows, schema=ENTRY)


def _convert(value: Any, shape: Any, path: str) -> Any:
    """Convert a JSON value to the plain value of an ``ENTRY`` type."""
    if value is None:
        return None
    if isinstance(shape, dict):
        expected = "an object"
        if isinstance(value, dict):
            prefix = f"{path}." if path else ""
            return {
                name: _convert(value.get(name), child, prefix + name)
                for name, child in shape.items()
            }
    elif isinstance(shape, list):
        expected = "a list"
        if isinstance(value, list):
            return [_convert(item, shape[0], f"{path}[]") for item in value]
    else:
        expected, convert = shape
        converted = convert(value)
        if converted is not None:
            return converted
    raise NotAnEntryError(f"has {path} = {str(value)[:80]!r}, which is not {expected}")


def _text(value: Any) -> str | None:
    return _without_surrogates(value) if isinstance(value, str) else None


def _integer(value: Any) -> int | None:
    if isinstance(value, str) and re.match(INTEGER_TEXT, value):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value if -(2**63) <= value < 2**63 else None
    return None


def _seconds(value: Any) -> float | None:
    if isinstance(value, str) and re.match(DURATION_TEXT, value):
        return float(value[:-1])
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if math.isfinite(value) else None
    return None


def _boolean(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _time(value: Any) -> dt.datetime | None:
    match = re.match(TIMESTAMP_TEXT, value) if isinstance(value, str) else None
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


def _shape(type_: pa.DataType) -> Any:
    """A type as plain Python: a dict for a struct, a list of one, or a converter."""
    if pa.types.is_struct(type_):
        return {field.name: _shape(field.type) for field in type_}
    if pa.types.is_list(type_):
        return [_shape(type_.value_type)]
    return _SCALARS[type_]


_ENTRY_SHAPE = _shape(pa.struct([f for f in ENTRY if f.name not in OUR_COLUMNS]))


def _undeclared(value: Any, shape: Any) -> Any:
    """What of a JSON value its shape does not declare; None when nothing."""
    if isinstance(value, dict):
        rest = {
            key: _undeclared(item, shape[key]) if key in shape else _pruned(item)
            for key, item in value.items()
        }
        return {key: item for key, item in rest.items() if item is not None} or None
    if isinstance(value, list):
        rests = [_undeclared(item, shape[0]) for item in value]
        return rests if any(item is not None for item in rests) else None
    return None


def _pruned(value: Any) -> Any:
    """A JSON value without nulls and empty objects; None when nothing is left."""
    if isinstance(value, dict):
        rest = {key: _pruned(item) for key, item in value.items()}
        return {key: item for key, item in rest.items() if item is not None} or None
    if isinstance(value, list):
        return [_pruned(item) for item in value] or None
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # 1e999 has no place in JSON that others can read
    return value


def _as_json(value: Any) -> str | None:
    if value is None:
        return None
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return _without_surrogates(text)


def _without_surrogates(text: str) -> str:
    """Replace lone surrogates, which JSON can spell and UTF-8 cannot."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


# --- lines ------------------------------------------------------------------------


def _line_starts(block: bytes) -> Any:
    ends = np.flatnonzero(np.frombuffer(block, dtype=np.uint8) == ord("\n")) + 1
    starts = np.concatenate([[0], ends])
    return starts[starts < len(block)]


def _lines(block: bytes) -> list[bytes]:
    return block.removesuffix(b"\n").split(b"\n")
