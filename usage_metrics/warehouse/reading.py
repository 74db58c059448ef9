"""Reads rows of tables from the database, for the report."""

import contextlib
import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from usage_metrics.errors import StorageError
from usage_metrics.warehouse.connection import arrow_driver, cause_of, remedy_for
from usage_metrics.warehouse.table import quoted, stored_day

if TYPE_CHECKING:
    import pyarrow as pa

BUSY_SECONDS = 30.0

_REMEDY = (
    "run luigi --module usage_metrics LoadUsage, and if it does not help, delete the "
    "file first: it is rebuilt from the Parquet files"
)


class TableReader:
    """The tables of an open database."""

    def __init__(self, connection: Any) -> None:
        """Use an ADBC connection, as :func:`open_tables` does."""
        self._connection = connection

    def rows(
        self,
        table: str,
        columns: Sequence[str],
        source: str,
        start: dt.date,
        stop: dt.date,
    ) -> "pa.Table":
        """Some columns of a table for the days of a source.

        Of the columns, the first is the one with the day.
        """
        time, names = quoted(columns[0]), ", ".join(map(quoted, columns))
        where = f"{quoted(table)} WHERE source = ? AND {time} >= ? AND {time} < ?"
        values = (source, start.isoformat(), stop.isoformat())
        with self._connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {where}", values)  # noqa: S608 -- values are bound
            number = cursor.fetchone()[0]
            # The driver infers the types of columns from the first batch, so that is
            # everything; it takes address space for as many rows as it may have.
            batches = {"adbc.sqlite.query.batch_rows": max(1, number)}
            cursor.adbc_statement.set_options(**batches)
            cursor.execute(f"SELECT {names} FROM {where}", values)  # noqa: S608 -- values are bound
            return cursor.fetch_arrow_table()

    def contents(self, table: str, source: str) -> dict[dt.date, str]:
        """The days of a source that a table holds, oldest first, with content ids."""
        sql = (
            "SELECT date, content_id FROM usage_metrics_partitions "
            'WHERE "table" = ? AND source = ? ORDER BY date'
        )
        with self._connection.cursor() as cursor:
            cursor.execute(sql, (table, source))
            found = cursor.fetch_arrow_table()
        days = map(stored_day, found["date"].to_pylist())
        return dict(zip(days, found["content_id"].to_pylist(), strict=True))


@contextlib.contextmanager
def open_tables(
    path: str | Path, busy_seconds: float = BUSY_SECONDS
) -> Iterator[TableReader]:
    """Open the database for reading, as it is at the first question, whoever writes.

    Args:
        path: of the file.
        busy_seconds: how long to wait for a program that opens or closes it.

    Raises:
        StorageError: if it is missing or damaged, or a question cannot be answered.
    """
    from adbc_driver_manager import Error

    if not Path(path).exists():
        raise StorageError(f"there is no database {path}; {_REMEDY}")
    try:
        with arrow_driver().connect(
            f"{Path(path).absolute().as_uri()}?mode=ro"
        ) as connection:
            with connection.cursor() as cursor:
                cursor.execute(f"PRAGMA busy_timeout = {busy_seconds * 1000:.0f}")
            yield TableReader(connection)
    except Error as error:
        cause = cause_of(error)
        remedy = remedy_for(cause) if "locked" in cause else _REMEDY
        raise StorageError(f"{path}: {cause}; {remedy}") from error
