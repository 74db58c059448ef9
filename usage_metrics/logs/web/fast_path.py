"""The fast path: many lines of a format at once.

Each line of a format has the same *marks* in the same order: blanks outside quotes, the
quotes themselves, and the end. Where a block's marks are is found by numpy; a line
whose marks are those of the format is plain, and the values between them are taken from
the block as they are. All other lines are left to the rule, and so are those with a
value that is not of its kind.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.logs.blocks import Block, Integers, Mask
from usage_metrics.logs.web.format_string import Element, LineLayout
from usage_metrics.logs.web.rule import Texts, pattern_of
from usage_metrics.logs.web.values import are_common_times, cut
from usage_metrics.logs.web.variables import (
    ADDRESS,
    COMMON_TIME,
    COUNT,
    STATUS,
    TEXT,
    USER,
    WORD,
    Kind,
    Variable,
)

BLANK, QUOTE, END = b' "\n'

BLANK_OR_QUOTE = 0xFF ^ BLANK ^ QUOTE
"""The bits in which blanks and quotes are alike, and nothing else is."""

_ESCAPED_MARK = re.compile(rb'\\[ "\n]')

PIECE = 1 << 18
"""Bytes that are looked at at a time, and so stay in the processor's cache."""


@dataclass(frozen=True)
class Between:
    """What stands between two marks."""

    elements: tuple[Element, ...]
    before: int
    """The number of the first mark; 0 is the end of the line before."""
    after: int

    @property
    def lead(self) -> bytes:
        """The text behind the first mark."""
        first = self.elements[0] if self.elements else ""
        return first.encode() if isinstance(first, str) else b""

    @property
    def trail(self) -> bytes:
        """The text before the second mark, behind a variable."""
        last = self.elements[-1] if self.elements[1:] else ""
        return last.encode() if isinstance(last, str) else b""

    @property
    def variables(self) -> list[Variable]:
        """The variables, most often one."""
        return [one for one in self.elements if isinstance(one, Variable)]


class Plan:
    """The marks of a format's lines, and what stands between them."""

    def __init__(self, layout: LineLayout) -> None:
        """Find the marks in the format itself."""
        self._takes_more = layout.takes_more
        self._marks = np.array([END], np.uint8)
        self._between = list(self._regions(layout))

    def _regions(self, layout: LineLayout) -> Iterator[Between]:
        marks, before, is_inside = [END], 0, False
        region: list[Element] = []
        for element in (*layout.elements, "\n"):
            if isinstance(element, Variable):
                region.append(element)
                if element.kind is COMMON_TIME and not is_inside:
                    marks.append(BLANK)
                continue
            for letter in element:
                if letter in '"\n' or (letter == " " and not is_inside):
                    marks.append(ord(letter))
                    yield Between(_joined(region), before, len(marks) - 1)
                    region, before = [], len(marks) - 1
                    is_inside ^= letter == '"'
                else:
                    region.append(letter)
        self._marks = np.array(marks, np.uint8)

    def read(self, block: Block) -> tuple[Texts, Mask]:
        """Read the plain lines of a block.

        Returns:
            The texts of the variables that are kept, and which lines they are of.
        """
        rows, marks = self._plain(block)
        texts: dict[str, pa.Array] = {}
        good = np.ones(len(rows), dtype=bool)
        for region in self._between:
            if region.variables:
                found, are_good = _values(block, marks, region)
                good &= are_good
                texts |= found
        is_plain = np.zeros(len(block), dtype=bool)
        is_plain[rows[good]] = True
        if not good.all():
            keep = pa.array(good)
            texts = {name: found.filter(keep) for name, found in texts.items()}
        return texts, is_plain

    def _plain(self, block: Block) -> tuple[Integers, Integers]:
        """The rows that have the marks and the texts of the format, and their marks."""
        at, kinds = _marks(block)
        ends = np.flatnonzero(kinds == END)
        count = np.diff(ends, prepend=-1)
        wanted = len(self._marks) - 1
        rows = np.arange(len(block))
        if self._takes_more and count.max(initial=0) > wanted:
            rows = np.flatnonzero(count >= wanted)
            index = (ends - count + 1)[rows, None] + np.arange(wanted)
            at, kinds = at[index], kinds[index]
        elif not (count == wanted).all():
            rows = np.flatnonzero(count == wanted)
            is_of_one = np.repeat(count == wanted, count)
            at, kinds = at[is_of_one], kinds[is_of_one]
        at, kinds = at.reshape(-1, wanted), kinds.reshape(-1, wanted)
        is_plain = (kinds[:, :-1] == self._marks[1:-1]).all(axis=1)
        is_plain &= kinds[:, -1] != QUOTE  # the end, or a blank and more
        is_plain &= ~_has_escaped_mark(block)[rows]
        marks = np.column_stack([block.starts[rows] - 1, at])
        is_plain &= self._have_texts(block, marks)
        return (rows, marks) if is_plain.all() else (rows[is_plain], marks[is_plain])

    def _have_texts(self, block: Block, marks: Integers) -> Mask:
        """Which lines have the texts of the format between their marks."""
        good = np.ones(len(marks), dtype=bool)
        for region in self._between:
            start, end = marks[:, region.before] + 1, marks[:, region.after]
            least = len(region.lead) + len(region.trail)
            width = end - start
            good &= width >= least if region.variables else width == least
            good &= _begins(block, start, region.lead)
            good &= _begins(block, end - len(region.trail), region.trail)
        return good


