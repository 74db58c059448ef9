"""Missing days: nobody has exported their logs, or ever will.

A task of many days does what it can without them. As a whole it is not complete: it
requires itself with ``available``, which does the work, and the logs that are missing.
So Luigi ends with the exit code of missing data after everything else is done.

    Report ──▶ Report(available) ──▶ LoadUsage(available) ──▶ LoadSQLite(available)
       └─────▶ LogsOfDays, which are missing
"""

import contextlib
import datetime as dt
import functools
from collections.abc import Collection, Mapping, Sequence
from typing import Self

import luigi

from usage_metrics import config
from usage_metrics.config import retention_start
from usage_metrics.dates import ONE_DAY, Gap, days_between, gaps
from usage_metrics.errors import UsageMetricsError
from usage_metrics.parameters import Day
from usage_metrics.partitions.footer_index import Facts, FooterIndex
from usage_metrics.partitions.partition import Partition, list_partitions
from usage_metrics.sources.settings import EMPTY, source_section
from usage_metrics.tasks.availability import first_running_day, unavailable_reasons
from usage_metrics.tasks.source_parameter import SourceParameter
from usage_metrics.tasks.stages import STAGES, Extract, Geocode
from usage_metrics.tasks.task import Logs, Reporting


def without_logs(source: str, days: Collection[dt.date]) -> dict[dt.date, str]:
    """The days of which there is no file, and no log to make one from.

    Args:
        source: the kind of log.
        days: the days in question.

    Returns:
        Those days, each with the reason.
    """
    kept = retention_start(Geocode.stage)
    absent = [day for day in days if day >= kept]
    for stage in reversed(STAGES):  # mostly all days are in the last one
        if not absent:
            return {}
        made = list_partitions(config.paths().root, stage.stage, source)
        absent = [day for day in absent if day not in made]
    return unavailable_reasons(source, absent)


class Seen(luigi.Config):
    """The days that were missing when a run first asked: they stay so until its end.

    Otherwise an export that arrives meanwhile would leave tasks incomplete that have
    just run. Luigi forgets its tasks before the next run, and this with them.
    """

    source: luigi.Parameter[str] = SourceParameter()

    @functools.cached_property
    def days(self) -> dict[dt.date, str]:
        """Those days, each with the reason."""
        return {}


def missing_in_run(source: str, days: Collection[dt.date]) -> dict[dt.date, str]:
    """As :func:`without_logs`, with one answer for a whole run."""
    seen = Seen(source=source).days
    seen |= without_logs(source, [day for day in days if day not in seen])
    return {day: seen[day] for day in days if day in seen}


def awaited(source: str, days: Collection[dt.date]) -> dict[dt.date, str]:
    """As :func:`without_logs`, without the days that are given up for lost."""
    return _not_lost(source, without_logs(source, days))


def _awaited(source: str, days: Collection[dt.date]) -> dict[dt.date, str]:
    return _not_lost(source, missing_in_run(source, days))


def _not_lost(source: str, missing: Mapping[dt.date, str]) -> dict[dt.date, str]:
    lost = source_section(source).lost_days
    return {day: why for day, why in missing.items() if day not in lost}


def lost(source: str, days: Collection[dt.date]) -> list[dt.date]:
    """The days for which nothing waits: ``lost_days`` names them, and no logs came."""
    named = source_section(source).lost_days
    return list(without_logs(source, [day for day in days if day in named]))


def remedy(source: str, gap: Gap) -> str | None:
    """What a person can do about missing days; None if only time helps."""
    if gap.first >= first_running_day(source):
        return None
    is_one = gap.first == gap.last
    they_are, them = ("it is", "it") if is_one else ("they are", "them")
    days = f"{gap.first}" if is_one else f"{gap.first}..{gap.last}"
    return (
        f"once {they_are} exported, the next run takes {them}; if the logs are lost, "
        f"add {days} to lost_days in [{source}] of luigi.cfg"
    )


