"""Makes what a database has besides rows.

These are indexes, views, descriptions of tables and columns, and the planner's
statistics.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping

from usage_metrics.warehouse.short_table import ShortTable
from usage_metrics.warehouse.table import Table, index_names, indexes, quoted
from usage_metrics.warehouse.views import View

SAMPLED_ROWS = 1_000
"""Rows of each index to sample for the planner's statistics; enough at any size."""


def is_finished(
    connection: sqlite3.Connection,
    tables: Iterable[Table],
    views: Iterable[View],
    short_tables: Iterable[ShortTable],
) -> bool:
    """Whether the tables that exist have their indexes and views."""
    made = dict(connection.execute("SELECT name, sql FROM sqlite_master"))
    wanted = {
        name for table in tables if table.name in made for name in index_names(table)
    }
    return (
        wanted <= made.keys()
        and not any(_views_to_make(made, views))
        and all(short.is_current(connection) for short in short_tables)
    )


def finish(
    connection: sqlite3.Connection,
    tables: Iterable[Table],
    views: Iterable[View],
    short_tables: Iterable[ShortTable],
) -> None:
    """Make what is missing: indexes of tables, views, short tables, statistics."""
    for table in tables:
        for statement in indexes(table):
            connection.execute(statement)
    made = dict(connection.execute("SELECT name, sql FROM sqlite_master"))
    for view in _views_to_make(made, views):
        connection.execute(f"DROP VIEW IF EXISTS {quoted(view.name)}")
        connection.execute(view.statement)
        describe(connection, view)
    for short in short_tables:
        if not short.is_current(connection):
            short.replace(connection)
            describe(connection, short)
    connection.execute(f"PRAGMA analysis_limit = {SAMPLED_ROWS}")
    connection.execute("ANALYZE")


def describe(connection: sqlite3.Connection, about: Table | View | ShortTable) -> None:
    """Write into the database what a table or view and its columns hold."""
    connection.executemany(
        "INSERT OR REPLACE INTO usage_metrics_columns VALUES (?,?,?,?,?)",
        about.described,
    )
    connection.execute(
        "INSERT OR REPLACE INTO usage_metrics_tables VALUES (?,?,?,?)",
        (about.name, about.description, about.order, ",".join(about.facets)),
    )


def _views_to_make(made: Mapping[str, str], views: Iterable[View]) -> Iterator[View]:
    """The views whose tables exist and that do not, or are declared differently."""
    for view in views:
        if view.reads in made and made.get(view.name) != view.statement:
            yield view
