"""Counts the rows of the whole database: miscounts, and the sizes of tables."""

import sqlite3
from collections.abc import Iterator

from usage_metrics.units import number_of
from usage_metrics.warehouse.table import quoted

DAY_LENGTH = len("YYYY-MM-DD")
"""The characters of a time that tell its day; a month is shorter."""


def miscounts(connection: sqlite3.Connection) -> Iterator[str]:
    """Name the days of which a table holds more or fewer rows than were loaded."""
    if "usage_metrics_tables" not in _tables(connection):
        return
    for table, time in connection.execute(
        'SELECT "table", sort FROM usage_metrics_tables '
        'WHERE "table" IN (SELECT "table" FROM usage_metrics_partitions)'
    ).fetchall():
        found = _rows_a_day(connection, table, time)
        for source, date, expected in connection.execute(
            "SELECT source, date, loaded FROM usage_metrics_partitions "
            'WHERE "table" = ?',
            [table],
        ).fetchall():
            month = date[: len("YYYY-MM")]
            keys = ((source, date), (source, month), (None, date))
            rows = next((found[key] for key in keys if key in found), 0)
            if rows != expected:
                yield (
                    f"the table {table} holds {number_of(rows, 'row')} of {source} "
                    f"{date}, and {expected:,} were loaded; delete the file and rerun: "
                    "it is rebuilt from the Parquet files"
                )


def _rows_a_day(
    connection: sqlite3.Connection, table: str, time: str
) -> dict[tuple[str | None, str], int]:
    info = connection.execute(f"PRAGMA table_info({quoted(table)})")
    source = "source" if "source" in {row[1] for row in info} else "NULL"
    rows = connection.execute(
        f"SELECT {source}, substr({quoted(time)}, 1, {DAY_LENGTH}), "  # noqa: S608
        f"count(*) FROM {quoted(table)} GROUP BY 1, 2"
    )
    return {(row[0], row[1]): row[2] for row in rows}


def table_sizes(connection: sqlite3.Connection) -> list[tuple[str, int, int]]:
    """The tables, the largest first, each with its rows and its bytes on disk.

    The bytes are those of the table and its indexes. Where this SQLite was built
    without ``dbstat``, they are estimated from the rows and the number of columns.
    """
    rows = {name: _count(connection, name) for name in _tables(connection)}
    try:
        found = dict(
            connection.execute(
                "SELECT tbl_name, sum(pgsize) FROM dbstat "
                "JOIN sqlite_master USING (name) GROUP BY 1"
            )
        )
    except sqlite3.OperationalError:
        found = _estimated(connection, rows)
    sizes = [(name, count, int(found.get(name, 0))) for name, count in rows.items()]
    return sorted(sizes, key=lambda size: -size[2])


def _count(connection: sqlite3.Connection, table: str) -> int:
    query = f"SELECT count(*) FROM {quoted(table)}"  # noqa: S608
    return int(connection.execute(query).fetchone()[0])


def _estimated(
    connection: sqlite3.Connection, rows: dict[str, int]
) -> dict[str, float]:
    """The bytes of the file, divided by rows and columns."""
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    size = pages * connection.execute("PRAGMA page_size").fetchone()[0]
    values = {}
    for name, count in rows.items():
        info = connection.execute(f"PRAGMA table_info({quoted(name)})").fetchall()
        values[name] = count * len(info)
    total = max(1, sum(values.values()))
    return {name: size * count / total for name, count in values.items()}


def _tables(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute(
        "SELECT name FROM sqlite_master "
        "WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    )
    return [name for (name,) in rows]
