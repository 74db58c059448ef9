"""The figures of a month's digest, from what the database holds."""

import contextlib
import datetime as dt
from typing import TYPE_CHECKING

from usage_metrics import config
from usage_metrics.dates import month_after, month_before, utc_now
from usage_metrics.errors import NotYetError
from usage_metrics.tasks.publisher_report import PublisherReport

if TYPE_CHECKING:
    from usage_metrics.report.digest_text import Digest, Visitors
    from usage_metrics.report.publisher import Publisher


def digest_of(month: dt.date, *, is_public: bool) -> "Digest":
    """Gather a month, and those that it is compared with.

    Args:
        month: its first day.
        is_public: whether numbers under ten are hidden.

    Raises:
        NotYetError: if no day of the month is counted.
    """
    from usage_metrics.report.digest_text import Digest

    try:
        now = _publisher(month, is_public=is_public)
    except NotYetError as error:
        raise NotYetError(
            f"no day of {month:%Y-%m} is counted, so there is nothing to tell; "
            "usage-metrics status says why"
        ) from error
    then = {}
    for name, first in {
        "month": month_before(month),
        "year": month.replace(year=month.year - 1),
    }.items():
        with contextlib.suppress(NotYetError):
            then[name] = first, _publisher(first, is_public=is_public)
    is_over = month_after(month) <= utc_now().date()
    return Digest(month, now, then, _visitors(now), is_over)


def _publisher(month: dt.date, *, is_public: bool) -> "Publisher":
    """The figures of the page on a month, or on what is over of it."""
    stop = min(month_after(month), utc_now().date())
    if stop <= month:
        raise NotYetError(f"no day of {month:%Y-%m} is over")
    task = PublisherReport(  # type: ignore[call-arg]
        start=month, stop=stop, public=is_public
    )
    return task.publisher()


def _visitors(now: "Publisher") -> "list[Visitors]":
    from usage_metrics.report.digest_text import visitors
    from usage_metrics.report.usage_database import Database
    from usage_metrics.warehouse.reading import open_tables

    opened = open_tables(config.database().path, config.database().busy_seconds)
    with opened as tables:
        database = Database(tables)
        return [
            visitors(place, database, now.span, is_public=now.is_public)
            for place in now.places
            if place.is_log
        ]
