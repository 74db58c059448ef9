"""Removes addresses and days from the database, and from what SQLite keeps of them.

A StorageError says that the database is damaged or stays in use.
"""

import contextlib
import datetime as dt
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa

from usage_metrics import config
from usage_metrics.arrow import STRING
from usage_metrics.errors import StorageError
from usage_metrics.privacy.removal import REVEALING, AddressRemover
from usage_metrics.sources import SOURCES, get_source, registered
from usage_metrics.units import number_of
from usage_metrics.warehouse.secure_vacuum import empty_log
from usage_metrics.warehouse.sqlite import Warehouse, forget_day
from usage_metrics.warehouse.table import Table, quoted

Replacements = list[tuple[str | None, str]]
"""New and old values of a column."""


def erase_from_database(remover: AddressRemover, renamed: Mapping[str, str]) -> int:
    """Remove addresses from every text of every table.

    Args:
        remover: removes the addresses.
        renamed: the current content ids of rewritten files, by their former ones.

    Returns:
        The number of distinct values that held an address.
    """
    if not Path(config.database().path).exists():
        return 0
    with _opened() as connection:
        connection.execute("BEGIN IMMEDIATE")
        found = sum(
            _erase_from_table(connection, table, remover)
            for table in _tables(connection)
        )
        _update_content_ids(connection, renamed)
        if found:
            connection.execute("ANALYZE")  # its samples may be removed values
        connection.execute("COMMIT")
        # For rows that were deleted earlier, too, and not overwritten then.
        connection.execute("VACUUM")
        empty_log(connection)
    return found


def rows_to_erase(remover: AddressRemover) -> Iterator[str]:
    """Say of each table how many rows, of how many days, hold an address."""
    if not Path(config.database().path).exists():
        return
    with _opened() as connection:
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("CREATE TEMP TABLE found (name, value)")
        for table in _tables(connection):
            if columns := _found(connection, table, remover):
                rows, days = _count(connection, table, columns)
                of = f" of {number_of(days, 'day')}" if days else ""
                yield f"{table}: {number_of(rows, 'row')}{of}"


def drop_days(source: str, first: dt.date, *, dry_run: bool) -> list[dt.date]:
    """Delete the requests of the days before a day, and leave no trace of them.

    Args:
        source: the kind of log.
        first: the first day to keep.
        dry_run: only list the days.

    Returns:
        The days, oldest first.
    """
    declared, settings = registered(source).table, config.database()
    if declared is None:
        return []
    table = Table(declared.name, lambda: get_source(source).cleaned, declared.time)
    loaded = Warehouse(settings.path, settings.busy_seconds).loaded(table.name, source)
    days = sorted(day for day in loaded if day < first)
    if dry_run or not days:
        return days
    with _opened() as connection:
        for day in days:
            connection.execute("BEGIN IMMEDIATE")
            forget_day(connection, table, source, day)
            connection.execute("COMMIT")
        empty_log(connection)
    return days


@contextlib.contextmanager
def _opened() -> Iterator[sqlite3.Connection]:
    """Open the database such that deleted content is overwritten."""
    settings = config.database()
    try:
        connection = sqlite3.connect(
            settings.path, timeout=settings.busy_seconds, isolation_level=None
        )
        with contextlib.closing(connection):
            connection.execute("PRAGMA secure_delete = ON")
            yield connection
    except sqlite3.Error as error:
        raise StorageError(
            f"{settings.path}: {error}; close what uses it, such as Datasette, and run "
            "this again: finished work is kept"
        ) from error


def _tables(connection: sqlite3.Connection) -> list[str]:
    """The names of all tables, except SQLite's own and virtual ones."""
    names = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' "
        "AND name NOT LIKE 'sqlite!_%' ESCAPE '!' AND sql NOT LIKE 'CREATE VIRTUAL%'"
    )
    return [name for (name,) in names]


def _erase_from_table(
    connection: sqlite3.Connection, table: str, remover: AddressRemover
) -> int:
    found = _found(connection, table, remover)
    update = f"UPDATE {quoted(table)} SET"
    address, names = _address_column(table), _columns(connection, table)
    revealing = [name for part in REVEALING if (name := f"{address}_{part}") in names]
    if address in found and revealing:
        # First, as long as the rows can be found by the address.
        emptied = ", ".join(f"{quoted(name)} = NULL" for name in revealing)
        bare = [(old,) for new, old in found[address] if new is None]
        connection.executemany(f"{update} {emptied} WHERE {quoted(address)} = ?", bare)
    for column, replacements in found.items():
        name = quoted(column)
        connection.executemany(f"{update} {name} = ? WHERE {name} = ?", replacements)
    return sum(map(len, found.values()))


def _columns(connection: sqlite3.Connection, table: str) -> dict[str, str]:
    """The columns of a table, each with its type."""
    info = connection.execute(f"PRAGMA table_info({quoted(table)})")
    return {row[1]: row[2] for row in info}


def _found(
    connection: sqlite3.Connection, table: str, remover: AddressRemover
) -> dict[str, Replacements]:
    """The columns of a table that hold an address."""
    return {
        column: replacements
        for column, type_ in _columns(connection, table).items()
        if type_ in ("TEXT", "")
        and (replacements := _replacements(connection, table, column, remover))
    }


def _count(
    connection: sqlite3.Connection, table: str, found: Mapping[str, Replacements]
) -> tuple[int, int]:
    """The rows with one of the found values, and their days, if they have a time."""
    connection.execute("DELETE FROM found")
    for name, replacements in found.items():
        old_values = [(name, old) for _, old in replacements]
        connection.executemany("INSERT INTO found VALUES (?, ?)", old_values)
    times = [source.table.time for source in SOURCES.values() if source.table]
    time = next(filter(_columns(connection, table).__contains__, times), None)
    days = f"count(DISTINCT date({quoted(time)}))" if time else "0"
    matches = " OR ".join(
        f"{quoted(name)} IN (SELECT value FROM found WHERE name = ?)"  # noqa: S608
        for name in found
    )
    select = f"SELECT count(*), {days} FROM {quoted(table)} WHERE {matches}"  # noqa: S608
    rows: tuple[int, int] = connection.execute(select, [*found]).fetchone()
    return rows


def _replacements(
    connection: sqlite3.Connection, table: str, column: str, remover: AddressRemover
) -> Replacements:
    """The distinct values of a column that hold an address, with what is left."""
    name = quoted(column)
    rows = connection.execute(
        f"SELECT DISTINCT {name} FROM {quoted(table)} "  # noqa: S608  names are quoted
        f"WHERE typeof({name}) = 'text'"
    )
    replacements: Replacements = []
    while batch := [row[0] for row in rows.fetchmany(1 << 16)]:
        left = remover.from_column(pa.array(batch, STRING))
        if left is not None:
            pairs = zip(left.to_pylist(), batch, strict=True)
            replacements += [(new, old) for new, old in pairs if new != old]
    return replacements


def _address_column(table: str) -> str | None:
    """The column of a table that holds the visitors' addresses."""
    for name, source in SOURCES.items():
        if source.table and source.table.name == table:
            return get_source(name).address
    return None


def _update_content_ids(
    connection: sqlite3.Connection, renamed: Mapping[str, str]
) -> None:
    """Note that the loaded rows are now those of the rewritten files."""
    loaded = "SELECT 1 FROM sqlite_master WHERE name = 'usage_metrics_partitions'"
    if connection.execute(loaded).fetchone():
        connection.executemany(
            "UPDATE usage_metrics_partitions SET content_id = ? WHERE content_id = ?",
            [(new, old) for old, new in renamed.items()],
        )
