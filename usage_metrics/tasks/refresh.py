"""Reading the logs of days again, and making again what followed from them.

New files take the place of the old ones, so that no day is missing in between. A day is
done when its logs were read since the moment for which that was asked, so it can be
interrupted and asked for again.
"""

import datetime as dt
import itertools
from collections.abc import Iterator

import luigi

from usage_metrics import config
from usage_metrics.dates import ONE_DAY, days_between
from usage_metrics.errors import StorageError
from usage_metrics.parameters import Configured, Day, Moment
from usage_metrics.partitions.partition import (
    Partition,
    list_partitions,
)
from usage_metrics.tasks.availability import first_running_day
from usage_metrics.tasks.stages import STAGES, Extract
from usage_metrics.tasks.task import LATEST_DAY, Reporting, Stage

CLOCK_SECONDS = 0.01
"""By so much a file may seem older than it is: file systems have a clock of ticks."""


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
        return is_since(raw.looked_at(), self.since)

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


def end_of_days(source: str) -> dt.date:
    """The day after the last that is of interest: the database's, or that is over."""
    over = first_running_day(source)
    return min(over, config.source_section(source).stop or over)


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


def is_since(time: float | None, since: dt.datetime) -> bool:
    """Whether a file was looked at since a moment, by the clock of its disk."""
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
