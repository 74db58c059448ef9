"""Making again what is there: days whose logs changed, and stages of older code.

Both put new files over the old ones, so that no day is missing in between. Both are
done when the files were written, or found to be as they should, since the moment at
which they were asked for; so either can be interrupted and asked for again.
"""

import datetime as dt
import itertools
from collections.abc import Collection, Iterator

import luigi

from usage_metrics import config
from usage_metrics.counting.tasks import CountMonth, CountUsage
from usage_metrics.days import ONE_DAY, days_between, first_running_day, kept_from
from usage_metrics.errors import ConfigError, StorageError
from usage_metrics.footers import Footers
from usage_metrics.lineage import CHAIN, Lineage
from usage_metrics.many_days import ManyDays
from usage_metrics.parameters import Configured, Day, Moment
from usage_metrics.partitions import Partition, list_partitions, written_at
from usage_metrics.pipeline import (
    STAGES,
    Clean,
    Extract,
    Geocode,
    LoadSQLite,
)
from usage_metrics.stage import LATEST_DAY, Reporting, Stage

CLOCK_SECONDS = 0.01
"""By so much a file may seem older than it is: file systems have a clock of ticks."""

REBUILT: dict[str, type[Stage]] = {
    "extract": Extract,
    "clean": Clean,
    "geocode": Geocode,
    "count": CountUsage,
}
"""What can be rebuilt from, from left to right."""


class Refresh(Reporting):
    """Read the logs of a day again and, if they changed, make all of it again.

    The database and the counts follow: they go by the content of the files.
    """

    date: Day = Day(description="the UTC day, YYYY-MM-DD")
    source: luigi.Parameter[str] = luigi.Parameter(
        default="datasette", description="the kind of log"
    )
    since: Moment = Moment(description="when the logs must have been read, or later")

    @property
    def priority(self) -> int:  # type: ignore[override]
        """Oldest day first."""
        return (LATEST_DAY - self.date).days

    def complete(self) -> bool:
        """Whether the logs were read since, and the other stages agree with them."""
        return self._was_read() and not list(self._behind())

    def run(self) -> None:
        """Read them; then make what was not made from what they say."""
        extract = Extract(date=self.date, source=self.source)
        before = _content_id(extract.output())
        if not self._was_read():
            extract.run_within()
        changed = _content_id(extract.output()) != before
        behind = list(self._behind())
        for stage in behind:
            stage.run_within()
        what = "changed" if changed else "as before"
        again = f" · {len(behind)} stages made again" if behind else ""
        self.say(f"{extract.rows or 0:,} log entries, {what}{again}", extract.rows)

    def _was_read(self) -> bool:
        raw = Extract(date=self.date, source=self.source).output()
        return _is_since(raw.looked_at(), self.since)

    def _behind(self) -> Iterator[Stage]:
        """From the first stage on that does not agree with the one on its left."""
        agrees = True
        for left, stage in itertools.pairwise(STAGES):
            task = stage(date=self.date, source=self.source)
            made_from = _fact(task.output(), "made_from")
            agrees = agrees and made_from == _content_id(
                left(date=self.date, source=self.source).output()
            )
            if not agrees:
                yield task


class RefreshDays(Configured, luigi.WrapperTask):
    """Refresh those days of a range that are there."""

    start: Day = Day(description="the first UTC day, YYYY-MM-DD")
    stop: Day = Day(description="the day after the last")
    source: luigi.Parameter[str] = luigi.Parameter(
        default="datasette", description="the kind of log"
    )
    since: Moment = Moment(description="when the logs must have been read, or later")

    def requires(self) -> list[Refresh]:
        """A task for each day."""
        there = list_partitions(config.paths().root, Extract.stage, self.source)
        return [
            Refresh(date=day, source=self.source, since=self.since)
            for day in days_between(self.start, self.stop)
            if day in there
        ]


