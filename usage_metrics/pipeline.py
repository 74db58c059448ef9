"""The whole flow, top to bottom: Extract, Clean, Geocode, LoadSQLite.

One task is one stage of one source for one UTC day. It reads the file on its left and
writes one of its own; it is done when that file is there. So any run can be repeated,
interrupted, resumed, or started by two people at once. ``RangeDaily`` makes ranges of
days of any stage; ``LoadSQLite`` keeps a database equal to the files of a range.

    Extract ──▶ raw ──▶ Clean ──▶ cleaned ──▶ Geocode ──▶ geocoded ──▶ LoadSQLite
"""

import datetime as dt
import logging
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, ClassVar

import luigi
import tenacity

from usage_metrics import config, sentences
from usage_metrics.beforehand import check_no_sample, check_provider
from usage_metrics.database import open_warehouse, requests_table
from usage_metrics.days import (
    RangeDaily,
    check_range,
    days_between,
    first_running_day,
    kept_from,
    months_between,
    utc_now,
    why_not_yet,
)
from usage_metrics.errors import (
    ChangingError,
    FewerEntriesError,
    LoadError,
    NotYetError,
    PartitionError,
    RejectedShareError,
    UnreachableError,
)
from usage_metrics.many_days import MANY_DAYS, ManyDays
from usage_metrics.parameters import Day, OptionalDay
from usage_metrics.partition_footer import facts_of
from usage_metrics.partition_rows import made_from, naming_damage, row_groups
from usage_metrics.partitions import Partition, list_partitions, list_present
from usage_metrics.sources import get_source
from usage_metrics.stage import LogsOfDay, Reporting, Stage, root

if TYPE_CHECKING:
    import pyarrow.parquet as pq

    from usage_metrics.handover import RowsInMemory
    from usage_metrics.partition_writer import PartitionWriter
    from usage_metrics.warehouse.sqlite import Changes

log = logging.getLogger("luigi-interface")

READINGS = 3
"""So often a file is read that changes while it is read."""
CHANGES_SETTLE = tenacity.wait_exponential(2, max=30) + tenacity.wait_random(0, 2)

LINE_COUNTS = ("rows_in", "duplicates", "rejected", "not_requests")
"""What the footer of a cleaned file says of the lines that it was made from."""


class Extract(Stage):
    """Fetch a day's log entries as the service gives them.

    When a day is fetched again, an equal file stays, and so does all that was made
    from it.
    """

    stage = "raw"

    def requires(self) -> list[LogsOfDay]:
        """Nothing, unless the day is not over or not exported."""
        if why_not_yet(self.source, self.date) is None:
            return []
        return [LogsOfDay(date=self.date, source=self.source)]

    def run(self) -> None:
        """Write the entries as they come; again, if their file changes meanwhile.

        Raises:
            FewerEntriesError: if there were more of them before.
            ChangingError: if a file changes whenever it is read.
        """
        attempts = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(ChangingError),
            stop=tenacity.stop_after_attempt(READINGS),
            wait=CHANGES_SETTLE,
            before_sleep=lambda state: log.warning("%s: reading it again", self),
            reraise=True,
        )
        attempts(self._extract)

    def _extract(self) -> None:
        import pyarrow as pa

        source = get_source(self.source)
        settings = config.source_section(self.source)
        with self.output().writing(
            source.raw, source.raw_dictionaries, keep=self._is_as_before
        ) as entries:
            for batch in source.open_logs(settings).read(self.date):
                entries.write(pa.Table.from_batches([batch]))
                self.show(f"{entries.rows:,} entries so far")
            entries.facts["logs"] = settings.logs
        self.say(f"{entries.rows:,} log entries", entries.rows)

    def _is_as_before(self, entries: "PartitionWriter") -> bool:
        """Whether the file that is there, if there is one, holds the same entries."""
        raw = self.output()
        is_there = raw.exists()
        try:
            before = raw.facts() if is_there else None
        except UnreachableError:  # it may hold more than this one
            raise
        except PartitionError:  # damaged, so that the new one takes its place
            return False
        if before is None:
            return False
        if before["content_id"] == entries.content_id:
            raw.mark_checked()
            return True
        if entries.rows < before["rows"]:
            raise FewerEntriesError(
                f"{self.source} {self.date}: the logs have {entries.rows:,} entries "
                f"now, and had {before['rows']:,}; what was kept stays. If the logs "
                f"are right, delete {raw.path} and rerun"
            )
        return False


