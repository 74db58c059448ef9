"""Groups of equal rows, and the figures of each group.

Arrow's own ``group_by`` has no exact quantile, and counts distinct values of one column
at a time, over all rows only. Here each row gets the number of its group once; every
figure is then one numpy pass over these numbers.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import dictionary

_MOST_COMBINATIONS = 1 << 62
"""Combinations up to this number fit into 64 bits."""


def compact(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Encode a text column as one dictionary with the shortest codes.

    A day of ten million requests has a few hundred distinct values in most columns.
    """
    if not (pa.types.is_string(column.type) or pa.types.is_dictionary(column.type)):
        return column
    return pa.chunked_array([shortened(dictionary(column))])


def shortened(encoded: pa.DictionaryArray) -> pa.DictionaryArray:
    """The same column with the shortest codes that its number of values allows."""
    return encoded.cast(_encoded_type(len(encoded.dictionary)))


def concatenated(tables: Sequence[pa.Table]) -> pa.Table:
    """Tables with the same columns as one, with one dictionary per text column."""
    schema = tables[0].schema
    for number, field in enumerate(schema):
        if pa.types.is_dictionary(field.type):
            chunks = (chunk for table in tables for chunk in table[field.name].chunks)
            values = sum(len(chunk.dictionary) for chunk in chunks)
            schema = schema.set(number, field.with_type(_encoded_type(values)))
    rows = pa.concat_tables([table.cast(schema) for table in tables])
    return rows.unify_dictionaries()


def _encoded_type(values: int) -> pa.DataType:
    """The type of texts with the shortest codes that have room for their number."""
    limits = ((pa.int8(), 1 << 7), (pa.int16(), 1 << 15), (pa.int32(), 1 << 31))
    codes = next(type_ for type_, limit in limits if values < limit)
    return pa.dictionary(codes, pa.string())


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
    return codes.to_numpy(), unknown + 1


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
    return pc.fill_null(values, False).to_numpy(zero_copy_only=False).astype(bool)


def numbers_of(values: pa.ChunkedArray, unknown: float = 0) -> Any:
    """A column of numbers for numpy, with a value in place of null."""
    return pc.fill_null(values, unknown).to_numpy()


def combine(columns: Iterable[tuple[Any, int]]) -> Any:
    """Number the combinations of columns whose values are numbered already.

    Given one column after the other, it holds the numbers of one at a time.
    """
    rest = iter(columns)
    codes, possible = next(rest)
    combined = codes.astype(np.int64)
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


@dataclass(frozen=True)
class Groups:
    """Rows in groups."""

    keys: pa.Table
    """What the rows of a group have in common; a row per group."""
    codes: Any
    """The number of its group for each row."""

    def count(self, among: Any = ...) -> Any:
        """The number of rows, or of those for which a mask is true."""
        return np.bincount(self.codes[among], minlength=self.keys.num_rows)

    def total(self, values: Any) -> Any:
        """The sum of whole numbers; exact up to nine thousand terabytes."""
        return self.sum(values).astype(np.int64)

    def sum(self, values: Any) -> Any:
        """The sum of numbers."""
        return np.bincount(self.codes, weights=values, minlength=self.keys.num_rows)

    def distinct(self, values: Any, among: Any = ...) -> Any:
        """The number of distinct values, numbers from zero, where a mask is true."""
        codes, values = self.codes[among], values[among]
        width = int(values.max(initial=0)) + 1
        pairs = codes.astype(np.int64) * width
        pairs += values
        pairs.sort()  # faster than looking each up in a table of those seen
        is_first = np.append(True, pairs[1:] != pairs[:-1])[: len(pairs)]
        return np.bincount(pairs[is_first] // width, minlength=self.keys.num_rows)

    def quantile(self, values: Any, share: float) -> pa.Array:
        """The least value that at least this share of the group does not exceed.

        Args:
            values: numbers; NaN is unknown and ignored.
            share: 0.5 for the median.

        Returns:
            A number per group; null for a group without known values.
        """
        known = ~np.isnan(values)
        codes, values = self.codes[known], values[known]
        by_value = np.argsort(values)
        # By group, then value. Two sorts of numbers are faster than one of pairs.
        ordered = codes[by_value].astype(np.int64) * len(values)
        ordered += np.arange(len(values))
        ordered.sort()
        sizes = np.bincount(codes, minlength=self.keys.num_rows)
        starts = np.cumsum(sizes) - sizes
        rank = np.maximum(np.ceil(share * sizes).astype(np.int64), 1) - 1
        wanted = ordered[(starts + rank)[sizes > 0]] % max(len(values), 1)
        found = np.full(len(sizes), np.nan)
        found[sizes > 0] = values[by_value[wanted]]
        return pa.array(found, mask=sizes == 0)

    def table(self, schema: pa.Schema, **columns: Any) -> pa.Table:
        """Make the same table as :meth:`rows`, sorted by its columns."""
        table = self.rows(schema, **columns)
        order = [(field.name, "ascending") for field in schema]
        return table.sort_by(order) if table.num_rows else table

    def rows(self, schema: pa.Schema, **columns: Any) -> pa.Table:
        """Make a table with a row per group, in no particular order.

        Args:
            schema: of the table.
            columns: those that are not keys: a value per group, or one for all.
        """
        found = {name: self.keys[name] for name in self.keys.column_names}
        for name, values in columns.items():
            is_constant = isinstance(values, str | int)
            rows = pa.repeat(values, self.keys.num_rows) if is_constant else values
            found[name] = rows if isinstance(rows, pa.Array) else pa.array(rows)
        arrays = [found[field.name].cast(field.type) for field in schema]
        return pa.Table.from_arrays(arrays, schema=schema)


def group_rows(table: pa.Table, names: Sequence[str]) -> Groups:
    """Group the rows of a table by some of its columns."""
    combined = combine(codes_of(table[name]) for name in names)
    codes = in_order_of_appearance(combined)
    first = np.empty(int(codes.max(initial=-1)) + 1, dtype=np.int64)
    # The last assignment to an element wins: that of the group's first row.
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    return Groups(table.select(list(names)).take(pa.array(first)), codes)
