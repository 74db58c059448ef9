"""The tables of figures in the database, and the days that a question is about."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from usage_metrics.counting.tables import TABLES
from usage_metrics.report import neutral
from usage_metrics.warehouse.reading import TableReader

if TYPE_CHECKING:
    import pandas as pd
GRAINS = ("day", "week", "month", "quarter", "year")
"""How long a period may be. Weeks begin on Monday."""


@dataclass(frozen=True)
class Span:
    """Whose logs, which days, and in periods of what length."""

    source: str
    start: dt.date
    stop: dt.date
    """The day after the last."""
    grain: str = "day"

    @property
    def length(self) -> dt.timedelta:
        """How long it is."""
        return self.stop - self.start

    def before(self) -> "Span":
        """As many days before it."""
        return replace(self, start=self.start - self.length, stop=self.start)

    def period(self, day: dt.date) -> str:
        """The first day of the period that a day is in."""
        if self.grain == "week":
            day -= dt.timedelta(days=day.weekday())
        elif self.grain != "day":
            months = {"month": 1, "quarter": 3, "year": 12}[self.grain]
            day = day.replace(month=(day.month - 1) // months * months + 1, day=1)
        return day.isoformat()


def columns_of(table: str) -> list[str]:
    """The columns that are read of a table: all that can be added up or grouped by."""
    return [
        field.name
        for field in TABLES[table].schema
        if field.name != "source" and not pa.types.is_floating(field.type)
    ]


class Database:
    """The tables of use, for questions about a span of days."""

    def __init__(self, tables: TableReader) -> None:
        """Ask the tables of :func:`usage_metrics.warehouse.reading.open_tables`."""
        self._tables = tables
        self._known: dict[tuple[Any, ...], pa.Table] = {}

    def rows(self, table: str, span: Span) -> pa.Table:
        """The rows of a table for the days of a span, with neutral texts, encoded.

        They are read once, however many questions are asked about them.
        """
        key = (table, span.source, span.start, span.stop)
        if key in self._known:
            return self._known[key]
        names = columns_of(table)
        found = self._tables.rows(table, names, span.source, span.start, span.stop)
        for index, name in enumerate(names):
            if pa.types.is_string(TABLES[table].schema.field(name).type):
                texts = found[name].cast(pa.string()).combine_chunks()
                found = found.set_column(index, name, neutral.encoded(texts))
        self._known[key] = found
        return found

    def sums(
        self, table: str, keys: Sequence[str], numbers: Sequence[str], span: Span
    ) -> "pd.DataFrame":
        """Add up some columns of a table by period and other columns."""
        rows = self.rows(table, span).select(["date", *keys, *numbers])
        return totals(with_periods(rows, span), ["period", *keys], numbers)


def with_periods(rows: pa.Table, span: Span) -> pa.Table:
    """Put the period in place of the date."""
    dates = rows["date"].combine_chunks()
    days = [dt.date.fromisoformat(date) for date in dates.dictionary.to_pylist()]
    periods = pa.array([span.period(day) for day in days], pa.string())
    column = periods.take(dates.indices).dictionary_encode()
    return rows.set_column(rows.column_names.index("date"), "period", column)


def totals(
    rows: pa.Table, keys: Sequence[str], numbers: Sequence[str]
) -> "pd.DataFrame":
    """Add up by some columns, in their order; null is a value like any other."""
    sums = rows.group_by(list(keys)).aggregate([(name, "sum") for name in numbers])
    sums = sums.select([*keys, *(f"{name}_sum" for name in numbers)])
    sums = sums.rename_columns([*keys, *numbers])
    for name in keys:
        texts = sums[name].cast(pa.string())
        sums = sums.set_column(sums.column_names.index(name), name, texts)
    return sums.sort_by([(name, "ascending") for name in keys]).to_pandas()