class Clean(Stage):
    """Make requests of log entries, each once; keep apart what cannot be understood."""

    stage = "cleaned"
    before = (Extract,)

    def requires(self) -> Extract:
        """The raw entries of the day."""
        return Extract(date=self.date, source=self.source)

    @classmethod
    def recipe(cls, source: str) -> dict[str, Any]:
        """The version of the source's cleaning, the settings and lists it goes by."""
        from usage_metrics.agents import list_versions

        declared = get_source(source)
        settings = config.source_section(source)
        heeded = {name: getattr(settings, name) for name in declared.heeds}
        return {"version": declared.version, **heeded, **list_versions()}

    def run(self) -> None:
        """Clean a row group at a time.

        Raises:
            RejectedShareError: if too much of the day could not be understood.
        """
        from usage_metrics.cleaning import REJECTED
        from usage_metrics.duplicates import superseded

        source = get_source(self.source)
        settings = config.source_section(self.source)
        not_requests = 0
        with (
            self.input().open() as raw,
            self.output().writing(source.cleaned, hand_on=True) as requests,
        ):
            with naming_damage(raw):
                drop = superseded(raw, source.time, source.key, source.latest)
            with self.partition("rejected").writing(REJECTED) as rejected:
                for start, entries in row_groups(raw):
                    once = entries.filter(~drop[start : start + entries.num_rows])
                    found = source.clean(once, settings)
                    requests.write(found.requests)
                    rejected.write(found.rejected)
                    not_requests += found.not_requests
                    self.show_progress(start, len(drop))
            self._check_share(rejected.rows, len(drop))
            requests.facts |= made_from(raw) | {
                "recipe": self.recipe(self.source),
                "duplicates": int(drop.sum()),
                "rejected": rejected.rows,
                "not_requests": not_requests,
            }
        self.say(
            f"{requests.rows:,} requests · {rejected.rows:,} rejected · "
            f"{drop.sum():,} duplicates · {not_requests:,} not requests",
            requests.rows,
        )

    def _check_share(self, rejected: int, lines: int) -> None:
        maximum = config.source_section(self.source).maximum_rejected_share
        if lines and rejected / lines > maximum:
            raise RejectedShareError(
                f"{self.source} {self.date}: {rejected:,} of {lines:,} lines could not "
                f"be understood, which is more than [{self.source}] "
                f"maximum_rejected_share = {maximum}. The first: "
                f"{self._first_reason()}. All of them, with their reasons, are in "
                f"{self.partition('rejected').path}. When the logs are mended, delete "
                f"{self.input().path} and rerun: they are read again"
            )

    def _first_reason(self) -> str:
        from usage_metrics.cleaning import without_value

        with self.partition("rejected").open() as file:
            reasons = file.read_row_group(0, columns=["reason"])["reason"]
        return without_value(reasons[0].as_py())


