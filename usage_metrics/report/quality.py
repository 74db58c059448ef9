"""Where the figures come from: log lines, reasons, missing days, versions.

A figure is only as good as what is known about the lines that are not in it.
"""

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from usage_metrics.dates import days_between
from usage_metrics.report.usage_database import Database, Span

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
    found = database.rows("usage_reconciliation", span).to_pandas()
    return found.astype({"date": str}).sort_values("date", ignore_index=True)


def what_was_filtered(reconciled: "pd.DataFrame") -> "pd.DataFrame":
    """Why lines are not requests, and why requests do not count, in one list.

    Args:
        reconciled: what :func:`reconciliation` returns.

    Returns:
        ``reason``, ``of`` (lines or requests), ``number`` and ``share``.
    """
    import pandas as pd

    from usage_metrics.counting.clicks import OUTCOMES

    totals = reconciled.drop(columns="date").sum()
    reasons = [(name, text, "lines") for name, text in LINES.items()]
    reasons += [
        (f"not_counted_{outcome}", text[:1].upper() + text[1:], "requests")
        for outcome, text in OUTCOMES.items()
        if outcome != "counted"
    ]
    rows = []
    for name, text, of in reasons:
        count = int(totals.get(name, 0))
        rows.append((text, of, count, count / max(1, int(totals.get(of, 0)))))
    return pd.DataFrame(rows, columns=["reason", "of", "number", "share"])


def missing_days(reconciled: "pd.DataFrame", span: Span) -> list[dt.date]:
    """The days of a span that are not in the database."""
    there = set(reconciled["date"])
    days = days_between(span.start, span.stop)
    return [day for day in days if day.isoformat() not in there]


def versions(facts: Mapping[dt.date, Mapping[str, Any]]) -> "pd.DataFrame":
    """The lists, settings and databases that the days were made with.

    Args:
        facts: for each day, names and values from the footers of its files.

    Returns:
        For each value: ``what``, ``value``, ``first`` and ``last`` day, and ``days``.
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
