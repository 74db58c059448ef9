"""Finds the lines of a block that have blanks and quotes where a format has them.

Where the *marks* are, blanks, quotes and ends of lines, is found once for a block. A
line is of a *shape* if it has as many quotes, and before, between and behind the texts
in quotes as many blanks. Blanks in quotes do not matter, so a mark is known by its
*anchor*, the quote before it or the beginning of the line, and its distance from that.
"""

from dataclasses import dataclass

import numpy as np

from usage_metrics.logs.blocks import Block, Integers, Mask
from usage_metrics.logs.cutting import Bytes, Places, marks

BLANK, QUOTE, END = b' "\n'


@dataclass(frozen=True)
class Marks:
    """The marks of a block."""

    at: Places
    """Where they are; before the first there is an end, as if of a line before."""
    kinds: Bytes
    ends: Integers
    """Which of them are the ends of lines, the one before the first included."""
    quotes: Integers
    """Which are quotes."""
    others: Places
    """Where some rare bytes are: all control characters, and exclamation marks."""

    @classmethod
    def of(cls, block: Block) -> "Marks":
        """Find those of a block."""
        at, kinds, others = marks(block, b' "\n')
        at = np.concatenate([np.array([-1], np.int32), at])
        kinds = np.concatenate([np.array([END], np.uint8), kinds])
        ends, quotes = np.flatnonzero(kinds == END), np.flatnonzero(kinds == QUOTE)
        return cls(at, kinds, ends, quotes, others)


@dataclass(frozen=True)
class Lines:
    """Lines of a shape."""

    rows: Integers
    """Which of the block's they are."""
    marks: Marks
    anchors: list[Integers]
    """Of each line, the mark before its first, and its quotes."""
    ends: Integers
    """Of each line, its last mark."""

    @property
    def places_of_ends(self) -> Places:
        """Where each line ends."""
        return self.marks.at[self.ends]

    def places(self, anchor: int, distance: int) -> Places:
        """Where a mark of each line is."""
        return self.marks.at[self.anchors[anchor] + distance]

    def only(self, good: Mask) -> "Lines":
        """Some of the lines."""
        if good.all():
            return self
        anchors = [anchor[good] for anchor in self.anchors]
        return Lines(self.rows[good], self.marks, anchors, self.ends[good])


@dataclass(frozen=True)
class Shape:
    """The blanks of lines outside quotes."""

    blanks: tuple[int, ...]
    """How many there are before the first text in quotes, between that and the next
    one, and so on until the end of the line."""
    takes_more: bool = False
    """Whether blanks, and texts in quotes, may follow."""
    last_has_quotes: bool = False
    """Whether the last text in quotes reaches to the last quote of the line."""

    def lines(self, marks: Marks) -> Lines:
        """The lines of this shape."""
        number = 2 * (len(self.blanks) - 1)
        behind = np.searchsorted(marks.quotes, marks.ends)
        count = np.diff(behind)
        has_more = self.takes_more or self.last_has_quotes
        right = count >= number if has_more else count == number
        rows = np.flatnonzero(right)
        starts, ends, first = marks.ends[rows], marks.ends[rows + 1], behind[rows]
        places = [first + n for n in range(number)]
        if self.last_has_quotes:
            places[-1] = behind[rows + 1] - 1
        anchors = [starts, *(marks.quotes[place] for place in places)]
        found = Lines(rows, marks, anchors, ends)
        return found.only(self._have_blanks(found))

    def _have_blanks(self, lines: Lines) -> Mask:
        """Which lines have the right number of blanks outside their quotes."""
        good = np.ones(len(lines.rows), dtype=bool)
        outside = zip(
            lines.anchors[::2], lines.anchors[1::2], self.blanks, strict=False
        )
        for before, quote, blanks in outside:
            good &= quote - before == blanks + 1
        last, blanks = lines.anchors[-1], self.blanks[-1]
        if not self.takes_more:
            good &= lines.ends - last == blanks + 1
            return good
        good &= lines.ends - last > blanks
        for distance in range(1, blanks + 2):  # a text in quotes may begin too early
            mark = np.minimum(last + distance, lines.ends)
            good &= lines.marks.kinds[mark] != QUOTE
        return good
