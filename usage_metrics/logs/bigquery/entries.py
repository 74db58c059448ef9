"""Turns the flat rows of a query into log entries, batch by batch.

The counterpart of :mod:`usage_metrics.logs.bigquery.query`: a record comes as its
fields and a column that says whether it is null; undeclared fields, and the one
repeated field, come as JSON.
"""

import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import STRING
from usage_metrics.logs.bigquery.query import OTHER_FIELDS, flat_name
from usage_metrics.logs.cloud_logging.entry import ENTRY, Path, other_fields


def entries(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Nest the columns of log entries; one that the table lacks is null."""
    arrays = [_column(field, (), rows) for field in ENTRY]
    return pa.RecordBatch.from_arrays(arrays, schema=ENTRY)


def _column(field: pa.Field, above: Path, rows: pa.RecordBatch) -> pa.Array:
    path = (*above, field.name)
    name = flat_name(path)
    if name not in rows.schema.names:
        return pa.nulls(rows.num_rows, field.type)
    column = rows.column(name)
    if pa.types.is_struct(field.type):
        children = [_column(child, path, rows) for child in field.type]
        return pa.StructArray.from_arrays(
            children, fields=list(field.type), mask=pc.invert(column)
        )
    if pa.types.is_list(field.type):
        # BigQuery has no null arrays: an empty one means an absent field.
        return _decode(column, lambda value: value or None, field.type)
    if path == (OTHER_FIELDS,):
        return _decode(column, other_fields, STRING)
    return column.cast(field.type)


def _decode(
    texts: pa.Array, convert: Callable[[Any], Any], type_: pa.DataType
) -> pa.Array:
    """Convert JSON, once per distinct text."""
    encoded = texts.dictionary_encode()
    values = [convert(json.loads(text)) for text in encoded.dictionary.to_pylist()]
    return pa.array(values, type_).take(encoded.indices)
