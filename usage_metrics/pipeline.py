"""The whole flow, top to bottom: Extract, Clean, Geocode, LoadSQLite.

One task is one stage of one source for one UTC day. It reads the file on its left and
writes one of its own; it is done when that file is there. So any run can be repeated,
interrupted, resumed, or started by two people at once. ``RangeDaily`` makes ranges of
days of any stage; ``LoadSQLite`` keeps a database equal to the files of a range.

    Extract ──▶ raw ──▶ Clean ──▶ cleaned ──▶ Geocode ──▶ geocoded ──▶ LoadSQLite
"""

import datetime as dt
import logging
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar

import luigi
from luigi.tools.range import RangeDaily

from usage_metrics import config
from usage_metrics.errors import ConfigError, RejectedShareError
from usage_metrics.partitions import (
    Partition,
    list_partitions,
    made_from,
    row_groups,
)
from usage_metrics.sources import get_source

if TYPE_CHECKING:
    from usage_metrics.warehouse.sqlite import Changes, Table, Warehouse

log = logging.getLogger("luigi-interface")

LATEST_DAY = dt.date(2200, 1, 1)


class Stage(luigi.Task):  # type: ignore[misc]
    """One stage of one source for one day."""

    date: config.Day = config.Day(description="the UTC day, YYYY-MM-DD")
    source: luigi.Parameter[str] = luigi.Parameter(
        default="datasette", description="the kind of log"
    )
    stage: ClassVar[str] = ""

    @property
    def priority(self) -> int:
        """Oldest day first."""
        return (LATEST_DAY - self.date).days

    @classmethod
    def bulk_complete(cls, parameter_tuples: Iterable[dt.date]) -> list[dt.date]:
        """Which of many days are done, by one listing."""
        days = list(parameter_tuples)
        if not days:
            return []
        # RangeDaily passes a partial of the class, which has none of its attributes.
        task = cls(days[0])
        done = list_partitions(_root(), task.stage, task.source)
        return [day for day in days if day in done]

    def output(self) -> Partition:
        """The partition that this task makes."""
        return self.partition(self.stage)

    def partition(self, stage: str) -> Partition:
        """This day of this source at some stage."""
        return Partition(_root(), stage, self.source, self.date)

    def say(self, text: str) -> None:
        """Tell the visualiser and the log what came of the task."""
        self.set_status_message(text)
        log.info("%s: %s", self, text)


class LogsOfDay(luigi.ExternalTask):  # type: ignore[misc]
    """The log entries of a day that cannot be had yet."""

    date: config.Day = config.Day()
    source: luigi.Parameter[str] = luigi.Parameter(default="datasette")

    def complete(self) -> bool:
        """Whether they can be had by now; if not, say why."""
        why = why_not_yet(self.source, self.date)
        if why is not None:
            log.warning("%s", why)
        return why is None


class Extract(Stage):
    """Fetch a day's log entries as the service gives them."""

    stage = "raw"

    def requires(self) -> list[LogsOfDay]:
        """Nothing, unless the day is not over or not exported."""
        if why_not_yet(self.source, self.date) is None:
            return []
        return [LogsOfDay(date=self.date, source=self.source)]

    def run(self) -> None:
        """Write the entries as they come."""
        import pyarrow as pa

        source = get_source(self.source)
        settings = config.source_section(self.source)
        with self.output().writing(source.raw, source.raw_dictionaries) as entries:
            for batch in source.open_logs(settings).read(self.date):
                entries.write(pa.Table.from_batches([batch]))
                self.set_status_message(f"{entries.rows:,} entries so far")
            entries.facts["logs"] = settings.logs
        self.say(f"{entries.rows:,} log entries")


