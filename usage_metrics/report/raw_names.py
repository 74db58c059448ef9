"""What the database calls the names of the page, for queries that a reader copies.

The page shows neutral texts; the database has those of the log, which may be others.
"""

import itertools
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from usage_metrics.report.figures import Question
from usage_metrics.report.neutral import may_be_changed
from usage_metrics.report.usage_database import Database, Span

Row: TypeAlias = tuple[str | None, ...]


def raw_names(
    database: Database, table: str, column: str, span: Span, names: Iterable[str | None]
) -> dict[str, list[str]]:
    """What the database calls the names that may be called otherwise there."""
    if not any(name and may_be_changed(name) for name in names):
        return {}
    return database.raw(table, column, span)


def raw_values(
    known: Mapping[Row, int], asked: Question, database: Database, span: Span
) -> list[list[Row]]:
    """For each number of a name, the values of its columns in the database."""
    columns = zip(*known, strict=True) if known else [()] * len(asked.names)
    raw = [
        raw_names(database, asked.table, column, span, names)
        for column, names in zip(asked.names, columns, strict=True)
    ]
    found: list[list[Row]] = [[] for _ in range(max(known.values(), default=-1) + 1)]
    for row, number in known.items():
        behind = (of.get(v or "", [v]) for of, v in zip(raw, row, strict=True))
        found[number] += itertools.product(*behind)
    return found
