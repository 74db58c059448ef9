"""How a table of the database is declared and defined.

Besides the declared tables there are ``usage_metrics_tables`` and
``usage_metrics_columns``, which describe every table and column, and
``usage_metrics_partitions``, which says what was loaded, from which file, and when.
"""

import contextlib
import datetime as dt
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from usage_metrics.errors import StorageError
from usage_metrics.partitions.row_groups import DAY

if TYPE_CHECKING:
    import pyarrow as pa

VERSION = 2
"""The version of the layout, stored in the database as ``user_version``."""

LONGEST_LITERAL = 1_000
"""Characters. A statement may have a million bytes, and has many columns."""

PARTITIONS = """
CREATE TABLE IF NOT EXISTS usage_metrics_partitions (
    "table" TEXT NOT NULL,     -- the table that it was loaded into
    source TEXT NOT NULL,      -- the kind of log
    date TEXT NOT NULL,        -- the UTC day, YYYY-MM-DD
    path TEXT NOT NULL,        -- the Parquet file that was loaded
    fingerprint TEXT NOT NULL, -- time and size of that file
    content_id TEXT NOT NULL,  -- hash of its rows, from its footer
    requests INTEGER NOT NULL, -- rows in the file
    loaded INTEGER NOT NULL,   -- rows of it in the table
    loaded_at TEXT NOT NULL,   -- UTC
    PRIMARY KEY ("table", source, date)
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

TABLES = """
CREATE TABLE IF NOT EXISTS usage_metrics_tables (
    "table" TEXT NOT NULL PRIMARY KEY, -- a table or a view
    description TEXT NOT NULL,         -- what a row of it is
    sort TEXT NOT NULL,                -- the column whose greatest value comes first
    facets TEXT NOT NULL               -- the columns to look at it by, with commas
)"""


@dataclass(frozen=True)
class Table:
    """A table that is filled from the partitions of one stage."""

    name: str
    columns: Callable[[], "pa.Schema"]
    """Gives its schema. That needs Arrow, which who asks for names does without."""
    time: str
    """The column that tells the partition of a row."""
    primary_key: tuple[str, ...] = ()
    """Empty for a table of sums, which are replaced with their partition."""
    indexes: tuple[tuple[str, ...], ...] = ()
    load_filter: str | None = None
    """The boolean column of the rows to load; None for all."""
    monthly: bool = False
    """Whether a partition is a month, with the time written as YYYY-MM."""
    description: str = ""
    """What a row is, for people."""
    facets: tuple[str, ...] = ()
    """The columns that people filter by."""
    unique: tuple[str, ...] = ()
    """The columns that tell rows apart, where some of them may be null."""

    @functools.cached_property
    def schema(self) -> "pa.Schema":
        """The columns, which explain themselves."""
        return self.columns()

    @property
    def order(self) -> str:
        """The column whose greatest value people want first."""
        return self.time

    @property
    def described(self) -> Iterator[tuple[str, ...]]:
        """Its rows of ``usage_metrics_columns``."""
        return described(self.name, self.schema)

    @property
    def stored(self) -> "pa.Schema":
        """The columns in the file of a partition."""
        day = self.schema.get_field_index(DAY)
        return self.schema.remove(day) if day >= 0 else self.schema


def definitions(table: Table) -> Iterator[str]:
    """The statements that make the tables, and the index that finds a day."""
    yield PARTITIONS
    yield COLUMNS
    yield TABLES
    parts = [column_definitions(table.schema)]
    if table.primary_key:
        # Clean keeps each entry once. If two logs give the same id to two entries of
        # the same moment, the first is loaded, and a warning is logged.
        key = _all_quoted(table.primary_key)
        parts.append(f"PRIMARY KEY ({key}) ON CONFLICT IGNORE")
    yield f"CREATE TABLE IF NOT EXISTS {quoted(table.name)} ({', '.join(parts)})"
    if table.primary_key[:1] != (table.time,):
        yield _index(table, (table.time,))
    if table.unique:
        key = ", ".join(f"coalesce({quoted(name)}, '')" for name in table.unique)
        on = f"{quoted(f'{table.name}_key')} ON {quoted(table.name)} ({key})"
        yield f"CREATE UNIQUE INDEX IF NOT EXISTS {on}"


def column_definitions(schema: "pa.Schema") -> str:
    """The columns of a table, with their types."""
    return ", ".join(f"{quoted(f.name)} {_sqlite_type(f.type)}" for f in schema)


def indexes(table: Table) -> Iterator[str]:
    """The statements that make the indexes for people's questions."""
    for names in table.indexes:
        yield _index(table, names)


def index_names(table: Table) -> list[str]:
    """The names of the indexes."""
    return [_index_name(table, names) for names in table.indexes]


def _index(table: Table, names: tuple[str, ...]) -> str:
    name = quoted(_index_name(table, names))
    on = f"{quoted(table.name)} ({_all_quoted(names)})"
    return f"CREATE INDEX IF NOT EXISTS {name} ON {on}"


def _index_name(table: Table, names: tuple[str, ...]) -> str:
    return "_".join((table.name, *names))


def described(name: str, schema: "pa.Schema") -> Iterator[tuple[str, ...]]:
    """Rows of ``usage_metrics_columns`` for a table or view."""
    from usage_metrics import arrow

    for field in schema:
        yield (
            name,
            field.name,
            _sqlite_type(field.type),
            arrow.unit(field),
            arrow.description(field),
        )


def _sqlite_type(type_: "pa.DataType") -> str:
    import pyarrow as pa

    if pa.types.is_integer(type_) or pa.types.is_boolean(type_):
        return "INTEGER"
    return "REAL" if pa.types.is_floating(type_) else "TEXT"


def of_partition(
    table: Table, source: str, day: dt.date
) -> tuple[str, tuple[str, ...]]:
    """The condition for the rows of a partition; times are text."""
    time = quoted(table.time)
    if table.monthly:
        where = f"WHERE {time} = ?"
        values: tuple[str, ...] = (f"{day:%Y-%m}",)
    else:
        after = day + dt.timedelta(days=1)
        where = f"WHERE {time} >= ? AND {time} < ?"
        values = (day.isoformat(), after.isoformat())
    if "source" in table.schema.names:
        return f"{where} AND source = ?", (*values, source)
    return where, values


def _all_quoted(names: tuple[str, ...]) -> str:
    return ", ".join(map(quoted, names))


def quoted(name: str) -> str:
    """A quoted identifier: SQL cannot bind the name of a table or column."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str | None:
    """A text as an SQL literal.

    None if it must be bound: a statement has a maximum length, and ends at a NUL.
    """
    if len(text) > LONGEST_LITERAL or "\0" in text:
        return None
    return "'" + text.replace("'", "''") + "'"


@functools.lru_cache(maxsize=1 << 14)
def stored_day(text: object) -> dt.date:
    """A day as a table has it; some twenty tables have the same days.

    Raises:
        StorageError: if it is none.
    """
    with contextlib.suppress(ValueError):
        if isinstance(text, str):
            return dt.date.fromisoformat(text)
    raise StorageError(
        f"the file that [database] path names has {text!r} in place of a date; delete "
        "it and rerun: it is rebuilt from the Parquet files"
    )
