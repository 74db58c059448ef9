"""Which rows of a partition are loaded, and in the form that loads fastest."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from usage_metrics.partitions.footer import facts_of
from usage_metrics.partitions.row_groups import DAY, row_groups, with_day
from usage_metrics.warehouse.table import Table, literal, quoted

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq


def rows_to_load(file: "pq.ParquetFile", table: Table) -> Iterator["pa.Table"]:
    """The rows of a file that go into a table, a row group at a time."""
    for _, rows in row_groups(file):
        if table.load_filter is not None:
            rows = rows.filter(rows[table.load_filter])
        if DAY in table.schema.names:
            rows = with_day(rows, facts_of(file.metadata)["date"])
        yield _with_times_as_text(_without_empty_columns(rows))


def insertion(table: str, rows: "pa.Table") -> tuple[str, "pa.Table"]:
    """The statement that inserts rows, and the columns to bind.

    A value that all rows share is written into the statement: binding each value of
    each row takes longer than everything that SQLite does with it.
    """
    names = rows.column_names
    shared = {name: text for name in names[1:] if (text := _shared(rows[name]))}
    given = rows.drop_columns(list(shared))
    into = ", ".join(map(quoted, [*given.column_names, *shared]))
    values = ", ".join(["?"] * given.num_columns + [*shared.values()])
    return f"INSERT INTO {quoted(table)} ({into}) VALUES ({values})", given  # noqa: S608


def _shared(column: "pa.ChunkedArray") -> str | None:
    """The value that every row has, as a literal; None if the rows differ."""
    import pyarrow as pa
    import pyarrow.compute as pc

    type_ = column.type
    values = column
    if pa.types.is_dictionary(type_):
        unified = column.unify_dictionaries()
        values = pa.chunked_array([chunk.indices for chunk in unified.chunks])
    elif not (pa.types.is_integer(type_) or pa.types.is_boolean(type_)):
        return None
    least, most = pc.min_max(values, skip_nulls=False).values()
    if not least.is_valid or least != most:
        return None
    value = column[0].as_py()
    return literal(value) if isinstance(value, str) else str(int(value))


def _without_empty_columns(rows: "pa.Table") -> "pa.Table":
    """Leave out the columns that are null in every row.

    The driver takes as long for a null as for a number, and a third of the columns of
    a request log may hold nothing but nulls.
    """
    names = rows.column_names
    return rows.select([n for n in names if rows[n].null_count < rows.num_rows])


def _with_times_as_text(table: "pa.Table") -> "pa.Table":
    """Convert times to text as SQLite writes it, ``2022-03-15 14:25:58.184967``, UTC.

    The driver would do it a value at a time, for a third of the loading time.
    """
    import pyarrow as pa

    for index, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            utc = table[index].cast(pa.timestamp(field.type.unit))
            table = table.set_column(index, field.name, utc.cast(pa.string()))
    return table
