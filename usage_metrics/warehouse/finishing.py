"""What a database needs beside its rows, so that people find their way in it.

Indexes, views, a description of each table and column, and the planner's statistics.
"""

import sqlite3
from collections.abc import Iterable, Sequence

from usage_metrics.warehouse.tables import (
    Table,
    described,
    index_names,
    indexes,
    quoted,
)
from usage_metrics.warehouse.views import MEANINGS, VIEWS

SAMPLED_ROWS = 1_000
"""Of each index, for the planner's statistics: these suffice, whatever the size."""

_COLUMN = "INSERT OR REPLACE INTO usage_metrics_columns VALUES (?,?,?,?,?)"


def has_indexes(connection: sqlite3.Connection, table: Table) -> bool:
    """Whether a table, if it is there, has the indexes that it should have."""
    there = set(connection.execute("SELECT type, name FROM sqlite_master"))
    wanted = {("index", name) for name in index_names(table)}
    return ("table", table.name) not in there or wanted <= there


def finish(connection: sqlite3.Connection, tables: Iterable[Table]) -> None:
    """Make what is missing: indexes of tables, views, statistics."""
    for table in tables:
        for statement in indexes(table):
            connection.execute(statement)
    _make_views(connection)
    connection.execute(f"PRAGMA analysis_limit = {SAMPLED_ROWS}")
    connection.execute("ANALYZE")


def describe(connection: sqlite3.Connection, table: Table) -> None:
    """Say in the database what a table and its columns hold."""
    connection.executemany(_COLUMN, described(table))
    about = (table.name, table.description, table.time, table.facets)
    _describe(connection, *about)


def _make_views(connection: sqlite3.Connection) -> None:
    """Make the views whose tables are there, as they are now."""
    made = dict(connection.execute("SELECT name, sql FROM sqlite_master"))
    for view in VIEWS:
        if view.reads not in made or made.get(view.name) == view.statement:
            continue
        connection.execute(f"DROP VIEW IF EXISTS {quoted(view.name)}")
        connection.execute(view.statement)
        connection.executemany(
            _COLUMN, [(view.name, name, *MEANINGS[name]) for name in view.columns]
        )
        _describe(connection, view.name, view.description, view.order, view.facets)


def _describe(
    connection: sqlite3.Connection,
    name: str,
    description: str,
    sort: str,
    facets: Sequence[str],
) -> None:
    """Say in the database what a table or a view holds, and how to look at it."""
    connection.execute(
        "INSERT OR REPLACE INTO usage_metrics_tables VALUES (?,?,?,?)",
        (name, description, sort, ",".join(facets)),
    )
