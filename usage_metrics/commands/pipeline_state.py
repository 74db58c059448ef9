"""What each stage of a source has, what is missing, stale or failed, and the next run.

It comes from listings, footers and the run log. Only if days are missing, the logs are
asked whether they hold them.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from usage_metrics import config
from usage_metrics.config import retention_start
from usage_metrics.dates import ONE_DAY, consecutive, days_between, gaps
from usage_metrics.errors import StorageError, UsageMetricsError
from usage_metrics.monitoring import run_log
from usage_metrics.partitions.footer_index import DAMAGED, FooterIndex
from usage_metrics.partitions.listings import listing_once
from usage_metrics.sources.settings import source_section
from usage_metrics.tasks.count import CountUsage
from usage_metrics.tasks.data_quality import raw_gone_remedy
from usage_metrics.tasks.load import open_warehouse, shows_loaded
from usage_metrics.tasks.missing import remedy, unexported, without_logs
from usage_metrics.tasks.refresh import end_of_days, refreshes
from usage_metrics.tasks.settings_check import check_sections
from usage_metrics.tasks.stages import STAGES, Extract, Geocode
from usage_metrics.tasks.staleness import CHAIN, Staleness

DATABASE = "database"

MAX_SPANS = 4
"""Ranges or failures in a list for people; --json has all."""


class Span(NamedTuple):
    """Consecutive days, including the last."""

    first: dt.date
    last: dt.date

    def __str__(self) -> str:
        """In short: of the last day only what differs."""
        if self.first == self.last:
            return f"{self.first}"
        if self.first.replace(day=1) == self.last.replace(day=1):
            return f"{self.first}…{self.last:%d}"
        return f"{self.first}…{self.last}"


@dataclass(frozen=True)
class StageDays:
    """The days of one stage."""

    stage: str
    done: list[dt.date]
    missing: list[dt.date]
    stale: list[dt.date]
    damaged: list[dt.date] = field(default_factory=list)
    failed: dict[dt.date, str] = field(default_factory=dict)
    """The days whose last attempt failed, with the reason."""


@dataclass(frozen=True)
class PipelineState:
    """The state of a source."""

    source: str
    root: str
    wanted: list[dt.date]
    stages: list[StageDays]
    """From raw to counted, then the database."""
    to_refresh: list[dt.date]
    """The days whose logs the next run reads again."""
    problems: list[str]
    unexported: dict[dt.date, str] = field(default_factory=dict)
    """The missing days that no logs hold, each with the reason."""
    emptied: list[dt.date] = field(default_factory=list)
    """The days with empty files that no export stands behind."""
    lost: list[dt.date] = field(default_factory=list)
    """Those of which there will never be logs."""
    raw_gone: list[dt.date] = field(default_factory=list)
    """The days whose raw file is gone, though not by retention, and others are not."""

    @cached_property
    def by_name(self) -> dict[str, StageDays]:
        """The stages by name."""
        return {stage.stage: stage for stage in self.stages}

    @property
    def to_make(self) -> list[dt.date]:
        """The days that the next run builds."""
        return [d for d in self.by_name[Geocode.stage].missing if self.has_logs(d)]

    @property
    def to_count(self) -> list[dt.date]:
        """The days that the next run counts, for the first time or again."""
        counted = self.by_name[CountUsage.stage]
        days = {*filter(self.has_logs, counted.missing), *counted.stale}
        damaged = {*self.by_name[Geocode.stage].damaged}
        # A day is counted from its own requests and the first of the next day.
        return sorted(
            day
            for day in days | {*counted.damaged}
            if not damaged & {day, day + ONE_DAY}
        )

    def has_logs(self, day: dt.date) -> bool:
        """Whether a missing day can be made from its logs, as far as is known."""
        return day not in self.unexported and day not in self.lost

    @property
    def to_load(self) -> list[dt.date]:
        """The days that the next run loads into the database, new or changed."""
        database = self.by_name[DATABASE]
        return sorted({*database.missing, *database.stale, *self.to_make})

    @property
    def to_rebuild(self) -> list[dt.date]:
        """The stale or damaged days, which no run but ``rebuild`` makes again."""
        return sorted({d for s in self._files for d in (*s.stale, *s.damaged)})

    @cached_property
    def states(self) -> dict[dt.date, str]:
        """The state of each wanted day, as in ``calendar_strip.SIGNS``."""
        database = self.by_name[DATABASE]
        worse: dict[str, Iterable[dt.date]] = {
            "made": [*database.missing, *database.stale],
            "stale": self.to_rebuild,
            "lost": self.lost,
            "unexported": self.unexported,
            "missing": self.to_make,
            "failed": [day for stage in self._files for day in stage.failed],
        }
        states = dict.fromkeys(self.wanted, "done")
        for state, days in worse.items():
            states |= dict.fromkeys(days, state)
        return {day: states[day] for day in self.wanted}

    @property
    def _files(self) -> list[StageDays]:
        """The stages up to geocoded; what follows is updated when they change."""
        return self.stages[: len(STAGES)]


@listing_once()
def pipeline_state(source: str) -> PipelineState:
    """Find out the state of a source."""
    check_sections([source])
    footers = FooterIndex()
    staleness = Staleness(source, footers)
    wanted = _wanted(staleness)
    stages = [
        *_stages(staleness, footers, wanted),
        _database(staleness, footers, wanted),
    ]
    footers.keep()
    no_logs = _without_logs(staleness, wanted)
    lost = source_section(source).lost_days
    return PipelineState(
        source=source,
        root=config.paths().root,
        wanted=wanted,
        stages=stages,
        to_refresh=[task.date for task in refreshes(source) if not task.complete()],
        problems=staleness.problems,
        unexported={day: why for day, why in no_logs.items() if day not in lost},
        emptied=unexported(source, staleness.days[Extract]),
        lost=[day for day in no_logs if day in lost],
        raw_gone=_raw_gone(staleness),
    )


def _without_logs(
    staleness: Staleness, wanted: Sequence[dt.date]
) -> dict[dt.date, str]:
    """The wanted days that have no file and no logs, each with the reason."""
    try:
        return without_logs(staleness.source, wanted)
    except UsageMetricsError as error:
        staleness.problems.append(
            f"Whether the missing days are exported is not known: {error}"
        )
        return {}


def _raw_gone(staleness: Staleness) -> list[dt.date]:
    """The days that have a file, but no raw one, although it should be kept."""
    raw, *others = (staleness.days[stage] for stage in CHAIN)
    kept = retention_start(Extract.stage)
    made = {day for days in others for day in days if day >= kept}
    return sorted(made - raw.keys())


def _wanted(staleness: Staleness) -> list[dt.date]:
    """The days of the source's section; without a start, from the first day built."""
    end = end_of_days(staleness.source)
    if start := source_section(staleness.source).start:
        return days_between(start, end)
    built = {day for days in staleness.days.values() for day in days}
    return days_between(min(built), max(end, max(built) + ONE_DAY)) if built else []


