"""The task that loads requests into the database, and the database it loads into."""

import datetime as dt
import functools
import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar

import luigi

from usage_metrics import config
from usage_metrics.config import retention_start
from usage_metrics.dates import ONE_DAY, days_between, months_between
from usage_metrics.errors import LoadError, PartitionError
from usage_metrics.monitoring import error_messages
from usage_metrics.parameters import OptionalDay
from usage_metrics.partitions.footer_index import Facts, FooterIndex
from usage_metrics.partitions.listings import listing_once
from usage_metrics.partitions.partition import list_present
from usage_metrics.sources import get_source, registered
from usage_metrics.tasks.backfill import MANY_DAYS, Backfill
from usage_metrics.tasks.missing import (
    Awaiting,
    available_parameter,
    missing_in_run,
    partial_parameter,
)
from usage_metrics.tasks.preflight import check_no_sample
from usage_metrics.tasks.ranges import DayRange, source_range
from usage_metrics.tasks.refresh import refreshes
from usage_metrics.tasks.settings_check import check_sections
from usage_metrics.tasks.source_parameter import SourceParameter
from usage_metrics.tasks.stages import Extract, Geocode
from usage_metrics.tasks.task import Reporting
from usage_metrics.units import number_of

if TYPE_CHECKING:
    import pyarrow as pa

    from usage_metrics.warehouse.sqlite import Changes, Loaded, Warehouse
    from usage_metrics.warehouse.table import Table

log = logging.getLogger("luigi-interface")

RECONCILED = "usage_reconciliation"
"""The table of figures with a row for each day that is counted."""


def open_warehouse() -> "Warehouse":
    """The database that ``[database]`` names."""
    from usage_metrics.counting.questions import QUESTIONS
    from usage_metrics.counting.views import VIEWS
    from usage_metrics.platforms import snapshot_tables
    from usage_metrics.tasks.registry_rows import SHORT_TABLES
    from usage_metrics.warehouse.sqlite import Warehouse

    settings = config.database()
    views = (*VIEWS, *snapshot_tables.VIEWS)
    questions = (*QUESTIONS, *snapshot_tables.QUESTIONS)
    path, busy_seconds = settings.path, settings.busy_seconds
    return Warehouse(path, busy_seconds, views, questions, SHORT_TABLES)


def requests_table(name: str) -> "Table | None":
    """The table of the requests of a source; None if it declares none."""
    from usage_metrics.warehouse.table import Table

    declared = registered(name).table
    if declared is None:
        return None
    return Table(**vars(declared), columns=lambda: _columns_of(name))


def _columns_of(name: str) -> "pa.Schema":
    """The columns of the requests of a source, once they are located."""
    from usage_metrics.geocode import locate

    source = get_source(name)
    return locate.with_location(source.cleaned, source.address)


def shows_loaded(name: str) -> tuple[str, str]:
    """The table that shows which days of a source are loaded, and from which stage."""
    table = registered(name).table
    return (table.name, Geocode.stage) if table else (RECONCILED, RECONCILED)


class Loading(Reporting):
    """Keeps tables of the database equal to the partitions of stages."""

    resources: ClassVar[dict[str, int]] = {"sqlite": 1}  # type: ignore[misc]

    def changes(
        self,
        loaded: "Mapping[dt.date, Loaded]",
        stage: str,
        files: dict[dt.date, str],
        days: Iterable[dt.date],
    ) -> "Changes":
        """The days in which what is loaded differs from the files of a stage."""
        from usage_metrics.warehouse.sqlite import changes

        @functools.cache
        def footers() -> Mapping[dt.date, Facts]:
            index = FooterIndex()
            found = index.of_stage(stage, self.source)
            index.keep()
            return found

        def content_id(day: dt.date) -> str | None:
            if day in footers():  # of files that did not change, without opening them
                known: str | None = footers()[day].get("content_id")
                return known
            return self.partition_of(stage, day).content_id()  # one to be completed

        return changes(loaded, files, content_id=content_id, among=set(days))

    def replace(
        self,
        warehouse: "Warehouse",
        table: "Table",
        stage: str,
        files: dict[dt.date, str],
        changes: "Changes",
    ) -> tuple[int, dict[dt.date, str]]:
        """Replace the days that changed, each in one transaction.

        Returns:
            The number of rows loaded, and the days whose file could not be read, with
            the reason; they stay as they were.
        """
        rows = 0
        failed: dict[dt.date, str] = {}
        warehouse.create(table)
        with warehouse.kept_open():
            for done, day in enumerate([*changes.drop, *changes.load], start=1):
                try:
                    if day in files:
                        file = self.partition_of(stage, day)
                        rows += warehouse.replace_day(table, file, files[day])
                    else:
                        warehouse.drop_day(table, self.source, day)
                except PartitionError as error:
                    failed[day] = str(error)
                    sentence = error_messages.sentence_of(error)
                    log.error("%s %s: %s", self.source, day, sentence)
                self.show_progress(done, len(changes.load) + len(changes.drop))
                self.show(f"{number_of(done, 'day')} · {number_of(rows, 'row')} so far")
            warehouse.index(table)
        return rows, failed


