"""Ranges of UTC days: Luigi's ``RangeDaily``, and the range of a source."""

import datetime as dt
from typing import Any, NamedTuple

import luigi
import luigi.tools.range

from usage_metrics.dates import ONE_DAY, utc_now
from usage_metrics.errors import ConfigError
from usage_metrics.parameters import Configured, OptionalDay
from usage_metrics.sources import SOURCES
from usage_metrics.sources.settings import source_section
from usage_metrics.tasks.availability import running_since
from usage_metrics.tasks.missing import lost
from usage_metrics.tasks.settings_check import check_sections
from usage_metrics.tasks.task import Stage


class RangeDaily(Configured, luigi.tools.range.RangeDaily):
    """The missing days of a range, as Luigi has it, with our dates and errors."""

    start = OptionalDay(  # type: ignore[assignment]
        description="the first UTC day, YYYY-MM-DD"
    )
    stop = OptionalDay(  # type: ignore[assignment]
        description="the day after the last; without it, all that is over"
    )

    def requires(self) -> list[luigi.Task]:
        """The days that are missing, without those that are lost.

        Raises:
            ConfigError: if no day of the range is over.
        """
        of_source = self.of_params.get("source")
        check_sections([of_source] if of_source else SOURCES)
        over = self.moving_stop(utc_now()).date() + ONE_DAY
        name = self.task_family
        check_range(name, self.start, self.stop, over, section=name)
        days: list[Any] = super().requires()
        if not days or not isinstance(days[0], Stage):
            return days
        source, dates = days[0].source, [task.date for task in days]
        days[0].prime_completeness(dates, source)
        given_up = set(lost(source, dates))
        return [task for task in days if task.date not in given_up]


class DayRange(NamedTuple):
    """UTC days, the last of which is over."""

    start: dt.date
    end: dt.date
    """The day after the last."""


def source_range(
    source: str,
    start: dt.date | None = None,
    stop: dt.date | None = None,
    task: str = "LoadSQLite",
) -> DayRange:
    """The days of a source that are over, as its section of ``luigi.cfg`` says.

    As in a ``RangeDaily``, today is not in it, nor what lies ahead.

    Args:
        source: the kind of log.
        start: the first day, in place of the section's.
        stop: the day after the last, in place of the section's.
        task: the task that asks, for the error; empty if it is none.

    Raises:
        ConfigError: if there is no start, or no day of the range is over.
    """
    section = source_section(source)
    start, stop = start or section.start, stop or section.stop
    over = running_since(section)
    end = min(stop, utc_now().date()) if stop else over
    return DayRange(check_range(task, start, stop, max(over, end), source), end)


def check_range(
    task: str, start: dt.date | None, stop: dt.date | None, over: dt.date, section: str
) -> dt.date:
    """Refuse a range without a day that is over.

    Args:
        task: the name of the task; empty if it is none.
        start: the first day.
        stop: the day after the last, if there is one.
        over: the day after the last that is over.
        section: the section of ``luigi.cfg`` that may set a start.

    Returns:
        The start.
    """
    name = f"{task}: " if task else ""
    if start is None:
        raise ConfigError(
            f"{task or 'a run'} needs a start: give --start YYYY-MM-DD, or set it in "
            f"[{section}] of luigi.cfg"
        )
    if stop is not None and stop <= start:
        raise ConfigError(
            f"{name}stop = {stop} is not after start = {start}; stop is the day "
            "after the last, on the command line or in luigi.cfg"
        )
    if start >= over:
        raise ConfigError(
            f"{name}no day from start = {start} on is over yet; the first that is "
            f"not is {over}, in UTC"
        )
    return start