def _stages(
    staleness: Staleness, footers: FooterIndex, wanted: Sequence[dt.date]
) -> list[StageDays]:
    stale, failed = staleness.stale(), _failed(staleness.source)
    stages: list[StageDays] = []
    done_later: set[dt.date] = set()  # such days need no earlier stage
    for stage in reversed(CHAIN):
        done = staleness.days[stage]
        kept = retention_start(Geocode.stage if stage is CountUsage else stage.stage)
        needed = (day for day in wanted if day >= kept and day not in done_later)
        stages.append(
            StageDays(
                stage=stage.stage,
                done=list(done),
                missing=[day for day in needed if day not in done],
                stale=[day for day in stale[stage] if done[day] != DAMAGED],
                damaged=[day for day, facts in done.items() if facts == DAMAGED],
                failed={
                    day: reason
                    for (task, day), (reason, at) in failed.items()
                    if task == stage.__name__
                    and at > footers.written_at(stage.stage, staleness.source, day)
                },
            )
        )
        if stage is not CountUsage:
            done_later |= done.keys()
    return stages[::-1]


def _failed(source: str) -> dict[tuple[str, dt.date], tuple[str, float]]:
    """The last failure of each task and day, with its reason and time."""
    found = {}
    for entry in run_log.read(containing=f'"outcome": "{run_log.FAILED}"'):
        parameters = entry["parameters"]
        if parameters.get("source") == source and "date" in parameters:
            day = dt.date.fromisoformat(parameters["date"])
            at = dt.datetime.fromisoformat(entry["at"]).timestamp()
            found[entry["task"], day] = (str(entry.get("reason")), at)
    return found


