"""Many days in one task, where a task a day would be too many for Luigi's scheduler."""

import datetime as dt
import logging
from collections.abc import Callable, Collection
from typing import ClassVar

import luigi

from usage_metrics.dates import ONE_DAY, days_between, months_between
from usage_metrics.errors import BackfillError, NotYetError, UsageMetricsError
from usage_metrics.monitoring import error_messages
from usage_metrics.parameters import Day
from usage_metrics.tasks.missing import missing_in_run
from usage_metrics.tasks.preflight import check_provider
from usage_metrics.tasks.source_parameter import SourceParameter
from usage_metrics.tasks.stages import STAGES, Geocode
from usage_metrics.tasks.task import LATEST_DAY, LogsOfDay, Reporting
from usage_metrics.units import number_of

log = logging.getLogger("luigi-interface")

MANY_DAYS = 62
"""When more days than this are missing, they are made a month at a time."""


def backfill_command(source: str, day: dt.date) -> str:
    """The command that makes what is missing of a day."""
    stop = day + ONE_DAY
    return f"usage-metrics backfill --start {day} --stop {stop} --source {source}"


class ManyDays(Reporting):
    """Work that is done for each of many days, one after the other.

    Luigi's scheduler looks at every waiting task whenever it hands one out. For five
    years of days with three tasks each, that takes minutes. Here a month of days is one
    task. A day that fails does not stop the others.
    """

    start: Day = Day(description="the first UTC day, YYYY-MM-DD")
    stop: Day = Day(description="the day after the last")
    source: luigi.Parameter[str] = SourceParameter()

    on_day: ClassVar[Callable[[dt.date, bool], None] | None] = None
    """Called after each day, with whether it failed."""

    @property
    def priority(self) -> int:  # type: ignore[override]
        """Oldest days first: Luigi hands the priority of the whole on to its months."""
        return (LATEST_DAY - self.stop).days

    def remaining(self) -> Collection[dt.date]:
        """The days that still need the work."""
        raise NotImplementedError

    def requires(self) -> list[luigi.Task]:
        """When the range is longer than a month, each month with a remaining day."""
        months = list(months_between(self.start, self.stop))
        if len(months) < 2:
            return []
        remaining = self.remaining()
        return [
            self.clone(start=start, stop=stop)
            for start, stop in months
            if any(start <= day < stop for day in remaining)
        ]

    def is_done(self) -> bool:
        """Whether no day remains."""
        return not self.remaining()

    def for_each(
        self, days: Collection[dt.date], make: Callable[[dt.date], None]
    ) -> dict[dt.date, str]:
        """Do the work for each day.

        Returns:
            The days that failed, each with the reason.
        """
        failed: dict[dt.date, str] = {}
        for done, day in enumerate(days):
            self.show_progress(done, len(days))
            self.show(f"{done:,} of {len(days):,} days · {len(failed):,} failed")
            try:
                make(day)
            except UsageMetricsError as error:
                failed[day] = str(error)
                log.error(
                    "%s %s: %s", self.source, day, error_messages.sentence_of(error)
                )
            if ManyDays.on_day is not None:
                ManyDays.on_day(day, day in failed)
        return failed

    def conclude(self, failed: dict[dt.date, str]) -> None:
        """Report the result.

        Raises:
            BackfillError: naming each failed day, the reason, and how to retry it.
        """
        if failed:
            raise BackfillError(failed, self.how_to_retry)
        self.say(number_of((self.stop - self.start).days, "day"))

    def how_to_retry(self, day: dt.date) -> str:
        """The command that retries one day."""
        return backfill_command(self.source, day)


class Backfill(ManyDays):
    """Run every stage for many days; the files are those of a task a day.

    It waits for no logs: days without them are left out.
    """

    def requires(self) -> list[luigi.Task]:
        """The months with a missing day, if the provider of locations can be used."""
        check_provider(self.source)
        return super().requires()

    def run(self) -> None:
        """Make the missing days."""
        self.conclude(self.for_each(self.remaining(), self._make))

    def remaining(self) -> list[dt.date]:
        """The days that are not geocoded, without those of which there are no logs."""
        done = self.listed(Geocode.stage)
        days = [day for day in days_between(self.start, self.stop) if day not in done]
        missing = missing_in_run(self.source, days)
        return [day for day in days if day not in missing]

    def _make(self, day: dt.date) -> None:
        stages = [stage(date=day, source=self.source) for stage in STAGES]
        logs = LogsOfDay(date=day, source=self.source)
        if not stages[0].complete() and not logs.complete():
            logs.trigger_event(luigi.Event.DEPENDENCY_MISSING, logs)
            raise NotYetError(logs.why)
        for stage in stages:
            if not stage.complete():
                stage.run_within()
