"""How a column is declared: once, as an Arrow field that explains itself.

The Parquet schema, the SQLite table, the ``usage_metrics_columns`` table and the
data dictionary in the README all derive from the same fields.
"""

import pyarrow as pa

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