def unexported(source: str, raw: Mapping[dt.date, Facts]) -> list[dt.date]:
    """The days with an empty raw file that no export stands behind.

    Earlier versions made one for a day between two exports. Files made since say in
    their footer that there was an export.

    Args:
        source: the kind of log.
        raw: the footers of the raw files.
    """
    with contextlib.suppress(UsageMetricsError):  # who reads them says what is wrong
        return [*unavailable_reasons(source, _doubtful(source, raw))]
    return []


def _doubtful(source: str, raw: Mapping[dt.date, Facts]) -> list[dt.date]:
    """The days with an empty raw file that does not say that there was an export.

    One of a quiet day is in doubt once the setting for these is taken back.
    """
    counts_quiet = source_section(source).quiet_days == EMPTY
    return [
        day
        for day, facts in raw.items()
        if facts.get("rows") == 0
        and (not facts.get("exported") or (facts.get("quiet") and not counts_quiet))
    ]


_SOUND: dict[tuple[str, str], dict[dt.date, str]] = {}
"""The raw files of a root and a source, when none of them was doubtful."""


def forget_unexported(source: str) -> None:
    """Delete what was made from empty files that no export stands behind."""
    root = config.paths().root
    listed = list_partitions(root, Extract.stage, source)
    if _SOUND.get((root, source)) == listed:
        return
    footers = FooterIndex()
    raw = footers.of_stage(Extract.stage, source)
    footers.keep()
    if not _doubtful(source, raw):
        _SOUND[root, source] = listed
        return
    from usage_metrics.privacy.erasure import stages

    for day in unexported(source, raw):
        for stage in reversed(stages()):  # raw last: it tells what is to be deleted
            Partition(root, stage, source, day).delete()


class LogsOfDays(Logs):
    """The log entries of consecutive days."""

    start: Day = Day(description="the first UTC day, YYYY-MM-DD")
    stop: Day = Day(description="the day after the last")
    source: luigi.Parameter[str] = SourceParameter()

    def unavailable(self) -> str | None:
        """Say why they are not available; None if they are."""
        found = gaps(_awaited(self.source, days_between(self.start, self.stop)))
        return "; ".join(map(str, found)) or None


def partial_parameter() -> luigi.BoolParameter:
    """The parameter of a task that makes nothing of what is missing."""
    return luigi.BoolParameter(
        default=False,
        description="load the days that exist; build none, and ignore missing days",
    )


def is_partial() -> bool:
    """Whether missing days are ignored: ``LoadSQLite``'s setting ``partial``."""
    return bool(partial_parameter().task_value("LoadSQLite", "partial"))


def available_parameter() -> luigi.BoolParameter:
    """The parameter of a task that can do without the days that are missing."""
    return luigi.BoolParameter(
        default=False,
        description="do not wait for days that are missing; make and use all others",
    )


class Awaiting(Reporting):
    """A task of many days that does what it can without those that are missing."""

    available: luigi.BoolParameter

    def wanted(self) -> Sequence[dt.date]:
        """The days that the task is about."""
        raise NotImplementedError

    def ignores_missing(self) -> bool:
        """Whether missing days are ignored altogether."""
        return is_partial()

    def gaps(self) -> list[Gap]:
        """The missing days that the task waits for."""
        forget_unexported(self.source)
        if self.available or self.ignores_missing():
            return []
        return gaps(_awaited(self.source, self.wanted()))

    def waiting(self) -> list[luigi.Task]:
        """What the task requires while days are missing; nothing if none is.

        These are the logs that are missing and, if there are other days, the task
        without the missing ones.
        """
        logs = self.awaited_logs()
        if not logs:
            return []
        wanted = self.wanted()
        others = len(wanted) > len(missing_in_run(self.source, wanted))
        return [*([self.clone(available=True)] if others else []), *logs]

    def awaited_logs(self) -> list[luigi.Task]:
        """The logs that the task waits for."""
        return [
            LogsOfDays(start=gap.first, stop=gap.last + ONE_DAY, source=self.source)
            for gap in self.gaps()
        ]

    def of_what_is_there(self) -> Self:
        """The task itself or, if days are missing, the task without them."""
        return self.clone(available=True) if self.gaps() else self
