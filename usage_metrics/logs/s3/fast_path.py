"""The fast path: blocks of S3 access log lines, cut into columns by their marks.

A *plain* line has quotes where they belong, a blank beside each, and as many blanks
between them as there are fields. A user agent may have quotes itself: behind it there
are none. All other lines are read by the rule in
:mod:`usage_metrics.logs.s3.rule`, and so are those with a value that is not as it
should be.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import INTEGER, STRING
from usage_metrics.logs.blocks import Block, Integers, Mask
from usage_metrics.logs.cutting import Places, cut, values
from usage_metrics.logs.in_order import with_the_rest
from usage_metrics.logs.moments import are_common_times, common_times
from usage_metrics.logs.s3.entry import ENTRY, FIRST, FURTHER, LATER, NUMBERS
from usage_metrics.logs.s3.rule import LONGEST_NUMBER, OPERATION, WORD, entries_singly
from usage_metrics.logs.shape import Lines, Marks, Shape

_SHAPE = Shape((9, 7, 1, 1), takes_more=True, last_has_quotes=True)
"""Blanks before the request, one of them in the time; between it and the referer;
between that and the user agent; behind that."""

_FIRST = [field.name for field in FIRST]
_IN_QUOTES = {"request_uri": 1, "referer": 3, "user_agent": 5}
"""The fields in quotes, and their first quotes."""
_LATER = [field.name for field in LATER]

_NULLS = dict.fromkeys(_IN_QUOTES, ("-",)) | {FURTHER.name: ("",)}
"""What stands for no value, where a missing field and a dash are not the same."""

_ZONE = "+0000"
_FURTHER = rf"^{WORD}(?: {WORD})*$"

Spans = dict[str, tuple[Places, Places]]
"""Where each field begins and ends."""


def read_lines(block: Block) -> pa.Table:
    """Read lines that are not blank.

    Returns:
        A table of schema ``ENTRY`` without ids of lines, a row per line, in order.
    """
    rows, spans = _plain_lines(block)
    there = np.zeros(len(block), dtype=bool)
    if len(rows):
        table, good = _table(block, spans)
        if not np.count_nonzero(good) == len(block) == block.text.count(b"["):
            good &= ~_have_times(block)[rows]
        rows, table = (rows, table) if good.all() else (rows[good], table.filter(good))
        there[rows] = True
    if not there.any():
        return entries_singly(block)
    return with_the_rest(table, there, block, entries_singly)


def _plain_lines(block: Block) -> tuple[Integers, Spans]:
    """Which lines are plain, and where their fields are."""
    marks = Marks.of(block)
    lines = _SHAPE.lines(marks)
    has_control = _have_controls(block, marks)[lines.rows]
    lines = lines.only(~has_control)
    first, good = _first_fields(lines)
    later, are_later = _later_fields(lines)
    good &= are_later
    spans = first | later
    if good.all():
        return lines.rows, spans
    return lines.rows[good], {n: (a[good], b[good]) for n, (a, b) in spans.items()}


def _have_controls(block: Block, marks: Marks) -> Mask:
    """Which lines have a control character."""
    found = np.zeros(len(block), dtype=bool)
    controls = marks.others[block.codes[marks.others] < ord(" ")]
    found[np.searchsorted(block.ends, controls)] = True
    return found


def _have_times(block: Block) -> Mask:
    """Which lines seem to have two: perhaps another entry follows in them."""
    codes, found = block.codes, np.zeros(len(block), dtype=bool)
    at = np.flatnonzero(codes == ord("["))
    slash = np.minimum(at + len("[07"), len(codes) - 1)
    at = at[(codes[at - 1] == ord(" ")) & (codes[slash] == ord("/"))]
    rows = np.searchsorted(block.ends, at)
    found[rows[1:][np.diff(rows) == 0]] = True
    return found


def _first_fields(lines: Lines) -> tuple[Spans, Mask]:
    """The fields that every line has, and in which lines they are as they should be."""
    good = np.ones(len(lines.rows), dtype=bool)
    spans: Spans = {}
    anchor = distance = 0
    end = lines.places(0, 0)
    for name in _FIRST:
        start = end + 1
        if quote := _IN_QUOTES.get(name):
            good &= lines.places(quote, 0) == start
            start, end = start + 1, lines.places(quote + 1, 0)
            anchor, distance = quote + 1, 1
            good &= lines.places(anchor, distance) == end + 1
            spans[name] = start, end
            end = end + 1
        else:
            distance += 2 if name == "time" else 1
            end = lines.places(anchor, distance)
            good &= end > start
            spans[name] = start, end
    return spans, good


def _later_fields(lines: Lines) -> tuple[Spans, Mask]:
    """The fields behind those; none where a line has ended before, or in a blank."""
    at, line_end, before = lines.marks.at, lines.places_of_ends, lines.anchors[-1] + 2
    is_cut = at[lines.ends - 1] + 1 == line_end
    number = lines.ends - before - is_cut
    good = number >= 0
    spans: Spans = {}
    for name in [*_LATER, FURTHER.name]:
        there = number > len(spans)
        if not there.any():
            break
        mark = np.minimum(before + len(spans), lines.ends)
        start = np.where(there, at[mark] + 1, line_end)
        if name == FURTHER.name:
            end = line_end - (is_cut & there)
        else:
            end = np.where(there, at[np.minimum(mark + 1, lines.ends)], line_end)
        good &= (end > start) | ~there
        spans[name] = start, end
    return spans, good


def _table(block: Block, spans: Spans) -> tuple[pa.Table, Mask]:
    """The columns of ``ENTRY``, and in which lines they are as they should be."""
    rows = len(spans["time"][0])
    columns = {
        name: values(block, *span, _NULLS.get(name, ("-", "")))
        for name, span in spans.items()
        if name != "time"
    }
    columns["time"], good = _times(block, *spans["time"])
    for name in NUMBERS:
        columns[name], are_good = _numbers(columns[name], name)
        good &= are_good
    if (further := columns.get(FURTHER.name)) is not None:
        good &= _mask(pc.match_substring_regex(further, _FURTHER), if_null=True)
    operations = columns["operation"].dictionary_encode()
    are_right = pc.match_substring_regex(operations.dictionary, f"^{OPERATION}$")
    good &= _mask(are_right.take(operations.indices), if_null=False)
    for field in ENTRY:
        columns.setdefault(field.name, pa.nulls(rows, field.type))
    return pa.table([columns[field.name] for field in ENTRY], schema=ENTRY), good


def _times(block: Block, start: Places, end: Places) -> tuple[pa.Array, Mask]:
    """The time of each line, and in which lines there is one, in brackets."""
    texts = cut(block, start + len("["), end - len("]")).dictionary_encode()
    distinct = texts.dictionary
    good = are_common_times(distinct) & _mask(pc.ends_with(distinct, _ZONE))
    times = common_times(distinct)
    good &= times.is_valid().to_numpy(zero_copy_only=False)
    found = good[texts.indices.to_numpy()]
    found &= (block.codes[start] == ord("[")) & (block.codes[end - 1] == ord("]"))
    return times.take(texts.indices), found


def _numbers(texts: pa.Array, name: str) -> tuple[pa.Array, Mask]:
    """The numbers that texts are, and which of them are such as the rule takes."""
    if texts.null_count == len(texts):
        return pa.nulls(len(texts), INTEGER), np.ones(len(texts), dtype=bool)
    length = pc.binary_length(texts)
    good = pc.and_(pc.ascii_is_decimal(texts), pc.less_equal(length, LONGEST_NUMBER))
    if not pc.all(good, min_count=0).as_py():
        texts = pc.if_else(good, texts, pa.scalar(None, STRING))
    numbers = texts.cast(INTEGER)
    if name == "http_status":
        of_three = pc.and_(pc.equal(length, 3), pc.greater_equal(numbers, 100))
        good = pc.and_kleene(good, of_three)  # false and unknown is false
    return numbers, _mask(good, if_null=True)


def _mask(found: pa.Array, *, if_null: bool = False) -> Mask:
    known = pc.fill_null(found, if_null).to_numpy(zero_copy_only=False)
    return np.asarray(known, dtype=bool)
