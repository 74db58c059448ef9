"""From the flat rows of a query to log entries, batch by batch.

The counterpart of :mod:`usage_metrics.logs.bigquery.query`: a record comes as its
fields and a column that says whether it is there; what the schema does not know, and
the one repeated field, come as JSON.
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
    """Put log entries together; a column that the table lacks is null."""
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
        return _each_distinct(column, _repeated, field.type)
    if path == (OTHER_FIELDS,):
        return _each_distinct(column, _others, STRING)
    return column.cast(field.type)


def _each_distinct(
    texts: pa.Array, convert: Callable[[str], Any], type_: pa.DataType
) -> pa.Array:
    encoded = texts.dictionary_encode()
    values = [convert(text) for text in encoded.dictionary.to_pylist()]
    return pa.array(values, type_).take(encoded.indices)


def _repeated(text: str) -> list[dict[str, Any]] | None:
    """BigQuery has no null arrays: an empty one is an absent field."""
    return json.loads(text) or None


def _others(text: str) -> str | None:
    return other_fields(json.loads(text))