class Geocode(Stage):
    """Say where the addresses of a day's requests are."""

    stage = "geocoded"
    before = (*Clean.before, Clean)

    def requires(self) -> Clean:
        """The requests of the day.

        Raises:
            UsageMetricsError: if nobody could say where their addresses are.
        """
        check_provider(self.source)
        return Clean(date=self.date, source=self.source)

    @classmethod
    def recipe(cls, source: str) -> dict[str, Any]:
        """The provider of locations, which of its data, and what of addresses stays."""
        from usage_metrics import geocode

        if get_source(source).address is None:
            return {}
        with geocode.open_provider() as provider:
            return _geocoded_by(provider.facts())

    def run(self) -> None:
        """Locate the day's distinct addresses, then give each request its location.

        Here full addresses end, unless the settings keep them.
        """
        from usage_metrics import geocode
        from usage_metrics.privacy.treatment import Treatment

        source = get_source(self.source)
        schema = geocode.with_location(source.cleaned, source.address)
        cleaned = self.input()
        with cleaned.open_next(source.cleaned) as requests:
            if source.address is None:
                located = geocode.nowhere()
            else:
                with geocode.open_provider() as provider:
                    located = geocode.locate_column(requests, source.address, provider)
            # Before the file, and taken back behind it: a kill between the two loses no
            # address.
            if located.unanswered:
                self.output().ask_again(wanted=True)
            treatment = Treatment(
                config.privacy().addresses, source.address, located.addresses
            )
            located = treatment.of_located(located)
            with self.output().writing(schema) as geocoded:
                for start, rows in row_groups(requests):
                    geocoded.write(treatment.of_requests(located.beside(rows, schema)))
                    self.show_progress(start, requests.metadata.num_rows)
                geocoded.facts |= made_from(requests) | located.facts
                geocoded.facts["cleaning"] = _line_counts(requests)
                if source.address is not None:
                    geocoded.facts["recipe"] = _geocoded_by(located.facts)
            if not located.unanswered:
                self.output().ask_again(wanted=False)
        self.say(f"{geocoded.rows:,} requests · {located}", geocoded.rows)


STAGES: tuple[type[Stage], ...] = (Extract, Clean, Geocode)
"""From left to right."""


class Backfill(ManyDays):
    """Every stage of many days; the files are those that a task a day makes."""

    def requires(self) -> list[luigi.Task]:
        """Of more than a month, each month in which a day remains.

        Raises:
            UsageMetricsError: if nobody could say where addresses are.
        """
        check_provider(self.source)
        return super().requires()

    def run(self) -> None:
        """Make the missing days.

        Raises:
            BackfillError: naming every day that failed, why, and how to try it again.
        """
        self.conclude(self.for_each(self.remaining(), self._make))

    def remaining(self) -> list[dt.date]:
        """The days that are not geocoded."""
        done = list_partitions(root(), Geocode.stage, self.source)
        return [day for day in days_between(self.start, self.stop) if day not in done]

    def _make(self, day: dt.date) -> None:
        stages = [stage(date=day, source=self.source) for stage in STAGES]
        logs = LogsOfDay(date=day, source=self.source)
        if not stages[0].complete() and not logs.complete():
            logs.trigger_event(luigi.Event.DEPENDENCY_MISSING, logs)
            raise NotYetError(logs.why)
        for stage in stages:
            if not stage.complete():
                stage.run_within()