class LoadSQLite(Awaiting, Loading):
    """Keep the database equal to the geocoded files of a range of days.

    Of a source without a table of requests, it only makes the files.
    """

    start: OptionalDay = OptionalDay(
        description="the first UTC day; without it, the source's"
    )
    stop: OptionalDay = OptionalDay(
        description="the day after the last; without it, the source's"
    )
    source: luigi.Parameter[str] = SourceParameter()
    partial: luigi.BoolParameter = partial_parameter()
    available: luigi.BoolParameter = available_parameter()

    @listing_once()
    def requires(self) -> list[luigi.Task]:
        """Every day of the range, geocoded; with ``partial``, nothing.

        While days are missing, it is the load of the others and the missing logs.

        Raises:
            ConfigError: if days of the sample logs would be mixed with other days.
        """
        check_no_sample(self.source, Extract.stage)
        if self.partial:
            return []
        return self.waiting() or [*self._making(), *self._refreshes()]

    def _making(self) -> list[luigi.Task]:
        """The tasks that make the days; of many days, a month is one task."""
        days = self._to_make()
        if len(days) > MANY_DAYS:
            return [
                Backfill(start=start, stop=stop, source=self.source)
                for start, stop in months_between(days[0], days[-1] + ONE_DAY)
            ]
        Geocode.prime_completeness(days, self.source)
        return [Geocode(date=day, source=self.source) for day in days]

    def _to_make(self) -> list[dt.date]:
        """The days that are not geocoded and can be."""
        done = self.listed(Geocode.stage)
        days = [day for day in self.wanted() if day not in done]
        missing = missing_in_run(self.source, days)
        return [day for day in days if day not in missing]

    def _refreshes(self) -> list[luigi.Task]:
        """The days whose logs are to be read again."""
        return [task for task in refreshes(self.source) if not task.complete()]

    @listing_once()
    def is_done(self) -> bool:
        """Whether no day is missing and the database holds what the files hold."""
        check_sections([self.source])
        if self.gaps():
            return False
        if not self.partial and (self._to_make() or self._refreshes()):
            return False
        table = requests_table(self.source)
        if table is None:
            return True
        if any(self._changes(table, self._files())):
            return False
        return open_warehouse().is_finished(table)

    def run(self) -> None:
        """Replace the days that changed, each in one transaction.

        Raises:
            LoadError: naming the files that could not be read; the others are loaded.
        """
        table, files = requests_table(self.source), self._files()
        if table is None:
            self.say(f"the requests of {self.source} are in the files alone")
            return
        changes = self._changes(table, files)
        warehouse = open_warehouse()
        rows, failed = self.replace(warehouse, table, Geocode.stage, files, changes)
        warehouse.finish(table)
        if failed:
            raise LoadError(failed, of=len(changes.load))
        self.say(
            f"{number_of(rows, 'request')} of {number_of(len(changes.load), 'day')} "
            f"loaded into {warehouse.path}",
            rows,
        )

    @property
    def span(self) -> DayRange:
        """The days of the range that are over.

        Raises:
            ConfigError: if there is none.
        """
        return source_range(self.source, self.start, self.stop)

    def ignores_missing(self) -> bool:
        """Whether missing days are ignored altogether."""
        return bool(self.partial)

    def wanted(self) -> list[dt.date]:
        """The days of the range that retention lets us keep."""
        start, end = self.span
        return days_between(max(start, retention_start(Geocode.stage)), end)

    def _files(self) -> dict[dt.date, str]:
        """The files, including those with addresses to look up again."""
        return list_present(config.paths().root, Geocode.stage, self.source)

    def _changes(self, table: "Table", files: dict[dt.date, str]) -> "Changes":
        days = self.wanted()
        wanted = {day: files[day] for day in days if day in files}
        loaded = open_warehouse().loaded(table.name, self.source)
        return self.changes(loaded, Geocode.stage, wanted, days)
