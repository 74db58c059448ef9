"""The tasks about platforms that count by themselves: take, read and load snapshots.

    TakeSnapshot ──▶ raw ──▶ ReadSnapshots ──▶ observations, series ──▶ LoadSnapshots

``TakeSnapshot`` alone asks anyone, and only for today: what was not asked for in time
cannot be asked for later. Everything else is made from all the raw files.
"""

import datetime as dt
import hashlib
import json
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

import luigi

from usage_metrics import config
from usage_metrics.dates import utc_now
from usage_metrics.errors import LoadError, NotYetError, PartitionError, ServiceError
from usage_metrics.monitoring import locks, run_log
from usage_metrics.parameters import Day
from usage_metrics.partitions import storage
from usage_metrics.partitions.footer_index import Facts, FooterIndex
from usage_metrics.partitions.listings import listing_once
from usage_metrics.partitions.partition import Partition
from usage_metrics.platforms import get_platform
from usage_metrics.platforms.settings import platform_section
from usage_metrics.tasks.load import Loading, open_warehouse
from usage_metrics.tasks.platform_subjects import is_asked, subjects_of
from usage_metrics.tasks.task import LATEST_DAY, Logs, Reporting
from usage_metrics.units import number_of

if TYPE_CHECKING:
    import pyarrow as pa

    from usage_metrics.warehouse.sqlite import Changes

log = logging.getLogger("luigi-interface")

RAW, OBSERVATIONS, SERIES = "raw", "observations", "series"


def _platform_parameter() -> luigi.Parameter[str]:
    return luigi.Parameter(description="the platform")


class MissedSnapshot(Logs):
    """A snapshot that was not taken on its day, and cannot be taken any more."""

    date: Day = Day()
    source: luigi.Parameter[str] = _platform_parameter()

    def unavailable(self) -> str | None:
        """Say that it was missed; None if it is there."""
        if Partition(config.paths().root, RAW, self.source, self.date).exists():
            return None
        platform = get_platform(self.source)
        today = utc_now().date()
        if not is_asked(self.source, self.date):
            stop = platform_section(self.source).stop
            return f"luigi.cfg: from [{self.source}] stop = {stop} on, nobody is asked"
        if self.date >= today:
            return f"{self.date} has no snapshot yet; a run of that day takes it"
        why = f"{self.date} is over, and {platform.title} was not asked on that day"
        until = platform.last_chance(self.date)
        if until is None:
            return f"{why}: what it counted then is in the difference of the next two"
        return f"{why}: the snapshots until {until} tell of it"


class TakeSnapshot(Reporting):
    """Ask a platform for everything, and keep what it replies."""

    date: Day = Day(description="today, in UTC, YYYY-MM-DD")
    source: luigi.Parameter[str] = _platform_parameter()

    @property
    def priority(self) -> int:  # type: ignore[override]
        """Before all tasks that can be done tomorrow."""
        return (LATEST_DAY - dt.date.min).days

    def requires(self) -> list[luigi.Task]:
        """Nothing today; a snapshot of another day is there or missed."""
        if self.date == utc_now().date() and is_asked(self.source, self.date):
            return []
        return [MissedSnapshot(date=self.date, source=self.source)]

    def output(self) -> Partition:
        """The replies of the day."""
        return self.partition_of(RAW, self.date)

    def is_done(self) -> bool:
        """Whether it was taken and, today, all that is asked for was answered."""
        if not self.output().exists():
            return False
        if self.date != utc_now().date():
            return True
        facts = self.output().facts()
        subjects = set(subjects_of(self.source))
        return not facts["unanswered"] and subjects <= facts["subjects"].keys()

    def run(self) -> None:
        """Ask for what is not there yet; one run at a time.

        Raises:
            NotYetError: if the day is not today.
            ServiceError: naming the parts that are missing; the others are kept.
        """
        lock = run_log.local_folder() / f".snapshot-{self.source}.lock"
        storage.make_folder(lock.parent)
        with locks.held(lock, f"a snapshot of {self.source}"):
            replies, problems = self._take()
        if problems:
            sentences = [f"{self.source} {problem}" for problem in problems]
            raise ServiceError(*sentences, self._until())
        what = "reply" if replies == 1 else "replies"
        self.say(f"{replies:,} {what} of today", replies)

    def _until(self) -> str:
        """Until when that can be made good."""
        platform = get_platform(self.source)
        until = platform.last_chance(self.date)
        if until is None:
            return f"{platform.title} tells only what it counts now: run again today"
        return (
            f"run again today, or lose what is told of today only; what "
            f"{platform.title} tells of past days can be had until {until}"
        )

    def _take(self) -> tuple[int, list[str]]:
        """Take the snapshot; say what is missing, a sentence each."""
        from usage_metrics.platforms import archive, taking
        from usage_metrics.platforms.client import Client

        now = utc_now()
        if self.date != now.date():
            raise NotYetError(
                f"{self.date} is not today ({now.date()}, UTC): run again"
            )
        platform, settings = get_platform(self.source), platform_section(self.source)
        subjects, file = subjects_of(self.source), self.output()
        there = archive.replies_of(file) if file.exists() else []
        asked = taking.wanted(platform, subjects, self.date)
        wanted = [(subject, request.kind) for subject, request in asked]
        before = archive.earlier(file.root, self.source, self.date, wanted)
        client = Client.of(platform, settings)
        taken = taking.Taking(platform, client, now, before).take(subjects, there)
        replies = taking.merged(there, taken.replies)
        subjects = [subject for subject in subjects if subject not in taken.told]
        missing = taking.unanswered(platform, subjects, self.date, replies)
        if replies:
            archive.keep(file, platform, replies, missing)
        return len(replies), taken.problems


