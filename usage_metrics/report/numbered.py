"""Columns as numbers: what is grouped and counted without a text being looked at."""

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import dictionary

Numbers = Any
"""A numpy array of whole numbers."""

_MOST_COMBINATIONS = 1 << 62
"""Combinations up to this number fit into 64 bits."""


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
    key = columns[0]
    for numbers in columns[1:]:
        values = int(numbers.max(initial=0)) + 1
        if int(key.max(initial=0)) * values > _MOST_COMBINATIONS:
            _, key = np.unique(key, return_inverse=True)
        key = key * values + numbers
    _, first, of_row = np.unique(key, return_index=True, return_inverse=True)
    return Groups(first, of_row)


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
            order = np.argsort(-amount[start:stop], kind="stable")[:limit]
            found += named[start:stop][order].tolist()
    return found
