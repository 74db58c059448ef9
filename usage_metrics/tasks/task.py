"""Base classes: a task reports its result; a stage writes one partition.

:mod:`usage_metrics.tasks.stages` has the stages themselves.
"""

import datetime as dt
import html
import logging
from collections.abc import Collection, Iterable
from typing import Any, ClassVar

import luigi

from usage_metrics import config
from usage_metrics.errors import UsageMetricsError
from usage_metrics.monitoring import error_messages
from usage_metrics.parameters import Configured, Day
from usage_metrics.partitions.partition import Partition, list_partitions
from usage_metrics.tasks.availability import unavailable_reason
from usage_metrics.tasks.source_parameter import SourceParameter
from usage_metrics.tasks.this_run import ThisRun

log = logging.getLogger("luigi-interface")

LATEST_DAY = dt.date(2200, 1, 1)


class Reporting(Configured, luigi.Task):
    """A task of one source that reports its result."""

    source: luigi.Parameter[str]
    rows: int | None = None
    said: str | None = None

    def complete(self) -> bool:
        """Whether there is nothing to do, or this run has done it.

        Another run may have brought more work meanwhile: that is the next run's, and
        this one has not failed for it.
        """
        return ThisRun().has_done(self) or self.is_done()

    def is_done(self) -> bool:
        """Whether there is nothing to do."""
        return super().complete()  # type: ignore[no-any-return]

    def say(self, text: str, rows: int | None = None) -> None:
        """Report the result of the task to the visualiser and the logs.

        Args:
            text: one line for people.
            rows: the number of rows written, if the task writes rows.
        """
        self.said, self.rows = text, rows
        ThisRun().note(self)
        self.show(text)
        self.show_progress(1, of=1)
        log.info("%s: %s", self, text)

    def run_within(self) -> None:
        """Run as part of another task, with the same Luigi events as on its own.

        That task has made what this one needs, as far as it can be made.

        Raises:
            UsageMetricsError: if it fails.
        """
        self.trigger_event(luigi.Event.START, self)
        try:
            for _ in self.run() or ():
                pass
        except UsageMetricsError as error:
            self.trigger_event(luigi.Event.FAILURE, self, error)
            raise
        self.trigger_event(luigi.Event.SUCCESS, self)

    def show(self, text: str) -> None:
        """Show a status message in the visualiser."""
        if self.set_status_message is not None:  # as it is outside a worker
            self.set_status_message(html.escape(text, quote=False))  # it shows HTML

    def show_progress(self, done: int, of: int) -> None:
        """Show in the visualiser how much of the task is done."""
        if self.set_progress_percentage is not None:
            self.set_progress_percentage(100 * done // max(1, of))

    def on_failure(self, exception: BaseException) -> str:
        """What the visualiser shows: a sentence or, for a bug, the traceback."""
        traceback: str = super().on_failure(exception)
        return error_messages.sentence_of(exception) or traceback

    def partition_of(self, stage: str, day: dt.date) -> Partition:
        """A day of the source at some stage."""
        return Partition(config.paths().root, stage, self.source, day)

    def listed(self, stage: str) -> dict[dt.date, str]:
        """The complete days of a stage, oldest first, each with its fingerprint."""
        return list_partitions(config.paths().root, stage, self.source)


class OfDay(Reporting):
    """A task of one source for one day."""

    date: Day = Day(description="the UTC day, YYYY-MM-DD")
    source: luigi.Parameter[str] = SourceParameter()

    @property
    def priority(self) -> int:  # type: ignore[override]
        """Oldest day first."""
        return (LATEST_DAY - self.date).days


class Stage(OfDay):
    """One stage of one source for one day."""

    stage: ClassVar[str] = ""
    before: ClassVar[tuple[type["Stage"], ...]] = ()
    """The stages before it, from the first on."""
    _primed: bool | None = None

    def is_done(self) -> bool:
        """Whether the partition exists."""
        primed, self._primed = self._primed, None
        return self.output().exists() if primed is None else primed

    def __getstate__(self) -> dict[str, Any]:
        """Forget the primed answer: with parallel scheduling, a copy is asked."""
        self._primed = None
        return vars(self)

    @classmethod
    def prime_completeness(cls, days: Iterable[dt.date], source: str) -> None:
        """List each stage once, to answer what the scheduler is about to ask.

        An answer is used once: when the task is asked again, it may have run.
        """
        stages = (*cls.before, cls)
        tasks = [[stage(date=day, source=source) for stage in stages] for day in days]
        if all("_primed" in vars(task) for of_day in tasks for task in of_day):
            return
        root = config.paths().root
        listed = [list_partitions(root, stage.stage, source) for stage in stages]
        for of_day in tasks:
            for task, done in zip(of_day, listed, strict=True):
                vars(task).setdefault("_primed", task.date in done)

    @classmethod
    def bulk_complete(cls, parameter_tuples: Iterable[dt.date]) -> list[dt.date]:
        """Which of many days are complete, by one listing."""
        days = list(parameter_tuples)
        # RangeDaily passes a partial of the class, which has none of its attributes.
        done = cls(date=days[0]).done_days() if days else ()
        return [day for day in days if day in done]

    def done_days(self) -> Collection[dt.date]:
        """The complete days of the source."""
        return self.listed(self.stage)

    @classmethod
    def recipe(cls, source: str) -> dict[str, Any]:
        """What determines the output of the stage, besides its input file.

        It is kept in the footer. A file whose recipe is not the present one is stale.
        """
        return {}

    def output(self) -> Partition:
        """The partition that this task writes."""
        return self.partition(self.stage)

    def partition(self, stage: str) -> Partition:
        """This day of this source at some stage."""
        return self.partition_of(stage, self.date)


class Logs(Configured, luigi.ExternalTask):
    """Log entries that are not available."""

    why: str | None = None

    def complete(self) -> bool:
        """Whether they are available by now; if not, log the reason."""
        self.why = self.unavailable()
        if self.why is not None:
            log.warning("%s", self.why)
        return self.why is None

    def unavailable(self) -> str | None:
        """Say why they are not available; None if they are."""
        raise NotImplementedError

    def to_str_params(
        self, only_significant: bool = False, only_public: bool = False
    ) -> dict[str, str]:
        """The parameters; with them the visualiser shows what is being waited for."""
        parameters: dict[str, str] = super().to_str_params(
            only_significant, only_public
        )
        if not only_significant and self.why is not None:
            parameters["waits_because"] = self.why
        return parameters


class LogsOfDay(Logs):
    """The log entries of a day."""

    date: Day = Day()
    source: luigi.Parameter[str] = SourceParameter()

    def unavailable(self) -> str | None:
        """Say why they are not available; None if they are."""
        return unavailable_reason(self.source, self.date)
