"""Takes addresses out of the database, and out of what SQLite keeps of deleted rows."""

import contextlib
import datetime as dt
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa

from usage_metrics.addresses.redaction import without
from usage_metrics.arrow import STRING
from usage_metrics.errors import StorageError
from usage_metrics.privacy.removal import NEAR, Erased
from usage_metrics.sources import SOURCES, get_source
from usage_metrics.warehouse.secure_vacuum import empty_log
from usage_metrics.warehouse.sqlite import Warehouse
from usage_metrics.warehouse.table import quoted

Values = list[tuple[str | None, str]]
"""What is to stand in the place of what."""


def erase_from_database(
    path: Path, busy_seconds: float, erased: Erased, renamed: Mapping[str, str]
) -> int:
    """Take addresses out of every text of every table.

    Args:
        path: of the database.
        busy_seconds: how long to wait while another program uses it.
        erased: the addresses.
        renamed: the present ids of the contents of files that were written anew.

    Returns:
        How many values had one.

    Raises:
        StorageError: if it is damaged or stays in use.
    """
    if not path.exists():
        return 0
    with _opened(path, busy_seconds) as connection:
        connection.execute("BEGIN IMMEDIATE")
        found = sum(
            _erase_from(connection, table, columns, erased)
            for table, columns in _tables(connection)
        )
        _follow(connection, renamed)
        if found:
            connection.execute("ANALYZE")  # whose samples may be what was there
        connection.execute("COMMIT")
        # Also what was deleted before, and not overwritten then.
        connection.execute("VACUUM")
        empty_log(connection)
    return found


def drop_days(
    path: Path, busy_seconds: float, source: str, first: dt.date, *, dry_run: bool
) -> list[dt.date]:
    """Take out the requests of the days before one, so that nothing is left of them.

    Args:
        path: of the database.
        busy_seconds: how long to wait while another program uses it.
        source: the kind of log.
        first: the first day to keep.
        dry_run: leave all as it is, and only say which days they are.

    Returns:
        The days.

    Raises:
        StorageError: if it is damaged or stays in use.
    """
    table, time = get_source(source).table, get_source(source).partition_column
    loaded = Warehouse(str(path), busy_seconds).loaded(table, source)
    days = sorted(day for day in loaded if day < first)
    if dry_run or not days:
        return days
    with _opened(path, busy_seconds) as connection:
        for day in days:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(
                f"DELETE FROM {quoted(table)} "  # noqa: S608
                f"WHERE {quoted(time)} >= ? AND {quoted(time)} < ?",
                (day.isoformat(), (day + dt.timedelta(days=1)).isoformat()),
            )
            connection.execute(
                "DELETE FROM usage_metrics_partitions "
                'WHERE "table" = ? AND source = ? AND date = ?',
                (table, source, day.isoformat()),
            )
            connection.execute("COMMIT")
        empty_log(connection)
    return days


@contextlib.contextmanager
def _opened(path: Path, busy_seconds: float) -> Iterator[sqlite3.Connection]:
    """Open a database such that what is deleted is overwritten.

    Raises:
        StorageError: in place of SQLite's errors.
    """
    try:
        connection = sqlite3.connect(path, timeout=busy_seconds, isolation_level=None)
        with contextlib.closing(connection):
            connection.execute("PRAGMA secure_delete = ON")
            yield connection
    except sqlite3.Error as error:
        raise StorageError(
            f"{path}: {error}; close what uses it, such as Datasette, and run it "
            "again: what is gone by now stays so"
        ) from error


def _tables(connection: sqlite3.Connection) -> Iterator[tuple[str, list[str]]]:
    """Every table of the database, with its columns of text."""
    names = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' "
        "AND name NOT LIKE 'sqlite!_%' ESCAPE '!' AND sql NOT LIKE 'CREATE VIRTUAL%'"
    )
    for (name,) in names.fetchall():
        columns = connection.execute(f"PRAGMA table_info({quoted(name)})")
        yield name, [row[1] for row in columns if row[2] in ("TEXT", "")]


def _erase_from(
    connection: sqlite3.Connection, table: str, columns: list[str], erased: Erased
) -> int:
    found = {
        column: values
        for column in columns
        if (values := _found(connection, table, column, erased))
    }
    address = _address_column(table)
    if address in found:
        theirs = [old for new, old in found[address] if new is None]
        _erase_near(connection, table, address, theirs)
    for column, values in found.items():
        name = quoted(column)
        connection.executemany(
            f"UPDATE {quoted(table)} SET {name} = ? WHERE {name} = ?",  # noqa: S608
            values,
        )
    return sum(map(len, found.values()))


def _found(
    connection: sqlite3.Connection, table: str, column: str, erased: Erased
) -> Values:
    """The different values of a column that hold an address, and what is left."""
    name = quoted(column)
    rows = connection.execute(
        f"SELECT DISTINCT {name} FROM {quoted(table)} "  # noqa: S608
        f"WHERE typeof({name}) = 'text'"
    )
    values: Values = []
    while batch := [row[0] for row in rows.fetchmany(1 << 16)]:
        left = without(pa.array(batch, STRING), erased.wants)
        if left is not None:
            pairs = zip(left.to_pylist(), batch, strict=True)
            values += [(new, old) for new, old in pairs if new != old]
    return values


def _erase_near(
    connection: sqlite3.Connection, table: str, address: str, theirs: list[str]
) -> None:
    """Empty what leads near an address, where it is known of it."""
    there = {
        row[1] for row in connection.execute(f"PRAGMA table_info({quoted(table)})")
    }
    near = [name for name in (f"{address}_{n}" for n in NEAR) if name in there]
    if near:
        emptied = ", ".join(f"{quoted(name)} = NULL" for name in near)
        connection.executemany(
            f"UPDATE {quoted(table)} SET {emptied} "  # noqa: S608
            f"WHERE {quoted(address)} = ?",
            [(text,) for text in theirs],
        )


def _address_column(table: str) -> str | None:
    """The column of a table that the visitors' addresses stand in."""
    for source in map(get_source, SOURCES):
        if source.table == table:
            return source.address
    return None


def _follow(connection: sqlite3.Connection, renamed: Mapping[str, str]) -> None:
    """Say of files that were written anew that the table holds what they hold."""
    loaded = "SELECT 1 FROM sqlite_master WHERE name = 'usage_metrics_partitions'"
    if connection.execute(loaded).fetchone():
        connection.executemany(
            "UPDATE usage_metrics_partitions SET content_id = ? WHERE content_id = ?",
            [(new, old) for old, new in renamed.items()],
        )
