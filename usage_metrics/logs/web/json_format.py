"""Reads logs of which each line is a JSON object, many at once where that is right.

Arrow's reader is told which fields to expect and of which types; others are ignored. A
block with a value of another type is halved until the lines that have it are few, and
those are read by the rule, as are lines with a value that no column can be.
"""

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from usage_metrics.arrow import INTEGER, NUMBER, STRING, TIMESTAMP
from usage_metrics.logs.blocks import Block, cleaned, read_blocks
from usage_metrics.logs.web.json_fields import JsonFields, Path
from usage_metrics.logs.web.json_rule import (
    AMOUNT,
    LARGEST,
    NOTHING,
    NotAnEntryError,
    entry_of,
    time_of,
)
from usage_metrics.logs.web.parts import Part, in_order, table_of, unreadable
from usage_metrics.logs.web.schema import LOG
from usage_metrics.logs.web.values import PLAIN_TIME, epochs, times
from usage_metrics.logs.web.variables import ISO_TIME

LINE_BY_LINE = 32
"""A block of at most this many lines is read line by line, not halved again."""

SAMPLE = 20
"""How many lines of a block show the types of fields."""

_LISTS = pa.list_(STRING)


class JsonLog:
    """Lines that are JSON objects."""

    title = "access logs of a web server in JSON"
    schema = LOG
    time = "time"

    def __init__(self, fields: JsonFields) -> None:
        """Take the fields that hold the columns."""
        self._fields = fields
        self._types = {
            path: _usual_type(column, path)
            for column, paths in fields.paths.items()
            for path in paths
        }
        if fields.request_if:
            self._types[fields.request_if[0]] = STRING

    def blocks(self, raw: pa.NativeFile, name: str) -> Iterator[Block]:
        """Unpack a file and cut it into blocks of whole lines.

        Raises:
            InputError: if the file is damaged.
        """
        return read_blocks(raw, name)

    def read(self, block: Block) -> pa.Table:
        """Read the lines of a block: entries, or lines that are none."""
        whole = cleaned(block)
        return in_order(self._parts(whole, np.arange(len(whole))), block)

    def mention(self, day: dt.date) -> bytes | None:
        """Nothing that is sure: times are written in many ways."""
        return None

    def _parts(self, block: Block, rows: Any) -> list[Part]:
        if len(block) <= LINE_BY_LINE:
            return self._singly(block, rows)
        try:
            table, good = self._at_once(block)
        except pa.ArrowInvalid:
            half = len(block) // 2
            first, second = block.halves()
            return [
                *self._parts(first, rows[:half]),
                *self._parts(second, rows[half:]),
            ]
        if good.all():
            return [Part(rows, table)]
        rest = self._singly(block.only(~good), rows[~good])
        return [Part(rows[good], table.filter(pa.array(good))), *rest]

    def _singly(self, block: Block, rows: Any) -> list[Part]:
        """Read lines by the rule."""
        found, reasons = [], {}
        for number in range(len(block)):
            try:
                line = block.line(number).decode()
                found.append(entry_of(line, self._fields))
            except NotAnEntryError as error:
                reasons[number] = str(error)
        bad = np.array(list(reasons), dtype=np.int64)
        entries = pa.Table.from_pylist(found, schema=LOG)
        parts = [Part(np.delete(rows, bad), entries)]
        if len(bad):
            part = unreadable(block, bad, list(reasons.values()))
            parts.append(Part(rows[bad], part.table))
        return parts

    def _at_once(self, block: Block) -> tuple[pa.Table, Any]:
        """Read a block with Arrow's reader.

        Returns:
            A row for each line, and which ones are as the rule would have them.

        Raises:
            pa.ArrowInvalid: if it cannot be read so.
        """
        block = without_prefixes(block)
        try:
            entries = _read_json(block, self._types)
        except pa.ArrowInvalid:
            types = self._types | self._seen(block)
            if types == self._types:
                raise
            entries = _read_json(block, types)
            self._types = types
        columns, good = {}, np.ones(len(block), dtype=bool)
        for name, paths in self._fields.paths.items():
            raw = pc.coalesce(*(_at(entries, path) for path in paths))
            columns[name], is_good = _CONVERT[LOG.field(name).type](raw)
            good &= is_good
        if "latency" in columns:
            columns["latency"] = pc.multiply(columns["latency"], self._fields.unit)
        if condition := self._fields.request_if:
            is_request = pc.equal(_at(entries, condition[0]), condition[1])
            is_request = pc.fill_null(is_request, False)
            if not pc.all(is_request).as_py():
                good |= ~_mask(is_request)
                columns |= {
                    name: pc.if_else(is_request, column, pa.scalar(None, column.type))
                    for name, column in columns.items()
                    if name != "time"
                }
        return table_of(columns), good & _mask(columns["time"].is_valid())

    def _seen(self, block: Block) -> dict[Path, pa.DataType]:
        """The types of the fields in some lines of a block."""
        seen: dict[Path, pa.DataType] = {}
        for row in range(0, len(block), len(block) // SAMPLE + 1):
            try:
                entry: Any = json.loads(block.line(row))
            except (ValueError, RecursionError):
                continue
            for path in self._types:
                value: Any = entry
                for name in path:
                    value = value.get(name) if isinstance(value, dict) else None
                if isinstance(value, str):
                    seen[path] = STRING
                elif isinstance(value, list):
                    seen[path] = _LISTS
        return seen


def _usual_type(column: str, path: Path) -> pa.DataType:
    """The type of a field where no line that was looked at shows another."""
    if "headers" in path:
        return _LISTS
    return NUMBER if column == "time" else LOG.field(column).type


def without_prefixes(block: Block) -> Block:
    """A block whose lines begin with an object, as far as they have one.

    Docker and journald write the name of a container, or a time, before each line.
    """
    if (block.codes[block.starts] == ord("{")).all():
        return block
    lines = block.text.split(b"\n")[:-1]
    text = b"".join(line[max(line.find(b"{"), 0) :] + b"\n" for line in lines)
    return Block(text, block.numbered, block.name, block.header)


def _read_json(block: Block, types: dict[Path, pa.DataType]) -> pa.StructArray:
    last = block.codes[block.ends - 1]
    if (block.codes[block.starts] != ord("{")).any() or (last != ord("}")).any():
        raise pa.ArrowInvalid("a line is not an object")
    table = pj.read_json(
        pa.BufferReader(block.text),
        read_options=pj.ReadOptions(use_threads=False, block_size=len(block.text) + 1),
        parse_options=pj.ParseOptions(
            explicit_schema=_schema(types), unexpected_field_behavior="ignore"
        ),
    )
    if table.num_rows != len(block):
        raise pa.ArrowInvalid("a line holds more than one value")
    return table.to_struct_array().chunk(0)


def _schema(types: dict[Path, pa.DataType]) -> pa.Schema:
    tree: dict[str, Any] = {}
    for path, type_ in types.items():
        place = tree
        for name in path[:-1]:
            place = place.setdefault(name, {})
        place[path[-1]] = type_
    return pa.schema(_struct(tree))


def _struct(tree: dict[str, Any]) -> pa.DataType:
    return pa.struct(
        [(n, _struct(t) if isinstance(t, dict) else t) for n, t in tree.items()]
    )


def _at(entries: pa.StructArray, path: Path) -> pa.Array:
    return pc.struct_field(entries, list(path))


def _mask(values: pa.Array) -> Any:
    return np.asarray(values.to_numpy(zero_copy_only=False), dtype=bool)


def _as_null(texts: pa.Array, *what: str) -> pa.Array:
    for text in what:
        is_it = pc.equal(texts, text)
        if pc.any(is_it).as_py():
            texts = pc.if_else(is_it, pa.scalar(None, STRING), texts)
    return texts


def _texts(values: pa.Array) -> tuple[pa.Array, Any]:
    if pa.types.is_list(values.type):
        if values.flatten().null_count:
            raise pa.ArrowInvalid("a list with a null")
        is_empty = pc.equal(pc.list_value_length(values), 0)
        joined = pc.binary_join(values, ", ")
        values = pc.if_else(is_empty, pa.scalar(None, STRING), joined)
    return _as_null(values, "-"), True


def _counts(values: pa.Array) -> tuple[pa.Array, Any]:
    if values.type == STRING:
        values = _as_null(values, *NOTHING)
        is_short = pc.less_equal(pc.binary_length(values), 18)
        good = pc.fill_null(pc.and_(pc.ascii_is_decimal(values), is_short), True)
        values = pc.if_else(good, values, pa.scalar(None, STRING)).cast(INTEGER)
        return values, _mask(good)
    in_range = pc.and_(pc.greater_equal(values, 0), pc.less(values, LARGEST))
    return values, _mask(pc.fill_null(in_range, True))


def _amounts(values: pa.Array) -> tuple[pa.Array, Any]:
    if values.type == STRING:
        good = pc.match_substring_regex(values, f"^{AMOUNT}$")
        values = pc.if_else(good, values, pa.scalar(None, STRING)).cast(NUMBER)
    in_range = pc.and_(pc.greater_equal(values, 0), pc.less(values, float(LARGEST)))
    return pc.if_else(in_range, values, pa.scalar(None, NUMBER)), True


def _times(values: pa.Array) -> tuple[pa.Array, Any]:
    if values.type == NUMBER:
        return epochs(values), True
    if pc.all(pc.match_substring_regex(values, PLAIN_TIME)).as_py():
        return times(values, ISO_TIME), True
    encoded = values.dictionary_encode()
    found = [time_of(text) for text in encoded.dictionary.to_pylist()]
    return pa.array(found, TIMESTAMP).take(encoded.indices), True


_CONVERT = {STRING: _texts, INTEGER: _counts, NUMBER: _amounts, TIMESTAMP: _times}
"""Gives values of JSON the type of a column, and says which ones have it."""
