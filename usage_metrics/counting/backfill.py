"""Counting many days: a month of them is one task.

For the reason that :class:`usage_metrics.many_days.ManyDays` gives.
"""

import datetime as dt

import luigi

from usage_metrics.counting.counted import Counts
from usage_metrics.counting.tasks import CountMonth, CountUsage
from usage_metrics.days import ONE_DAY, days_between
from usage_metrics.many_days import ManyDays
from usage_metrics.pipeline import LoadSQLite


class CountDays(ManyDays):
    """Count the days of a month, and add them up."""

    def requires(self) -> list[luigi.Task]:
        """The requests of all days: the last of a month needs the first of the next."""
        loaded = LoadSQLite(source=self.source)
        if self.stop < loaded.end:
            return [loaded]
        # What follows the last day is not loaded.
        last = CountUsage(date=self.stop - ONE_DAY, source=self.source)
        return [loaded, *last.requires()]

    def remaining(self) -> list[dt.date]:
        """The days that are not counted."""
        return Counts(self.source).missing(self._days())

    def complete(self) -> bool:
        """Whether all are counted, and the month holds what they hold."""
        counts = Counts(self.source)
        return not counts.missing(self._days()) and counts.is_added_up(self.start)

    def run(self) -> None:
        """Count what is missing.

        Raises:
            BackfillError: naming every day that failed, why, and how to try it again.
        """
        failed = self.for_each(self.remaining(), self._count)
        self._month().run_within()
        self.conclude(failed)

    def how_to_retry(self, day: dt.date) -> str:
        """The command that does it for one day."""
        return (
            f"luigi --module usage_metrics CountUsage --date {day} "
            f"--source {self.source} --local-scheduler"
        )

    def _days(self) -> list[dt.date]:
        return days_between(self.start, self.stop)

    def _month(self) -> CountMonth:
        return CountMonth(month=self.start.replace(day=1), source=self.source)

    def _count(self, day: dt.date) -> None:
        CountUsage(date=day, source=self.source).run_within()
