"""The task that counts a day.

What is counted, and how, is in the pure modules of :mod:`usage_metrics.counting`. A
count is stale, and made again, when its requests have changed, when the next day has
come (whose first half minute decides about the last clicks of this one), when the
registry of datasets has changed, or when there is a new table.

    Geocode ──▶ CountUsage ──▶ CountMonth ──▶ LoadUsage
                     └───────▶ CounterReport
"""

import contextlib
import datetime as dt
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from usage_metrics import config
from usage_metrics.config import retention_start
from usage_metrics.dates import ONE_DAY
from usage_metrics.errors import PartitionError
from usage_metrics.tasks.aside_files import aside
from usage_metrics.tasks.count_input import (
    first_requests_of,
    kind_of_all,
    requests_of,
)
from usage_metrics.tasks.count_status import (
    COUNTED,
    Counts,
    counting_from,
    counting_settings,
    is_available,
    is_counted_from,
)
from usage_metrics.tasks.datasets_registry import datasets_registry
from usage_metrics.tasks.settling import noticing_changes, until_settled
from usage_metrics.tasks.stages import STAGES, Clean, Geocode
from usage_metrics.tasks.task import Stage
from usage_metrics.tasks.this_run import ThisRun

if TYPE_CHECKING:
    import pyarrow as pa

    from usage_metrics.counting.aside import NewFile
    from usage_metrics.counting.day import CountedRequests
    from usage_metrics.counting.tables import FigureTable
    from usage_metrics.counting.usage import CountedDay
    from usage_metrics.partitions.footer_index import Facts
    from usage_metrics.partitions.partition import Partition
    from usage_metrics.partitions.writer import PartitionWriter


class CountUsage(Stage):
    """Count the use of a day."""

    stage = COUNTED
    before = STAGES

    @property
    def priority(self) -> int:  # type: ignore[override]
        """That of the next day, which it needs: Luigi hands it on to what is needed."""
        return super().priority - 1

    def requires(self) -> list[Geocode]:
        """The requests of the day and, if they are available, of the next."""
        days = [self.date]
        if self._next_day().exists() or self._next_is_to_come():
            days.append(self.date + ONE_DAY)
        return [Geocode(date=day, source=self.source) for day in days]

    def complete(self) -> bool:
        """As of all tasks, except that requests that were replaced are counted again.

        A month adds up the counts beside the requests.
        """
        return self.is_done() or (ThisRun().has_done(self) and self._matches())

    def is_done(self) -> bool:
        """Whether the count matches the present files.

        A day whose requests are no longer kept stays as it was counted.
        """
        from usage_metrics.counting.tables import DAILY

        if self.date < retention_start(Geocode.stage):
            return self.output().exists()
        if self._next_is_to_come():
            return False
        tables = (self.partition(table.name) for table in DAILY)
        return self._matches() and all(table.exists() for table in tables)

    def _matches(self) -> bool:
        """Whether the count was made from the present files."""
        return is_counted_from(
            self.output().fact("counted_from"),
            self.date,
            self._facts,
            counting_settings(self.source),
        )

    def done_days(self) -> Collection[dt.date]:
        """The counted days, by one listing of each stage."""
        return Counts(self.source).days

    def run(self) -> None:
        """Count, again if another process replaces the files of the day meanwhile."""
        until_settled(self, noticing_changes(self._count, self._counting_from))

    def _count(self) -> None:
        """Count, and write the tables; last the events, which mark the day as done."""
        from usage_metrics.counting.day import count_requests

        # Before they are read: a file that is replaced meanwhile is counted again.
        counted_from = self._counting_from()
        today, next_day = self.partition(Geocode.stage), self._next_day()
        addresses = kind_of_all(today, next_day)
        made = {"counted_from": counted_from, "addresses": addresses}
        with aside() as new_file, requests_of(today, addresses) as read:
            counted = count_requests(
                read,
                first_requests_of(next_day, addresses),
                datasets_registry().at(self.source),
                new_file,
                config.counting().visitor_prefix,
            )
            self._add_up(counted, new_file, made)

    def _add_up(
        self, counted: "CountedRequests", new_file: "NewFile", made: dict[str, Any]
    ) -> None:
        from usage_metrics.counting.derived import DatabaseNames
        from usage_metrics.counting.events import EVENTS
        from usage_metrics.counting.tables import DAILY

        day = self._day(counted, new_file)
        figures = [table.begin(day) for table in DAILY]
        databases = DatabaseNames()
        with self.output().writing(EVENTS) as file:
            for rows in counted.rows():
                file.write(rows.table.select(EVENTS.names))
                databases.add(rows)
                for figure in figures:
                    figure.add(rows)
            tables = {t.name: f.table() for t, f in zip(DAILY, figures, strict=True)}
            for table in DAILY:
                self._write(table, tables[table.name])
            file.facts |= {**made, "databases": databases.found()}
        self.say(f"{tables['usage_reconciliation']['counted'][0]} requests count")

    def _day(self, counted: "CountedRequests", new_file: "NewFile") -> "CountedDay":
        from usage_metrics.counting.usage import CountedDay

        facts = self.partition(Geocode.stage).facts()
        return CountedDay(
            date=self.date.isoformat(),
            source=self.source,
            new_file=new_file,
            # The footer of the cleaned file says it too, but that file may be gone.
            lines=facts.get("cleaning") or self.partition(Clean.stage).facts(),
            named=counted.named(),
        )

    def _write(self, table: "FigureTable", rows: "pa.Table") -> None:
        """Write a table, unless the present file holds the same."""
        partition = self.partition(table.name)

        def is_there(written: "PartitionWriter") -> bool:
            return written.content_id == partition.content_id()

        with partition.writing(table.stored, keep=is_there) as file:
            file.write(rows.select(table.stored.names))

    def _next_is_to_come(self) -> bool:
        return not self._next_day().exists() and is_available(
            self.source, self.date + ONE_DAY
        )

    def _next_day(self) -> "Partition":
        return self.partition_of(Geocode.stage, self.date + ONE_DAY)

    def _counting_from(self) -> dict[str, str | None]:
        return counting_from(self.date, self._facts, counting_settings(self.source))

    def _facts(self, day: dt.date) -> "Facts":
        with contextlib.suppress(PartitionError):  # the reader of the file reports why
            return self.partition_of(Geocode.stage, day).facts()
        return {}
