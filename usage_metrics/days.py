"""UTC days: which are over, which can be had, and ranges of them.

A day is over some hours after midnight UTC, when its late log entries have settled;
whether it is exported by then, its source's reader knows. The zone of the clock that
the program runs by is of no account.
"""

import datetime as dt
import functools
import os
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import luigi
import luigi.tools.range

from usage_metrics import config
from usage_metrics.errors import ConfigError
from usage_metrics.parameters import Configured, OptionalDay
from usage_metrics.sources import get_source

if TYPE_CHECKING:
    from usage_metrics.logs import LogReader

ONE_DAY = dt.timedelta(days=1)

READER_SECONDS = 60
"""For how long a reader is kept that says which days can be had."""


class RangeDaily(Configured, luigi.tools.range.RangeDaily):
    """The missing days of a range, as Luigi has it, with our dates and errors."""

    start = OptionalDay(  # type: ignore[assignment]
        description="the first UTC day, YYYY-MM-DD"
    )
    stop = OptionalDay(  # type: ignore[assignment]
        description="the day after the last; without it, all that is over"
    )

    def requires(self) -> list[luigi.Task]:
        """The days that are missing.

        Raises:
            ConfigError: if no day of the range is over.
        """
        config.check_sections()
        check_range(self, over=self.moving_stop(utc_now()).date() + ONE_DAY)
        days: list[Any] = super().requires()
        if days and hasattr(days[0], "foresee"):
            days[0].foresee([task.date for task in days], days[0].source)
        return days


def days_between(start: dt.date, stop: dt.date) -> list[dt.date]:
    """The days from ``start`` to the one before ``stop``."""
    return [start + number * ONE_DAY for number in range((stop - start).days)]


def months_between(start: dt.date, stop: dt.date) -> Iterator[tuple[dt.date, dt.date]]:
    """Cut a range of days at the ends of its months."""
    while start < stop:
        next_month = (start.replace(day=1) + dt.timedelta(days=31)).replace(day=1)
        end = min(next_month, stop)
        yield start, end
        start = end


def utc_now() -> dt.datetime:
    """The time, by the clock that Luigi's ranges go by."""
    return dt.datetime.fromtimestamp(time.time(), dt.UTC)


def kept_from(stage: str) -> dt.date:
    """The first day of which ``[privacy]`` lets the file of a stage be kept."""
    settings = config.privacy()
    kept = settings.geocoded_days if stage == "geocoded" else settings.raw_days
    if stage not in ("raw", "rejected", "cleaned", "geocoded") or not kept:
        return dt.date.min
    return utc_now().date() - kept * ONE_DAY


def first_running_day(source: str) -> dt.date:
    """The first UTC day that is not over, or not over for ``settle_hours``."""
    settled = dt.timedelta(hours=config.source_section(source).settle_hours)
    return (utc_now() - settled).date()


def why_not_yet(source: str, day: dt.date) -> str | None:
    """Say why the log entries of a day cannot be had yet; None when they can."""
    if day >= first_running_day(source):
        hours = config.source_section(source).settle_hours
        return (
            f"{source} {day} is not over: a day is extracted {hours:g} hours after it "
            f"ends in UTC ([{source}] settle_hours)"
        )
    minute = int(time.monotonic() / READER_SECONDS)
    return _open_reader(source, minute, os.getpid()).unavailable(day)


def check_range(task: Any, over: dt.date) -> None:
    """Refuse a range without a day that is over.

    Args:
        task: a task with a ``start`` and a ``stop``, the day after the last, or None.
        over: the day after the last that is over.

    Raises:
        ConfigError: naming the dates.
    """
    name, start, stop = task.task_family, task.start, task.stop
    if start is None:
        raise ConfigError(
            f"{name} needs a start: give --start YYYY-MM-DD, or set it in [{name}] of "
            "luigi.cfg"
        )
    if stop is not None and stop <= start:
        raise ConfigError(
            f"{name}: stop = {stop} is not after start = {start}; stop is the day "
            "after the last, on the command line or in luigi.cfg"
        )
    if start >= over:
        raise ConfigError(
            f"{name}: no day from start = {start} on is over yet; the first that is "
            f"not is {over}, in UTC"
        )


@functools.lru_cache(maxsize=8)
def _open_reader(source: str, minute: int, process: int) -> "LogReader":
    """Open a source's logs, once a minute: Luigi asks about each day several times.

    A reader does not survive a fork, so each process has its own.
    """
    config.check_sections()
    return get_source(source).open_logs(config.source_section(source))
