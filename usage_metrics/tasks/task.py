"""What all our tasks have in common: they say what came of them, and a stage is a file.

:mod:`usage_metrics.tasks.stages` has the stages themselves.
"""

import datetime as dt
import html
import logging
from collections.abc import Iterable
from typing import Any, ClassVar

import luigi

from usage_metrics import config
from usage_metrics.errors import UsageMetricsError
from usage_metrics.monitoring import error_messages
from usage_metrics.parameters import Configured, Day
from usage_metrics.partitions.partition import Partition, list_partitions
from usage_metrics.tasks.availability import unavailable_reason

log = logging.getLogger("luigi-interface")

LATEST_DAY = dt.date(2200, 1, 1)


class Reporting(Configured, luigi.Task):
    """A task that says what came of it."""

    rows: int | None = None
    said: str | None = None

    def say(self, text: str, rows: int | None = None) -> None:
        """Tell the visualiser and the logs what came of the task.

        Args:
            text: for people, in one line.
            rows: how many rows it wrote, if it wrote any.
        """
        self.said, self.rows = text, rows
        self.show(text)
        self.show_progress(1, of=1)
        log.info("%s: %s", self, text)

    def run_within(self) -> None:
        """Run as a part of another task; Luigi's events come as if it ran by itself.

        Raises:
            UsageMetricsError: why it failed.
        """
        self.trigger_event(luigi.Event.START, self)
        try:
            self.run()
        except UsageMetricsError as error:
            self.trigger_event(luigi.Event.FAILURE, self, error)
            raise
        self.trigger_event(luigi.Event.SUCCESS, self)

    def show(self, text: str) -> None:
        """Tell the visualiser how it stands."""
        if self.set_status_message is not None:  # as it is outside a worker
            self.set_status_message(html.escape(text, quote=False))  # it shows HTML

    def show_progress(self, done: int, of: int) -> None:
        """Tell the visualiser how much of the task is done."""
        if self.set_progress_percentage is not None:
            self.set_progress_percentage(100 * done // max(1, of))

    def on_failure(self, exception: BaseException) -> str:
        """What the visualiser shows: a sentence or, for a bug, the traceback."""
        traceback: str = super().on_failure(exception)
        return error_messages.sentence_of(exception) or traceback


class Stage(Reporting):
    """One stage of one source for one day."""

    date: Day = Day(description="the UTC day, YYYY-MM-DD")
    source: luigi.Parameter[str] = luigi.Parameter(
        default="datasette", description="the kind of log"
    )
    stage: ClassVar[str] = ""
    before: ClassVar[tuple[type["Stage"], ...]] = ()
    """The stages on its left, from the first on."""
    _primed: bool | None = None

    @property
    def priority(self) -> int:  # type: ignore[override]
        """Oldest day first."""
        return (LATEST_DAY - self.date).days

    def complete(self) -> bool:
        """Whether the partition is there."""
        foreseen, self._primed = self._primed, None
        return self.output().exists() if foreseen is None else foreseen

    @classmethod
    def prime_completeness(cls, days: Iterable[dt.date], source: str) -> None:
        """List each stage once, for what scheduling is about to ask of each task.

        Each answer is good for the first question: by the next, the task may be done.
        """
        stages = (*cls.before, cls)
        tasks = [[stage(date=day, source=source) for stage in stages] for day in days]
        if all("_primed" in vars(task) for some in tasks for task in some):
            return
        listed = [list_partitions(root(), stage.stage, source) for stage in stages]
        for some in tasks:
            for task, done in zip(some, listed, strict=True):
                vars(task).setdefault("_primed", task.date in done)

    @classmethod
    def bulk_complete(cls, parameter_tuples: Iterable[dt.date]) -> list[dt.date]:
        """Which of many days are done, by one listing."""
        days = list(parameter_tuples)
        if not days:
            return []
        # RangeDaily passes a partial of the class, which has none of its attributes.
        task = cls(date=days[0])
        done = list_partitions(root(), task.stage, task.source)
        return [day for day in days if day in done]

    @classmethod
    def recipe(cls, source: str) -> dict[str, Any]:
        """What decides, beside the file on its left, what the stage makes of a source.

        It stands in the footer; where it is no longer the present one, the file is
        stale.
        """
        return {}

    def output(self) -> Partition:
        """The partition that this task makes."""
        return self.partition(self.stage)

    def partition(self, stage: str) -> Partition:
        """This day of this source at some stage."""
        return Partition(root(), stage, self.source, self.date)


class LogsOfDay(Configured, luigi.ExternalTask):
    """The log entries of a day that cannot be had yet."""

    date: Day = Day()
    source: luigi.Parameter[str] = luigi.Parameter(default="datasette")
    why: str | None = None

    def complete(self) -> bool:
        """Whether they can be had by now; if not, say why."""
        self.why = unavailable_reason(self.source, self.date)
        if self.why is not None:
            log.warning("%s", self.why)
        return self.why is None


def root() -> str:
    """Where the partitions are."""
    return config.paths().root
