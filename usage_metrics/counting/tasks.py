"""The tasks that count: a day, a month, and the report of a month.

They only read and write; what is counted, and how, is in the pure modules beside this
one. A count is stale, and made again, when the requests it was made from have changed,
when the next day has come, whose first half minute decides about the last clicks of
this one, when the registry of datasets is another, or when there is a new table.

    Geocode ──▶ CountUsage ──▶ CountMonth ──▶ LoadUsage
                     └───────▶ CounterReport
"""

import calendar
import datetime as dt
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import luigi

from usage_metrics import config, storage
from usage_metrics.counting.counted import (
    COUNTED,
    DAILY,
    MONTHLY,
    Counts,
    counting_from,
    counting_settings,
    is_partial,
)
from usage_metrics.days import (
    ONE_DAY,
    kept_from,
    utc_now,
    why_not_yet,
)
from usage_metrics.errors import PartitionError
from usage_metrics.partition_rows import DAY, naming_damage, with_day
from usage_metrics.partitions import Partition, list_partitions
from usage_metrics.pipeline import STAGES, Geocode, LoadSQLite
from usage_metrics.stage import Reporting, Stage

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from usage_metrics.counting.counter_report import Month
    from usage_metrics.counting.datasets import Registry
    from usage_metrics.partition_writer import PartitionWriter


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
        if self.date < kept_from(Geocode.stage):
            return self.output().exists()
        counted_from = _facts(self.output()).get("counted_from")
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
        addresses = _addresses_of(today, next_day)
        requests = _read_day(today, addresses)
        following = _read_day(next_day, addresses)
        events = count_requests(requests, following, _registry())
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
        from usage_metrics.counting import concentration, counter, places, usage
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
            places.usage_by_path(events, requests["request_url"], *day),
            places.usage_by_city(events, requests, *day),
            places.usage_by_agent(events, requests, *day),
        )
        return dict(zip(DAILY, tables, strict=True))

    def _next_can_be_had(self) -> bool:
        if is_partial():
            return self._following().exists()
        return why_not_yet(self.source, self.date + ONE_DAY) is None

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
        loaded = LoadSQLite(source=self.source)
        start, end = loaded.start, loaded.end
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
        return [
            Partition(config.paths().root, stage, self.source, self.month)
            for stage in MONTHLY
        ]

    def complete(self) -> bool:
        """Whether the month holds what its days hold."""
        counts = Counts(self.source)
        return self.days_are_counted(counts) and counts.is_added_up(self.month)

    def run(self) -> None:
        """Add up the days."""
        from usage_metrics.counting import concentration, monthly

        counted = self.counted(CountUsage.stage)
        addresses = _addresses_of(*map(_geocoded_of, counted))
        days = [_read(day, list(monthly.NEEDED)) for day in counted]
        period = f"{self.month:%Y-%m}"
        tables = (
            concentration.concentration(
                [_tally(day, addresses) for day in counted], period, self.source
            ),
            monthly.usage_monthly(days, self.month, self.source),
        )
        for target, table in zip(self.output(), tables, strict=True):
            with target.writing(table.schema) as file:
                file.write(table)
                file.facts |= {
                    "made_from": self._made_from(),
                    "addresses": addresses,
                }
        self.say(f"{len(counted)} days of {period}")

    def _made_from(self) -> dict[str, str | None]:
        return {
            day.date.isoformat(): day.content_id()
            for day in self.counted(CountUsage.stage)
        }


class CounterReport(OfMonth):
    """Write the COUNTER dataset report of a month, as JSON and as CSV."""

    def output(self) -> list["ReportFile"]:
        """The two files."""
        stem = f"{config.paths().root}/counter/{self.source}/{self.month:%Y-%m}"
        return [ReportFile(f"{stem}.json"), ReportFile(f"{stem}.csv")]

    def complete(self) -> bool:
        """Whether the report says what would be said now."""
        if not self.days_are_counted(Counts(self.source)):
            return False
        as_json, as_csv = self.output()
        created = as_json.created()
        if created is None or as_csv.read() is None:
            return False
        return [as_json.read(), as_csv.read()] == self._texts(created)

    def run(self) -> None:
        """Write both files."""
        for file, text in zip(
            self.output(), self._texts(utc_now().date()), strict=True
        ):
            file.write(text)
        self.say(f"{self._month().first:%Y-%m} is in {self.output()[0].path}")

    def _texts(self, created: dt.date) -> list[str]:
        from usage_metrics.counting import counter_report as report
        from usage_metrics.counting.counter import (
            USAGE_COUNTER,
            USAGE_COUNTER_VERSIONS,
        )

        registry, month = _registry(), self._month()
        usage = report.month_usage(
            registry,
            self._all("usage_counter", USAGE_COUNTER),
            self._all("usage_counter_versions", USAGE_COUNTER_VERSIONS),
        )
        document = report.as_json(usage, registry, month, created)
        text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
        return [text, report.as_csv(usage, registry, month, created)]

    def _month(self) -> "Month":
        from usage_metrics.counting.counter_report import Month

        counted = {day.date for day in self.counted(CountUsage.stage)}
        return Month(self.month, counted)

    def _all(self, stage: str, schema: "pa.Schema") -> "pa.Table":
        import pyarrow as pa

        tables = [
            with_day(_read(day, schema.names), day.date.isoformat())
            for day in self.counted(stage)
        ]
        found = [table.select(schema.names).cast(schema) for table in tables]
        return pa.concat_tables([schema.empty_table(), *found])