class Rebuild(ManyDays):
    """Make a stage of many days again, and those to the right of it.

    A month of the days is a task. Days that the stage never had are left to others.
    """

    stage: luigi.ChoiceParameter[str] = luigi.ChoiceParameter(
        choices=list(REBUILT), description="the first stage to make again"
    )
    since: Moment = Moment(description="when the files must have been made, or later")
    stale: luigi.BoolParameter = luigi.BoolParameter(
        default=False, description="make again only what is stale"
    )

    def remaining(self) -> Collection[dt.date]:
        """The days not made since or, if only that was asked for, the stale ones."""
        return self._plan().keys()

    def run(self) -> None:
        """Make them, and count the days when all are made.

        Raises:
            BackfillError: naming every day that failed, why, and how to try it again.
        """
        plan = self._plan()
        failed = self.for_each(plan, lambda day: self._make(day, plan[day]))
        counted = self._done(CountUsage)
        counts = [day for day in plan if day not in failed and day in counted]
        failed |= self.for_each(counts, self._count)
        self._add_up({day.replace(day=1) for day in counts})
        self.conclude(failed)

    def how_to_retry(self, day: dt.date) -> str:
        """The command that does it for one day."""
        how = "--stale" if self.stale else f"--from {self.stage}"
        return (
            f"usage-metrics rebuild {how} --start {day} --stop {day + ONE_DAY} "
            f"--source {self.source}"
        )

    def _plan(self) -> dict[dt.date, type[Stage]]:
        """The days that are not as asked for, each with the first stage to make."""
        if not self.stale:
            return self._made_before()
        footers = Footers()
        first = Lineage(self.source, footers).first_stale()
        footers.keep()
        days = days_between(self.start, self.stop)
        return {day: first[day] for day in days if day in first}

    def _made_before(self) -> dict[dt.date, type[Stage]]:
        stages = CHAIN[CHAIN.index(REBUILT[self.stage]) :]
        done = {stage: self._done(stage) for stage in stages}
        plan = {}
        for day in days_between(self.start, self.stop):
            there = [stage for stage in stages if day in done[stage]]
            needed = [s for s in stages if s is not CountUsage or s in there]
            before = [s for s in needed if not self._is_since(s, day, done[s])]
            if there and before and not self._had_to_go(before[0], day):
                plan[day] = before[0]
        return plan

    def _had_to_go(self, stage: type[Stage], day: dt.date) -> bool:
        """Whether the settings let nobody keep what a stage of a day is made from."""
        if stage is Extract:
            return False
        left = CHAIN[CHAIN.index(stage) - 1](date=day, source=self.source)
        return day < kept_from(left.stage) and not left.output().exists()

    def _done(self, stage: type[Stage]) -> dict[dt.date, str]:
        return list_partitions(config.paths().root, stage.stage, self.source)

    def _is_since(
        self, stage: type[Stage], day: dt.date, done: dict[dt.date, str]
    ) -> bool:
        if day not in done:
            return False
        if stage is Extract:  # whose file stays if it is the same
            looked_at = stage(date=day, source=self.source).output().looked_at()
            return _is_since(looked_at, self.since)
        return _is_since(written_at(done[day]), self.since)

    def _make(self, day: dt.date, first: type[Stage]) -> None:
        for stage in STAGES[CHAIN.index(first) :]:
            stage(date=day, source=self.source).run_within()

    def _count(self, day: dt.date) -> None:
        CountUsage(date=day, source=self.source).run_within()

    def _add_up(self, months: set[dt.date]) -> None:
        for month in sorted(months):
            task = CountMonth(month=month, source=self.source)
            if all(target.exists() for target in task.output()):
                task.run_within()


def end_of_days(source: str) -> dt.date:
    """The day after the last that is of interest: the database's, or that is over."""
    over = first_running_day(source)
    try:
        return min(over, LoadSQLite(source=source).stop or over)
    except ConfigError:  # it has no start yet
        return over


def refreshes(source: str) -> list[Refresh]:
    """What the settings ask to be read again, each day once a day."""
    days = config.source_section(source).refresh_days
    if not days:
        return []
    today = first_running_day(source)
    stop = end_of_days(source)
    settled = dt.timedelta(hours=config.source_section(source).settle_hours)
    since = dt.datetime.combine(today, dt.time(), dt.UTC) + settled
    last = RefreshDays(
        start=stop - days * ONE_DAY, stop=stop, source=source, since=since
    )
    return last.requires()


def _is_since(time: float | None, since: dt.datetime) -> bool:
    return time is not None and time >= since.timestamp() - CLOCK_SECONDS


def _fact(partition: Partition, name: str) -> str | None:
    """A fact of the footer; None if there is no file, or it is damaged."""
    try:
        value = partition.facts().get(name) if partition.exists() else None
    except StorageError:
        return None
    return None if value is None else str(value)


def _content_id(partition: Partition) -> str | None:
    return _fact(partition, "content_id")
