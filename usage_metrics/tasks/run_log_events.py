"""Writes the outcome of every task to the run log, and locks, by Luigi's events."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import luigi

from usage_metrics.monitoring import run_log
from usage_metrics.monitoring.error_messages import sentence_of
from usage_metrics.monitoring.printable import printable
from usage_metrics.tasks import task_lock
from usage_metrics.tasks.task import Logs, Reporting

_began: dict[str, float] = {}
"""When the running tasks of this process began."""

INTERRUPT_AGAIN = 0.1
"""Seconds until an interrupt that Luigi has dropped is sent again."""


def record_runs() -> None:
    """Register the event handlers."""
    # Luigi keeps handlers in a set, so registering one twice does no harm.
    Reporting.event_handler(luigi.Event.START)(_start)
    Reporting.event_handler(luigi.Event.SUCCESS)(_succeed)
    for event in (
        luigi.Event.FAILURE,
        luigi.Event.PROCESS_FAILURE,
        luigi.Event.TIMEOUT,
    ):
        Reporting.event_handler(event)(_fail)
    Reporting.event_handler(luigi.Event.BROKEN_TASK)(_break)
    Logs.event_handler(luigi.Event.DEPENDENCY_MISSING)(_wait)


@contextlib.contextmanager
def _keeping_interrupts() -> Iterator[None]:
    """Interrupt the process again a moment later: Luigi drops a Ctrl-C in a handler."""
    try:
        yield
    except KeyboardInterrupt:
        again = threading.Timer(INTERRUPT_AGAIN, os.kill, [os.getpid(), signal.SIGINT])
        again.daemon = True
        again.start()
        raise


@_keeping_interrupts()
def _start(task: luigi.Task) -> None:
    task_lock.begin(task.task_id, task.task_family)
    _began[task.task_id] = time.monotonic()


def _succeed(task: Reporting) -> None:
    _record(task, run_log.DONE, rows=task.rows, said=task.said)


def _fail(task: luigi.Task, why: BaseException | str) -> None:
    _record(task, run_log.FAILED, reason=_reason(why))


def _break(task: luigi.Task, why: BaseException) -> None:
    """The task could not be scheduled; no folder is made for that alone."""
    _record(task, run_log.FAILED, make_folder=False, reason=_reason(why))


def _wait(task: Logs) -> None:
    _record(task, run_log.WAITING, reason=task.why)


def _reason(why: BaseException | str) -> str:
    if isinstance(why, str):
        return printable(why)
    return sentence_of(why) or printable(f"{type(why).__name__}: {why}")


@_keeping_interrupts()
def _record(
    task: luigi.Task, outcome: str, *, make_folder: bool = True, **what: Any
) -> None:
    task_lock.end(task.task_id)
    began = _began.pop(task.task_id, None)
    seconds = None if began is None else round(time.monotonic() - began, 3)
    reason = what.pop("reason", None)
    run_log.append(
        {
            "task": task.task_family,
            "parameters": {
                name: value
                for name, value in task.to_str_params(only_public=True).items()
                if name in dict(task.get_params())
            },
            "outcome": outcome,
            "seconds": seconds,
            **what,
            "reason": reason and reason[: run_log.LONGEST_REASON],
        },
        make_folder=make_folder,
    )
