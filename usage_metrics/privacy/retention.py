"""Removes what the settings let nobody keep any longer.

``[privacy] raw_days`` is for the files that hold full addresses, ``geocoded_days`` for
those of single requests and for the requests in the database. Counts stay: no address
is in them, nor a request that anybody could be found by. Answers of ipinfo are removed
when they are too old to be used, ``[ipinfo] cache_days`` after they came.

Nothing that is removed here is missed: a run makes no day again of which the settings
let nobody keep the files.
"""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from usage_metrics import config
from usage_metrics.dates import retention_start
from usage_metrics.geocode.ipinfo import forget_expired
from usage_metrics.partitions import storage
from usage_metrics.partitions.partition import (
    FILE_NAME,
    RETRY_MARKER,
    Partition,
    days_with,
)
from usage_metrics.privacy.database_rows import drop_days
from usage_metrics.sources import SOURCES

STAGES = ("rejected", "raw", "cleaned", "geocoded")
"""Those that the settings say something of."""


class Removed(NamedTuple):
    """Something that was kept for long enough."""

    what: str
    number: int
    unit: str
    days: list[dt.date]
    """The days, oldest first; empty for what is of no day."""

    def __str__(self) -> str:
        """Say it in a few words."""
        span = f", {self.days[0]} … {self.days[-1]}" if self.days else ""
        return f"{self.what}: {self.number:,} {self.unit}{span}"


def retain(*, dry_run: bool = False) -> Iterator[Removed]:
    """Remove what is too old.

    Args:
        dry_run: say what would be removed, and remove nothing.

    Raises:
        UsageMetricsError: if something cannot be removed.
    """
    root = config.paths().root
    if not dry_run:
        storage.sweep(root)
    for source in sorted(SOURCES):
        for stage in STAGES:
            yield from _files(root, stage, source, dry_run=dry_run)
        yield from _requests(source, dry_run=dry_run)
    settings = config.ipinfo()
    answers = forget_expired(settings.cache, settings.cache_days, dry_run=dry_run)
    if answers:
        yield Removed(settings.cache, answers, "answers", [])


def _files(root: str, stage: str, source: str, *, dry_run: bool) -> Iterator[Removed]:
    first = retention_start(stage)
    days = [day for day in days_with(FILE_NAME, root, stage, source) if day < first]
    if not dry_run:
        for day in days:
            Partition(root, stage, source, day).delete()
    if stage == "cleaned" and not dry_run:
        _ask_no_more(root, source, first)
    if days:
        yield Removed(f"{stage} of {source}", len(days), "days", days)


def _ask_no_more(root: str, source: str, first: dt.date) -> None:
    """Leave geocoded files as they are that cannot be completed any more."""
    for day in days_with(RETRY_MARKER, root, "geocoded", source):
        if day < first:
            Partition(root, "geocoded", source, day).ask_again(wanted=False)


def _requests(source: str, *, dry_run: bool) -> Iterator[Removed]:
    settings = config.database()
    days = drop_days(
        Path(settings.path),
        settings.busy_seconds,
        source,
        retention_start("geocoded"),
        dry_run=dry_run,
    )
    if days:
        yield Removed(
            f"requests of {source} in {settings.path}", len(days), "days", days
        )
