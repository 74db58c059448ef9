"""What there is of a source, stage by stage, and what the next run would do.

It is told from listings, footers and the run log, without asking any service; so of a
day that is missing it is not known whether its logs are there yet.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from usage_metrics import config
from usage_metrics.dates import ONE_DAY, days_between, retention_start
from usage_metrics.errors import StorageError
from usage_metrics.monitoring import run_log
from usage_metrics.partitions.footer_index import DAMAGED, Footers
from usage_metrics.sources import get_source
from usage_metrics.tasks.count import CountUsage
from usage_metrics.tasks.load import open_warehouse
from usage_metrics.tasks.refresh import end_of_days, refreshes
from usage_metrics.tasks.stages import STAGES, Geocode
from usage_metrics.tasks.staleness import CHAIN, Lineage

DATABASE = "database"


class Span(NamedTuple):
    """Days one after the other, the last among them."""

    first: dt.date
    last: dt.date

    def __str__(self) -> str:
        """Write it short: the last day without what it has in common."""
        if self.first == self.last:
            return f"{self.first}"
        if self.first.replace(day=1) == self.last.replace(day=1):
            return f"{self.first}…{self.last:%d}"
        return f"{self.first}…{self.last}"


SHOWN = 4
"""Ranges or failures named in a list; --json names all."""


@dataclass(frozen=True)
class StageDays:
    """The days of one stage."""

    stage: str
    done: list[dt.date]
    missing: list[dt.date]
    stale: list[dt.date]
    damaged: list[dt.date]
    failed: dict[dt.date, str]
    """Those that failed when they were last tried, with the reason."""


@dataclass(frozen=True)
class Overview:
    """Everything that is known of a source."""

    source: str
    root: str
    wanted: list[dt.date]
    stages: list[StageDays]
    again: list[dt.date]
    """The days whose logs are to be read again."""
    problems: list[str] = field(default_factory=list)

    @cached_property
    def by_name(self) -> dict[str, StageDays]:
        """The stages by their names."""
        return {stage.stage: stage for stage in self.stages}

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever made."""
        return not any(stage.done or stage.failed for stage in self.stages)

    @property
    def to_make(self) -> list[dt.date]:
        """The days that the next run makes, if their logs are there."""
        return self.by_name[Geocode.stage].missing

    @property
    def to_load(self) -> list[dt.date]:
        """The days that it puts into the database, new or again."""
        database = self.by_name[DATABASE]
        return sorted({*database.missing, *database.stale, *self.to_make})

    @property
    def to_rebuild(self) -> list[dt.date]:
        """The stale days, which stay so until someone asks for them to be rebuilt."""
        return sorted({d for s in self.files for d in (*s.stale, *s.damaged)})

    @property
    def files(self) -> list[StageDays]:
        """The stages up to geocoded; what follows goes by their content."""
        return [self.by_name[stage.stage] for stage in STAGES]

    def state(self, day: dt.date) -> str:
        """The state of a day: failed, missing, stale, made (not loaded) or done."""
        if any(day in stage.failed for stage in self.files):
            return "failed"
        if day in self._sets["missing"]:
            return "missing"
        if day in self._sets["stale"]:
            return "stale"
        return "made" if day in self._sets["made"] else "done"

    @cached_property
    def _sets(self) -> dict[str, set[dt.date]]:
        database = self.by_name[DATABASE]
        return {
            "missing": set(self.to_make),
            "stale": set(self.to_rebuild),
            "made": {*database.missing, *database.stale},
        }


def spans(days: Iterable[dt.date]) -> list[Span]:
    """Days, in order, as ranges."""
    found: list[Span] = []
    for day in days:
        if found and day - found[-1].last == ONE_DAY:
            found[-1] = Span(found[-1].first, day)
        else:
            found.append(Span(day, day))
    return found


