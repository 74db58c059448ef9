"""The usage tables of the database, each kept equal to the files of its stage."""

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

import luigi

from usage_metrics import config
from usage_metrics.dates import days_between, months_between
from usage_metrics.errors import LoadError, PartitionError
from usage_metrics.partitions.partition import Partition, list_partitions
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
    """Keep the usage tables of the database equal to the counted files.

    The days are those of ``LoadSQLite``, which runs first.
    """

    source: luigi.Parameter[str] = luigi.Parameter(
        default="datasette", description="the kind of log"
    )

    resources: ClassVar[dict[str, int]] = {"sqlite": 1}  # type: ignore[misc]

    def requires(self) -> list[luigi.Task]:
        """The requests in the database, and the months that are not counted."""
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
        """Whether all is counted, and the tables hold what the files hold."""
        loaded, *to_count = self.requires()
        if to_count or not loaded.complete():
            return False
        tables = usage_tables()
        return open_warehouse().is_finished(*tables) and not any(
            any(self._changes(table, self._files(table))) for table in tables
        )

    def run(self) -> None:
        """Replace what changed, each partition in one transaction.

        Raises:
            LoadError: naming the files that could not be read; the others are loaded.
        """
        warehouse = open_warehouse()
        replaced = 0
        failed: dict[dt.date, str] = {}
        for table in usage_tables():
            files = self._files(table)
            load, drop = self._changes(table, files)
            warehouse.create(table)
            with warehouse.kept_open():
                for day in drop:
                    warehouse.drop_day(table, self.source, day)
                for day in load:
                    file = self._partition(table, day)
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
        listed = list_partitions(config.paths().root, table.name, self.source)
        return {day: f for day, f in listed.items() if start <= day < end}

    def _partition(self, table: "Table", day: dt.date) -> Partition:
        return Partition(config.paths().root, table.name, self.source, day)

    def _changes(self, table: "Table", files: dict[dt.date, str]) -> "Changes":
        start, end = source_range(self.source)
        return open_warehouse().changes(
            table.name,
            self.source,
            files,
            content_id=lambda day: self._partition(table, day).content_id(),
            among=set(days_between(start.replace(day=1), end)),
        )


def usage_tables() -> list["Table"]:
    """The tables that counting fills, each from the stage of its name."""
    from usage_metrics.counting import (
        breakdowns,
        concentration,
        counter,
        monthly,
        usage,
    )
    from usage_metrics.counting.reconciliation import USAGE_RECONCILIATION
    from usage_metrics.warehouse.table import Table

    return [
        Table(
            "usage_daily",
            usage.USAGE_DAILY,
            "date",
            description="Use of a day in full detail: a row per dataset, table, "
            "format, kind of page, class, network and country",
            facets=("dataset", "agent_class", "format"),
        ),
        Table(
            "usage_by_organization",
            usage.USAGE_BY_ORGANIZATION,
            "date",
            description="Use of a day by the organisation that routes the address",
            facets=("network_class", "agent_class", "dataset"),
        ),
        Table(
            "usage_by_referrer",
            usage.USAGE_BY_REFERRER,
            "date",
            description="Use of a day by the site that led there",
            facets=("referrer", "agent_class"),
        ),
        Table(
            "usage_by_class",
            usage.USAGE_BY_CLASS,
            "date",
            description="Use of a day by who asked; the rows of the dataset all are "
            "over all datasets, with their own sessions and visitors",
            facets=("dataset", "agent_class"),
        ),
        Table(
            "usage_by_path",
            breakdowns.USAGE_BY_PATH,
            "date",
            description="Use of a day by path, those most asked for",
            facets=("dataset", "agent_class"),
        ),
        Table(
            "usage_by_city",
            breakdowns.USAGE_BY_CITY,
            "date",
            description="Use of a day by city, as far as the address database knows",
            facets=("country", "agent_class"),
        ),
        Table(
            "usage_by_agent",
            breakdowns.USAGE_BY_AGENT,
            "date",
            description="Use of a day by the browser, script or robot that asked",
            facets=("agent_class", "agent_kind"),
        ),
        Table(
            "usage_counter",
            counter.USAGE_COUNTER,
            "date",
            description="COUNTER's metrics of a day by dataset, access method and "
            "country; may be added up over all of these but datasets",
            facets=("dataset", "access_method"),
        ),
        Table(
            "usage_counter_versions",
            counter.USAGE_COUNTER_VERSIONS,
            "date",
            description="COUNTER's metrics by version, of datasets that have some; not "
            "to be added up over versions",
            facets=("dataset", "version"),
        ),
        Table(
            "usage_reconciliation",
            USAGE_RECONCILIATION,
            "date",
            description="Each log line of a day, and what became of it",
        ),
        Table(
            "usage_concentration",
            concentration.USAGE_CONCENTRATION,
            "period",
            description="How much of a day came from one place, and what is left "
            "without the largest organisation",
            facets=("dataset", "is_concentrated"),
        ),
        Table(
            "usage_concentration_monthly",
            concentration.USAGE_CONCENTRATION,
            "period",
            monthly=True,
            description="How much of a month came from one place, and what is left "
            "without the largest organisation",
            facets=("dataset", "is_concentrated"),
        ),
        Table(
            "usage_monthly",
            monthly.USAGE_MONTHLY,
            "month",
            monthly=True,
            description="Use of a month by dataset and who asked",
            facets=("dataset", "agent_class"),
        ),
    ]
