"""The task that loads the tables of figures into the database."""

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

import luigi

from usage_metrics.dates import days_between, months_between
from usage_metrics.errors import LoadError, PartitionError
from usage_metrics.parameters import source_parameter
from usage_metrics.tasks.backfill import MANY_DAYS
from usage_metrics.tasks.count_month import CountDays, CountMonth
from usage_metrics.tasks.count_status import Counts
from usage_metrics.tasks.load import LoadSQLite, open_warehouse
from usage_metrics.tasks.ranges import source_range
from usage_metrics.tasks.task import Reporting

if TYPE_CHECKING:
    from usage_metrics.warehouse.sqlite import Changes
    from usage_metrics.warehouse.table import Table


class LoadUsage(Reporting):
    """Keep the tables of figures in the database equal to their files.

    ``LoadSQLite`` runs first, for the same days.
    """

    source: luigi.Parameter[str] = source_parameter()

    resources: ClassVar[dict[str, int]] = {"sqlite": 1}  # type: ignore[misc]

    def requires(self) -> list[luigi.Task]:
        """The loaded requests, and the months that are not counted."""
        loaded = LoadSQLite(source=self.source)
        return [loaded, *self._months_to_count(loaded)]

    def _months_to_count(self, loaded: LoadSQLite) -> Iterator[luigi.Task]:
        counts = Counts(self.source)
        missing = counts.missing(days_between(*loaded.span))
        to_count = {day.replace(day=1) for day in missing}
        for start, stop in months_between(*loaded.span):
            month = start.replace(day=1)
            if month not in to_count and counts.is_added_up(month):
                continue
            if len(missing) > MANY_DAYS:
                yield CountDays(start=start, stop=stop, source=self.source)
            else:
                yield CountMonth(month=month, source=self.source)

    def complete(self) -> bool:
        """Whether every day is counted, and the tables hold what the files hold."""
        from usage_metrics.counting.tables import TABLES

        loaded, *to_count = self.requires()
        if to_count or not loaded.complete():
            return False
        tables = TABLES.values()
        return open_warehouse().is_finished(*tables) and not any(
            any(self._changes(table, self._files(table))) for table in tables
        )

    def run(self) -> None:
        """Replace what changed, each partition in one transaction.

        Raises:
            LoadError: naming the files that could not be read; the others are loaded.
        """
        from usage_metrics.counting.tables import TABLES

        warehouse = open_warehouse()
        replaced = 0
        failed: dict[dt.date, str] = {}
        for table in TABLES.values():
            files = self._files(table)
            load, drop = self._changes(table, files)
            warehouse.create(table)
            with warehouse.kept_open():
                for day in drop:
                    warehouse.drop_day(table, self.source, day)
                for day in load:
                    file = self.partition_of(table.name, day)
                    try:
                        warehouse.replace_day(table, file, files[day])
                    except PartitionError as error:
                        failed[day] = str(error)
            replaced += len(load)
        warehouse.finish()
        if failed:
            raise LoadError(failed, of=replaced)
        self.say(f"{replaced:,} files loaded into {warehouse.path}")

    def _files(self, table: "Table") -> dict[dt.date, str]:
        start, end = source_range(self.source)
        if table.monthly:
            start = start.replace(day=1)
        listed = self.listed(table.name)
        return {day: f for day, f in listed.items() if start <= day < end}

    def _changes(self, table: "Table", files: dict[dt.date, str]) -> "Changes":
        start, end = source_range(self.source)
        return open_warehouse().changes(
            table.name,
            self.source,
            files,
            content_id=lambda day: self.partition_of(table.name, day).content_id(),
            among=set(days_between(start.replace(day=1), end)),
        )
