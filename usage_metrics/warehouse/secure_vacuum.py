"""Removes all traces of deleted rows from an SQLite file."""

import contextlib
import sqlite3
from pathlib import Path


def compact(path: Path, busy_seconds: float = 30.0) -> None:
    """Rewrite a database, so that no page and no log of it holds deleted rows.

    SQLite only marks the place of a deleted row as free. Its bytes stay until the place
    is reused, and they are in the write-ahead log as well.

    Raises:
        sqlite3.Error: if it is damaged, or still in use after ``busy_seconds``.
    """
    connection = sqlite3.connect(path, timeout=busy_seconds, isolation_level=None)
    with contextlib.closing(connection):
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("VACUUM")
        empty_log(connection)


def empty_log(connection: sqlite3.Connection) -> None:
    """Empty the write-ahead log of a database.

    Raises:
        sqlite3.Error: if another program still reads from it.
    """
    busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise sqlite3.OperationalError("database is locked by a reader")
