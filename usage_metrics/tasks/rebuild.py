"""Making stages of many days again, those made by older code or other settings.

New files take the place of the old ones, so that no day is missing in between. A day is
done when its files say that they were written for the moment that the task names, so a
rebuild can be interrupted and started again.
"""

import datetime as dt
from collections.abc import Collection

import luigi

from usage_metrics.config import retention_start
from usage_metrics.dates import ONE_DAY, days_between
from usage_metrics.parameters import Moment
from usage_metrics.partitions.footer_index import FooterIndex
from usage_metrics.partitions.purpose import made_for
from usage_metrics.tasks.backfill import ManyDays
from usage_metrics.tasks.count import CountUsage
from usage_metrics.tasks.count_month import CountMonth
from usage_metrics.tasks.stages import STAGES, Clean, Extract, Geocode
from usage_metrics.tasks.staleness import CHAIN, Staleness
from usage_metrics.tasks.task import Stage

REBUILT: dict[str, type[Stage]] = {
    "extract": Extract,
    "clean": Clean,
    "geocode": Geocode,
    "count": CountUsage,
}
"""The stages that a rebuild can begin with, in the order of the pipeline."""


class Rebuild(ManyDays):
    """Rebuild a stage of many days and everything after it.

    A month of days is one task. Days that never had the stage are left alone.
    """

    stage: luigi.ChoiceParameter[str] = luigi.ChoiceParameter(
        choices=list(REBUILT), description="the first stage to rebuild"
    )
    since: Moment = Moment(description="when the files must have been made, or later")
    stale: luigi.BoolParameter = luigi.BoolParameter(
        default=False, description="rebuild only what is stale"
    )

    def remaining(self) -> Collection[dt.date]:
        """The days not made since the moment or, with ``stale``, the stale days."""
        return self._plan().keys()

    def run(self) -> None:
        """Make the stages of all days, then count the days that were counted before."""
        with made_for(self.since):
            self._rebuild()

    def _rebuild(self) -> None:
        plan = self._plan()
        failed = self.for_each(plan, lambda day: self._make(day, plan[day]))
        counted = self.listed(CountUsage.stage)
        counts = [day for day in plan if day not in failed and day in counted]
        failed |= self.for_each(
            counts, lambda day: CountUsage(date=day, source=self.source).run_within()
        )
        self._add_up({day.replace(day=1) for day in counts})
        self.conclude(failed)

    def how_to_retry(self, day: dt.date) -> str:
        """The command that retries one day."""
        how = "--stale" if self.stale else f"--from {self.stage}"
        return (
            f"usage-metrics rebuild {how} --start {day} --stop {day + ONE_DAY} "
            f"--source {self.source}"
        )

    def _plan(self) -> dict[dt.date, type[Stage]]:
        """The days to rebuild, each with the first stage to make."""
        if not self.stale:
            return self._made_before()
        footers = FooterIndex()
        first = Staleness(self.source, footers).first_stale()
        footers.keep()
        days = days_between(self.start, self.stop)
        return {day: first[day] for day in days if day in first}

    def _made_before(self) -> dict[dt.date, type[Stage]]:
        stages = CHAIN[CHAIN.index(REBUILT[self.stage]) :]
        done = {stage: self.listed(stage.stage) for stage in stages}
        plan = {}
        for day in days_between(self.start, self.stop):
            there = [stage for stage in stages if day in done[stage]]
            needed = [s for s in stages if s is not CountUsage or s in there]
            before = [s for s in needed if not self._is_made(s, day, done[s])]
            if there and before and self._has_input(before[0], day):
                plan[day] = before[0]
        return plan

    def _has_input(self, stage: type[Stage], day: dt.date) -> bool:
        """Whether retention has not removed what a stage of a day is made from."""
        if stage is Extract:
            return True
        left = CHAIN[CHAIN.index(stage) - 1].stage
        is_kept = day >= retention_start(left)
        return is_kept or self.partition_of(left, day).exists()

    def _is_made(
        self, stage: type[Stage], day: dt.date, done: dict[dt.date, str]
    ) -> bool:
        file = self.partition_of(stage.stage, day)
        if stage is Extract:  # its file stays if the logs are unchanged
            return day in done and file.was_read_for(self.since)
        return day in done and file.is_made_for(self.since)

    def _make(self, day: dt.date, first: type[Stage]) -> None:
        for stage in STAGES[CHAIN.index(first) :]:
            stage(date=day, source=self.source).run_within()

    def _add_up(self, months: set[dt.date]) -> None:
        for month in sorted(months):
            task = CountMonth(month=month, source=self.source)
            if all(target.exists() for target in task.output()):
                task.run_within()
