"""The fast path: blocks of S3 access log lines, cut into columns by Arrow's CSV reader.

A *plain* line has six quotes where they belong, a blank beside each, and as many blanks
between them as there are fields. Those, its time and its numbers are looked at with
numpy, so that nothing is left to the reader but to cut texts. All other lines are read
by the rule in :mod:`usage_metrics.logs.s3.rule`.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv
from numpy.lib.stride_tricks import sliding_window_view

from usage_metrics.arrow import INTEGER, STRING, TIMESTAMP
from usage_metrics.logs.blocks import Block, Integers, Mask
from usage_metrics.logs.in_order import with_the_rest
from usage_metrics.logs.s3.entry import (
    ENTRY,
    FIRST,
    FURTHER,
    LATER,
    NUMBERS,
    TIME_LENGTH,
    Bytes,
    times_of,
)
from usage_metrics.logs.s3.rule import LONGEST_NUMBER, OPERATION, entries_singly

MOST_FURTHER = 10
"""Fields beyond those that are known, up to which a line is plain."""

_BLANK, _BANG, _QUOTE, _OPENING, _DASH, _ZERO, _NEWLINE = b' !"[-0\n'
_BOM = b"\xef\xbb\xbf"
"""Arrow's reader skips it at the beginning of a text."""
_ZONE = np.frombuffer(b" +0000]", dtype=np.uint8)

_STATUS_LENGTH = 3
_QUOTES = 6
_BEFORE_REQUEST = 9
"""Blanks before the first quote; one is in the time."""
_BEFORE_REFERER = 7
"""Blanks between the request and the referer."""

_FIRST = [field.name for field in FIRST]
_NUMBERS_AT = np.array(
    [_FIRST.index(name) - _FIRST.index(NUMBERS[0]) for name in NUMBERS]
)
_TIME = _FIRST.index("time")
_KNOWN = [
    *_FIRST[: _TIME + 1],
    "zone",  # the reader takes a time for two columns
    *_FIRST[_TIME + 1 :],
    *(field.name for field in LATER),
]
_BEHIND_AGENT = 1 + len(LATER)


class _Plain(NamedTuple):
    """The plain lines of a block, and what has been read of them."""

    rows: Integers
    """Which lines they are."""
    fields: Integers
    """How many fields each has behind the user agent."""
    is_cut: Mask
    """Which end in a blank, behind which nothing is."""
    times: Integers

    def only(self, wanted: Mask) -> "_Plain":
        """Some of them."""
        return _Plain(
            self.rows[wanted],
            self.fields[wanted],
            self.is_cut[wanted],
            self.times[wanted],
        )


def read_lines(block: Block) -> pa.Table:
    """Read lines that are not blank.

    Returns:
        A table of schema ``ENTRY`` without ids of lines, a row per line, in order.
    """
    plain = _plain_lines(block)
    if not len(plain.rows):
        return entries_singly(block)
    try:
        texts = _cut(block, plain)
    except pa.ArrowInvalid:  # something else in place of a number
        return entries_singly(block)
    operations = texts["operation"].chunk(0).dictionary_encode()
    valid = pc.match_substring_regex(operations.dictionary, f"^{OPERATION}$")
    valid = pc.fill_null(valid.take(operations.indices), fill_value=False)
    if not valid.true_count:
        return entries_singly(block)
    if valid.false_count:
        texts = texts.filter(valid)
        plain = plain.only(valid.to_numpy(zero_copy_only=False))
    there = np.zeros(len(block), dtype=bool)
    there[plain.rows] = True
    return with_the_rest(_typed(texts, plain), there, block, entries_singly)


