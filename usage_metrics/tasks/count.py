"""The tasks that count: a day, a month, and the report of a month.

They only read and write; what is counted, and how, is in the pure modules beside this
one. A count is stale, and made again, when the requests it was made from have changed,
when the next day has come, whose first half minute decides about the last clicks of
this one, when the registry of datasets is another, or when there is a new table.

    Geocode ──▶ CountUsage ──▶ CountMonth ──▶ LoadUsage
                     └───────▶ CounterReport
"""

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING

from usage_metrics import config
from usage_metrics.dates import ONE_DAY, retention_start
from usage_metrics.partitions.partition import Partition
from usage_metrics.partitions.row_groups import DAY
from usage_metrics.tasks.availability import unavailable_reason
from usage_metrics.tasks.count_status import (
    COUNTED,
    DAILY,
    Counts,
    counting_from,
    counting_settings,
    is_partial,
)
from usage_metrics.tasks.stages import STAGES, Geocode
from usage_metrics.tasks.task import Stage

if TYPE_CHECKING:
    import pyarrow as pa

    from usage_metrics.partitions.writer import PartitionWriter
from usage_metrics.tasks.count_input import facts_or_none, kind_of_all, read_day
from usage_metrics.tasks.count_status import datasets_registry


class CountUsage(Stage):
    """Count the use of a day."""

    stage = COUNTED
    before = STAGES

    @property
    def priority(self) -> int:  # type: ignore[override]
        """That of the next day, which it needs: Luigi hands it on to what is needed."""
        return super().priority - 1

    def requires(self) -> list[Geocode]:
        """The requests of the day and, if it can be had, of the next."""
        days = [self.date]
        if self._next_can_be_had():
            days.append(self.date + ONE_DAY)
        return [Geocode(date=day, source=self.source) for day in days]

    def complete(self) -> bool:
        """Whether the day is counted, and from what is there now.

        A day whose requests are no longer kept stays as it was counted.
        """
        if self.date < retention_start(Geocode.stage):
            return self.output().exists()
        counted_from = facts_or_none(self.output()).get("counted_from")
        return (
            counted_from is not None
            and all(self.partition(stage).exists() for stage in DAILY)
            and counted_from == self._counting_from()
        )

    @classmethod
    def bulk_complete(cls, parameter_tuples: Iterable[dt.date]) -> list[dt.date]:
        """Which of many days are counted, by one listing of each stage."""
        days = list(parameter_tuples)
        if not days:
            return []
        counted = Counts(cls(date=days[0]).source).days
        return [day for day in days if day in counted]

    def run(self) -> None:
        """Count, and write the tables; the events, which say it is done, come last."""
        from usage_metrics.counting.events import EVENTS, count_requests

        today, next_day = self.partition(Geocode.stage), self._following()
        addresses = kind_of_all(today, next_day)
        requests = read_day(today, addresses)
        following = read_day(next_day, addresses)
        events = count_requests(requests, following, datasets_registry())
        tables = self._tables(events, requests)
        with self.output().writing(EVENTS) as counted:
            counted.write(events)
            counted.facts |= {
                "counted_from": self._counting_from(),
                "addresses": addresses,
            }
            for stage, table in tables.items():
                self._write(self.partition(stage), table)
        self.say(f"{tables['usage_reconciliation']['counted'][0]} requests count")

    def _write(self, partition: Partition, table: "pa.Table") -> None:
        """Write a table, unless the file that is there holds the same."""

        def is_there(written: "PartitionWriter") -> bool:
            return written.content_id == partition.content_id()

        if DAY in table.column_names:
            table = table.drop_columns([DAY])
        with partition.writing(table.schema, keep=is_there) as file:
            file.write(table)

    def _tables(
        self, events: "pa.Table", requests: "pa.Table"
    ) -> dict[str, "pa.Table"]:
        from usage_metrics.counting import breakdowns, concentration, counter, usage
        from usage_metrics.counting.reconciliation import reconcile

        day = (self.date, self.source)
        tally = concentration.tally(events, requests["remote_ip"])
        period = self.date.isoformat()
        # Both footers say it; the cleaned file may have to be gone.
        lines = self.partition(Geocode.stage).facts().get("cleaning")
        lines = lines or self.partition("cleaned").facts()
        tables = (
            usage.usage_daily(events, *day),
            usage.usage_by_organization(events, *day),
            usage.usage_by_referrer(events, *day),
            counter.usage_counter(events, *day),
            counter.usage_counter_versions(events, *day),
            concentration.concentration([tally], period, self.source),
            reconcile(events, lines, *day),
            usage.usage_by_class(events, *day),
            breakdowns.usage_by_path(events, requests["request_url"], *day),
            breakdowns.usage_by_city(events, requests, *day),
            breakdowns.usage_by_agent(events, requests, *day),
        )
        return dict(zip(DAILY, tables, strict=True))

    def _next_can_be_had(self) -> bool:
        if is_partial():
            return self._following().exists()
        return unavailable_reason(self.source, self.date + ONE_DAY) is None

    def _following(self) -> Partition:
        following = self.date + ONE_DAY
        return Partition(config.paths().root, Geocode.stage, self.source, following)

    def _counting_from(self) -> dict[str, str | None]:
        root, stage = config.paths().root, Geocode.stage
        return counting_from(
            self.date,
            lambda day: Partition(root, stage, self.source, day).content_id(),
            counting_settings(),
        )
