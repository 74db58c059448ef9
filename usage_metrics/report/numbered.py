"""Columns as numbers: what is grouped and counted without a text being looked at."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import STRING, dictionary

Numbers = Any
"""A numpy array of whole numbers."""


Columns = dict[str, Numbers]
"""Such arrays of one length, by name."""


class Column(NamedTuple):
    """A column of texts."""

    values: list[str]
    """The different texts, sorted."""
    numbers: Numbers
    """For each row, where its text is among them; after the last one for null."""


def column(texts: pa.ChunkedArray) -> Column:
    """Number the texts of a column in their order."""
    found = dictionary(texts)
    order = pc.sort_indices(found.dictionary)
    rank = np.empty(len(order) + 1, dtype=np.int64)
    rank[order.to_numpy()] = np.arange(len(order))
    rank[-1] = len(order)
    codes = pc.fill_null(found.indices, len(order)).to_numpy()
    return Column(found.dictionary.take(order).to_pylist(), rank[codes])


def codes(texts: pa.ChunkedArray) -> Numbers:
    """Number the texts of a column in any order, null last."""
    found = dictionary(texts)
    return pc.fill_null(found.indices, len(found.dictionary)).to_numpy()


MOST = 1 << 62
"""The greatest number that combined keys may have; beyond it they are renumbered."""


class Groups(NamedTuple):
    """Rows that agree in some numbers, in the order of these."""

    first: Numbers
    """The first row of each group."""
    of_row: Numbers
    """The group of each row."""

    def sums(self, numbers: Numbers) -> Numbers:
        """Add up a column by group."""
        if not len(self.first):
            return np.zeros(0, dtype=np.int64)
        sums = np.bincount(self.of_row, numbers, minlength=len(self.first))
        return sums.astype(np.int64)


def groups(*columns: Numbers) -> Groups:
    """Group rows by the numbers in some columns."""
    key, size = columns[0].astype(np.int64), int(columns[0].max(initial=0)) + 1
    for numbers in columns[1:]:
        values = int(numbers.max(initial=0)) + 1
        if size * values > MOST:
            key, size = _renumbered(key, size)
        key, size = key * values + numbers, size * values
    of_row, number = _renumbered(key, size)
    first = np.empty(number, dtype=np.int64)
    # Of several rows of a group, the one that is written last stays.
    first[of_row[::-1]] = np.arange(len(of_row))[::-1]
    return Groups(first, of_row)


def _renumbered(key: Numbers, size: int) -> tuple[Numbers, int]:
    """The place of each number among the different ones, and how many these are."""
    if size > _room(key):
        found, place = np.unique(key, return_inverse=True)
        return place, len(found)
    is_there = np.zeros(size, dtype=bool)
    is_there[key] = True
    places = np.cumsum(is_there, dtype=np.int32) - 1
    return places[key], int(is_there.sum())


def _room(key: Numbers) -> int:
    """Up to which number a list of all numbers takes less time than sorting does."""
    return 2 * len(key)


def distinct(*columns: Numbers) -> list[Numbers]:
    """The columns without rows that are there already, sorted."""
    first = groups(*columns).first
    return [numbers[first] for numbers in columns]


def in_order_of_rows(found: Groups) -> Groups:
    """The groups in the order in which they come first."""
    order = np.argsort(found.first)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return Groups(found.first[order], place[found.of_row])


def most(
    of_row: Numbers, names: Numbers, amounts: Sequence[Numbers], limit: int
) -> list[int]:
    """The names that have most, by each of some amounts, within each of some sets.

    Args:
        of_row: the set that each row is in.
        names: the name of each row, as a number.
        amounts: the columns to add up.
        limit: how many names of each set are taken by each amount.
    """
    pairs = groups(of_row, names)
    sets, named = of_row[pairs.first], names[pairs.first]
    sums = [pairs.sums(amount) for amount in amounts]
    starts = np.flatnonzero(np.diff(sets, prepend=-1))
    found: list[int] = []
    for start, stop in itertools.pairwise([*starts, len(sets)]):
        for amount in sums:
            found += named[start:stop][_largest(amount[start:stop], limit)].tolist()
    return found


def _largest(amounts: Numbers, limit: int) -> Numbers:
    """Where the largest of some numbers are; of equal ones, the first."""
    places = np.arange(len(amounts))
    if limit < len(amounts):
        least = np.partition(amounts, -limit)[-limit]
        places = np.flatnonzero(amounts >= least)
    return places[np.argsort(-amounts[places], kind="stable")][:limit]


def coded(rows: pa.Table, codes: Mapping[str, Sequence[str]]) -> Columns:
    """Whole numbers, and those of texts, of the rows whose texts all have one."""
    columns: Columns = {}
    is_known = np.ones(len(rows), dtype=bool)
    for name in rows.column_names:
        if name in codes:
            texts = rows[name].cast(STRING)
            number = pc.index_in(texts, pa.array(codes[name], STRING))
            columns[name] = pc.fill_null(number, -1).to_numpy()
            is_known &= columns[name] >= 0
        else:
            columns[name] = rows[name].cast(pa.int64()).to_numpy()
    return {name: numbers[is_known] for name, numbers in columns.items()}
