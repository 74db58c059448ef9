"""Groups of equal rows, and what can be said of each group.

Arrow's own ``group_by`` has no exact quantile and counts one distinct column at a time
and only over all rows. Here each row gets the number of its group once, and every
figure is then one pass of numpy over these numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import dictionary

_ROOM = 1 << 62
"""Numbers of combinations up to this fit beside each other into 64 bits."""


def compact(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column in little room: texts as one dictionary, with codes as short as can be.

    A day of ten million requests has a few hundred kinds of most things.
    """
    if not (pa.types.is_string(column.type) or pa.types.is_dictionary(column.type)):
        return column
    encoded = dictionary(column)
    return pa.chunked_array([shortened(encoded)])


def shortened(encoded: pa.DictionaryArray) -> pa.DictionaryArray:
    """The same with the shortest codes that the number of values allows."""
    limits = ((pa.int8(), 1 << 7), (pa.int16(), 1 << 15), (pa.int32(), 1 << 31))
    fitting = next(t for t, limit in limits if len(encoded.dictionary) < limit)
    if encoded.indices.type == fitting:
        return encoded
    return pa.DictionaryArray.from_arrays(
        encoded.indices.cast(fitting), encoded.dictionary
    )


def constant(value: str, rows: int) -> pa.DictionaryArray:
    """A column that says the same of every row."""
    codes = pa.array(np.zeros(rows, dtype=np.int8))
    return pa.DictionaryArray.from_arrays(codes, pa.array([value]))


def codes_of(column: pa.ChunkedArray | pa.DictionaryArray) -> tuple[Any, int]:
    """Number the values of a column; null is a value like any other.

    Returns:
        A number per row, and how many numbers there may be.
    """
    encoded = dictionary(column)
    unknown = len(encoded.dictionary)
    codes = pc.fill_null(encoded.indices.cast(pa.int64()), unknown)
    return codes.to_numpy(zero_copy_only=False), unknown + 1


def combine(columns: Sequence[tuple[Any, int]], rows: int) -> Any:
    """Number the combinations of several columns that are numbered already."""
    combined, possible = np.zeros(rows, dtype=np.int64), 1
    for codes, values in columns:
        if possible * values > _ROOM:
            combined, possible = in_order_of_appearance(combined), rows
        combined = combined * values + codes
        possible *= values
    return combined


def in_order_of_appearance(numbers: Any) -> Any:
    """Number the distinct values of some numbers from zero, as they appear."""
    return pa.array(numbers, pa.int64()).dictionary_encode().indices.to_numpy()


def first_rows(codes: Any) -> Any:
    """The first row of each number from zero on."""
    first = np.empty(int(codes.max(initial=-1)) + 1, dtype=np.int64)
    # The last assignment to an element is the one that stays: that of the first row.
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    return first


@dataclass(frozen=True)
class Groups:
    """Rows in groups."""

    keys: pa.Table
    """What the rows of a group have in common; a row per group."""
    codes: Any
    """The number of its group for each row."""

    def count(self, among: Any | None = None) -> Any:
        """How many rows, or how many of those for which a mask is true."""
        codes = self.codes if among is None else self.codes[among]
        return np.bincount(codes, minlength=self.keys.num_rows)

    def total(self, values: Any) -> Any:
        """The sum of whole numbers; exact up to nine thousand terabytes."""
        sums = np.bincount(self.codes, weights=values, minlength=self.keys.num_rows)
        return sums.astype(np.int64)

    def distinct(self, values: Any, among: Any | None = None) -> Any:
        """How many different values; of numbers from zero on."""
        codes = self.codes if among is None else self.codes[among]
        values = values if among is None else values[among]
        width = int(values.max(initial=0)) + 1
        pairs = pa.array(codes * width + values, pa.int64()).unique().to_numpy()
        return np.bincount(pairs // width, minlength=self.keys.num_rows)

    def quantile(self, values: Any, share: float) -> pa.Array:
        """The least value that at least so large a share of the group does not exceed.

        Args:
            values: numbers; what is not known is NaN and left out.
            share: 0.5 for the median.

        Returns:
            A number per group; null for a group without any.
        """
        known = ~np.isnan(values)
        codes, values = self.codes[known], values[known]
        ordered = values[np.lexsort((values, codes))]
        sizes = np.bincount(codes, minlength=self.keys.num_rows)
        starts = np.cumsum(sizes) - sizes
        rank = np.maximum(np.ceil(share * sizes).astype(np.int64), 1) - 1
        found = np.full(len(sizes), np.nan)
        found[sizes > 0] = ordered[(starts + rank)[sizes > 0]]
        return pa.array(found, mask=sizes == 0)


def group_rows(table: pa.Table, names: Sequence[str]) -> Groups:
    """Put rows with equal values in some columns into groups."""
    combined = combine([codes_of(table[name]) for name in names], table.num_rows)
    codes = in_order_of_appearance(combined).astype(np.int64)
    keys = table.select(list(names)).take(pa.array(first_rows(codes)))
    return Groups(keys=keys, codes=codes)


def as_table(schema: pa.Schema, columns: dict[str, Any]) -> pa.Table:
    """Make a table of a declared schema, its rows in the order of its columns."""
    arrays = []
    for field in schema:
        values = columns[field.name]
        if not isinstance(values, pa.Array | pa.ChunkedArray):
            values = pa.array(values)
        arrays.append(values.cast(field.type))
    table = pa.Table.from_arrays(arrays, schema=schema)
    orderable = [(field.name, "ascending") for field in schema]
    return table.sort_by(orderable) if table.num_rows else table
