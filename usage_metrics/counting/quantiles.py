"""Exact quantiles of groups of rows that come in batches.

The wanted number is found sixteen of its bits at a time, each time by counting those of
the numbers that begin with the bits found before. So no number has to be in memory, and
nothing is sorted but what is counted.
"""

from typing import Any

import numpy as np
import pyarrow as pa

from usage_metrics.counting.aside import NewFile, Records
from usage_metrics.counting.grouping import Counts

_DIGIT = 16
"""Bits that are found at a time."""
_SIGN = np.uint64(1 << 63)


class Quantiles:
    """The known numbers of each group; they take twelve bytes each, outside memory."""

    def __init__(self, new_file: NewFile) -> None:
        """Begin with none."""
        self._numbers = Records(new_file)

    def add(self, groups: Any, values: Any) -> None:
        """Add rows: the number of each one's group and its value; NaN is unknown."""
        known = ~np.isnan(values)
        self._numbers.add(
            group=groups[known].astype(np.int32), bits=_ordered_bits(values[known])
        )

    def of(self, groups: int, *shares: float) -> list[pa.Array]:
        """The least value that at least some share of the group does not exceed.

        Args:
            groups: how many there are.
            shares: 0.5 for the median.

        Returns:
            For each share, a number per group; null for a group without known values.
        """
        first = self._digits(np.zeros(groups, np.uint64), 64 - _DIGIT)
        sizes = np.zeros(groups, np.int64)
        np.add.at(sizes, first[0] >> _DIGIT, first[1])
        return [
            pa.array(self._at(np.ceil(share * sizes), first), mask=sizes == 0)
            for share in shares
        ]

    def _at(self, places: Any, digits: tuple[Any, Any]) -> Any:
        """The number at a place, counted from 1, in each group."""
        rank = np.maximum(places.astype(np.int64), 1) - 1
        found = np.zeros(len(rank), np.uint64)
        for shift in range(64 - _DIGIT, -1, -_DIGIT):
            if shift < 64 - _DIGIT:
                digits = self._digits(found, shift)
            found, rank = _narrowed(found, rank, *digits)
        return _value(found)

    def _digits(self, found: Any, shift: int) -> tuple[Any, Any]:
        """The next digits that there are in each group, and how often.

        Args:
            found: the leading bits of each group's number.
            shift: how many bits come after the digit.

        Returns:
            Digits, each behind its group's number, in order; and the rows of each.
        """
        counts = Counts()
        for piece in self._numbers.pieces():
            group, bits = piece["group"], piece["bits"] >> np.uint64(shift)
            if shift < 64 - _DIGIT:
                alike = bits >> np.uint64(_DIGIT) == found[group]
                group, bits = group[alike], bits[alike]
            digit = (bits & np.uint64((1 << _DIGIT) - 1)).astype(np.int64)
            counts.add(group.astype(np.int64) << _DIGIT | digit)
        return counts.of_each()


def _narrowed(found: Any, rank: Any, digits: Any, counts: Any) -> tuple[Any, Any]:
    """The leading bits with one digit more, and the rank among those that have it."""
    group = digits >> _DIGIT
    until = np.cumsum(counts)
    before = until - counts
    start = np.zeros(len(found), np.int64)
    start[group[::-1]] = before[::-1]  # the last assignment wins: the group's first
    wanted = start[group] + rank[group]
    hit = (before <= wanted) & (wanted < until)
    digit = np.zeros(len(found), np.uint64)
    digit[group[hit]] = digits[hit] & ((1 << _DIGIT) - 1)
    rank = rank.copy()
    rank[group[hit]] -= (before - start[group])[hit]
    return found << np.uint64(_DIGIT) | digit, rank


def _ordered_bits(values: Any) -> Any:
    """Bits that are in the order of the numbers."""
    bits = (values + 0.0).view(np.uint64)  # of the two zeros, one
    return np.where(bits & _SIGN, ~bits, bits | _SIGN)


def _value(bits: Any) -> Any:
    return np.where(bits & _SIGN, bits ^ _SIGN, ~bits).view(np.float64)
