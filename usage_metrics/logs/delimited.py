"""Splits lines into fields: at tabs or blanks, or at commas between quotes.

:func:`fields_of_line` is the rule. Lines with as many delimiters as they should have,
and no quotes within quotes, are split at once, by the places where the delimiters are.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from usage_metrics.arrow import STRING
from usage_metrics.logs.blocks import Block, Mask, cleaned
from usage_metrics.logs.cutting import Places, marks, values
from usage_metrics.logs.text_columns import TextColumns

_QUOTED = re.compile(r'"((?:[^"]|"")*)"')
_ALL_QUOTED = re.compile(r'"(?:[^"]|"")*"(?:,"(?:[^"]|"")*")*')

_QUOTE, _COMMA, _NEWLINE = b'",\n'

Spans = tuple[Places, Places]
"""Where the fields of some lines begin and end, a row for each field."""


@dataclass(frozen=True)
class Delimiters:
    """How the fields of a line are told apart, and which have no value."""

    nulls: tuple[str, ...]
    """What stands in place of a value that there is not."""
    delimiter: str = ","
    is_quoted: bool = False
    """Whether every field is in quotes, and a quote within one is doubled."""


def fields_of_line(line: str, by: Delimiters) -> list[str] | None:
    """Split a line; None if its quotes are wrong."""
    if not by.is_quoted:
        return line.split(by.delimiter)
    if not _ALL_QUOTED.fullmatch(line):
        return None
    return [value.replace('""', '"') for value in _QUOTED.findall(line)]


def sections(
    blocks: Iterator[Block], mark: bytes, header_of: Callable[[bytes, bytes], bytes]
) -> Iterator[Block]:
    """Take the lines that say what the fields are out of the blocks of a file.

    Args:
        blocks: those of the file, in order.
        mark: how such a line begins.
        header_of: makes the header of the lines behind such a line from the header
            until there and the line.
    """
    header = b""
    for block in blocks:
        rows = _rows_beginning(block, mark)
        start = 0
        for row in [*rows, len(block)]:
            if row > start:
                yield _section(block, start, row, header)
            if row < len(block):
                header = header_of(header, block.line(row).rstrip(b"\r"))
            start = row + 1


def _rows_beginning(block: Block, mark: bytes) -> list[int]:
    rows = np.arange(len(block))
    for offset, code in enumerate(mark[:2]):
        rows = rows[block.codes[block.starts[rows] + offset] == code]
    return [row for row in rows.tolist() if block.line(row).startswith(mark)]


def _section(block: Block, start: int, stop: int, header: bytes) -> Block:
    if (start, stop) == (0, len(block)):
        return block.under(header)
    text = block.text[block.starts[start] : block.ends[stop - 1] + 1]
    return Block(text, block.numbers[start:stop], block.name, header)


def text_columns(block: Block, names: Sequence[str], by: Delimiters) -> TextColumns:
    """Split the lines of a block into fields, which the names are of.

    A line with another number of them is at fault; but a delimiter too many at its end
    is none.
    """
    block = cleaned(block)
    (starts, ends), good = _at_once(block, len(names), by)
    places = zip(starts, ends, strict=True)
    columns = [values(block, *place, by.nulls) for place in places]
    faults: dict[int, str] = {}
    if not good.all():
        columns, faults = _with_the_others(block, columns, good, by)
    fields = TextColumns(dict(zip(names, columns, strict=True)), len(block))
    fields.faults |= faults
    return fields


def _at_once(block: Block, fields: int, by: Delimiters) -> tuple[Spans, Mask]:
    """The places of the fields of the lines that need no rule, and which these are."""
    find = _in_quotes if by.is_quoted else _between_delimiters
    return find(block, fields, by)


def _between_delimiters(
    block: Block, fields: int, by: Delimiters
) -> tuple[Spans, Mask]:
    """The places of the fields of lines, and which lines they are."""
    at, kinds, _ = marks(block, b"\n" + by.delimiter.encode())
    count = np.diff(np.flatnonzero(kinds == _NEWLINE), prepend=-1)
    good = count == fields
    if not good.all():
        at = at[np.repeat(good, count)]
    ends = _by_field(at, fields)
    starts = np.vstack([block.starts[good].astype(np.int32), ends[:-1] + 1])
    return (starts, ends), good


def _in_quotes(block: Block, fields: int, by: Delimiters) -> tuple[Spans, Mask]:
    """The same where each field is in quotes, of lines without a quote within."""
    codes, (at, kinds, _) = block.codes, marks(block, b'\n"')
    quotes = at[kinds == _QUOTE]
    count = np.diff(np.flatnonzero(kinds == _NEWLINE), prepend=-1) - 1
    good = count == 2 * fields
    if not good.all():
        quotes = quotes[np.repeat(good, count)]
    opening, closing = _by_field(quotes[::2], fields), _by_field(quotes[1::2], fields)
    right = (opening[0] == block.starts[good]) & (closing[-1] == block.ends[good] - 1)
    right &= (opening[1:] - closing[:-1] == len('","') - 1).all(axis=0)
    right &= (codes[closing[:-1] + 1] == _COMMA).all(axis=0)
    good[good] = right
    if not right.all():
        opening, closing = opening[:, right], closing[:, right]
    return (opening + 1, closing), good


def _by_field(at: Places, fields: int) -> Places:
    """The places of marks, those of the first field of each line first."""
    return np.ascontiguousarray(at.reshape(-1, fields).T)


def _with_the_others(
    block: Block, columns: list[pa.Array], good: Mask, by: Delimiters
) -> tuple[list[pa.Array], dict[int, str]]:
    """The columns with the lines that have been left to the rule; and their faults."""
    rows = np.flatnonzero(~good).tolist()
    split = [_split(block.line(row), len(columns), by) for row in rows]
    singly = zip(*(fields for fields, _ in split), strict=True)
    order = np.argsort(np.concatenate([np.flatnonzero(good), rows]))
    merged = [
        pa.concat_arrays([column, pa.array(fields, STRING)]).take(pa.array(order))
        for column, fields in zip(columns, singly, strict=True)
    ]
    faults = zip(rows, (fault for _, fault in split), strict=True)
    return merged, {row: fault for row, fault in faults if fault}


def _split(line: bytes, expected: int, by: Delimiters) -> tuple[list[str | None], str]:
    """The values of a line, or nulls and what is wrong with it."""
    fields = fields_of_line(line.decode(), by)
    if fields is None:
        return [None] * expected, "has quotes that do not enclose each of its fields"
    if len(fields) == expected + 1 and not fields[-1]:
        fields.pop()
    if len(fields) != expected:
        fault = f"has {len(fields)} fields, not {expected} as its header"
        return [None] * expected, fault
    return [None if field in by.nulls else field for field in fields], ""
