"""Removes what is older than the settings allow.

``[privacy] raw_days`` is for the files that hold full addresses, ``geocoded_days`` for
files of single requests and for the requests in the database. Counts stay: they hold no
address, and no request by which a person could be found. Cached answers of ipinfo are
removed once they are too old to be used, after ``[ipinfo] cache_days``.

A later run does not rebuild the removed days.
"""

import datetime as dt
from collections.abc import Iterator
from typing import NamedTuple

from usage_metrics import config
from usage_metrics.config import retention_start
from usage_metrics.geocode.ipinfo import forget_expired
from usage_metrics.partitions import storage
from usage_metrics.partitions.partition import (
    RETRIED,
    Partition,
    days_to_ask_again,
    list_present,
)
from usage_metrics.privacy.database_rows import drop_days
from usage_metrics.sources import SOURCES

STAGES = ("rejected", "raw", "cleaned", "geocoded")
"""The stages whose files are removed."""


class Removed(NamedTuple):
    """Something that was kept for long enough."""

    what: str
    number: int
    unit: str
    days: list[dt.date]
    """The days, oldest first; empty if it does not belong to days."""

    def __str__(self) -> str:
        """Summarise in a few words."""
        span = f", {self.days[0]} … {self.days[-1]}" if self.days else ""
        return f"{self.what}: {self.number:,} {self.unit}{span}"


def retain(*, dry_run: bool = False) -> Iterator[Removed]:
    """Remove what is too old.

    Args:
        dry_run: only say what would be removed.

    Raises:
        UsageMetricsError: if something cannot be removed.
    """
    root = config.paths().root
    if not dry_run:
        storage.sweep(root)
    for source in sorted(SOURCES):
        for stage in STAGES:
            if days := _remove_files(root, stage, source, dry_run=dry_run):
                yield Removed(f"{stage} of {source}", len(days), "days", days)
        if days := drop_days(source, retention_start("geocoded"), dry_run=dry_run):
            what = f"requests of {source} in {config.database().path}"
            yield Removed(what, len(days), "days", days)
    settings = config.ipinfo()
    if answers := forget_expired(settings.cache, settings.cache_days, dry_run=dry_run):
        yield Removed(settings.cache, answers, "answers", [])


def _remove_files(
    root: str, stage: str, source: str, *, dry_run: bool
) -> list[dt.date]:
    first = retention_start(stage)
    days = [day for day in list_present(root, stage, source) if day < first]
    if dry_run:
        return days
    for day in days:
        Partition(root, stage, source, day).delete()
    if stage == "cleaned":
        # Their geocoded files can no longer be completed.
        for day in days_to_ask_again(root, source):
            if day < first:
                Partition(root, RETRIED, source, day).ask_again(wanted=False)
    return days
