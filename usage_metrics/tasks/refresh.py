"""Reading the logs of days again, and rebuilding what follows from them.

New files take the place of the old ones, so that no day is missing in between. A day is
done when its logs were read since the moment that the task names, so a refresh can be
interrupted and started again.
"""

import contextlib
import datetime as dt
import itertools
from collections.abc import Iterator
from typing import Any

import luigi

from usage_metrics import config
from usage_metrics.dates import ONE_DAY, days_between
from usage_metrics.errors import StorageError
from usage_metrics.parameters import Configured, Day, Moment
from usage_metrics.partitions.footer import REPLACES, is_or_replaces
from usage_metrics.partitions.footer_index import Facts, FooterIndex
from usage_metrics.partitions.partition import Partition, list_partitions
from usage_metrics.partitions.purpose import made_for
from usage_metrics.sources.settings import source_section
from usage_metrics.tasks.availability import (
    first_running_day,
    has_changed,
    unavailable_reason,
)
from usage_metrics.tasks.source_parameter import SourceParameter
from usage_metrics.tasks.stages import STAGES, Extract
from usage_metrics.tasks.task import OfDay, Stage
from usage_metrics.units import number_of


class Refresh(OfDay):
    """Read the logs of a day again and, if they changed, rebuild the day.

    The database and the counts follow, because they go by the content of the files.
    """

    since: Moment = Moment(description="when the logs must have been read, or later")

    def is_done(self) -> bool:
        """Whether the logs were read since, and the other stages agree with them."""
        return self._was_read() and not list(self._outdated())

    def run(self) -> None:
        """Read the logs, then rebuild the stages that do not agree with them."""
        with made_for(self.since):
            self._refresh()

    def _refresh(self) -> None:
        extract = Extract(date=self.date, source=self.source)
        before = _fact(extract.output(), "content_id")
        if not self._was_read():
            extract.run_within()
        changed = _fact(extract.output(), "content_id") != before
        outdated = list(self._outdated())
        for stage in outdated:
            stage.run_within()
        what = "changed" if changed else "unchanged"
        rebuilt = f" · {number_of(len(outdated), 'stage')} rebuilt" if outdated else ""
        entries = number_of(extract.rows or 0, "log entry")
        self.say(f"{entries}, {what}{rebuilt}", extract.rows)

    def _was_read(self) -> bool:
        raw = self.partition_of(Extract.stage, self.date)
        return raw.was_read_for(self.since) and not _is_mended(
            self.source, {"unread": raw.fact("unread")}
        )

    def _outdated(self) -> Iterator[Stage]:
        """The first stage whose input changed after it was built, and all after it."""
        agrees = True
        for left, stage in itertools.pairwise(STAGES):
            task = stage(date=self.date, source=self.source)
            made_from = self.partition_of(left.stage, self.date)
            facts = {name: _fact(made_from, name) for name in ("content_id", REPLACES)}
            agrees = agrees and is_or_replaces(facts, _fact(task.output(), "made_from"))
            if not agrees:
                yield task


class RefreshDays(Configured, luigi.WrapperTask):
    """Refresh the days of a range that exist."""

    start: Day = Day(description="the first UTC day, YYYY-MM-DD")
    stop: Day = Day(description="the day after the last")
    source: luigi.Parameter[str] = SourceParameter()
    since: Moment = Moment(description="when the logs must have been read, or later")

    def requires(self) -> list[Refresh]:
        """A task for each day."""
        done = list_partitions(config.paths().root, Extract.stage, self.source)
        return [
            Refresh(date=day, source=self.source, since=self.since)
            for day in days_between(self.start, self.stop)
            if day in done
        ]


def end_of_days(source: str) -> dt.date:
    """The day after the last that is over and in the range of the source."""
    over = first_running_day(source)
    return min(over, source_section(source).stop or over)


def refreshes(source: str) -> list[Refresh]:
    """The days to be read again.

    These are the days that ``refresh_days`` names, each once a day, and those that were
    read without a later file that may be readable by now.
    """
    section = source_section(source)
    settled = dt.timedelta(hours=section.settle_hours)
    since = dt.datetime.combine(first_running_day(source), dt.time(), dt.UTC) + settled
    stop = end_of_days(source)
    last = RefreshDays(
        start=stop - section.refresh_days * ONE_DAY,
        stop=stop,
        source=source,
        since=since,
    )
    tasks = last.requires() if section.refresh_days else []
    days = {task.date for task in tasks}
    mended = [day for day in _mended(source) if day not in days]
    return tasks + [Refresh(date=day, source=source, since=since) for day in mended]


def _mended(source: str) -> list[dt.date]:
    """The days that were read without a later file that may be readable by now."""
    footers = FooterIndex()
    raw = footers.of_stage(Extract.stage, source)
    footers.keep()
    return [
        day
        for day, facts in raw.items()
        if _is_mended(source, facts) and unavailable_reason(source, day) is None
    ]


def _is_mended(source: str, raw: Facts) -> bool:
    """Whether a file that was not read for a day may be readable by now."""
    unread = raw.get("unread") or []
    return bool(unread) and has_changed(source, unread)


def _fact(partition: Partition, name: str) -> Any:
    """A fact of the footer; None if the file is missing, incomplete or damaged."""
    with contextlib.suppress(StorageError):
        if partition.exists():
            return partition.fact(name)
    return None
