"""Counting many days: a month of them is one task.

For the reason that :class:`usage_metrics.tasks.backfill.ManyDays` gives.
"""

import calendar
import datetime as dt
from typing import TYPE_CHECKING

import luigi

from usage_metrics import config
from usage_metrics.dates import ONE_DAY, days_between
from usage_metrics.partitions.partition import Partition, list_partitions
from usage_metrics.tasks.backfill import ManyDays
from usage_metrics.tasks.count import CountUsage
from usage_metrics.tasks.count_status import Counts
from usage_metrics.tasks.load import LoadSQLite
from usage_metrics.tasks.ranges import source_range
from usage_metrics.tasks.task import Reporting

if TYPE_CHECKING:
    import pyarrow as pa

from usage_metrics.tasks.count_input import geocoded_of, kind_of_all, read_columns


class OfMonth(Reporting):
    """Something that is made from the counted days of a month."""

    month: luigi.MonthParameter = luigi.MonthParameter(
        description="the UTC month, YYYY-MM"
    )
    source: luigi.Parameter[str] = luigi.Parameter(
        default="datasette", description="the kind of log"
    )

    def requires(self) -> list[CountUsage]:
        """Those days that go into the database and are not counted."""
        missing = Counts(self.source).missing(self.loaded_days())
        return [CountUsage(date=day, source=self.source) for day in missing]

    def loaded_days(self) -> list[dt.date]:
        """The days of the month that go into the database."""
        start, end = source_range(self.source)
        return [day for day in self.days() if start <= day < end]

    def days(self) -> list[dt.date]:
        """All days of the month."""
        last = calendar.monthrange(self.month.year, self.month.month)[1]
        return [self.month.replace(day=number + 1) for number in range(last)]

    def counted(self, stage: str) -> list[Partition]:
        """The days of the month that a stage has."""
        root = config.paths().root
        found = list_partitions(root, stage, self.source)
        return [
            Partition(root, stage, self.source, day)
            for day in self.days()
            if day in found
        ]

    def days_are_counted(self, counts: Counts) -> bool:
        """Whether every day that is to go in is counted."""
        return not counts.missing(self.loaded_days())


class CountMonth(OfMonth):
    """Add up the use of a month."""

    def output(self) -> list[Partition]:
        """The partitions of the month, under its first day."""
        from usage_metrics.counting.tables import MONTHLY

        return [
            Partition(config.paths().root, table.name, self.source, self.month)
            for table in MONTHLY
        ]

    def complete(self) -> bool:
        """Whether the month holds what its days hold."""
        counts = Counts(self.source)
        return self.days_are_counted(counts) and counts.is_added_up(self.month)

    def run(self) -> None:
        """Add up the days."""
        from usage_metrics.counting.monthly import NEEDED
        from usage_metrics.counting.tables import MONTHLY
        from usage_metrics.counting.usage import CountedMonth

        counted = self.counted(CountUsage.stage)
        addresses = kind_of_all(*map(geocoded_of, counted))
        month = CountedMonth(
            events=[read_columns(day, NEEDED) for day in counted],
            tallies=[_tally(day, addresses) for day in counted],
            month=f"{self.month:%Y-%m}",
            source=self.source,
        )
        facts = {"made_from": self._made_from(), "addresses": addresses}
        for target, table in zip(self.output(), MONTHLY, strict=True):
            with target.writing(table.schema) as file:
                file.write(table.make(month))
                file.facts |= facts
        self.say(f"{len(counted)} days of {month.month}")

    def _made_from(self) -> dict[str, str | None]:
        return {
            day.date.isoformat(): day.content_id()
            for day in self.counted(CountUsage.stage)
        }


def _tally(counted: Partition, addresses: str) -> "pa.Table":
    """Add up a day by organisation and address; without addresses if they are gone."""
    import pyarrow as pa

    from usage_metrics.counting import concentration
    from usage_metrics.tasks.count_input import addresses_of

    columns = ["dataset", "organization", "outcome", "session", "bytes"]
    events, geocoded = read_columns(counted, columns), geocoded_of(counted)
    if geocoded.exists():
        return concentration.tally(events, addresses_of(geocoded, addresses))
    unknown = pa.nulls(events.num_rows, pa.string()).dictionary_encode()
    return concentration.tally(events, pa.chunked_array([unknown]))


class CountDays(ManyDays):
    """Count the days of a month, and add them up."""

    def requires(self) -> list[luigi.Task]:
        """The requests of all days: the last of a month needs the first of the next."""
        loaded = LoadSQLite(source=self.source)
        if self.stop < loaded.span.end:
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
