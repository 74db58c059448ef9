"""Makes an SQLite file hold nothing that was deleted from it."""

import contextlib
import sqlite3
from pathlib import Path


def compact(path: Path, busy_seconds: float = 30.0) -> None:
    """Write a database anew, so that no page and no log of it holds what was deleted.

    SQLite only notes that the place of a deleted row is free; what stood there stays
    until something else needs the place, and stands in the write-ahead log as well.

    Args:
        path: of the file.
        busy_seconds: how long to wait while another program uses it.

    Raises:
        sqlite3.Error: if it is damaged, or still in use after that time.
    """
    connection = sqlite3.connect(path, timeout=busy_seconds, isolation_level=None)
    with contextlib.closing(connection):
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("VACUUM")
        empty_log(connection)


def empty_log(connection: sqlite3.Connection) -> None:
    """Have the write-ahead log of a database hold nothing.

    Raises:
        sqlite3.Error: if somebody still reads from it.
    """
    busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise sqlite3.OperationalError("database is locked by a reader")
