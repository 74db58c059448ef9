"""What a database needs beside its rows, so that people find their way in it.

Indexes, views, a description of each table and column, and the planner's statistics.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence

from usage_metrics.warehouse.table import Table, described, index_names, indexes, quoted
from usage_metrics.warehouse.views import MEANINGS, VIEWS, View

SAMPLED_ROWS = 1_000
"""Of each index, for the planner's statistics: these suffice, whatever the size."""

_COLUMN = "INSERT OR REPLACE INTO usage_metrics_columns VALUES (?,?,?,?,?)"


def is_finished(connection: sqlite3.Connection, tables: Iterable[Table]) -> bool:
    """Whether tables, those that are there, have their indexes, and there are views."""
    made = dict(connection.execute("SELECT name, sql FROM sqlite_master"))
    wanted = {
        name for table in tables if table.name in made for name in index_names(table)
    }
    return wanted <= made.keys() and not any(_views_to_make(made))


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
    for view in _views_to_make(made):
        connection.execute(f"DROP VIEW IF EXISTS {quoted(view.name)}")
        connection.execute(view.statement)
        connection.executemany(
            _COLUMN, [(view.name, name, *MEANINGS[name]) for name in view.columns]
        )
        _describe(connection, view.name, view.description, view.order, view.facets)


def _views_to_make(made: Mapping[str, str]) -> Iterator[View]:
    """Those whose tables are there and that are not, or are others."""
    for view in VIEWS:
        if view.reads in made and made.get(view.name) != view.statement:
            yield view


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
