"""Connections to the database file, and what SQLite's errors mean.

Arrow data go in through ADBC, which brings an SQLite of its own. Two SQLites in one
process do not see each other's locks, so a connection of either kind is closed before
one of the other is opened.
"""

import contextlib
import importlib
import os
import re
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from usage_metrics.errors import StorageError
from usage_metrics.hiding import hiding
from usage_metrics.partitions import listings

CACHE_KILOBYTES = 64 << 10
"""Enough that the pages of a day are written once."""

RETRY_SECONDS = 0.02
"""Between two attempts at what SQLite does not wait for."""

_DRIVER = re.compile(r"^[A-Z_]+: (?:\[SQLite\] )?[Ff]ailed to [^:]*: ")


def _errors() -> tuple[type[Exception], ...]:
    """The errors of SQLite and, if it is in use, of the driver for Arrow."""
    driver = sys.modules.get("adbc_driver_manager")
    return (sqlite3.Error, driver.Error) if driver else (sqlite3.Error,)


def arrow_driver() -> Any:
    """SQLite for Arrow's tables, without Polars: it would import that if it is there.

    Polars takes a fifth of a second and 30 MB.
    """
    with hiding("polars"):
        return importlib.import_module("adbc_driver_sqlite.dbapi")


class DatabaseFile:
    """A database file, opened by Python's SQLite or by ADBC's."""

    def __init__(self, path: str, busy_seconds: float) -> None:
        """Name the file.

        Args:
            path: of the file.
            busy_seconds: how long to wait while another program holds it.
        """
        self.path = path
        self._busy_seconds = busy_seconds
        self._kept: Any = None

    def exists(self) -> bool:
        """Whether the file exists."""
        return Path(self.path).exists()

    @contextlib.contextmanager
    def connect(self) -> Iterator[sqlite3.Connection]:
        """Open the database with Python's SQLite.

        Raises:
            StorageError: in place of SQLite's errors.
        """
        with (
            self.clear_errors(),
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
        """The URI of the file; a read-only file is opened as immutable.

        SQLite would otherwise leave read-only files beside it.
        """
        path = Path(self.path).absolute()
        log_of_writes = path.with_name(f"{path.name}-wal")
        is_closed = path.exists() and not os.access(path, os.W_OK)
        options = "?immutable=1" if is_closed and not log_of_writes.exists() else ""
        return f"{path.as_uri()}{options}"

    @contextlib.contextmanager
    def kept_open(self) -> Iterator[None]:
        """Use one connection for many transactions: opening one takes time.

        Do not use the database in any other way meanwhile.
        """
        with self._connect_for_arrow() as connection:
            self._kept = connection
            try:
                yield
            finally:
                self._kept = None

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Any]:
        """An ADBC cursor; its changes are kept if the block ends without an error."""
        from adbc_driver_manager import Error as AdbcError

        with contextlib.ExitStack() as stack:
            connection = self._kept
            if connection is None:
                connection = stack.enter_context(self._connect_for_arrow())
            # The driver's own commit: DB-API's does nothing on a connection that was
            # opened with autocommit.
            transaction = connection.adbc_connection
            stack.enter_context(self.clear_errors())
            cursor = stack.enter_context(connection.cursor())
            try:
                yield cursor
                transaction.commit()
                listings.forget()
            except BaseException:
                # After a full disk, say, SQLite has rolled back itself. An error of
                # this one must not hide the first.
                with contextlib.suppress(AdbcError):
                    transaction.rollback()
                raise

    @contextlib.contextmanager
    def _connect_for_arrow(self) -> Iterator[Any]:
        dbapi = arrow_driver()
        with (
            self.clear_errors(),
            dbapi.connect(self.path, autocommit=True) as connection,
        ):
            with connection.cursor() as cursor:
                cursor.execute(f"PRAGMA busy_timeout = {self._busy_seconds * 1000:.0f}")
                cursor.execute("PRAGMA synchronous = NORMAL")  # safe with WAL
                # No address of a replaced day may stay in free pages.
                cursor.execute("PRAGMA secure_delete = ON")
                cursor.execute(f"PRAGMA cache_size = -{CACHE_KILOBYTES}")
            connection.adbc_connection.set_autocommit(False)
            yield connection

    @contextlib.contextmanager
    def clear_errors(self) -> Iterator[None]:
        """Raise the errors of SQLite and of the driver as ours, with a remedy."""
        try:
            yield
        except _errors() as error:
            cause = cause_of(error)
            raise StorageError(f"{self.path}: {cause}; {remedy_for(cause)}") from error

    def write_ahead(self, connection: sqlite3.Connection) -> None:
        """Switch to write-ahead logging, so that readers and a writer do not block.

        SQLite does not wait for other programs when this is changed.
        """
        until = time.monotonic() + self._busy_seconds
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                is_busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not is_busy or time.monotonic() > until:
                    raise
                time.sleep(RETRY_SECONDS)
            else:
                return


def cause_of(error: Exception) -> str:
    """What SQLite says, without the words of the driver around it."""
    return _DRIVER.sub("", str(error).partition("\nquery")[0])


def remedy_for(cause: str) -> str:
    """What a person can do about it."""
    if "locked" in cause:
        return (
            "another program held it for longer than [database] busy_seconds; close "
            "it and rerun"
        )
    if "not a database" in cause or "malformed" in cause:
        return (
            "it is damaged; delete it and rerun: it is rebuilt from the Parquet files"
        )
    if "unable to open" in cause:
        return (
            "[database] path must name a file in a folder with write permission; "
            "correct it and rerun"
        )
    if "readonly" in cause:
        return "give write permission to it and to its folder, and rerun"
    if "full" in cause or "disk I/O" in cause:
        return "that day is unchanged; make room on the disk and rerun"
    return "that day is unchanged; fix it and rerun"