def _plain_lines(block: Block) -> _Plain:
    """Find the plain lines; of them, all but the operation is known to be right."""
    codes = block.codes
    marks = np.flatnonzero(codes <= _QUOTE)
    kinds = codes[marks]
    if (kinds == _BANG).any():
        marks, kinds = marks[kinds != _BANG], kinds[kinds != _BANG]
    ends = np.flatnonzero(kinds == _NEWLINE)
    starts = np.concatenate([[0], ends[:-1] + 1])
    quotes = np.flatnonzero(kinds == _QUOTE)
    behind = np.searchsorted(quotes, ends)
    is_plain = np.diff(behind, prepend=0) == _QUOTES
    is_plain &= ~_has_odd_marks(codes, marks, kinds, ends)
    if block.text.startswith(_BOM):
        is_plain[0] = False
    rows = np.flatnonzero(is_plain)
    quotes = quotes[behind[rows, None] - np.arange(_QUOTES, 0, -1)]
    right = _quotes_are_right(codes, marks[quotes])
    right &= codes[block.starts[rows]] != _BLANK
    right &= quotes[:, 0] - starts[rows] == _BEFORE_REQUEST
    right &= quotes[:, 2] - quotes[:, 1] - 1 == _BEFORE_REFERER
    is_cut: Mask = codes[marks[ends[rows]] - 1] == _BLANK
    fields = ends[rows] - quotes[:, 5] - 1 - is_cut
    right &= (fields > 0) & (fields <= _BEHIND_AGENT + MOST_FURTHER)
    rows, quotes, fields, is_cut = (
        rows[right],
        quotes[right],
        fields[right],
        is_cut[right],
    )
    times, are_right = _times(codes, marks, starts[rows])
    are_right &= _numbers_are_right(codes, marks, quotes[:, 1] + 1)
    plain = _Plain(rows, fields, is_cut, times)
    return plain if are_right.all() else plain.only(are_right)


def _has_odd_marks(codes: Bytes, marks: Integers, kinds: Bytes, ends: Integers) -> Mask:
    """Which lines have a control character, two blanks in a row, or two brackets.

    A second bracket behind a blank may be the time of a second entry.
    """
    is_blank, behind = kinds == _BLANK, codes.take(marks + 1, mode="clip")
    is_odd = is_blank & (behind == _BLANK)
    is_odd |= (kinds < _BLANK) & (kinds != _NEWLINE)
    brackets = np.flatnonzero(is_blank & (behind == _OPENING))
    found: Mask = np.diff(np.searchsorted(brackets, ends), prepend=0) != 1
    found[np.searchsorted(ends, np.flatnonzero(is_odd))] = True
    return found


def _quotes_are_right(codes: Bytes, at: Integers) -> Mask:
    """Whether each opening quote is behind a blank, and each closing one before one."""
    outside = codes[at + np.array([-1, 1, -1, 1, -1, 1])]
    right: Mask = (outside == _BLANK).all(axis=1)
    right &= at[:, 4] - at[:, 3] == len('" ')
    return right


def _times(codes: Bytes, marks: Integers, starts: Integers) -> tuple[Integers, Mask]:
    """The time of each line, and whether it is one."""
    bracket, end = marks[starts + 1] + 1, marks[starts + 3]
    width = len("[") + TIME_LENGTH + len(_ZONE)
    right = end - bracket == width
    if not right.any():  # the block may be shorter than a time
        return np.zeros(len(right), np.int64), right
    found = sliding_window_view(codes, width)[np.where(right, bracket, 0)]
    right &= (found[:, 0] == _OPENING) & (found[:, -len(_ZONE) :] == _ZONE).all(axis=1)
    times, are_times = times_of(found[:, 1 : -len(_ZONE)])
    return times, right & are_times


