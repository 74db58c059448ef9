"""The SQLite database: each day of a table is replaced in one transaction.

The table ``usage_metrics_partitions`` tells which days to load again: those whose file
no longer has the content that was loaded. The database can be deleted at any time; it
is rebuilt from the Parquet files.
"""

import contextlib
import datetime as dt
import logging
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from usage_metrics.errors import StorageError
from usage_metrics.monitoring import permissions
from usage_metrics.partitions import storage
from usage_metrics.partitions.footer import facts_of
from usage_metrics.partitions.listings import once
from usage_metrics.partitions.partition import Partition
from usage_metrics.warehouse import metadata
from usage_metrics.warehouse.connection import CACHE_KILOBYTES, DatabaseFile
from usage_metrics.warehouse.inspection import miscounts, table_sizes
from usage_metrics.warehouse.rows import insertion, rows_to_load
from usage_metrics.warehouse.schema_objects import describe, finish, is_finished
from usage_metrics.warehouse.table import (
    VERSION,
    Table,
    definitions,
    indexes,
    of_partition,
    quoted,
    stored_day,
)

if TYPE_CHECKING:
    import pyarrow.parquet as pq

    from usage_metrics.warehouse.short_table import ShortTable
    from usage_metrics.warehouse.views import Question, View

log = logging.getLogger("luigi-interface")

PAGE_BYTES = 32 << 10
"""A request takes about one kilobyte; pages of 4 kB would waste a tenth."""


class Loaded(NamedTuple):
    """What the database says about a loaded day."""

    fingerprint: str
    content_id: str


class Changes(NamedTuple):
    """The days in which the database differs from the files."""

    load: list[dt.date]
    drop: list[dt.date]


def changes(
    loaded: Mapping[dt.date, Loaded],
    files: Mapping[dt.date, str],
    content_id: Callable[[dt.date], str | None],
    among: Collection[dt.date],
) -> Changes:
    """Compare a table with its files.

    Args:
        loaded: the days that it holds.
        files: the days with files, and their fingerprints.
        content_id: reads the content id of a day's file, where fingerprints differ.
        among: the days in question.
    """
    load = [
        day
        for day, fingerprint in files.items()
        if day not in loaded
        or (
            fingerprint != loaded[day].fingerprint
            and content_id(day) != loaded[day].content_id
        )
    ]
    drop = [day for day in loaded if day in among and day not in files]
    return Changes(sorted(load), sorted(drop))


