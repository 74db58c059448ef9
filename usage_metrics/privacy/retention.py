"""Removes what is older than the settings allow.

``[privacy] raw_days`` is for the files that hold full addresses, ``geocoded_days`` for
files of single requests and for the requests in the database. Counts stay: they hold no
address, and no request by which a person could be found. Cached answers of ipinfo are
removed once they are too old to be used, after ``[ipinfo] cache_days``.

Days count from the newest that is there: a wrong clock must not delete what cannot be
made again. A later run does not rebuild the removed days.
"""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from usage_metrics import config
from usage_metrics.config import retention_start
from usage_metrics.dates import ONE_DAY, utc_now
from usage_metrics.errors import ConfigError
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
from usage_metrics.units import number_of

STAGES = ("rejected", "raw", "cleaned", "geocoded")
"""The stages whose files are removed."""

FAR_AHEAD = 366
"""Days after the newest one in which a clock is believed."""


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
        return f"{self.what}: {number_of(self.number, self.unit)}{span}"


def retain(
    sources: Collection[str] = SOURCES,
    *,
    dry_run: bool = False,
    from_today: bool = False,
) -> Iterator[Removed]:
    """Remove what is too old.

    Args:
        sources: those whose days are looked at; also one that is no longer on.
        dry_run: only say what would be removed.
        from_today: count from today in place of the newest day that is there.

    Raises:
        UsageMetricsError: if something cannot be removed, or the clock seems wrong.
    """
    root = config.paths().root
    today = utc_now().date()
    newest = dict.fromkeys(sorted(sources), today)
    if not from_today:
        newest |= _newest(root, sources)
    if not dry_run:
        _check_clock(today, newest)
        storage.sweep(root)
    for source, last in newest.items():
        for stage in STAGES:
            first = retention_start(stage, min(last, today))
            if days := _remove_files(root, stage, source, first, dry_run=dry_run):
                yield Removed(f"{stage} of {source}", len(days), "day", days)
        first = retention_start("geocoded", min(last, today))
        if days := drop_days(source, first, dry_run=dry_run):
            what = f"requests of {source} in {config.database().path}"
            yield Removed(what, len(days), "day", days)
    settings = config.ipinfo()
    if answers := forget_expired(settings.cache, settings.cache_days, dry_run=dry_run):
        yield Removed(settings.cache, answers, "answer", [])


def _newest(root: str, sources: Collection[str]) -> dict[str, dt.date]:
    """The last day of each source of which anything is there."""
    stages = (*STAGES, "counted")
    days = {
        source: {day for stage in stages for day in list_present(root, stage, source)}
        for source in sources
    }
    return {source: max(found) for source, found in days.items() if found}


def _check_clock(today: dt.date, newest: Mapping[str, dt.date]) -> None:
    """Refuse a clock far ahead of the days that are there, if anything is to go.

    Raises:
        ConfigError: with what to do if the clock is right.
    """
    settings = config.privacy()
    last = min(newest.values())
    if not (settings.raw_days or settings.geocoded_days):
        return
    if today - last > FAR_AHEAD * ONE_DAY:
        raise ConfigError(
            f"the clock says {today}, and the newest day that is there is {last}: "
            "nothing was removed; set the clock, or, if there have been no logs since, "
            "add --from-today"
        )


def _remove_files(
    root: str, stage: str, source: str, first: dt.date, *, dry_run: bool
) -> list[dt.date]:
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
