"""Where the figures come from: log lines, reasons, missing days, versions.

A figure is only as good as what is known about the lines that are not in it.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from usage_metrics.dates import days_between
from usage_metrics.report.usage_database import Database, Span, frame

if TYPE_CHECKING:
    import pandas as pd

LINES = {
    "duplicates": "Duplicate lines",
    "rejected": "Lines that could not be understood",
    "not_requests": "Lines that are not requests",
    "other_logs": "Requests in other logs, or of other services or hosts",
}
"""Why a log line is not a request in the figures."""


def reconciliation(database: Database, span: Span) -> "pd.DataFrame":
    """What became of the log lines of each day."""
    return frame(reconciled(database, span))


def reconciled(database: Database, span: Span) -> pa.Table:
    """The same as an Arrow table."""
    found = database.rows("usage_reconciliation", span)
    found = found.set_column(0, "date", found["date"].cast(pa.string()))
    return found.sort_by("date")


def what_was_filtered(reconciled: "pd.DataFrame") -> "pd.DataFrame":
    """Why lines are not requests, and why requests do not count, in one list.

    Args:
        reconciled: what :func:`reconciliation` returns.

    Returns:
        ``reason``, ``of`` (lines or requests), ``number`` and ``share``.
    """
    import pandas as pd

    sums = reconciled.drop(columns="date").sum().to_dict()
    return pd.DataFrame(filtered(sums), columns=Filtered._fields)


class Filtered(NamedTuple):
    """Why some lines are not requests, or some requests not use."""

    reason: str
    of: str
    """What they are: lines or requests."""
    number: int
    share: float


def filtered(sums: Mapping[str, Any]) -> list[Filtered]:
    """The same list, from the sum of each column over all days."""
    from usage_metrics.counting.outcomes import OUTCOMES

    reasons = [(name, text, "lines") for name, text in LINES.items()]
    reasons += [
        (f"not_counted_{outcome}", text[:1].upper() + text[1:], "requests")
        for outcome, text in OUTCOMES.items()
        if outcome != "counted"
    ]
    found = []
    for name, text, of in reasons:
        count = int(sums.get(name, 0))
        share = count / max(1, int(sums.get(of, 0)))
        found.append(Filtered(text, of, count, share))
    return found


def missing_days(days: Iterable[str], span: Span) -> list[dt.date]:
    """The days of a span that are not among those of the database."""
    there = set(days)
    wanted = days_between(span.start, span.stop)
    return [day for day in wanted if day.isoformat() not in there]


class Version(NamedTuple):
    """What some days were made with."""

    what: str
    value: str
    first: dt.date
    last: dt.date
    days: int


def versions(facts: Mapping[dt.date, Mapping[str, Any]]) -> list[Version]:
    """The lists, settings and databases that the days were made with.

    Args:
        facts: for each day, names and values from the footers of its files.
    """
    found: dict[tuple[str, str], list[dt.date]] = {}
    for day, of_day in sorted(facts.items()):
        for what, value in of_day.items():
            found.setdefault((what, str(value)), []).append(day)
    return [Version(*of, days[0], days[-1], len(days)) for of, days in found.items()]
