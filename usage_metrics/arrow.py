"""Declares columns, and works on their distinct values.

A column is declared once, as an Arrow field that explains itself. The Parquet schema,
the SQLite table, the ``usage_metrics_columns`` table and the data dictionary derive
from it. Work on texts is done once per distinct value: a column is dictionary-encoded,
its few distinct values are looked at, and each row takes the answer by its code.
"""

import functools
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.hiding import hiding

# To see whether a list is a Series, Arrow would import pandas in every process, which
# takes a third of a second and 35 MB. It looks once, and still makes frames.
with hiding("pandas"):
    pa.array([])

STRING = pa.string()
INTEGER = pa.int64()
NUMBER = pa.float64()
BOOLEAN = pa.bool_()
TIMESTAMP = pa.timestamp("us", tz="UTC")
"""Every time in the project: microseconds, UTC."""


def column(
    name: str, type_: pa.DataType, description: str, unit: str | None = None
) -> pa.Field:
    """Declare a column.

    Args:
        name: the name as it appears in files and tables.
        type_: its Arrow type.
        description: what it holds, for the data dictionary.
        unit: the unit of its numbers, where they have one.
    """
    metadata = {"description": description}
    if unit is not None:
        metadata["unit"] = unit
    return pa.field(name, type_, metadata=metadata)


def description(field: pa.Field) -> str:
    """What a declared column holds."""
    return str((field.metadata or {}).get(b"description", b""), "utf-8")


def unit(field: pa.Field) -> str:
    """The unit of a declared column, or an empty string."""
    return str((field.metadata or {}).get(b"unit", b""), "utf-8")


def texts_in(schema: pa.Schema, *but: str) -> tuple[str, ...]:
    """The names of a schema's text columns, without some."""
    return tuple(
        field.name for field in schema if field.type == STRING and field.name not in but
    )


class Distinct:
    """Distinct texts, and a quick way to find the number of one."""

    def __init__(self, values: pa.Array) -> None:
        """Keep the texts, which are distinct."""
        self.values = values
        self._last = values, pa.array(range(len(values)), pa.int32())

    def __contains__(self, text: str) -> bool:
        """Whether a text is one of them."""
        return text in self._number

    def numbers(self, texts: pa.Array) -> pa.Array:
        """The number of each text; null for an unknown one.

        The last answer is cached: a row group is asked about several times.
        """
        if not texts.equals(self._last[0]):
            find = self._number.get
            found = [find(text) for text in texts.to_pylist()]
            self._last = texts, pa.array(found, pa.int32())
        return self._last[1]

    @functools.cached_property
    def _number(self) -> dict[str, int]:
        # Arrow's index_in would look at all of them again for each row group.
        return {text: number for number, text in enumerate(self.values.to_pylist())}


def count(mask: pa.Array | pa.ChunkedArray) -> int:
    """How many rows a boolean column is true for."""
    return int(pc.sum(mask, min_count=0).as_py())


def kept(rows: pa.Table, mask: pa.Array | pa.ChunkedArray) -> pa.Table:
    """The rows that a mask is true for; the same table where that is all of them."""
    return rows if count(mask) == rows.num_rows else rows.filter(mask)


def dictionary(array: pa.Array | pa.ChunkedArray) -> pa.DictionaryArray:
    """A column as one dictionary of distinct values and a code per row."""
    if isinstance(array, pa.ChunkedArray) and array.num_chunks == 1:
        array = array.chunk(0)
    if isinstance(array, pa.ChunkedArray):
        chunks = array.unify_dictionaries().chunks or [pa.array([], array.type)]
        array = chunks[0] if len(chunks) == 1 else pa.concat_arrays(chunks)
    if pa.types.is_dictionary(array.type):
        return array
    return array.dictionary_encode()


def only_chunk(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """The texts of a column that :func:`dictionary` has encoded already."""
    return column.chunk(0)


def take_encoded(values: pa.Array, codes: pa.Array) -> pa.Array:
    """Give each row the value at its code; texts as a dictionary again."""
    if values.type != STRING:
        return values.take(codes)
    encoded = values.dictionary_encode()
    return pa.DictionaryArray.from_arrays(
        encoded.indices.take(codes), encoded.dictionary
    )


def used(column: pa.DictionaryArray) -> pa.DictionaryArray:
    """A column without the texts that no row has, which would be written, too.

    They may belong to rejected entries, or to another part of the day.
    """
    # With numpy: Arrow would hash the codes to find the distinct ones.
    codes = column.indices.drop_null().to_numpy()
    is_used = np.bincount(codes, minlength=len(column.dictionary)) > 0
    if is_used.all():
        return column
    number = pa.array(np.cumsum(is_used, dtype=np.int32) - 1)
    return pa.DictionaryArray.from_arrays(
        number.take(column.indices), column.dictionary.filter(pa.array(is_used))
    )


def filled(column: pa.DictionaryArray, value: str) -> pa.DictionaryArray:
    """A value in place of the nulls of a dictionary-encoded column."""
    values = pa.concat_arrays([column.dictionary, pa.array([value])])
    codes = pc.fill_null(column.indices, len(column.dictionary))
    return take_encoded(values, codes)


def empty_as_null(array: pa.Array) -> pa.Array:
    """Null in place of empty text."""
    return pc.if_else(pc.equal(array, ""), pa.scalar(None, STRING), array)


def each_distinct(array: pa.Array, function: Callable[[str], str | None]) -> pa.Array:
    """Apply a Python function to the distinct values of a text column."""
    encoded = array.dictionary_encode()
    results = [function(value) for value in encoded.dictionary.to_pylist()]
    return pa.array(results, STRING).take(encoded.indices)