class Clean(Stage):
    """Make requests of log entries, each once; keep apart what cannot be understood."""

    stage = "cleaned"

    def requires(self) -> Extract:
        """The raw entries of the day."""
        return Extract(date=self.date, source=self.source)

    def run(self) -> None:
        """Clean a row group at a time.

        Raises:
            RejectedShareError: if too much of the day could not be understood.
        """
        from usage_metrics import cleaning

        source = get_source(self.source)
        settings = config.source_section(self.source)
        not_requests = 0
        with (
            self.input().open(source.raw_dictionaries) as raw,
            self.output().writing(source.cleaned) as requests,
        ):
            drop = cleaning.superseded(raw, source.time, source.key, source.latest)
            with self.partition("rejected").writing(cleaning.REJECTED) as rejected:
                for start, entries in row_groups(raw):
                    once = entries.filter(~drop[start : start + entries.num_rows])
                    found = source.clean(once, settings)
                    requests.write(found.requests)
                    rejected.write(found.rejected)
                    not_requests += found.not_requests
                    self.set_progress_percentage(100 * start // max(1, len(drop)))
            self._check_share(rejected.rows, len(drop))
            requests.facts |= made_from(raw) | {
                "duplicates": int(drop.sum()),
                "rejected": rejected.rows,
                "not_requests": not_requests,
            }
        self.say(
            f"{requests.rows:,} requests · {rejected.rows:,} rejected · "
            f"{drop.sum():,} duplicates · {not_requests:,} not requests"
        )

    def _check_share(self, rejected: int, lines: int) -> None:
        maximum = config.source_section(self.source).maximum_rejected_share
        if lines and rejected / lines > maximum:
            raise RejectedShareError(
                f"{self.source} {self.date}: {rejected:,} of {lines:,} lines could not "
                f"be understood, which is more than [{self.source}] "
                f"maximum_rejected_share = {maximum}; the reasons are in "
                f"{self.partition('rejected').path}"
            )


class Geocode(Stage):
    """Say where the addresses of a day's requests are."""

    stage = "geocoded"

    def requires(self) -> Clean:
        """The requests of the day."""
        return Clean(date=self.date, source=self.source)

    def run(self) -> None:
        """Locate the day's distinct addresses, then give each request its location."""
        from usage_metrics import geocode

        source = get_source(self.source)
        schema = geocode.with_location(source.cleaned, source.address)
        with self.input().open(source.cleaned_dictionaries) as requests:
            with geocode.open_provider() as provider:
                located = geocode.locate_column(requests, source.address, provider)
            # Before the file, so that a kill between the two loses no address.
            self.output().ask_again(wanted=located.unanswered > 0)
            with self.output().writing(schema) as geocoded:
                for start, rows in row_groups(requests):
                    geocoded.write(located.beside(rows, schema))
                    done = 100 * start // max(1, requests.metadata.num_rows)
                    self.set_progress_percentage(done)
                geocoded.facts |= made_from(requests) | located.facts
        self.say(f"{geocoded.rows:,} requests · {located}")


class LoadSQLite(luigi.Task):  # type: ignore[misc]
    """Keep the database equal to the geocoded files of a range of days."""

    start: config.Day = config.Day(description="the first UTC day, YYYY-MM-DD")
    stop: config.OptionalDay = config.OptionalDay(
        default=None, description="the day after the last; without it, all that is over"
    )
    source: luigi.Parameter[str] = luigi.Parameter(
        default="datasette", description="the kind of log"
    )
    partial: luigi.BoolParameter = luigi.BoolParameter(
        default=False, description="load the days that are there, whichever are missing"
    )

    resources: ClassVar[dict[str, int]] = {"sqlite": 1}

    def requires(self) -> list[luigi.Task]:
        """Every day of the range, geocoded; with ``partial``, nothing."""
        if self.partial:
            return []
        return [
            RangeDaily(
                of=Geocode,
                of_params={"source": self.source},
                start=self.start,
                stop=self.end,
                param_name="date",
            )
        ]

    def complete(self) -> bool:
        """Whether no day is missing and the database holds what the files hold."""
        config.check_sections()
        files = self._files()
        if not self.partial and any(day not in files for day in self._days()):
            return False
        return not any(self._changes(files))

    def run(self) -> None:
        """Replace the days that changed, each in one transaction."""
        files = self._files()
        load, drop = self._changes(files)
        warehouse, table = self._warehouse(), self._table()
        warehouse.create(table)
        rows = 0
        for done, day in enumerate([*drop, *load], start=1):
            if day in files:
                rows += warehouse.replace_day(table, self._partition(day), files[day])
            else:
                warehouse.drop_day(table, self.source, day)
            self.set_progress_percentage(100 * done // (len(load) + len(drop)))
            self.set_status_message(f"{done:,} days · {rows:,} requests so far")
        text = f"{rows:,} requests of {len(load):,} days loaded"
        self.set_status_message(text)
        log.info("%s: %s into %s", self, text, warehouse.path)

    @property
    def end(self) -> dt.date:
        """The day after the last of the range.

        Raises:
            ConfigError: if it does not lie behind the first.
        """
        end: dt.date = self.stop or first_running_day(self.source)
        if end <= self.start:
            raise ConfigError(
                f"LoadSQLite: stop = {end} is not after start = {self.start}; give "
                "--start and --stop, or set them in [LoadSQLite] of luigi.cfg"
            )
        return end

    def _days(self) -> Iterator[dt.date]:
        for number in range((self.end - self.start).days):
            yield self.start + dt.timedelta(days=number)

    def _files(self) -> dict[dt.date, str]:
        return list_partitions(_root(), Geocode.stage, self.source)

    def _partition(self, day: dt.date) -> Partition:
        return Partition(_root(), Geocode.stage, self.source, day)

    def _changes(self, files: dict[dt.date, str]) -> "Changes":
        days = set(self._days())
        return self._warehouse().changes(
            self.source,
            {day: fingerprint for day, fingerprint in files.items() if day in days},
            content_id=lambda day: str(self._partition(day).facts()["content_id"]),
            among=days,
        )

    def _warehouse(self) -> "Warehouse":
        from usage_metrics.warehouse.sqlite import Warehouse

        settings = config.database()
        return Warehouse(settings.path, settings.busy_seconds)

    def _table(self) -> "Table":
        from usage_metrics import geocode
        from usage_metrics.warehouse.sqlite import Table

        source = get_source(self.source)
        return Table(
            name=source.table,
            schema=geocode.with_location(source.cleaned, source.address),
            primary_key=source.primary_key,
            indexes=source.indexes,
            time=source.loaded_time,
            loaded=source.loaded,
        )


def first_running_day(source: str) -> dt.date:
    """The first UTC day that is not over, or not over for long enough.

    Late entries settle for ``settle_hours`` after midnight; the clock's zone is of no
    account.
    """
    settled = dt.timedelta(hours=config.source_section(source).settle_hours)
    return (dt.datetime.now(dt.UTC) - settled).date()


def why_not_yet(source: str, day: dt.date) -> str | None:
    """Say why the log entries of a day cannot be had yet; None when they can."""
    settings = config.source_section(source)
    if day >= first_running_day(source):
        return (
            f"{source} {day} is not over: a day is extracted {settings.settle_hours:g} "
            f"hours after it ends in UTC ([{source}] settle_hours)"
        )
    return get_source(source).open_logs(settings).unavailable(day)


def _root() -> str:
    return config.paths().root