def due(source: str) -> list[TakeSnapshot]:
    """The snapshot of today, if the platform is still asked."""
    today = utc_now().date()
    if not is_asked(source, today):
        return []
    return [TakeSnapshot(date=today, source=source)]


class ReadSnapshots(Reporting):
    """Read what the replies of all days say, and make series of it."""

    source: luigi.Parameter[str] = _platform_parameter()

    def requires(self) -> list[TakeSnapshot]:
        """The snapshot of today."""
        return due(self.source)

    @listing_once()
    def is_done(self) -> bool:
        """Whether there is a snapshot of today, and everything was read from all."""
        if not all(task.complete() for task in self.requires()):
            return False
        index = FooterIndex()
        days = self._stale(index)
        made = index.of_stage(SERIES, self.source)
        index.keep()
        made_from = _made_from(index.of_stage(OBSERVATIONS, self.source))
        last = made[max(made)] if made else {"made_from": _made_from({})}
        return not days and last.get("made_from") == made_from

    def run(self) -> None:
        """Read what is new, then make the series of all.

        Raises:
            LoadError: naming the raw files that are damaged; all others are read.
        """
        stale = self._stale(FooterIndex())
        failed: dict[dt.date, str] = {}
        for day, recipe in stale.items():
            try:
                self._read_day(day, recipe)
            except PartitionError as error:
                failed[day] = str(error)
                log.error("%s %s: %s", self.source, day, error)
        for day in self.listed(OBSERVATIONS).keys() - self.listed(RAW).keys():
            self.partition_of(OBSERVATIONS, day).delete()
        changed = self._make_series()
        if failed:
            raise LoadError(failed, of=len(stale))
        self.say(
            f"{number_of(len(stale), 'snapshot')} read, "
            f"{number_of(changed, 'day')} changed"
        )

    def _stale(self, index: FooterIndex) -> dict[dt.date, Facts]:
        """The snapshots to read, each with what its observations are made from."""
        from usage_metrics.platforms import Identity
        from usage_metrics.platforms.observing import VERSION, present_names

        raw = index.of_stage(RAW, self.source)
        read = index.of_stage(OBSERVATIONS, self.source)
        version = [VERSION, get_platform(self.source).version]
        known = {
            day: {
                subject: Identity(*identity) if identity else None
                for subject, identity in (facts.get("subjects") or {}).items()
            }
            for day, facts in raw.items()
        }
        names = present_names(known)
        recipes = {
            day: {
                "made_from": facts.get("content_id"),
                "recipe": {"version": version, "names": names[day]},
            }
            for day, facts in raw.items()
        }
        return {
            day: recipe
            for day, recipe in recipes.items()
            if any(read.get(day, {}).get(key) != of for key, of in recipe.items())
        }

    def _read_day(self, day: dt.date, recipe: Facts) -> None:
        from usage_metrics.platforms import archive
        from usage_metrics.platforms.observing import observations
        from usage_metrics.platforms.schemas import OBSERVATIONS as COLUMNS

        replies = archive.replies_of(self.partition_of(RAW, day))
        names = recipe["recipe"]["names"]
        with self.partition_of(OBSERVATIONS, day).writing(COLUMNS) as file:
            file.write(observations(get_platform(self.source), replies, names))
            file.facts |= recipe

    def _make_series(self) -> int:
        """Write the days of the series that changed; the last one says from what."""
        from usage_metrics.platforms.series import series

        index = FooterIndex()
        observed = index.of_stage(OBSERVATIONS, self.source)
        tables = [self._observed(day) for day in observed]
        days = _by_day(series(tables, get_platform(self.source).settled))
        digests = {day: _digest(rows) for day, rows in days.items()}
        made = index.of_stage(SERIES, self.source)
        changed = [d for d in days if made.get(d, {}).get("digest") != digests[d]]
        for day in made.keys() - days.keys():
            self.partition_of(SERIES, day).delete()
        last = max(days, default=None)
        for day in sorted({*changed, *filter(None, [last])}):
            made_from = _made_from(observed) if day == last else None
            with self.partition_of(SERIES, day).writing(days[day].schema) as file:
                file.write(days[day])
                file.facts |= {"digest": digests[day], "made_from": made_from}
        return len(changed)

    def _observed(self, day: dt.date) -> "pa.Table":
        from usage_metrics.platforms.schemas import OBSERVATIONS as COLUMNS

        with self.partition_of(OBSERVATIONS, day).open(COLUMNS) as file:
            return file.read()


