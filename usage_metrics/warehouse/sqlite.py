"""The SQLite database: one table per source, a day of it replaced in one transaction.

The table ``usage_metrics_partitions`` decides what is to be loaded again: a day whose
file no longer has the content that was loaded. All of it can be deleted and is then
rebuilt from the Parquet files.

Arrow data go in through ADBC, which brings an SQLite of its own. Two SQLites in one
process do not see each other's locks, so a connection of either kind is closed before
one of the other is opened.
"""

import contextlib
import datetime as dt
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from usage_metrics.errors import StorageError
from usage_metrics.partitions.footer import facts_of
from usage_metrics.partitions.partition import Partition
from usage_metrics.warehouse import metadata
from usage_metrics.warehouse.inspection import miscounts, table_sizes
from usage_metrics.warehouse.rows import insertion, rows_to_load
from usage_metrics.warehouse.schema_objects import describe, finish, is_finished
from usage_metrics.warehouse.sqlite_errors import cause_of, remedy_for
from usage_metrics.warehouse.table import (
    VERSION,
    Table,
    definitions,
    of_partition,
    quoted,
)

if TYPE_CHECKING:
    import pyarrow.parquet as pq

    from usage_metrics.warehouse.views import Question, View

log = logging.getLogger("luigi-interface")

PAGE_BYTES = 32 << 10
"""A request takes about one kilobyte; pages of four would waste a tenth."""

CACHE_KILOBYTES = 64 << 10
"""Enough that the pages a day touches are written once."""

BREATH_SECONDS = 0.02
"""Between two attempts at what SQLite does not wait for by itself."""


class Loaded(NamedTuple):
    """What the database says of a day that it holds."""

    fingerprint: str
    content_id: str


class Changes(NamedTuple):
    """The days by which the database differs from the files."""

    load: list[dt.date]
    drop: list[dt.date]