def _database(
    staleness: Staleness, footers: FooterIndex, wanted: Sequence[dt.date]
) -> StageDays:
    table, stage = shows_loaded(staleness.source)
    files = footers.of_stage(stage, staleness.source).items()
    there = {day: facts for day, facts in files if facts != DAMAGED}
    try:
        loaded = open_warehouse().loaded(table, staleness.source)
    except StorageError as error:
        staleness.problems.append(str(error))
        loaded = {}
    return StageDays(
        stage=DATABASE,
        done=sorted(loaded),
        missing=[day for day in wanted if day in there and day not in loaded],
        stale=[
            day
            for day, what in loaded.items()
            if day in there and there[day].get("content_id") != what.content_id
        ],
    )


def next_run(state: PipelineState) -> list[str]:
    """Say what the next run does, and which days it leaves stale."""
    parts = []
    if days := state.to_make:
        parts.append(f"builds {number_of_days(days)} ({in_ranges(days)})")
    if days := state.to_refresh:
        parts.append(f"reads {number_of_days(days)} ({in_ranges(days)}) again")
    if state.to_load:
        parts.append(f"loads {number_of_days(state.to_load)} into the database")
    if days := state.to_count:
        parts.append(f"counts {number_of_days(days)}")
    sentences = [f"The next run {', '.join(parts) or 'has nothing to do'}."]
    if stale := state.to_rebuild:
        sentences.append(
            f"It leaves {number_of_days(stale)} stale or damaged; to rebuild: "
            f"usage-metrics rebuild --stale --start {stale[0]}"
        )
    return [*sentences, *_gaps(state)]


def _gaps(state: PipelineState) -> Iterator[str]:
    """Say which days no run can make, and what helps."""
    for gap in gaps(state.unexported):
        help_ = remedy(state.source, gap)
        yield f"{gap}" + (f"; {help_}." if help_ else ".")
    if state.emptied:
        yield (
            f"The next run deletes the empty files of {in_ranges(state.emptied)}: an "
            "earlier version made them, but no export holds such days."
        )
    if lost := state.lost:
        are = "is" if len(lost) == 1 else "are"
        yield f"{in_ranges(lost)} {are} lost: nothing waits for such days."
    if gone := state.raw_gone:
        yield raw_gone(state.source, gone)


def raw_gone(source: str, days: Sequence[dt.date]) -> str:
    """Say that raw files are gone, and how to have them again."""
    return (
        f"The raw files of {number_of_days(days)} ({in_ranges(days)}) are gone, and no "
        "other file holds what they did: restore them "
        f"{raw_gone_remedy(days[0], days[-1], source)}"
    )


def number_of_days(days: Sequence[dt.date]) -> str:
    """The number of days in words."""
    return f"{len(days):,} day{'s' if len(days) != 1 else ''}"


def ends(days: Sequence[dt.date]) -> tuple[dt.date | None, dt.date | None]:
    """The first and the last of sorted days; None if there are none."""
    return (days[0], days[-1]) if days else (None, None)


def spans(days: Iterable[dt.date]) -> list[Span]:
    """Group sorted days into ranges."""
    return [Span(*first_and_last) for first_and_last in consecutive(days)]


def in_ranges(days: Iterable[dt.date]) -> str:
    """The first few ranges of sorted days, and how many more there are."""
    found = spans(days)
    more = len(found) - MAX_SPANS
    text = ", ".join(map(str, found[:MAX_SPANS]))
    return f"{text} and {more:,} more ranges" if more > 0 else text
