"""Splits lines into fields: at tabs or blanks, or at commas between quotes.

:func:`fields_of_line` is the rule. Arrow's CSV reader does the same for a whole block,
where every line is as it should be; the others are split by the rule.
"""

import codecs
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from usage_metrics.arrow import STRING
from usage_metrics.logs.blocks import Block, Mask
from usage_metrics.logs.text_columns import TextColumns

_QUOTED = re.compile(r'"((?:[^"]|"")*)"')
_ALL_QUOTED = re.compile(r'"(?:[^"]|"")*"(?:,"(?:[^"]|"")*")*')

_QUOTE, _COMMA, _RETURN, _NEWLINE = b'",\r\n'


@dataclass(frozen=True)
class Delimiters:
    """How the fields of a line are told apart, and which have no value."""

    nulls: tuple[str, ...]
    """What stands in place of a value that there is not."""
    delimiter: str = ","
    is_quoted: bool = False
    """Whether every field is in quotes, and a quote within one is doubled."""

    def line_of_nothing(self, fields: int) -> bytes:
        """A line with so many fields, all of them empty."""
        return self.delimiter.join(['""' if self.is_quoted else ""] * fields).encode()


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
    odd = _odd(block, len(names), by)
    columns, wrong = _read_csv(block, odd, len(names), by)
    if wrong.any():
        odd |= wrong
        columns, _ = _read_csv(block, odd, len(names), by)
    if not odd.any():
        return TextColumns(dict(zip(names, columns, strict=True)), len(block))
    rows = np.flatnonzero(odd).tolist()
    split = [_split(block.line(row), len(names), by) for row in rows]
    singly = zip(*(values for values, _ in split), strict=True)
    mask = pa.array(odd)
    merged = [
        pc.replace_with_mask(column, mask, pa.array(values, STRING))
        for column, values in zip(columns, singly, strict=True)
    ]
    fields = TextColumns(dict(zip(names, merged, strict=True)), len(block))
    faults = zip(rows, (fault for _, fault in split), strict=True)
    fields.faults |= {row: fault for row, fault in faults if fault}
    return fields


def _split(line: bytes, expected: int, by: Delimiters) -> tuple[list[str | None], str]:
    """The values of a line, or nulls and what is wrong with it."""
    text = line.removesuffix(b"\r").decode("utf-8", "replace")
    fields = fields_of_line(text, by)
    if fields is None:
        return [None] * expected, "has quotes that do not enclose each of its fields"
    if len(fields) == expected + 1 and not fields[-1]:
        fields.pop()
    if len(fields) != expected:
        fault = f"has {len(fields)} fields, not {expected} as its header"
        return [None] * expected, fault
    return [None if field in by.nulls else field for field in fields], ""


def _odd(block: Block, fields: int, by: Delimiters) -> Mask:
    """Which lines Arrow may split in another way than the rule."""
    odd = np.zeros(len(block), dtype=bool)
    odd[0] = block.text.startswith(codecs.BOM_UTF8)  # which Arrow leaves out
    if by.is_quoted:
        odd = ~_are_quoted(block, fields)
    if b"\r" in block.text:  # which ends a line, to Arrow
        returns = np.flatnonzero(block.codes == _RETURN)
        inside = returns[block.codes[returns + 1] != _NEWLINE]
        odd[np.searchsorted(block.ends, inside)] = True
    return odd


def _are_quoted(block: Block, fields: int) -> Mask:
    """Which lines are fields in quotes, with a comma between and no quote within."""
    codes, quotes = block.codes, np.flatnonzero(block.codes == _QUOTE)
    counts = np.diff(np.searchsorted(quotes, block.ends), prepend=0)
    good: Mask = counts == 2 * fields
    if not good.all():
        quotes = quotes[np.repeat(good, counts)]
    at = quotes.reshape(-1, 2 * fields)
    ends = block.ends[good]
    ends = ends - (codes[ends - 1] == _RETURN)
    closing, opening = at[:, 1:-1:2], at[:, 2::2]
    good[good] = (
        (at[:, 0] == block.starts[good])
        & (at[:, -1] == ends - 1)
        & (opening - closing == 2).all(axis=1)
        & (codes[closing + 1] == _COMMA).all(axis=1)
    )
    return good


def _read_csv(
    block: Block, odd: Mask, fields: int, by: Delimiters
) -> tuple[list[pa.Array], Mask]:
    """Let Arrow split all lines but odd ones; and say which have other fields.

    Odd lines have any values.
    """
    wrong = np.zeros(len(block), dtype=bool)

    def skip(row: pcsv.InvalidRow) -> str:
        wrong[row.number - 1] = True
        return "skip"

    text = _valid(_without(odd, block, by.line_of_nothing(fields)))
    names = list(map(str, range(fields)))
    table = pcsv.read_csv(
        pa.BufferReader(text),
        read_options=pcsv.ReadOptions(
            use_threads=False, block_size=len(text) + 1, column_names=names
        ),
        parse_options=pcsv.ParseOptions(
            delimiter=by.delimiter,
            quote_char='"' if by.is_quoted else False,
            double_quote=False,
            ignore_empty_lines=False,
            invalid_row_handler=skip,
        ),
        convert_options=pcsv.ConvertOptions(
            check_utf8=False,
            column_types=dict.fromkeys(names, STRING),
            null_values=list(by.nulls),
            strings_can_be_null=True,
        ),
    )
    return [only_array(column) for column in table.columns], wrong


def only_array(column: pa.ChunkedArray) -> pa.Array:
    """A column of one block, which is not copied."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _without(odd: Mask, block: Block, instead: bytes) -> bytes:
    """The text of a block, with something in place of odd lines."""
    rows = np.flatnonzero(odd)
    if not len(rows):
        return block.text
    starts = [0, *block.ends[rows].tolist()]
    stops = [*block.starts[rows].tolist(), len(block.text)]
    text = memoryview(block.text)
    kept = [text[a:b] for a, b in zip(starts, stops, strict=True)]
    return instead.join(kept)


def _valid(text: bytes) -> bytes:
    """Text with replacement characters for what is not UTF-8."""
    try:
        text.isascii() or text.decode()
    except UnicodeDecodeError:
        return text.decode("utf-8", "replace").encode()
    return text