class LoadSnapshots(Loading):
    """Keep the tables of snapshots equal to their files."""

    source: luigi.Parameter[str] = _platform_parameter()

    def requires(self) -> ReadSnapshots:
        """What the snapshots say."""
        return ReadSnapshots(source=self.source)

    @listing_once()
    def is_done(self) -> bool:
        """Whether everything is read, and the database holds it."""
        from usage_metrics.platforms.snapshot_tables import STAGES

        return (
            self.requires().complete()
            and open_warehouse().is_finished(*STAGES.values())
            and not any(any(self._changes(stage)) for stage in STAGES)
        )

    def run(self) -> None:
        """Replace what changed, each day in one transaction.

        Raises:
            LoadError: naming the files that are damaged; the others are loaded.
        """
        from usage_metrics.counting.tables import TABLES
        from usage_metrics.platforms.snapshot_tables import STAGES

        warehouse, rows, days = open_warehouse(), 0, 0
        for name in ("usage_by_class", "usage_counter_versions"):
            warehouse.create(TABLES[name])  # which the view reads, too
        failed: dict[dt.date, str] = {}
        for stage, table in STAGES.items():
            changes = self._changes(stage)
            more, bad = self.replace(
                warehouse, table, stage, self.listed(stage), changes
            )
            rows, days, failed = rows + more, days + len(changes.load), failed | bad
        warehouse.finish(*STAGES.values())
        if failed:
            raise LoadError(failed, of=days)
        self.say(
            f"{number_of(rows, 'row')} of {number_of(days, 'file')} loaded into "
            f"{warehouse.path}",
            rows,
        )

    def _changes(self, stage: str) -> "Changes":
        from usage_metrics.platforms.snapshot_tables import STAGES

        files, name = self.listed(stage), STAGES[stage].name
        loaded = open_warehouse().loaded(name, self.source)
        return self.changes(loaded, stage, files, loaded)


def _by_day(rows: "pa.Table") -> dict[dt.date, "pa.Table"]:
    """The rows of each day, which are sorted by it, without it."""
    from usage_metrics.partitions.row_groups import DAY

    counted = rows[DAY].value_counts().to_pylist()
    found, start = {}, 0
    for day, number in ((each["values"], each["counts"]) for each in counted):
        of_day = rows.slice(start, number).drop_columns(DAY).combine_chunks()
        found[dt.date.fromisoformat(day)] = of_day
        start += number
    return found


def _digest(rows: "pa.Table") -> str:
    return _hash(repr(rows.to_pydict()))


def _made_from(observed: Mapping[dt.date, Facts]) -> str:
    """What series are made from: their rules, and the observations of all days."""
    from usage_metrics.platforms.series import VERSION

    contents = {str(day): facts.get("content_id") for day, facts in observed.items()}
    return _hash(json.dumps([VERSION, contents], sort_keys=True))


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