class LoadSQLite(Reporting):
    """Keep the database equal to the geocoded files of a range of days."""

    start: Day = Day(description="the first UTC day, YYYY-MM-DD")
    stop: OptionalDay = OptionalDay(
        description="the day after the last; without it, all that is over"
    )
    source: luigi.Parameter[str] = luigi.Parameter(
        default="datasette", description="the kind of log"
    )
    partial: luigi.BoolParameter = luigi.BoolParameter(
        default=False,
        description="load the days that are there, whichever are missing; make none",
    )

    resources: ClassVar[dict[str, int]] = {"sqlite": 1}  # type: ignore[misc]

    def requires(self) -> list[luigi.Task]:
        """Every day of the range, geocoded; with ``partial``, nothing.

        Raises:
            ConfigError: if days of the sample logs would stand among those of others.
        """
        check_no_sample(self.source, Extract.stage)
        if self.partial:
            return []
        return [*self._days_to_make(), *self._refreshes()]

    def _days_to_make(self) -> list[luigi.Task]:
        done = self._done()
        days = self._days()
        if not days:
            return []
        if sum(day not in done for day in days) > MANY_DAYS:
            end = self._end_of_logs(done)
            tasks: list[luigi.Task] = [
                Backfill(start=start, stop=stop, source=self.source)
                for start, stop in months_between(days[0], end)
            ]
            if end < self.end:  # of years of them the first says as much as all
                tasks.append(LogsOfDay(date=end, source=self.source))
            return tasks
        return [
            RangeDaily(
                of=Geocode,
                of_params={"source": self.source},
                start=days[0],
                stop=self.end,
                param_name="date",
                # All of them, whatever [RangeDaily] says of ranges asked for by hand.
                task_limit=len(days),
                days_back=(utc_now().date() - days[0]).days + 1,
                days_forward=-1,
            )
        ]

    def _refreshes(self) -> list[luigi.Task]:
        """The days whose logs are to be read again."""
        from usage_metrics.upkeep import refreshes

        return [task for task in refreshes(self.source) if not task.complete()]

    def complete(self) -> bool:
        """Whether no day is missing and the database holds what the files hold."""
        config.check_sections()
        if not self.partial:
            done = self._done()
            if any(day not in done for day in self._days()) or self._refreshes():
                return False
        if any(self._changes(self._files())):
            return False
        return open_warehouse().is_finished(requests_table(self.source))

    def run(self) -> None:
        """Replace the days that changed, each in one transaction."""
        files = self._files()
        load, drop = self._changes(files)
        warehouse, table = open_warehouse(), requests_table(self.source)
        warehouse.create(table)
        rows = 0
        failed: dict[dt.date, str] = {}
        with warehouse.kept_open():
            for done, day in enumerate([*drop, *load], start=1):
                try:
                    if day in files:
                        file = self._partition(day)
                        rows += warehouse.replace_day(table, file, files[day])
                    else:
                        warehouse.drop_day(table, self.source, day)
                except PartitionError as error:  # the day stays as it was
                    failed[day] = str(error)
                    log.error(
                        "%s %s: %s", self.source, day, sentences.sentence_of(error)
                    )
                self.show_progress(done, len(load) + len(drop))
                self.show(f"{done:,} days · {rows:,} requests so far")
        warehouse.finish(table)
        if failed:
            raise LoadError(failed, of=len(load))
        self.say(
            f"{rows:,} requests of {len(load):,} days loaded into {warehouse.path}",
            rows,
        )

    @property
    def end(self) -> dt.date:
        """The day after the last of the range.

        As in a ``RangeDaily``, today is not in it, nor what lies ahead.

        Raises:
            ConfigError: if no day of the range is over.
        """
        over = first_running_day(self.source)
        end: dt.date = min(self.stop, utc_now().date()) if self.stop else over
        check_range(self, over=max(over, end))
        return end

    def _end_of_logs(self, done: Collection[dt.date]) -> dt.date:
        """The first of the last days, of which there are no logs yet."""
        end = self.end
        for day in reversed(self._days()):
            if day in done or why_not_yet(self.source, day) is None:
                break
            end = day
        return end

    def _days(self) -> list[dt.date]:
        """The days of the range, but for those of which nothing is to be kept."""
        return days_between(max(self.start, kept_from(Geocode.stage)), self.end)

    def _done(self) -> Collection[dt.date]:
        """The days that need not be made."""
        return list_partitions(root(), Geocode.stage, self.source)

    def _files(self) -> dict[dt.date, str]:
        """The files, those too of which some addresses are to be asked again."""
        return list_present(root(), Geocode.stage, self.source)

    def _partition(self, day: dt.date) -> Partition:
        return Partition(root(), Geocode.stage, self.source, day)

    def _changes(self, files: dict[dt.date, str]) -> "Changes":
        days = set(self._days())
        return open_warehouse().changes(
            get_source(self.source).table,
            self.source,
            {day: fingerprint for day, fingerprint in files.items() if day in days},
            content_id=lambda day: self._partition(day).content_id(),
            among=days,
        )


def _geocoded_by(facts: dict[str, Any]) -> dict[str, Any]:
    from usage_metrics import geocode

    return geocode.recipe(facts) | {"addresses": config.privacy().addresses}


def _line_counts(cleaned: "pq.ParquetFile | RowsInMemory") -> dict[str, Any]:
    """What became of the log lines of a day, for when its cleaned file has to go."""
    facts = facts_of(cleaned.metadata)
    return {name: facts.get(name) for name in LINE_COUNTS}
