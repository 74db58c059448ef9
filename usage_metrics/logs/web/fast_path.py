"""The fast path: many lines of a format at once.

Each line of a format has the same *marks* in the same order: blanks outside quotes, the
quotes themselves, and the end. A line that has them is plain, and the values between
them are taken from the block as they are. All other lines are left to the rule, and so
are those with a value that is not of its kind.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.logs.blocks import Block, Integers, Mask
from usage_metrics.logs.cutting import Places, begins, cut, has_any
from usage_metrics.logs.moments import are_common_times
from usage_metrics.logs.shape import Marks, Shape
from usage_metrics.logs.web.format_string import Element, LineLayout
from usage_metrics.logs.web.rule import Texts, pattern_of
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

_COLON, _BRACKET = b":["

_ESCAPED_MARK = re.compile(rb'\\[ "\n]')


Mark = tuple[int, int]
"""The number of an anchor, and the distance from it."""

Span = tuple[Places, Places]
"""Where something begins and ends in some lines."""


@dataclass(frozen=True)
class Between:
    """What stands between two marks."""

    elements: tuple[Element, ...]
    after: Mark
    """The second one; the first is that of the region before."""

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
        self._blanks = [0]
        self._is_inside = False
        self._between = list(self._regions(layout))
        self._shape = Shape(tuple(self._blanks), layout.takes_more)

    def _regions(self, layout: LineLayout) -> Iterator[Between]:
        region: list[Element] = []
        anchor = distance = 0
        for element in (*layout.elements, "\n"):
            if isinstance(element, Variable):
                region.append(element)
                if element.kind is COMMON_TIME and not self._is_inside:
                    distance += 1
                continue
            for letter in element:
                if letter == '"':
                    self._is_inside ^= True
                    if self._is_inside:
                        self._blanks[-1] = distance
                        self._blanks.append(0)
                    anchor, distance = anchor + 1, 0
                elif letter == "\n" or (letter == " " and not self._is_inside):
                    distance += 1
                else:
                    region.append(letter)
                    continue
                yield Between(_joined(region), (anchor, distance))
                region = []
        self._blanks[-1] = distance - 1

    def read(self, block: Block) -> tuple[Texts, Mask]:
        """Read the plain lines of a block.

        Returns:
            The texts of the variables that are kept, and which lines they are of.
        """
        rows, spans = self._plain(block)
        texts: dict[str, pa.Array] = {}
        good = np.ones(len(rows), dtype=bool)
        for region, (start, end) in zip(self._between, spans, strict=True):
            if region.variables:
                found, are_good = _values(block, start, end, region)
                good &= are_good
                texts |= found
        is_plain = np.zeros(len(block), dtype=bool)
        is_plain[rows[good]] = True
        if not good.all():
            keep = pa.array(good)
            texts = {name: found.filter(keep) for name, found in texts.items()}
        return texts, is_plain

    def _plain(self, block: Block) -> tuple[Integers, list[Span]]:
        """The lines with the marks and texts of the format; and where its regions are.

        None is plain if the format itself ends within quotes.
        """
        lines = self._shape.lines(Marks.of(block))
        good = ~_has_escaped_mark(block)[lines.rows] & (not self._is_inside)
        spans, end = [], lines.places(0, 0)
        for region in self._between:
            start, end = end + 1, lines.places(*region.after)
            spans.append((start, end))
            least = len(region.lead) + len(region.trail)
            width = end - start
            good &= width >= least if region.variables else width == least
            good &= begins(block, start, region.lead)
            good &= begins(block, end - len(region.trail), region.trail)
        if good.all():
            return lines.rows, spans
        return lines.rows[good], [(start[good], end[good]) for start, end in spans]


def _joined(region: list[Element]) -> tuple[Element, ...]:
    """The elements of a region, its letters as texts."""
    found: list[Element] = []
    for element in region:
        if isinstance(element, str) and found and isinstance(found[-1], str):
            found[-1] += element
        else:
            found.append(element)
    return tuple(found)


def _has_escaped_mark(block: Block) -> Mask:
    """The lines in which a backslash stands before a blank, a quote or the end."""
    found = np.zeros(len(block), dtype=bool)
    if b"\\" not in block.text:
        return found
    at = [match.start() for match in _ESCAPED_MARK.finditer(block.text)]
    if at:
        found[np.searchsorted(block.ends, at)] = True
    return found


def _values(
    block: Block, start: Places, end: Places, region: Between
) -> tuple[dict[str, pa.Array], Mask]:
    """The values of the variables of a region, and in which rows they are as due."""
    if len(region.variables) > 1:
        return _several(cut(block, start, end), region)
    [variable] = region.variables
    start, end = start + len(region.lead), end - len(region.trail)
    if variable.column is None and variable.kind in (TEXT, WORD):
        return {}, end - start >= (variable.kind is WORD)
    found = cut(block, start, end)
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
    if kind is ADDRESS and not has_any(texts, _COLON):
        return _mask(pc.greater(pc.binary_length(texts), 0))
    if kind is USER and not has_any(texts, _BRACKET):
        return everything
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
