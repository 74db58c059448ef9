"""The fast path: blocks of JSON log entries, turned into the columns of ``ENTRY``.

Arrow's JSON reader parses a block at once. It is told which fields to expect. If it
meets another one, it parses the block again and skips what is unexpected; a row with
skipped fields has more keys than values. Such rows, and lines that do not look like
entries, are read one by one, by the rule in
:mod:`usage_metrics.logs.cloud_logging.rule`. A value that Arrow cannot parse (a number
where text should be) is found by halving the block. So an invalid line costs only a
little time, and every line becomes a row.
"""

import contextlib
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from usage_metrics.arrow import NUMBER, STRING, TIMESTAMP
from usage_metrics.logs.blocks import Block, Integers, Mask
from usage_metrics.logs.cloud_logging.entry import ENTRY, ENTRY_FIELDS, Path
from usage_metrics.logs.cloud_logging.fields import (
    Fields,
    columns_of,
    json_schema,
    learnt,
    other_fields_column,
)
from usage_metrics.logs.cloud_logging.rule import (
    DURATION_TEXT,
    INTEGER_TEXT,
    entries_singly,
)
from usage_metrics.logs.in_order import with_the_rest

LINE_BY_LINE = 32
"""A block of at most this many lines is read line by line, not halved again."""

FEW = 0.01
"""Up to this share of lines, reading singly is cheaper than parsing the block again."""

NOTHING_LEARNT: Fields = frozenset({("timestamp",)})

PLAIN_TIME = (
    r"^(19[789]|2[01][0-9])[0-9]-[0-9]{2}-[0-9]{2}"
    r"T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?Z$"
)
"""Times as Cloud Logging writes them, in years that Arrow reads correctly: before 1970
it rounds fractions of a second up, and from 2262 on nanoseconds may overflow."""


class EntryReader:
    """Reads blocks of lines, and learns from each which fields to expect."""

    def __init__(self) -> None:
        """Start by expecting only a time."""
        self._fields = NOTHING_LEARNT
        self._expects_others = False

    def read(self, block: Block) -> pa.Table:
        """Read lines that are not blank.

        Returns:
            A table of schema ``ENTRY`` with one row per line, in the same order.
        """
        plain = _are_plain(block)
        if plain.all():
            return self._read_plain(block)
        return with_the_rest(
            self._read_plain(block.only(plain)), plain, block, entries_singly
        )

    def _read_plain(self, block: Block) -> pa.Table:
        if len(block) <= LINE_BY_LINE:
            return entries_singly(block)
        read = self._read_at_once(block)
        if read is not None:
            return with_the_rest(*read, block, entries_singly)
        halves = [self._read_plain(half) for half in block.halves()]
        return pa.concat_tables(halves)

    def _read_at_once(self, block: Block) -> tuple[pa.Table, Mask] | None:
        """Read a block with Arrow's reader.

        Returns:
            The rows that it read completely, and which ones they are; None if it cannot
            parse the block.
        """
        try:
            entries, whole = self._parsed(block)
            whole &= _present(entries.field("timestamp"))
            entries = entries if whole.all() else entries.filter(pa.array(whole))
            return _typed(entries), whole
        except (pa.ArrowInvalid, UnicodeDecodeError):
            return None

    def _parsed(self, block: Block) -> tuple[pa.StructArray, Mask]:
        """Parse a block; and say of which entries no field was skipped.

        Counting keys takes a quarter as long as parsing. So it is only done while the
        reader meets fields that it does not expect.

        Raises:
            pa.ArrowInvalid: if a value cannot be parsed.
        """
        everything = np.ones(len(block), dtype=bool)
        if self._fields == NOTHING_LEARNT:
            self._fields = learnt(self._fields, block, everything)
        if not self._expects_others:
            with contextlib.suppress(pa.ArrowInvalid):
                return _read_json(block, self._fields, "error"), everything
        fields, keys = self._fields, _count_keys(block)
        entries = _read_json(block, fields, "ignore")
        whole = _count_values(entries) == keys
        if not whole.all():
            self._fields = learnt(fields, block, ~whole)
        is_learnt = self._fields != fields
        self._expects_others = not (is_learnt or whole.all())
        if is_learnt and np.count_nonzero(~whole) > FEW * len(block):
            entries = _read_json(block, self._fields, "ignore")
            whole = _count_values(entries) == keys
        return entries, whole


