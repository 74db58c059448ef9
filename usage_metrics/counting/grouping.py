"""Groups of equal rows, and the figures of each group.

Arrow's own ``group_by`` counts distinct values of one column at a time, over all rows
only. Here each row gets the number of its group once; every figure is then one numpy
pass over these numbers.
"""

import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import dictionary

_ENCODED = pa.dictionary(pa.int32(), pa.string())
_MOST_COMBINATIONS = 1 << 62
"""Combinations up to this number fit into 64 bits."""


def encoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column in one chunk, a text with each value once, and codes of 32 bits."""
    if pa.types.is_string(column.type) or pa.types.is_dictionary(column.type):
        return pa.chunked_array([dictionary(column).cast(_ENCODED)])
    return pa.chunked_array([column.combine_chunks()], column.type)


def codes_of(column: pa.ChunkedArray | pa.DictionaryArray) -> tuple[Any, int]:
    """Number the values of a column; null is a value like any other.

    Returns:
        A number per row, and how many numbers are possible.
    """
    encoded = dictionary(column)
    unknown = len(encoded.dictionary)
    codes = encoded.indices.cast(pa.int32())
    if codes.null_count:
        codes = codes.fill_null(unknown)
    # As wide as numpy has it in the end, whenever something is looked up by them.
    return codes.to_numpy().astype(np.int64), unknown + 1


def holds(
    column: pa.ChunkedArray | pa.DictionaryArray, test: Callable[[pa.Array], pa.Array]
) -> Any:
    """Which rows have a text that passes a test, made once per distinct text.

    Arrow's own comparisons would write out the text of every row first.
    """
    codes, possible = codes_of(column)
    texts = dictionary(column).dictionary
    passed = np.zeros(possible, dtype=bool)  # the last one is for null
    passed[: len(texts)] = mask_of(test(texts))
    return passed[codes]


def any_of(*texts: str) -> Callable[[pa.Array], pa.Array]:
    """A test whether a text is one of a few."""
    return lambda values: pc.is_in(values, pa.array(texts, pa.string()))


def mask_of(values: pa.Array | pa.ChunkedArray) -> Any:
    """A boolean column as a numpy mask; null is false."""
    found = pc.fill_null(values, False).to_numpy(zero_copy_only=False)
    return found.astype(bool, copy=False)


def numbers_of(values: pa.ChunkedArray, unknown: float = 0) -> Any:
    """A column of numbers for numpy, with a value in place of null."""
    return pc.fill_null(values, unknown).to_numpy()


def combine(columns: Iterable[tuple[Any, int]]) -> Any:
    """Number the combinations of columns whose values are numbered already.

    Given one column after the other, it holds the numbers of one at a time.
    """
    rest = iter(columns)
    codes, possible = next(rest)
    combined = codes.copy()
    for codes, values in rest:
        if possible * values > _MOST_COMBINATIONS:
            combined = in_order_of_appearance(combined).astype(np.int64)
            possible = len(combined)
        combined *= values
        combined += codes
        possible *= values
    return combined


def in_order_of_appearance(numbers: Any) -> Any:
    """Renumber distinct numbers from zero, in order of appearance."""
    return pa.array(numbers, pa.int64()).dictionary_encode().indices.to_numpy()


def firsts(ordered: Any) -> Any:
    """Where each distinct number begins among some that are in order."""
    return np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)])


def summed(keys: Any, counts: Any) -> tuple[Any, Any]:
    """The distinct numbers among some, in order, and the sum of the counts of each."""
    order = np.argsort(keys)
    keys, counts = keys[order], counts[order]
    first = firsts(keys)
    return keys[first], np.add.reduceat(counts, first) if len(first) else counts


def counted(numbers: Any) -> tuple[Any, Any]:
    """The distinct numbers among some, in order, and how often each comes."""
    numbers = np.sort(numbers)
    first = firsts(numbers)
    return numbers[first], np.diff(first, append=len(numbers))


class Counts:
    """How often each number comes; it holds sixteen bytes a distinct number."""

    def __init__(self) -> None:
        """Begin with none."""
        self._merged = np.empty(0, np.int64), np.empty(0, np.int64)
        self._new: list[tuple[Any, Any]] = []

    def add(self, numbers: Any) -> None:
        """Count some numbers."""
        self._new.append(counted(numbers))
        if sum(len(keys) for keys, _ in self._new) > len(self._merged[0]):
            self.of_each()

    def of_each(self) -> tuple[Any, Any]:
        """The distinct numbers, in order, and how often each came."""
        keys, counts = zip(self._merged, *self._new, strict=True)
        if self._new:
            self._merged = summed(np.concatenate(keys), np.concatenate(counts))
            self._new = []
        return self._merged


@dataclass(frozen=True)
class Groups:
    """Rows in groups."""

    columns: pa.Table
    """What the rows of a group have in common; a row per row."""
    first: Any
    """The first row of each group."""
    codes: Any
    """The number of its group for each row."""

    def __len__(self) -> int:
        """How many groups there are."""
        return len(self.first)

    @functools.cached_property
    def keys(self) -> pa.Table:
        """What the rows of a group have in common; a row per group."""
        return self.columns.take(pa.array(self.first))

    def count(self, among: Any = ...) -> Any:
        """The number of rows, or of those for which a mask is true."""
        weights = None if among is ... else among
        counts = np.bincount(self.codes, weights, minlength=len(self))
        return counts.astype(np.int64)

    def total(self, values: Any) -> Any:
        """The sum of whole numbers; exact up to nine thousand terabytes."""
        return self.sum(values, np.zeros(len(self))).astype(np.int64)

    def sum(self, values: Any, before: Any) -> Any:
        """What the sum before becomes when numbers are added in the order of rows."""
        codes = np.append(np.arange(len(before)), self.codes)
        return np.bincount(codes, weights=np.append(before, values))


def table_of_groups(keys: pa.Table, schema: pa.Schema, **columns: Any) -> pa.Table:
    """Make a table with a row per group, sorted by its columns.

    Args:
        keys: what the rows of each group have in common.
        schema: of the table.
        columns: those that are not keys: a value per group, or one for all.
    """
    found = {name: keys[name] for name in keys.column_names}
    for name, values in columns.items():
        is_constant = isinstance(values, str | int)
        rows = pa.repeat(values, keys.num_rows) if is_constant else values
        found[name] = rows if isinstance(rows, pa.Array) else pa.array(rows)
    arrays = [found[field.name].cast(field.type) for field in schema]
    table = pa.Table.from_arrays(arrays, schema=schema)
    order = [(field.name, "ascending") for field in schema]
    return table.sort_by(order) if table.num_rows else table


class Rows:
    """A batch of rows, each column of which is looked at once for all figures."""

    def __init__(self, table: pa.Table) -> None:
        """Take a table with its texts encoded."""
        self.table = table
        self._seen: dict[Any, Any] = {}
        self._before: tuple[Rows, str] | None = None
        """The rows that these have been, and the column that is another since."""

    def __getitem__(self, name: str) -> pa.ChunkedArray:
        """A column."""
        return self.table[name]

    def __len__(self) -> int:
        """How many rows there are."""
        return int(self.table.num_rows)

    def codes(self, name: str) -> tuple[Any, int]:
        """The texts of a column as numbers, and how many numbers are possible."""
        codes: tuple[Any, int] = self.once(
            (name, "codes"), lambda: codes_of(self.table[name])
        )
        return codes

    def holds(self, name: str, text: str) -> Any:
        """Which rows have a text in a column."""
        return self.once((name, text), lambda: holds(self.table[name], any_of(text)))

    def mask(self, name: str) -> Any:
        """A boolean column as a mask; null is false."""
        return self.once((name, "mask"), lambda: mask_of(self.table[name]))

    def numbers(self, name: str, unknown: float = 0) -> Any:
        """The numbers of a column, with a value in place of null."""
        return self.once(
            (name, "numbers"), lambda: numbers_of(self.table[name], unknown)
        )

    def with_column(self, name: str, values: pa.Array) -> "Rows":
        """The same rows with that column, in place of one of that name."""
        others = [other for other in self.table.column_names if other != name]
        rows = Rows(self.table.select(others).append_column(name, values))
        rows._before = self, name
        return rows

    def once(self, key: tuple[str, str], look: Callable[[], Any]) -> Any:
        """What was found by a look at a column, or is found now.

        Args:
            key: the column, and what is looked for.
            look: finds it.
        """
        if key not in self._seen:
            before, changed = self._before or (self, key[0])
            is_same = key[0] != changed
            self._seen[key] = before.once(key, look) if is_same else look()
        return self._seen[key]


def group_rows(rows: Rows, names: Sequence[str]) -> Groups:
    """Group rows by some of their columns."""
    combined = combine(rows.codes(name) for name in names)
    codes = in_order_of_appearance(combined)
    first = np.empty(int(codes.max(initial=-1)) + 1, dtype=np.int64)
    # The last assignment to an element wins: that of the group's first row.
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    return Groups(rows.table.select(list(names)), first, codes)
