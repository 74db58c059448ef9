"""What the database calls the names of the page, for queries that a reader copies.

The page shows neutral texts; the database has those of the log, which may be others.
What has an address is not said: None stands for the names that it is among.
"""

import itertools
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from usage_metrics.report.figures import Question
from usage_metrics.report.formatting import without_address
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


def unless_personal(row: Row) -> Row | None:
    """The texts, if there is no address among them."""
    told = (text is None or without_address(text) == text for text in row)
    return row if all(told) else None


def raw_datasets(
    database: Database, span: Span, datasets: Iterable[str]
) -> dict[str, Row | None]:
    """What the database calls each dataset that the page calls otherwise."""
    raw = raw_names(database, "usage_by_class", "dataset", span, datasets)
    personal = {name: None for name in datasets if unless_personal((name,)) is None}
    return {**{n: unless_personal((*of,)) for n, of in raw.items()}, **personal}


def raw_values(
    known: Mapping[Row, int], asked: Question, database: Database, span: Span
) -> list[list[Row] | None]:
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
    told = [[row for row in of if unless_personal(row)] for of in found]
    return [
        rows if len(rows) == len(of) else None
        for rows, of in zip(told, found, strict=True)
    ]