class Warehouse:
    """A database file."""

    def __init__(
        self,
        path: str,
        busy_seconds: float,
        views: "Sequence[View]" = (),
        questions: "Sequence[Question]" = (),
    ) -> None:
        """Name the file; it is made when the first day is loaded.

        Args:
            path: of the file.
            busy_seconds: how long to wait while another program holds it.
            views: those it is to have, as far as their tables are there.
            questions: those to put into the metadata file for Datasette.
        """
        self.path = path
        self._busy_seconds = busy_seconds
        self._views = views
        self._questions = questions
        self._kept: Any = None

    def loaded(self, table: str, source: str) -> dict[dt.date, Loaded]:
        """Which days of a source a table holds.

        Raises:
            StorageError: if it is damaged, locked, or of another version.
        """
        if not Path(self.path).exists():
            return {}
        with self._connect() as connection:
            if not self._is_current(connection):
                return {}
            rows = connection.execute(
                "SELECT date, fingerprint, content_id FROM usage_metrics_partitions "
                'WHERE "table" = ? AND source = ?',
                [table, source],
            )
            return {dt.date.fromisoformat(row[0]): Loaded(*row[1:]) for row in rows}

    def damages(self) -> list[str]:
        """Read the whole database and say what is wrong with it.

        Raises:
            StorageError: if it cannot be opened at all.
        """
        if not Path(self.path).exists():
            return []
        with self._connect() as connection:
            rows = connection.execute("PRAGMA quick_check")
            found = [f"{self.path}: {row[0]}" for row in rows if row[0] != "ok"]
            return found or [f"{self.path}: {text}" for text in miscounts(connection)]

    def rows(self, query: str, values: Sequence[str] = ()) -> Iterator[tuple[Any, ...]]:
        """Ask the database something.

        Raises:
            StorageError: if it is damaged or locked.
        """
        with self._connect() as connection:
            yield from connection.execute(query, values)

    def changes(
        self,
        table: str,
        source: str,
        files: Mapping[dt.date, str],
        content_id: Callable[[dt.date], str | None],
        among: Collection[dt.date],
    ) -> Changes:
        """Compare a table with the files.

        Args:
            table: its name.
            source: the kind of log.
            files: the days that there are files of, with their fingerprints.
            content_id: reads a file's content id; asked where fingerprints differ.
            among: the days in question.
        """
        loaded = self.loaded(table, source)
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

    def create(self, table: Table) -> None:
        """Make the file and its tables, where they are not there yet.

        Raises:
            StorageError: if the table is there with other columns.
        """
        try:
            Path(self.path).absolute().parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(
                f"[database] path = {self.path} cannot be made: {error}"
            ) from error
        with self._connect() as connection:
            self._is_current(connection)
            connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")  # of a new file
            self._keep_log_of_writes(connection)
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                for statement in definitions(table):
                    connection.execute(statement)
                describe(connection, table)
                connection.execute(f"PRAGMA user_version = {VERSION}")
                self._check_columns(connection, table)

    def is_finished(self, *tables: Table) -> bool:
        """Whether all is there that ``finish`` sees to; of no database, it is.

        Raises:
            StorageError: if the database is damaged or locked.
        """
        if not Path(self.path).exists():
            return True
        with self._connect() as connection:
            if not is_finished(connection, tables, self._views):
                return False
        with self._naming_metadata():
            return metadata.is_current(self.path, self._questions)

    def finish(self, *tables: Table) -> None:
        """See to it, after a load, that people find their way and SQLite does, too.

        Indexes that are missing are made: all at once after the first load, which
        takes less time than row by row. Views are made anew if they are others than
        the present ones; the planner's statistics are taken of samples, not of all
        rows; the metadata file for Datasette is written beside the database.

        Args:
            tables: those whose indexes are to be there.

        Raises:
            StorageError: if the database or the file cannot be written to.
        """
        with self._connect() as connection, connection:
            connection.execute(f"PRAGMA cache_size = -{CACHE_KILOBYTES}")  # to sort in
            connection.execute("BEGIN IMMEDIATE")
            finish(connection, tables, self._views)
        with self._naming_metadata():
            metadata.write(self.path, self._questions)

    @contextlib.contextmanager
    def _naming_metadata(self) -> Iterator[None]:
        with self._clear_errors():
            try:
                yield
            except OSError as error:
                raise StorageError(
                    f"{metadata.path_of(self.path)} cannot be read or written: {error};"
                    " see to it and rerun"
                ) from error

    def sizes(self) -> list[tuple[str, int, int]]:
        """The tables, the largest first, each with its rows and bytes, indexes too.

        Raises:
            StorageError: if the database is damaged or stays locked.
        """
        if not Path(self.path).exists():
            return []
        with self._connect() as connection:
            return table_sizes(connection)

    def _keep_log_of_writes(self, connection: sqlite3.Connection) -> None:
        """Have readers and a writer not be in each other's way.

        For this one change SQLite does not wait for another program to end its own.
        """
        until = time.monotonic() + self._busy_seconds
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                is_busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not is_busy or time.monotonic() > until:
                    raise
                time.sleep(BREATH_SECONDS)
            else:
                return

    def _check_columns(self, connection: sqlite3.Connection, table: Table) -> None:
        rows = connection.execute(f"PRAGMA table_info({quoted(table.name)})")
        if [row[1] for row in rows] != table.schema.names:
            raise StorageError(
                f"{self.path}: the table {table.name} was made by another version of "
                "this program, its columns are not the present ones; delete the file "
                "and rerun: it is rebuilt from the Parquet files"
            )

    def replace_day(self, table: Table, partition: Partition, fingerprint: str) -> int:
        """Put the rows of a day's file in place of what the database has of that day.

        Returns:
            The number of rows that the table then holds of the day.

        Raises:
            StorageError: if the database is damaged or stays locked.
        """
        with partition.open(schema=table.stored) as file, self._transaction() as cursor:
            facts = facts_of(file.metadata)
            _forget(cursor, table, partition.source, partition.date)
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
            marker = (
                table.name,
                partition.source,
                partition.date.isoformat(),
                partition.path,
                fingerprint,
                facts["content_id"],
                file.metadata.num_rows,
                loaded,
                dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            )
            cursor.execute(
                "INSERT INTO usage_metrics_partitions VALUES (?,?,?,?,?,?,?,?,?)",
                marker,
            )
        return loaded

    def drop_day(self, table: Table, source: str, day: dt.date) -> None:
        """Take out a day whose file is no more.

        Raises:
            StorageError: if the database is damaged or stays locked.
        """
        with self._transaction() as cursor:
            _forget(cursor, table, source, day)

    def _is_current(self, connection: sqlite3.Connection) -> bool:
        """Whether the tables are there; False for a new file.

        Raises:
            StorageError: if another version of the program made them.
        """
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, VERSION):
            raise StorageError(
                f"{self.path} was made by another version of this program (layout "
                f"{version}, not {VERSION}); delete it and rerun: it is rebuilt from "
                "the Parquet files"
            )
        return bool(version)

    @contextlib.contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        with (
            self._clear_errors(),
            contextlib.closing(
                sqlite3.connect(
                    self._uri(),
                    timeout=self._busy_seconds,
                    isolation_level=None,
                    uri=True,
                )
            ) as connection,
        ):
            yield connection

    def _uri(self) -> str:
        """The file, left wholly alone where it may not be written to.

        SQLite would put files beside it that may not be written to either, and stay.
        """
        path = Path(self.path).absolute()
        log_of_writes = path.with_name(f"{path.name}-wal")
        is_closed = path.exists() and not os.access(path, os.W_OK)
        options = "?immutable=1" if is_closed and not log_of_writes.exists() else ""
        return f"{path.as_uri()}{options}"

    @contextlib.contextmanager
    def kept_open(self) -> Iterator[None]:
        """Replace days on one connection: opening one takes as long as a small day.

        Nothing else may be asked of the database in the meantime.
        """
        with self._connect_for_arrow() as connection:
            self._kept = connection
            try:
                yield
            finally:
                self._kept = None

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[Any]:
        """An ADBC cursor; what it does is kept if the block ends without an error."""
        from adbc_driver_manager import Error as AdbcError

        with contextlib.ExitStack() as stack:
            connection = self._kept
            if connection is None:
                connection = stack.enter_context(self._connect_for_arrow())
            # By the driver itself: DB-API's commit() does nothing on a connection that
            # was opened with autocommit.
            transaction = connection.adbc_connection
            stack.enter_context(self._clear_errors())
            cursor = stack.enter_context(connection.cursor())
            try:
                yield cursor
                transaction.commit()
            except BaseException:
                # SQLite has done it itself if the disk was full, say: no error of its
                # own may stand in place of that one.
                with contextlib.suppress(AdbcError):
                    transaction.rollback()
                raise

    @contextlib.contextmanager
    def _connect_for_arrow(self) -> Iterator[Any]:
        from adbc_driver_sqlite import dbapi

        with (
            self._clear_errors(),
            dbapi.connect(self.path, autocommit=True) as connection,
        ):
            with connection.cursor() as cursor:
                cursor.execute(f"PRAGMA busy_timeout = {self._busy_seconds * 1000:.0f}")
                cursor.execute("PRAGMA synchronous = NORMAL")  # safe with WAL
                # Of a day that is replaced, no address stays in pages that are free.
                cursor.execute("PRAGMA secure_delete = ON")
                cursor.execute(f"PRAGMA cache_size = -{CACHE_KILOBYTES}")
            connection.adbc_connection.set_autocommit(False)
            yield connection

    @contextlib.contextmanager
    def _clear_errors(self) -> Iterator[None]:
        from adbc_driver_manager import Error as AdbcError

        try:
            yield
        except (sqlite3.Error, AdbcError) as error:
            cause = cause_of(error)
            raise StorageError(f"{self.path}: {cause}; {remedy_for(cause)}") from error


def _append(cursor: Any, table: Table, file: "pq.ParquetFile") -> int:
    """Put the rows of a file into its table, a row group at a time.

    Returns:
        How many rows were given to it.

    Raises:
        StorageError: if the file is damaged.
    """
    given = 0
    for rows in rows_to_load(file, table):
        if rows.num_rows:
            cursor.executemany(*insertion(table.name, rows))
            given += rows.num_rows
    return given


def _forget(cursor: Any, table: Table, source: str, day: dt.date) -> None:
    where, values = of_partition(table, source, day)
    cursor.execute(f"DELETE FROM {quoted(table.name)} {where}", values)  # noqa: S608
    cursor.execute(
        "DELETE FROM usage_metrics_partitions "
        'WHERE "table" = ? AND source = ? AND date = ?',
        (table.name, source, day.isoformat()),
    )