def _numbers_are_right(codes: Bytes, marks: Integers, blanks: Integers) -> Mask:
    """Of which lines the numbers look like such.

    The reader takes what begins with a minus or ``0x``, which the rule does not, and
    fails with anything else that is no number.

    Args:
        codes: the bytes of the block.
        marks: where blanks, quotes and ends of lines are.
        blanks: of each line, the mark before its first number.
    """
    before = blanks[:, None] + _NUMBERS_AT
    start = marks[before] + 1
    length = marks[before + 1] - start
    first, second = codes[start], codes[start + 1]
    right = _is_digit(first) & (_is_digit(second) | (length == 1))
    right[:, 0] &= (length[:, 0] == _STATUS_LENGTH) & (first[:, 0] != _ZERO)
    right &= length <= LONGEST_NUMBER
    right |= (first == _DASH) & (length == 1)
    found: Mask = right.all(axis=1)
    return found


def _is_digit(codes: Bytes) -> Mask:
    found: Mask = codes - np.uint8(_ZERO) <= 9  # below the zero it wraps around
    return found


def _cut(block: Block, plain: _Plain) -> pa.Table:
    """The texts of plain lines, cut by Arrow's reader."""
    width = int(plain.fields.max())
    text = _of_width(block, plain, width)
    further = [f"{FURTHER.name} {number}" for number in range(width - _BEHIND_AGENT)]
    names = [*_KNOWN, *further][: len(_KNOWN) - _BEHIND_AGENT + width]
    wanted = [name for name in names if name not in ("time", "zone")]
    types = {name: INTEGER if name in NUMBERS else STRING for name in wanted}
    table = pv.read_csv(
        pa.BufferReader(text),
        read_options=pv.ReadOptions(
            use_threads=False, block_size=len(text) + 1, column_names=names
        ),
        parse_options=pv.ParseOptions(
            delimiter=" ", double_quote=False, ignore_empty_lines=False
        ),
        convert_options=pv.ConvertOptions(
            check_utf8=False,
            include_columns=wanted,
            column_types=types,
            null_values=["-"],
            strings_can_be_null=True,
        ),
    )
    return table.combine_chunks()


def _of_width(block: Block, plain: _Plain, width: int) -> bytes:
    """The plain lines, each with so many fields behind its user agent."""
    missing = width - plain.fields
    ends = block.ends[plain.rows] - plain.is_cut
    if len(plain.rows) == len(block) and not (missing.any() or plain.is_cut.any()):
        return block.text
    is_last = np.append(np.diff(plain.rows) != 1, True) | (missing > 0) | plain.is_cut
    last = np.flatnonzero(is_last)
    first = np.concatenate([[0], last[:-1] + 1])
    starts = block.starts[plain.rows[first]]
    endings = [b" -" * number + b"\n" for number in range(width + 1)]
    whole, pieces = memoryview(block.text), list[bytes | memoryview]()
    for start, end, number in zip(
        starts.tolist(), ends[last].tolist(), missing[last].tolist(), strict=True
    ):
        pieces += [whole[start:end], endings[number]]
    return b"".join(pieces)


def _typed(texts: pa.Table, plain: _Plain) -> pa.Table:
    """The columns of ``ENTRY``."""
    rows = len(plain.rows)
    columns = {name: texts[name].chunk(0) for name in texts.column_names}
    columns["time"] = pa.array(plain.times).cast(TIMESTAMP)
    columns[FURTHER.name] = _further(texts, plain)
    for field in ENTRY:
        columns.setdefault(field.name, pa.nulls(rows, field.type))
    return pa.table([columns[field.name] for field in ENTRY], schema=ENTRY)


def _further(texts: pa.Table, plain: _Plain) -> pa.Array:
    """The fields beyond those that are known, as they came."""
    names = [name for name in texts.column_names if name.startswith(FURTHER.name)]
    if not names:
        return pa.nulls(texts.num_rows, STRING)
    counts = plain.fields - _BEHIND_AGENT
    parts = [
        pc.if_else(pa.array(counts > number), pc.fill_null(texts[name], "-"), "")
        for number, name in enumerate(names)
    ]
    joined = pc.utf8_rtrim(pc.binary_join_element_wise(*parts, " "), " ")
    return pc.if_else(pc.equal(joined, ""), None, joined)