def look_at(source: str) -> Overview:
    """Look at everything that is there of a source."""
    config.check_sections()
    footers = Footers()
    lineage = Lineage(source, footers)
    stale = lineage.stale()
    footers.keep()
    wanted = _wanted(lineage)
    failed = _failed(source)
    stages: list[StageDays] = []
    needless: set[dt.date] = set()  # what has the stage on the right needs no left one
    for stage in reversed(CHAIN):
        done = lineage.days[stage]
        kept = retention_start(Geocode.stage if stage is CountUsage else stage.stage)
        asked = [day for day in wanted if day >= kept]
        stages.insert(
            0,
            StageDays(
                stage=stage.stage,
                done=list(done),
                missing=[d for d in asked if d not in done and d not in needless],
                stale=[day for day in stale[stage] if done[day] != DAMAGED],
                damaged=[day for day, facts in done.items() if facts == DAMAGED],
                failed={
                    day: reason
                    for day, (reason, at) in failed.get(stage.__name__, {}).items()
                    if at > footers.written_at(stage.stage, source, day)
                },
            ),
        )
        if stage is not CountUsage:
            needless |= done.keys()
    problems = lineage.problems
    stages.append(_database(source, lineage, wanted, problems))
    return Overview(
        source=source,
        root=config.paths().root,
        wanted=wanted,
        stages=stages,
        again=[task.date for task in refreshes(source) if not task.complete()],
        problems=problems,
    )


def _wanted(lineage: Lineage) -> list[dt.date]:
    """The days of the database; without a start, from the first raw day on."""
    end = end_of_days(lineage.source)
    if start := config.source_section(lineage.source).start:
        return days_between(start, end)
    there = sorted(day for days in lineage.days.values() for day in days)
    return days_between(there[0], max(end, there[-1] + ONE_DAY)) if there else []


def _database(
    source: str, lineage: Lineage, wanted: Sequence[dt.date], problems: list[str]
) -> StageDays:
    geocoded = lineage.days[Geocode]
    try:
        loaded = open_warehouse().loaded(get_source(source).table, source)
    except StorageError as error:
        problems.append(str(error))
        loaded = {}
    return StageDays(
        stage=DATABASE,
        done=sorted(loaded),
        missing=[day for day in wanted if day in geocoded and day not in loaded],
        stale=[
            day
            for day, what in loaded.items()
            if day in geocoded and geocoded[day].get("content_id") != what.content_id
        ],
        damaged=[],
        failed={},
    )


def _failed(source: str) -> dict[str, dict[dt.date, tuple[str, float]]]:
    """Per task, the days of which the run log says that they failed at last."""
    found: dict[str, dict[dt.date, tuple[str, float]]] = {}
    for entry in run_log.read(containing=f'"outcome": "{run_log.FAILED}"'):
        what = entry["parameters"]
        if what.get("source") == source and "date" in what:
            day = dt.date.fromisoformat(what["date"])
            at = dt.datetime.fromisoformat(entry["at"]).timestamp()
            found.setdefault(entry["task"], {})[day] = (str(entry.get("reason")), at)
    return found


def next_run(overview: Overview) -> list[str]:
    """What the next run would do, and what it would not."""
    parts = []
    if overview.to_make:
        parts.append(f"makes {named_days(overview.to_make)}")
    if overview.again:
        parts.append(f"reads {named_days(overview.again)} again")
    if overview.to_load:
        parts.append(f"loads {number_of_days(overview.to_load)} into the database")
    counted = overview.by_name[CountUsage.stage]
    if counted.missing or counted.stale:
        parts.append(f"counts {number_of_days([*counted.missing, *counted.stale])}")
    said = ", ".join(parts) if parts else "has nothing to do"
    sentences = [f"The next run {said}."]
    if stale := overview.to_rebuild:
        sentences.append(
            f"{number_of_days(stale)} stale or damaged stay so until they are rebuilt: "
            f"usage-metrics rebuild --stale --start {stale[0]}"
        )
    return sentences


def number_of_days(days: Iterable[Any]) -> str:
    """How many different days there are, in words."""
    number = len(set(days))
    return f"{number:,} day{'s' if number != 1 else ''}"


def named_days(days: list[Any]) -> str:
    """How many days there are, and which."""
    return f"{number_of_days(days)} ({in_ranges(days)})"


def in_ranges(days: Iterable[Any]) -> str:
    """The days as ranges, the first few of them."""
    found = spans(days)
    more = f" and {len(found) - SHOWN:,} more ranges" if len(found) > SHOWN else ""
    return ", ".join(map(str, found[:SHOWN])) + more
