"""Distinct values of rows that come in batches: numbered, and counted by group."""

from typing import Any

import numpy as np

from usage_metrics.counting.aside import NewFile, Records
from usage_metrics.counting.grouping import counted, firsts, summed

_PLACES = np.int64(32)
"""Bits of a group's number, and of a value's."""


class Numbering:
    """Numbers distinct values from zero, in order of appearance.

    It holds twelve bytes a distinct value.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._values = np.empty(0, np.int64)  # sorted
        self._numbers = np.empty(0, np.int32)

    def __len__(self) -> int:
        """How many distinct values there are so far."""
        return len(self._values)

    def of(self, values: Any) -> Any:
        """The number of each value, 64 bits each."""
        values = values.view(np.int64)
        order = np.argsort(values)
        first = firsts(values[order])
        distinct = values[order[first]]
        places = np.searchsorted(self._values, distinct)
        known = np.zeros(len(distinct), dtype=bool)
        inside = np.flatnonzero(places < len(self._values))
        known[inside] = self._values[places[inside]] == distinct[inside]
        numbers = np.empty(len(distinct), np.int64)
        numbers[known] = self._numbers[places[known]]
        if len(new := np.flatnonzero(~known)):
            appeared = np.minimum.reduceat(order, first)[new]
            numbers[new[np.argsort(appeared)]] = len(self) + np.arange(len(new))
            self._values = np.insert(self._values, places[new], distinct[new])
            self._numbers = np.insert(self._numbers, places[new], numbers[new])
        found = np.empty(len(values), np.int64)
        found[order] = np.repeat(numbers, np.diff(first, append=len(values)))
        return found


class Distinct:
    """Counts the distinct values of each group."""

    def __init__(self, new_file: NewFile) -> None:
        """Begin with none."""
        self._pairs = Records(new_file)

    def add(self, groups: Any, values: Any) -> None:
        """Add rows: the number of each one's group, and its value, up to 32 bits."""
        self._pairs.add(pair=_distinct(_pairs(groups, values)))

    def counts(self, groups: int) -> Any:
        """The number of values of each group."""
        counts = np.zeros(groups, np.int64)
        for part in self._pairs.parts():
            np.add.at(counts, _distinct(part["pair"]) >> _PLACES, 1)
        return counts


class Frequencies:
    """Counts the distinct values of each group, and how often each comes."""

    def __init__(self, new_file: NewFile) -> None:
        """Begin with none."""
        self._pairs = Records(new_file)

    def add(self, groups: Any, values: Any) -> None:
        """Add rows: the number of each one's group, and its value, up to 32 bits."""
        pairs, rows = counted(_pairs(groups, values))
        self._pairs.add(pair=pairs, rows=rows.astype(np.int32))

    def counts(self, groups: int) -> tuple[Any, Any]:
        """For each group, its number of values, and the most rows of one value."""
        values, most = np.zeros(groups, np.int64), np.zeros(groups, np.int64)
        for part in self._pairs.parts():
            pairs, rows = summed(part["pair"], part["rows"])
            of = pairs >> _PLACES
            np.add.at(values, of, 1)
            np.maximum.at(most, of, rows)
        return values, most


def _pairs(groups: Any, values: Any) -> Any:
    pairs = groups.astype(np.int64) << _PLACES
    pairs += values
    return pairs


def _distinct(numbers: Any) -> Any:
    """The distinct numbers among some, in order."""
    numbers = np.sort(numbers)
    return numbers[firsts(numbers)]
