"""Counting months: a month of counted days, and the days of a month in one task."""

import calendar
import datetime as dt
import functools
from collections.abc import Iterator

import luigi

from usage_metrics.dates import ONE_DAY, days_between
from usage_metrics.parameters import Month
from usage_metrics.partitions.listings import listing_once
from usage_metrics.partitions.partition import Partition
from usage_metrics.tasks.aside_files import aside
from usage_metrics.tasks.backfill import ManyDays
from usage_metrics.tasks.count import CountUsage
from usage_metrics.tasks.count_input import events_of_month, geocoded_of, kind_of_all
from usage_metrics.tasks.count_status import Counts
from usage_metrics.tasks.load import LoadSQLite
from usage_metrics.tasks.ranges import source_range
from usage_metrics.tasks.settling import noticing_changes, until_settled
from usage_metrics.tasks.source_parameter import SourceParameter
from usage_metrics.tasks.stages import Geocode
from usage_metrics.tasks.task import Reporting
from usage_metrics.tasks.this_run import ThisRun
from usage_metrics.units import number_of


class OfMonth(Reporting):
    """Something that is made from the counted days of a month."""

    month: Month = Month(description="the UTC month, YYYY-MM")
    source: luigi.Parameter[str] = SourceParameter()

    def requires(self) -> list[luigi.Task]:
        """The days to be counted, asked once; :meth:`run` asks for the rest."""
        return ThisRun().not_done(self._first_uncounted)

    @functools.cached_property
    def _first_uncounted(self) -> list[luigi.Task]:
        return self.uncounted()

    @listing_once()
    def uncounted(self) -> list[luigi.Task]:
        """The days of the database's range that are to be counted."""
        missing = self.missing(Counts(self.source))
        days = [CountUsage(date=day, source=self.source) for day in missing]
        return [day for day in days if not day.complete()]

    def missing(self, counts: Counts) -> list[dt.date]:
        """The days of the month in the database's range that need counting."""
        start, end = source_range(self.source)
        return counts.missing(day for day in self.days() if start <= day < end)

    def days(self) -> list[dt.date]:
        """All days of the month."""
        last = calendar.monthrange(self.month.year, self.month.month)[1]
        return [self.month.replace(day=number + 1) for number in range(last)]

    def counted(self, stage: str) -> list[Partition]:
        """The partitions of a stage for the days of the month."""
        found = self.listed(stage)
        return [self.partition_of(stage, day) for day in self.days() if day in found]


class CountMonth(OfMonth):
    """Add up the use of a month."""

    def output(self) -> list[Partition]:
        """The partitions of the month, under its first day."""
        from usage_metrics.counting.tables import MONTHLY

        return [self.partition_of(table.name, self.month) for table in MONTHLY]

    def complete(self) -> bool:
        """As of all tasks, but days that are counted again are added up again."""
        return self.is_done() or (ThisRun().has_done(self) and not self.uncounted())

    @listing_once()
    def is_done(self) -> bool:
        """Whether the month matches the present counts of its days."""
        counts = Counts(self.source)
        return not self.missing(counts) and counts.is_added_up(self.month)

    def run(self) -> Iterator[list[luigi.Task]]:
        """Add up the days.

        Yields:
            Those that are not counted. When they are, Luigi begins again.
        """
        if days := self.uncounted():
            yield days
        until_settled(self, noticing_changes(self._add_up, self._files))

    def _files(self) -> list[dict[dt.date, str]]:
        return [self.listed(stage) for stage in (Geocode.stage, CountUsage.stage)]

    def _add_up(self) -> None:
        from usage_metrics.counting.monthly import CountedMonth
        from usage_metrics.counting.tables import MONTHLY

        counted = self.counted(CountUsage.stage)
        made_from = {day.date.isoformat(): day.content_id() for day in counted}
        addresses = kind_of_all(*map(geocoded_of, counted))
        name = f"{self.month:%Y-%m}"
        with aside() as new_file:
            month = CountedMonth(name, self.source, new_file, len(counted))
            figures = [table.begin(month) for table in MONTHLY]
            for rows in events_of_month(counted, addresses):
                for figure in figures:
                    figure.add(rows)
            tables = [figure.table() for figure in figures]
        for target, table in zip(self.output(), tables, strict=True):
            with target.writing(table.schema) as file:
                file.write(table)
                file.facts |= {"made_from": made_from, "addresses": addresses}
        self.say(f"{number_of(len(counted), 'day')} of {name}")


class CountDays(ManyDays):
    """Count the days of a month, and add them up."""

    @listing_once()
    def requires(self) -> list[luigi.Task]:
        """The requests of all days: the last of a month needs the first of the next."""
        whole = LoadSQLite(source=self.source)
        loaded, last = whole.of_what_is_there(), self.stop - ONE_DAY
        if self.stop < whole.span.end or last not in self.remaining():
            return [loaded]
        # The day after the last is not in the database's range.
        return [loaded, *CountUsage(date=last, source=self.source).requires()]

    def remaining(self) -> list[dt.date]:
        """The days that are not counted."""
        return self._missing(Counts(self.source))

    @listing_once()
    def is_done(self) -> bool:
        """Whether all days are counted, and the month matches them."""
        counts = Counts(self.source)
        return not self._missing(counts) and counts.is_added_up(self.start)

    def run(self) -> None:
        """Count what is missing."""
        failed = self.for_each(
            self.remaining(),
            lambda day: CountUsage(date=day, source=self.source).run_within(),
        )
        month = self.start.replace(day=1)
        CountMonth(month=month, source=self.source).run_within()
        self.conclude(failed)

    def how_to_retry(self, day: dt.date) -> str:
        """The command that retries one day."""
        return (
            f"luigi --module usage_metrics CountUsage --date {day} "
            f"--source {self.source} --local-scheduler"
        )

    def _missing(self, counts: Counts) -> list[dt.date]:
        return counts.missing(days_between(self.start, self.stop))
