"""Days that readers ask for by one name: the last month, quarter or year, as data end.

Only those are offered that the report has from their first day on; the running month
ends with the report.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

from usage_metrics.dates import ONE_DAY
from usage_metrics.report import formatting
from usage_metrics.report.usage_database import GRAINS, Span

LATELY = 30
"""How many days "the last days" are."""


def named_days(span: Span) -> list[tuple[str, str]]:
    """The ranges that a report offers, all its days first.

    Args:
        span: its days; what is shorter than their grain is not offered.

    Returns:
        First and last day, with a slash between them, and the name; no range twice.
    """
    everything = (span.start, span.stop - ONE_DAY)
    found = {everything: "All days"}
    for (first, last), name in _named(span):
        if first >= span.start:
            found.setdefault((first, last), name)
    return [(f"{first}/{last}", name) for (first, last), name in found.items()]


def _named(span: Span) -> Iterator[tuple[tuple[dt.date, dt.date], str]]:
    """The last days, and two of each longer period: the last one, and that before."""
    last = span.stop - ONE_DAY
    if span.grain in ("day", "week"):
        yield (span.stop - LATELY * ONE_DAY, last), f"Last {LATELY} days"
    for grain in ("month", "quarter", "year"):
        if GRAINS.index(grain) < GRAINS.index(span.grain):
            continue
        stop = span.stop
        for _ in range(2):
            day = replace(span, grain=grain).period(stop - ONE_DAY)
            first = dt.date.fromisoformat(day)
            yield (first, stop - ONE_DAY), formatting.period(grain, first, first, 1)
            stop = first
