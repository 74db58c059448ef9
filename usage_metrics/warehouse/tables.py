"""What tables the database has, derived from what a source declares.

Beside the tables of requests stand ``usage_metrics_columns``, which says what every
column holds, and ``usage_metrics_partitions``, which says what was loaded, from which
file, when. Here are their definitions and what else depends on how SQLite sees names,
types and times.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from usage_metrics import columns

if TYPE_CHECKING:
    import pyarrow as pa

VERSION = 1
"""Of the tables' layout; stored in the database as ``user_version``."""

PARTITIONS = """
CREATE TABLE IF NOT EXISTS usage_metrics_partitions (
    source TEXT NOT NULL,      -- the kind of log
    date TEXT NOT NULL,        -- the UTC day, YYYY-MM-DD
    path TEXT NOT NULL,        -- the Parquet file that was loaded
    fingerprint TEXT NOT NULL, -- time and size of that file
    content_id TEXT NOT NULL,  -- hash of its rows, from its footer
    requests INTEGER NOT NULL, -- rows in the file
    loaded INTEGER NOT NULL,   -- rows of it in the table
    loaded_at TEXT NOT NULL,   -- UTC
    PRIMARY KEY (source, date)
)"""
COLUMNS = """
CREATE TABLE IF NOT EXISTS usage_metrics_columns (
    "table" TEXT NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    unit TEXT NOT NULL,
    description TEXT NOT NULL,
    PRIMARY KEY ("table", name)
)"""


@dataclass(frozen=True)
class Table:
    """A table of requests, as a source declares it."""

    name: str
    schema: "pa.Schema"
    primary_key: tuple[str, ...]
    indexes: tuple[tuple[str, ...], ...]
    time: str
    """The column by which a day's rows are found."""
    loaded: str | None
    """The boolean column of the rows to load; None for all."""


def definitions(table: Table) -> Iterator[str]:
    """The statements that make the tables and indexes."""
    yield PARTITIONS
    yield COLUMNS
    parts = [f"{quoted(f.name)} {_sqlite_type(f.type)}" for f in table.schema]
    # Clean leaves each entry once. Should two logs have given one id to two entries of
    # one moment, the first stays, and usage_metrics_partitions shows one row less.
    key = f"PRIMARY KEY ({_all_quoted(table.primary_key)}) ON CONFLICT IGNORE"
    yield (
        f"CREATE TABLE IF NOT EXISTS {quoted(table.name)} ({', '.join([*parts, key])})"
    )
    # A day's rows are found by their time.
    for index in dict.fromkeys([(table.time,), *table.indexes]):
        name = quoted("_".join((table.name, *index)))
        yield (
            f"CREATE INDEX IF NOT EXISTS {name} "
            f"ON {quoted(table.name)} ({_all_quoted(index)})"
        )


def described(table: Table) -> Iterator[tuple[str, ...]]:
    """Rows of ``usage_metrics_columns``."""
    for field in table.schema:
        yield (
            table.name,
            field.name,
            _sqlite_type(field.type),
            columns.unit(field),
            columns.description(field),
        )


def _sqlite_type(type_: "pa.DataType") -> str:
    import pyarrow as pa

    if pa.types.is_integer(type_) or pa.types.is_boolean(type_):
        return "INTEGER"
    return "REAL" if pa.types.is_floating(type_) else "TEXT"


def of_day(table: Table, day: dt.date) -> tuple[str, tuple[str, str]]:
    """The condition for the rows of a day; times are text, which sorts like time."""
    after = day + dt.timedelta(days=1)
    time = quoted(table.time)
    return f"WHERE {time} >= ? AND {time} < ?", (day.isoformat(), after.isoformat())


def _all_quoted(names: tuple[str, ...]) -> str:
    return ", ".join(map(quoted, names))


def quoted(name: str) -> str:
    """An identifier, quoted: SQL cannot bind the name of a table or column."""
    return '"' + name.replace('"', '""') + '"'
