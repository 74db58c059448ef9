"""The periods that a report is cut into, and how many of their days have data."""

import datetime as dt
from collections.abc import Iterable
from typing import NamedTuple

from usage_metrics.dates import ONE_DAY, days_between
from usage_metrics.report import formatting
from usage_metrics.report.usage_database import Database, Span


class Period(NamedTuple):
    """Days that follow each other, as far as they are in the span."""

    period: str
    """The first day of the whole period."""
    first: str
    last: str
    days: int
    days_counted: int
    """The days with data."""

    @property
    def stop(self) -> str:
        """The day after the last."""
        return (dt.date.fromisoformat(self.last) + ONE_DAY).isoformat()

    def label(self, grain: str) -> str:
        """Its name."""
        first, last = map(dt.date.fromisoformat, (self.first, self.last))
        return formatting.period(grain, first, last, self.days_counted)


def periods(database: Database, span: Span) -> list[Period]:
    """The periods of a span, in their order."""
    counted = set(database.rows("usage_reconciliation", span)["date"].to_pylist())
    found: dict[str, list[str]] = {}
    for day in days_between(span.start, span.stop):
        found.setdefault(span.period(day), []).append(day.isoformat())
    return [
        Period(period, days[0], days[-1], len(days), len(counted.intersection(days)))
        for period, days in found.items()
    ]


def together(period: str, parts: Iterable[Period]) -> Period:
    """Periods that follow each other, as one."""
    _, firsts, lasts, days, counted = zip(*parts, strict=True)
    return Period(period, firsts[0], lasts[-1], sum(days), sum(counted))
