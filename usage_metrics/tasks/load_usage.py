"""The task that loads the tables of figures into the database."""

import datetime as dt
import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING

import luigi

from usage_metrics.dates import days_between, months_between
from usage_metrics.errors import LoadError
from usage_metrics.partitions.listings import listing_once
from usage_metrics.tasks.backfill import MANY_DAYS
from usage_metrics.tasks.count_month import CountDays, CountMonth
from usage_metrics.tasks.count_status import Counts
from usage_metrics.tasks.load import Loading, LoadSQLite, open_warehouse
from usage_metrics.tasks.missing import Awaiting, available_parameter
from usage_metrics.tasks.ranges import source_range
from usage_metrics.tasks.source_parameter import SourceParameter
from usage_metrics.tasks.this_run import ThisRun
from usage_metrics.units import number_of

if TYPE_CHECKING:
    from usage_metrics.warehouse.sqlite import Changes
    from usage_metrics.warehouse.table import Table


class LoadUsage(Awaiting, Loading):
    """Keep the tables of figures in the database equal to their files.

    ``LoadSQLite`` runs first, for the same days.
    """

    source: luigi.Parameter[str] = SourceParameter()
    available: luigi.BoolParameter = available_parameter()

    @listing_once()
    def requires(self) -> list[luigi.Task]:
        """The loaded requests and the months that are not counted.

        Which these are is asked once. If loading reads days again, or another run
        changes some, :meth:`run` asks for the rest.
        """
        loaded = LoadSQLite(source=self.source)
        return self.waiting() or [
            loaded.of_what_is_there(),
            *ThisRun().not_done(self._first_to_count),
        ]

    def wanted(self) -> list[dt.date]:
        """The days of the database."""
        return days_between(*source_range(self.source))

    @functools.cached_property
    def _first_to_count(self) -> list[luigi.Task]:
        return list(self._months_to_count())

    def _months_to_count(self) -> Iterator[luigi.Task]:
        counts = Counts(self.source)
        missing = counts.missing(self.wanted())
        to_count = {day.replace(day=1) for day in missing}
        for start, stop in months_between(*source_range(self.source)):
            month = start.replace(day=1)
            if month not in to_count and counts.is_added_up(month):
                continue
            if len(missing) > MANY_DAYS:
                yield CountDays(start=start, stop=stop, source=self.source)
            else:
                yield CountMonth(month=month, source=self.source)

    @listing_once()
    def is_done(self) -> bool:
        """Whether every day is counted, and the tables hold what the files hold."""
        from usage_metrics.counting.tables import TABLES
        from usage_metrics.platforms.snapshot_tables import IN_SERIES

        if self.gaps():
            return False
        loaded = LoadSQLite(source=self.source).of_what_is_there()
        if not loaded.complete() or any(self._months_to_count()):
            return False
        return open_warehouse().is_finished(*TABLES.values(), IN_SERIES) and not any(
            any(changes) for _, _, changes in self._compared()
        )

    def run(self) -> Iterator[list[luigi.Task]]:
        """Replace what changed, each partition in one transaction.

        Yields:
            The months that are not counted. When they are, Luigi begins again.

        Raises:
            LoadError: naming the files that could not be read; the others are loaded.
        """
        from usage_metrics.counting.tables import TABLES
        from usage_metrics.platforms.snapshot_tables import IN_SERIES

        if months := [m for m in self._months_to_count() if not m.complete()]:
            yield months
        warehouse = open_warehouse()
        replaced = 0
        failed: dict[dt.date, str] = {}
        for table, files, changes in self._compared():
            _, bad = self.replace(warehouse, table, table.name, files, changes)
            replaced += len(changes.load)
            failed |= bad
        warehouse.create(IN_SERIES)  # which a view of all use reads, too
        warehouse.finish(*TABLES.values(), IN_SERIES)
        if failed:
            raise LoadError(failed, of=replaced)
        self.say(f"{number_of(replaced, 'file')} loaded into {warehouse.path}")

    def _compared(self) -> "Iterator[tuple[Table, dict[dt.date, str], Changes]]":
        """Each table, with its files and the days in which it differs from them."""
        from usage_metrics.counting.tables import TABLES

        start, end = source_range(self.source)
        days = days_between(start.replace(day=1), end)
        loaded = open_warehouse().loaded_of(source=self.source)
        for name, table in TABLES.items():
            first = days[0] if table.monthly else start
            listed = self.listed(name).items()
            files = {day: file for day, file in listed if first <= day < end}
            there = loaded.get((name, self.source), {})
            yield table, files, self.changes(there, name, files, days)
