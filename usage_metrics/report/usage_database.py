"""The tables of figures in the database, and the days that a question is about."""

import datetime as dt
import functools
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.counting.tables import TABLES
from usage_metrics.dates import ONE_DAY, days_between
from usage_metrics.report import neutral, numbered
from usage_metrics.report.kept_sums import KeptSums, Sums, digest, encoded
from usage_metrics.warehouse.reading import TableReader
from usage_metrics.warehouse.table import stored_day

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

    def year_before(self) -> "Span":
        """The same days of the year before; of weeks, the same 52 weeks before."""
        first, last = map(self._year_before, (self.start, self.stop - ONE_DAY))
        return replace(self, start=first, stop=last + ONE_DAY)

    def _year_before(self, day: dt.date) -> dt.date:
        if self.grain == "week":
            return day - 52 * 7 * ONE_DAY
        is_leap_day = (day.month, day.day) == (2, 29)
        return day.replace(year=day.year - 1, day=28 if is_leap_day else day.day)

    def parts(self) -> "Iterator[Span]":
        """The span in pieces of whole periods, cut where quarters of years begin."""
        quarterly = replace(self, grain="quarter")
        days = days_between(self.start, self.stop)
        quarters = {dt.date.fromisoformat(quarterly.period(day)) for day in days}
        begun = {dt.date.fromisoformat(self.period(day)) for day in quarters}
        cuts = sorted(day for day in begun if self.start < day < self.stop)
        for start, stop in itertools.pairwise([self.start, *cuts, self.stop]):
            yield replace(self, start=start, stop=stop)

    def period(self, day: dt.date) -> str:
        """The first day of the period that a day is in."""
        if self.grain == "week":
            day -= dt.timedelta(days=day.weekday())
        elif self.grain != "day":
            months = {"month": 1, "quarter": 3, "year": 12}[self.grain]
            day = day.replace(month=(day.month - 1) // months * months + 1, day=1)
        return day.isoformat()


ALL = "all"
"""The dataset or class of agents of figures over all of them."""

KEYS = ["dataset", "agent_class"]
NUMBERS = ["requests", "counted"]

FRACTIONS = ("range_downloads",)
"""The numbers that are not whole and may be added up; no share or quantile may."""


def columns_of(table: str) -> list[str]:
    """The columns that are read of a table: all that can be added up or grouped by."""
    return [
        field.name
        for field in TABLES[table].schema
        if field.name != "source"
        and (field.name in FRACTIONS or not pa.types.is_floating(field.type))
    ]


class _Asked(NamedTuple):
    """A question about sums, and what they are made from now."""

    question: str
    """How it is kept."""
    span: Span
    days: dict[str, dict[str, str]]
    """The days of each period that the table holds, each with its content id."""
    made_from: dict[str, str]
    """For each period, a hash of these."""


class Database:
    """The tables of use, for questions about a span of days."""

    def __init__(self, tables: TableReader, kept: KeptSums | None = None) -> None:
        """Ask the tables of :func:`usage_metrics.warehouse.reading.open_tables`.

        Args:
            tables: those tables.
            kept: sums of an earlier report, which takes in those of this one.
        """
        self._tables = tables
        self._kept = kept
        self._known: dict[tuple[Any, ...], pa.Table] = {}
        self._contents: dict[tuple[str, str], dict[dt.date, str]] = {}

    def forget(self) -> None:
        """Hold nothing any more: what is asked again, is read again."""
        self._known.clear()

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

    def raw(self, table: str, name: str, span: Span) -> dict[str, list[str]]:
        """The texts of a column behind each neutral one that is another."""
        found: dict[str, list[str]] = {}
        columns = ["date", name]
        rows = self._tables.rows(table, columns, span.source, span.start, span.stop)
        for text in pc.unique(rows[name].cast(pa.string()).drop_null()).to_pylist():
            found.setdefault(neutral.neutral(text), []).append(text)
        return {shown: texts for shown, texts in found.items() if texts != [shown]}

    def sums(
        self, table: str, keys: Sequence[str], numbers: Sequence[str], span: Span
    ) -> "pd.DataFrame":
        """Add up some columns of a table by period and other columns."""
        return frame(self.encoded_sums(table, keys, numbers, span))

    def encoded_sums(
        self, table: str, keys: Sequence[str], numbers: Sequence[str], span: Span
    ) -> pa.Table:
        """The same as an Arrow table, with each text stated once."""
        key = (table, *keys, "", *numbers, span)
        if key not in self._known:
            add_up = functools.partial(self._add_up, table, keys, numbers)
            if self._kept is None:
                self._known[key] = add_up(span)
            else:
                asked = self._asked(table, keys, numbers, span)
                self._known[key] = self._with_kept(asked, self._kept, add_up)
        return self._known[key]

    def made_of_sums(
        self,
        what: str,
        asked: Mapping[str, Sequence[str]],
        numbers: Sequence[str],
        span: Span,
        make: Callable[..., pa.Table],
    ) -> Iterator[pa.Table]:
        """What is made of the sums of large tables, a quarter at a time.

        Of the same sums it is made once, and kept like them.

        Args:
            what: tells it from what else is made of these sums.
            asked: the tables, each with the columns by which it is added up.
            numbers: the columns to add up.
            span: the days.
            make: makes it of the sums of each table.
        """
        for part in span.parts():
            sums = [(table, keys, numbers, part) for table, keys in asked.items()]
            yield self._made(what, sums, make)
            self.forget()

    def _made(
        self, what: str, sums: Sequence[tuple[Any, ...]], make: Callable[..., pa.Table]
    ) -> pa.Table:
        if self._kept is None:
            return make(*(self.encoded_sums(*of) for of in sums))
        found = [self._asked(*of) for of in sums]
        now = {asked.question: digest(asked.made_from.items()) for asked in found}
        question = json.dumps([what, *now])
        known = self._kept.of(question)
        if known and known.made_from == now:
            for one in (question, *now):
                self._kept.keep_earlier(one)
            return known.rows
        rows = make(*(self.encoded_sums(*of) for of in sums))
        self._kept.keep(question, Sums(rows, now))
        return rows

    def _add_up(
        self, table: str, keys: Sequence[str], numbers: Sequence[str], span: Span
    ) -> pa.Table:
        rows = self.rows(table, span).select(["date", *keys, *numbers])
        return encoded(grouped(with_periods(rows, span), ["period", *keys], numbers))

    def _asked(
        self, table: str, keys: Sequence[str], numbers: Sequence[str], span: Span
    ) -> "_Asked":
        days = self._days_of_periods(table, span)
        now = {period: digest(of_period.items()) for period, of_period in days.items()}
        first = min(days, default="")
        told = [first, span.source, span.grain, table, *keys, "", *numbers]
        return _Asked(json.dumps(told), span, days, now)

    def _with_kept(
        self, asked: "_Asked", kept: KeptSums, add_up: Callable[[Span], pa.Table]
    ) -> pa.Table:
        """The sums: of periods that have changed from their rows, of others as kept."""
        question, span, days, now = asked
        known = kept.of(question)
        if known and known.made_from == now and now:
            kept.keep_earlier(question)
            return known.rows
        right = known.still_right(now) if known else None
        parts = [right.rows] if right else []
        is_made = right.made_from if right else {}
        for missing, run in itertools.groupby(days, lambda p: p not in is_made):
            if missing:
                run_days = [day for period in run for day in days[period]]
                start, last = map(dt.date.fromisoformat, (run_days[0], run_days[-1]))
                parts.append(add_up(replace(span, start=start, stop=last + ONE_DAY)))
        rows = _in_order(parts) if parts else add_up(span)
        kept.keep(question, Sums(rows, now))
        return rows

    def first_day(self, table: str, span: Span) -> dt.date | None:
        """The first day of a span that a table holds, with rows or without."""
        days = self._contents_of(table, span.source)
        return min((d for d in days if span.start <= d < span.stop), default=None)

    def _contents_of(self, table: str, source: str) -> dict[dt.date, str]:
        """The content id of each day that a table holds."""
        key = (table, source)
        if key not in self._contents:
            self._contents[key] = self._tables.contents(*key)
        return self._contents[key]

    def _days_of_periods(self, table: str, span: Span) -> dict[str, dict[str, str]]:
        """The days of each period that a table holds, each with its content id."""
        found: dict[str, dict[str, str]] = {}
        for day, content_id in self._contents_of(table, span.source).items():
            if span.start <= day < span.stop:
                of_period = found.setdefault(span.period(day), {})
                of_period[day.isoformat()] = content_id
        return found


def _in_order(parts: Sequence[pa.Table]) -> pa.Table:
    """Rows of different periods together, oldest first."""
    rows = encoded(pa.concat_tables(parts))
    periods = numbered.column(rows["period"]).numbers
    if (np.diff(periods) >= 0).all():
        return rows
    return rows.take(np.argsort(periods, kind="stable"))


def with_periods(rows: pa.Table, span: Span) -> pa.Table:
    """Put the period in place of the date."""
    dates = rows["date"].combine_chunks()
    days = map(stored_day, dates.dictionary.to_pylist())
    periods = pa.array([span.period(day) for day in days], pa.string())
    column = periods.take(dates.indices).dictionary_encode()
    return rows.set_column(rows.column_names.index("date"), "period", column)


def grouped(rows: pa.Table, keys: Sequence[str], numbers: Sequence[str]) -> pa.Table:
    """Add up by some columns, in their order; null is a value like any other."""
    sums = rows.group_by(list(keys)).aggregate([(name, "sum") for name in numbers])
    sums = sums.select([*keys, *(f"{name}_sum" for name in numbers)])
    sums = sums.rename_columns([*keys, *numbers])
    for name in keys:
        texts = sums[name].cast(pa.string())
        sums = sums.set_column(sums.column_names.index(name), name, texts)
    return sums.sort_by([(name, "ascending") for name in keys])


def much_used(rows: pa.Table, name: str, number: str) -> list[str]:
    """The texts of a column with more than 1 % of a number, of that of all texts."""
    sums = grouped(rows, [name], [number]).drop_null()
    least = (pc.sum(sums[number]).as_py() or 0) / 100
    found: list[str] = sums.filter(pc.greater(sums[number], least))[name].to_pylist()
    return found


def frame(rows: pa.Table) -> "pd.DataFrame":
    """The rows as a frame, whose texts are not encoded."""
    for index, name in enumerate(rows.column_names):
        if pa.types.is_dictionary(rows.schema.field(name).type):
            rows = rows.set_column(index, name, rows[name].cast(pa.string()))
    return rows.to_pandas()