class Warehouse(DatabaseFile):
    """The database of usage.

    Every method raises StorageError if the file is damaged, stays locked, cannot be
    written to, or was made by another version.
    """

    def __init__(
        self,
        path: str,
        busy_seconds: float,
        views: "Sequence[View]" = (),
        questions: "Sequence[Question]" = (),
        short_tables: "Sequence[ShortTable]" = (),
    ) -> None:
        """Name the file, which is made when the first day is loaded.

        Args:
            path: as in :class:`DatabaseFile`.
            busy_seconds: likewise.
            views: the views to make once their tables exist.
            questions: the questions for Datasette's metadata file.
            short_tables: the short tables to make beside those that are loaded.
        """
        super().__init__(path, busy_seconds)
        self._views = views
        self._questions = questions
        self._short_tables = short_tables

    def loaded(self, table: str, source: str) -> dict[dt.date, Loaded]:
        """Which days of a source a table holds."""
        return self.loaded_of(table=table, source=source).get((table, source), {})

    def loaded_of(self, **about: str) -> dict[tuple[str, str], dict[dt.date, Loaded]]:
        """Which days tables hold of sources; one question for many of either.

        Args:
            about: the ``table`` or the ``source`` in question, or both.

        Returns:
            The days by table and source, oldest first.
        """
        asked = tuple(about.items())
        return once(("loaded", self.path, asked), lambda: self._loaded(asked))

    def _loaded(
        self, about: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], dict[dt.date, Loaded]]:
        if not self.exists():
            return {}
        conditions = " AND ".join(f"{quoted(name)} = ?" for name, _ in about)
        values = [value for _, value in about]
        with self.connect() as connection:
            if not self._is_current(connection):
                return {}
            connection.execute("BEGIN")  # one state, whoever writes meanwhile
            parts = connection.execute(
                'SELECT DISTINCT "table", source FROM usage_metrics_partitions '  # noqa: S608
                f"WHERE {conditions}",
                values,
            )
            return {
                part: {
                    stored_day(day): Loaded(fingerprint, content_id)
                    for day, fingerprint, content_id in connection.execute(
                        "SELECT date, fingerprint, content_id "
                        "FROM usage_metrics_partitions "
                        'WHERE "table" = ? AND source = ? ORDER BY date',
                        part,
                    )
                }
                for part in parts.fetchall()
            }

    def damages(self) -> list[str]:
        """Read the whole database and list what is wrong with it."""
        if not self.exists():
            return []
        with self.connect() as connection:
            rows = connection.execute("PRAGMA quick_check")
            found = [f"{self.path}: {row[0]}" for row in rows if row[0] != "ok"]
            return found or [f"{self.path}: {text}" for text in miscounts(connection)]

    def rows(self, query: str, values: Sequence[str] = ()) -> Iterator[tuple[Any, ...]]:
        """The rows that a query gives."""
        with self.connect() as connection:
            yield from connection.execute(query, values)

    def create(self, table: Table) -> None:
        """Make the file and its tables, unless they exist."""
        try:
            file = Path(self.path).absolute()
            storage.make_folder(file.parent)
            if permissions.is_private("database"):
                storage.close_to_others(file)
        except OSError as error:
            raise StorageError(
                f"[database] path = {self.path} cannot be made: {error}"
            ) from error
        with self.connect() as connection:
            self._is_current(connection)
            connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")  # of a new file
            self.write_ahead(connection)
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                for statement in definitions(table):
                    connection.execute(statement)
                describe(connection, table)
                connection.execute(f"PRAGMA user_version = {VERSION}")
                self._check_columns(connection, table)

    def is_finished(self, *tables: Table) -> bool:
        """Whether ``finish`` has nothing to do; true if there is no database."""
        if not self.exists():
            return True
        views = self._views_of(tables)
        with self.connect() as connection:
            if not is_finished(connection, tables, views, self._short_tables):
                return False
        names = [*(t.name for t in tables), *(v.name for v in views)]
        names += [table.name for table in self._short_tables]
        with self._naming_metadata():
            return metadata.is_current(self.path, self._questions, names)

    def finish(self, *tables: Table) -> None:
        """Make what people and SQLite need after a load.

        Missing indexes are made: all at once after the first load, which is faster than
        row by row. Views that have changed are replaced. The planner's statistics are
        taken from samples. Datasette's metadata file is written beside the database.

        Args:
            tables: the tables whose indexes and views are needed.
        """
        with self.connect() as connection, connection:
            connection.execute(f"PRAGMA cache_size = -{CACHE_KILOBYTES}")  # to sort in
            connection.execute("BEGIN IMMEDIATE")
            finish(connection, tables, self._views_of(tables), self._short_tables)
        # Under a lock: another program may be adding tables, and write its file first.
        with self.connect() as connection, connection:
            connection.execute("BEGIN IMMEDIATE")
            with self._naming_metadata():
                metadata.write(self.path, self._questions)

    def _views_of(self, tables: Sequence[Table]) -> "list[View]":
        """The views of some tables: those of others are the business of other tasks."""
        names = {table.name for table in tables}
        return [view for view in self._views if view.reads in names]

    @contextlib.contextmanager
    def _naming_metadata(self) -> Iterator[None]:
        with self.clear_errors():
            try:
                yield
            except OSError as error:
                raise StorageError(
                    f"{metadata.path_of(self.path)} cannot be read or written: {error};"
                    " fix it and rerun"
                ) from error

    def sizes(self) -> list[tuple[str, int, int]]:
        """The tables, largest first, with their rows and bytes, including indexes."""
        if not self.exists():
            return []
        with self.connect() as connection:
            return table_sizes(connection)

    def _check_columns(self, connection: sqlite3.Connection, table: Table) -> None:
        rows = connection.execute(f"PRAGMA table_info({quoted(table.name)})")
        if [row[1] for row in rows] != table.schema.names:
            raise StorageError(
                f"{self.path}: the table {table.name} was made by another version of "
                "this program and has other columns; delete the file "
                "and rerun: it is rebuilt from the Parquet files"
            )

    def replace_day(self, table: Table, partition: Partition, fingerprint: str) -> int:
        """Replace the rows of a day with those of its file.

        Returns:
            The number of rows that the table holds of the day afterwards.
        """
        with partition.open(schema=table.stored) as file, self.transaction() as cursor:
            forget_day(cursor, table, partition.source, partition.date)
            given = _append(cursor, table, file)
            where, values = of_partition(table, partition.source, partition.date)
            count = f"SELECT count(*) FROM {quoted(table.name)} {where}"  # noqa: S608
            cursor.execute(count, values)
            loaded = int(cursor.fetchone()[0])
            if loaded != given:
                log.warning(
                    "%s: %d requests of %s have the time and id of another one and are "
                    "not in the database; they are in %s",
                    self.path,
                    given - loaded,
                    partition.date,
                    partition.path,
                )
            cursor.execute(
                "INSERT INTO usage_metrics_partitions VALUES (?,?,?,?,?,?,?,?,?)",
                (
                    table.name,
                    partition.source,
                    partition.date.isoformat(),
                    partition.path,
                    fingerprint,
                    facts_of(file.metadata)["content_id"],
                    file.metadata.num_rows,
                    loaded,
                    dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
                ),
            )
        return loaded

    def index(self, table: Table) -> None:
        """Make the missing indexes of a table.

        After a first load, this takes the driver's SQLite a fifth less than Debian's.
        """
        with self.transaction() as cursor:
            for statement in indexes(table):
                cursor.execute(statement)

    def drop_day(self, table: Table, source: str, day: dt.date) -> None:
        """Remove a day whose file is gone."""
        with self.transaction() as cursor:
            forget_day(cursor, table, source, day)

    def _is_current(self, connection: sqlite3.Connection) -> bool:
        """Whether the tables exist; False for a new file."""
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, VERSION):
            raise StorageError(
                f"{self.path} was made by another version of this program (layout "
                f"{version}, not {VERSION}); delete it and rerun: it is rebuilt from "
                "the Parquet files"
            )
        return bool(version)


def _append(cursor: Any, table: Table, file: "pq.ParquetFile") -> int:
    """Append the rows of a file, a row group at a time, and give their number."""
    given = 0
    for rows in rows_to_load(file, table):
        if rows.num_rows:
            cursor.executemany(*insertion(table.name, rows))
            given += rows.num_rows
    return given


def forget_day(cursor: Any, table: Table, source: str, day: dt.date) -> None:
    """Delete the rows of a day, and the note that it was loaded.

    Args:
        cursor: of either SQLite, in a transaction.
        table: where it was loaded; only its name, columns and time are needed.
        source: the kind of log.
        day: the partition.
    """
    where, values = of_partition(table, source, day)
    cursor.execute(f"DELETE FROM {quoted(table.name)} {where}", values)  # noqa: S608
    cursor.execute(
        "DELETE FROM usage_metrics_partitions "
        'WHERE "table" = ? AND source = ? AND date = ?',
        (table.name, source, day.isoformat()),
    )
