"""What the figures are made of: lines, reasons, missing days, versions.

A figure is worth what is known about what is not in it.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from usage_metrics.report.usage_database import Database, Span

if TYPE_CHECKING:
    import pandas as pd

WORTH_SAYING = 0.2
"""The share of one organisation from which on the page speaks of it."""
RANGES = 12
"""Of many stretches of missing days so many are named."""
DAYS = 40
"""Of many days with rejected lines so many are named, those with most."""

LINES = {
    "duplicates": "Lines that another line repeats",
    "rejected": "Lines that could not be understood",
    "not_requests": "Lines that are no requests",
}
"""Log lines that became no request, and why."""


def reconciliation(database: Database, span: Span) -> "pd.DataFrame":
    """Every log line of each day, and what became of it."""
    found = database.rows("usage_reconciliation", span).to_pandas()
    return found.astype({"date": str}).sort_values("date", ignore_index=True)


def what_was_filtered(reconciled: "pd.DataFrame") -> "pd.DataFrame":
    """Why lines became no request, and requests did not count; as one list.

    Args:
        reconciled: of :func:`reconciliation`.

    Returns:
        ``reason``, ``of`` (lines or requests), ``number`` and ``share``.
    """
    import pandas as pd

    from usage_metrics.counting.clicks import OUTCOMES

    totals = reconciled.drop(columns="date").sum()
    rows = [(text, "lines", int(totals.get(name, 0))) for name, text in LINES.items()]
    rows += [
        (_sentence(text), "requests", int(totals.get(f"not_counted_{reason}", 0)))
        for reason, text in OUTCOMES.items()
        if reason != "counted"
    ]
    found = pd.DataFrame(rows, columns=["reason", "of", "number"])
    among = found["of"].map(
        {name: max(1, int(totals.get(name, 0))) for name in ("lines", "requests")}
    )
    found["share"] = found["number"] / among
    return found


def missing_days(reconciled: "pd.DataFrame", span: Span) -> list[dt.date]:
    """The days of a span that are not in the database."""
    there = set(reconciled["date"])
    days = (span.start + dt.timedelta(days=n) for n in range(span.length.days))
    return [day for day in days if day.isoformat() not in there]


def ranges(days: Iterable[dt.date]) -> list[tuple[dt.date, dt.date]]:
    """Days as ranges, each with its first and last."""
    found: list[tuple[dt.date, dt.date]] = []
    for day in sorted(days):
        if found and (day - found[-1][1]).days == 1:
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found


def versions(facts: Mapping[dt.date, Mapping[str, Any]]) -> "pd.DataFrame":
    """With which lists, settings and databases the days were made.

    Args:
        facts: for each day, names and what the footers of its files say of them.

    Returns:
        ``what``, ``value``, ``first``, ``last`` and ``days`` of each that was used.
    """
    import pandas as pd

    rows = [
        (what, str(value), day)
        for day, of_day in sorted(facts.items())
        for what, value in of_day.items()
    ]
    frame = pd.DataFrame(rows, columns=["what", "value", "day"])
    return frame.groupby(["what", "value"], as_index=False, sort=False).agg(
        first=("day", "min"), last=("day", "max"), days=("day", "size")
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