def _are_plain(block: Block) -> Mask:
    """Which lines Arrow's reader can be given: those in curly brackets.

    Such a line holds at least one value, and no value continues on the next line. So if
    there are as many values as lines, they match. And a block never holds only nulls,
    on which the reader crashes.
    """
    codes = block.codes
    last = codes[block.ends - 1]
    last = np.where(last == ord("\r"), codes[block.ends - 2], last)
    plain: Mask = (codes[block.starts] == ord("{")) & (last == ord("}"))
    return plain


def _count_keys(block: Block) -> Integers:
    """Count the keys in each line, at any depth; -1 if uncertain.

    A quote and a colon within a text count as well, so the count may be too high but is
    never too low.
    """
    colons = np.flatnonzero(block.codes == ord(":"))
    before = block.codes[colons - 1]
    keys = _count_in_lines(block, colons[before == ord('"')])
    spaced = _count_in_lines(block, colons[before <= ord(" ")])
    return np.where(spaced, -1, keys)


def _count_in_lines(block: Block, at: Integers) -> Integers:
    return np.diff(np.searchsorted(at, block.ends), prepend=0)


def _read_json(
    block: Block, fields: Fields, others: Literal["error", "ignore"]
) -> pa.StructArray:
    # If it took unexpected fields, the reader would build arbitrarily nested types,
    # which overflow the stack or fill the memory.
    table = pj.read_json(
        pa.BufferReader(block.text),
        read_options=pj.ReadOptions(use_threads=False, block_size=len(block.text) + 1),
        parse_options=pj.ParseOptions(
            explicit_schema=json_schema(fields), unexpected_field_behavior=others
        ),
    )
    if table.num_rows != len(block):
        raise pa.ArrowInvalid("a line holds more than one value")
    if not block.text.isascii() or b"\\" in block.text:
        table.validate(full=True)  # the reader does not check UTF-8
    return table.to_struct_array().chunk(0)


def _count_values(entries: pa.StructArray) -> Integers:
    """Count the values in each entry, at any depth, including objects."""
    columns = columns_of(entries)
    count = np.full(len(entries), len(columns))
    for column in columns.values():
        if column.null_count:
            count -= ~_present(column)
    return count


def _present(column: pa.Array) -> Mask:
    present: Mask = column.is_valid().to_numpy(zero_copy_only=False)
    return present


def _typed(entries: pa.StructArray) -> pa.Table:
    """Give the fields of entries the types of ``ENTRY``."""
    columns, rows = columns_of(entries), len(entries)
    known = [_column(columns, (f.name,), f.type, rows) for f in ENTRY_FIELDS]
    others = other_fields_column(columns, rows)
    nothing = pa.nulls(rows, STRING)
    return pa.Table.from_arrays([*known, others, nothing, nothing], schema=ENTRY)


def _column(
    columns: dict[Path, pa.Array], path: Path, type_: pa.DataType, rows: int
) -> pa.Array:
    """A field in its type of ``ENTRY``; nulls if no entry has it."""
    column = columns.get(path)
    if column is None:
        return pa.nulls(rows, type_)
    if not pa.types.is_struct(type_):
        return _cast(column, type_)
    return pa.StructArray.from_arrays(
        [_column(columns, (*path, child.name), child.type, rows) for child in type_],
        fields=list(type_),
        mask=column.is_null() if column.null_count else None,
    )


def _cast(array: pa.Array, type_: pa.DataType) -> pa.Array:
    """Cast what JSON gave.

    Raises:
        pa.ArrowInvalid: if a value does not have the text form of the type.
    """
    if array.type == type_:
        return array
    if type_ == TIMESTAMP:
        _require(array, PLAIN_TIME)
        nanoseconds = array.cast(pa.timestamp("ns", tz="UTC"))
        return nanoseconds.cast(TIMESTAMP, safe=False)
    if type_ == NUMBER:
        _require(array, f"^{DURATION_TEXT}$")
        return pc.utf8_slice_codeunits(array, 0, -1).cast(NUMBER)
    _require(array, f"^{INTEGER_TEXT}$")
    return array.cast(type_)


def _require(array: pa.Array, pattern: str) -> None:
    if pc.match_substring_regex(array, pattern).false_count:
        raise pa.ArrowInvalid(f"a value is not of the form {pattern}")