@dataclass(frozen=True)
class ReportFile(luigi.Target):
    """A report, where the partitions are."""

    path: str

    def exists(self) -> bool:
        """Whether it was written."""
        return self.read() is not None

    def read(self) -> str | None:
        """What it says; None if it is not there."""
        try:
            with storage.open_file(self.path) as file:
                return bytes(file.read()).decode()
        except FileNotFoundError:
            return None

    def created(self) -> dt.date | None:
        """The day on which a report in JSON says it was made, if it can be read."""
        try:
            header = json.loads(self.read() or "")["report-header"]
            return dt.date.fromisoformat(header["created"])
        except (ValueError, KeyError, TypeError):
            return None

    def write(self, text: str) -> None:
        """Write it; it appears, whole, at the end."""
        with storage.whole_or_absent(self.path) as stream:
            stream.write(text.encode())


def _registry() -> "Registry":
    from usage_metrics.counting.registry_file import read_registry

    return read_registry(config.counting().datasets)


def _facts(partition: Partition) -> dict[str, Any]:
    """What a footer says; nothing if the file is missing or damaged: make it anew."""
    try:
        return partition.facts()
    except PartitionError:
        return {}


def _read(partition: Partition, columns: list[str]) -> "pa.Table":
    """Read those of some columns that a partition has, texts as dictionaries."""
    import pyarrow as pa

    with partition.open() as file, naming_damage(file):
        names = [name for name in file.schema_arrow.names if name in columns]
        # One after the other: a column takes much more room while it is read.
        found = [_read_column(file, name) for name in names]
    return pa.table(found, names=names)


ROW_GROUPS_AT_ONCE = 16
"""A million rows: each row group has a dictionary of its own, of URLs a large one."""


def _read_column(file: "pq.ParquetFile", name: str) -> "pa.ChunkedArray":
    """Read a column, of text the distinct values and a code for each row."""
    import pyarrow as pa

    from usage_metrics.cleaning import dictionary
    from usage_metrics.counting.grouping import compact

    groups = list(range(file.num_row_groups))
    if name == "insert_id" or not groups:
        whole = file.read([name])[name]
        return whole if name == "insert_id" else compact(whole)
    pieces: list[pa.Array] = []
    for start in groups[::ROW_GROUPS_AT_ONCE]:
        some = groups[start : start + ROW_GROUPS_AT_ONCE]
        column = file.read_row_groups(some, [name])[name]
        is_text = pa.types.is_string(column.type) or pa.types.is_dictionary(column.type)
        pieces += [dictionary(column)] if is_text else column.chunks
    return compact(pa.chunked_array(pieces))


def _geocoded_of(counted: Partition) -> Partition:
    """The requests that a count was made from."""
    return Partition(counted.root, Geocode.stage, counted.source, counted.date)


def _tally(counted: Partition, addresses: str) -> "pa.Table":
    """Add up a day by organisation and address; without addresses if they are gone."""
    import pyarrow as pa

    from usage_metrics.counting import concentration
    from usage_metrics.counting.addresses import addresses_of

    columns = ["dataset", "organization", "outcome", "session", "bytes"]
    events, geocoded = _read(counted, columns), _geocoded_of(counted)
    if geocoded.exists():
        return concentration.tally(events, addresses_of(geocoded, addresses))
    unknown = pa.chunked_array([pa.nulls(events.num_rows, pa.string())])
    return concentration.tally(events, unknown)


def _addresses_of(*days: Partition) -> str:
    """What addresses all of some days have: only like ones can be compared."""
    from usage_metrics.counting.addresses import AS_GEOCODED, FULL, kind_of

    kinds = {kind_of(day) for day in days if day.exists()}
    return FULL if kinds <= {FULL} else AS_GEOCODED


def _read_day(geocoded: Partition, addresses: str) -> "pa.Table":
    """Read what counting needs of a day; nothing if it is not there."""
    import pyarrow as pa

    from usage_metrics.counting.addresses import ADDRESS, addresses_of
    from usage_metrics.counting.events import NEEDED
    from usage_metrics.counting.places import AGENTS, PLACES

    if not geocoded.exists():
        return pa.table({})
    requests = _read(geocoded, [*NEEDED, *PLACES, *AGENTS])
    index = requests.column_names.index(ADDRESS)
    return requests.set_column(index, ADDRESS, addresses_of(geocoded, addresses))