def _joined(region: list[Element]) -> tuple[Element, ...]:
    """The elements of a region, its letters as texts."""
    found: list[Element] = []
    for element in region:
        if isinstance(element, str) and found and isinstance(found[-1], str):
            found[-1] += element
        else:
            found.append(element)
    return tuple(found)


def _marks(block: Block) -> tuple[Integers, npt.NDArray[np.uint8]]:
    """Where the marks of a block are, and what they are."""
    found = []
    for start in range(0, len(block.codes), PIECE):
        codes = block.codes[start : start + PIECE]
        is_mark = ((codes & BLANK_OR_QUOTE) == BLANK) | (codes == END)
        found.append((np.flatnonzero(is_mark) + start).astype(np.int32))
    at = np.concatenate(found)
    kinds = block.codes[at]
    is_end = kinds == END
    quotes = np.cumsum(kinds == QUOTE, dtype=np.uint8)  # odd or even is what counts
    before = np.concatenate([[0], quotes[is_end]])[:-1]
    if (before & 1).any():  # then those of a line count from its own start
        quotes -= before.astype(np.uint8)[np.cumsum(is_end) - is_end]
    is_mark = (kinds != BLANK) | (quotes & 1 == 0)
    return at[is_mark], kinds[is_mark]


def _has_escaped_mark(block: Block) -> Mask:
    """The lines in which a backslash stands before a blank, a quote or the end."""
    found = np.zeros(len(block), dtype=bool)
    if b"\\" not in block.text:
        return found
    at = [match.start() for match in _ESCAPED_MARK.finditer(block.text)]
    if at:
        found[np.searchsorted(block.ends, at)] = True
    return found


def _begins(block: Block, start: Integers, text: bytes) -> Mask:
    """Where a text stands at a place of the block."""
    good = np.ones(len(start), dtype=bool)
    for offset, code in enumerate(text):
        # The end of the block is as good as any other place for lines that fail.
        place = np.minimum(start + offset, len(block.codes) - 1)
        good &= block.codes[place] == code
    return good


def _values(
    block: Block, marks: Integers, region: Between
) -> tuple[dict[str, pa.Array], Mask]:
    """The values of the variables of a region, and in which rows they are as due."""
    start, end = marks[:, region.before] + 1, marks[:, region.after]
    if len(region.variables) > 1:
        return _several(cut(block, start, end), region)
    [variable] = region.variables
    found = cut(block, start + len(region.lead), end - len(region.trail))
    kept = {variable.column: found} if variable.column else {}
    return kept, _are(found, variable.kind)


def _several(texts: pa.Array, region: Between) -> tuple[dict[str, pa.Array], Mask]:
    pattern = pattern_of(region.elements, loose=False)
    found = pc.extract_regex(texts, f"^{pattern}$")
    names = [field.name for field in found.type]
    return dict(zip(names, found.flatten(), strict=True)), _mask(found.is_valid())


def _are(texts: pa.Array, kind: Kind) -> Mask:
    """Which texts, without blanks or quotes around them, are of a kind."""
    everything = np.ones(len(texts), dtype=bool)
    if kind is TEXT:
        return everything
    if kind is WORD:
        return _mask(pc.greater(pc.binary_length(texts), 0))
    if kind is ADDRESS and not pc.any(pc.match_substring(texts, ":")).as_py():
        return _mask(pc.greater(pc.binary_length(texts), 0))
    if kind is USER:
        return ~_mask(pc.match_substring(texts, "["))
    if kind is COMMON_TIME:
        return are_common_times(texts)
    if kind in (COUNT, STATUS):
        length = pc.binary_length(texts)
        limit = pc.equal(length, 3) if kind is STATUS else pc.less_equal(length, 18)
        is_number = pc.and_(pc.ascii_is_decimal(texts), limit)
        return _mask(pc.or_(is_number, pc.equal(texts, "-")))
    return _mask(pc.match_substring_regex(texts, f"^{kind.pattern}$"))


def _mask(found: pa.Array) -> Mask:
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=bool)
