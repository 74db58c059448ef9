"""One command at a time changes the files of a root."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import click

from usage_metrics.monitoring import locks, run_log
from usage_metrics.partitions import storage
from usage_metrics.tasks import task_lock

patience_option = click.option(
    "--patience",
    type=click.FloatRange(0, 86_400),
    default=3600,
    show_default=True,
    help="seconds to wait for another command to end",
)


@contextlib.contextmanager
def alone(patience: float, *, between_tasks: bool = False) -> Iterator[None]:
    """Keep other commands from changing anything meanwhile.

    Args:
        patience: seconds to wait for one that is doing so.
        between_tasks: also keep any ``luigi`` from beginning a task, after those that
            run have ended.

    Raises:
        BusyError: naming what still changes files then.
    """
    make_local_folder()
    name = click.get_current_context().command_path
    if not _lock().parent.is_dir():
        yield  # there can be nothing to change, or nobody can
        return
    with contextlib.ExitStack() as stack:
        for lock in (_lock(), *([task_lock.path()] if between_tasks else [])):
            stack.enter_context(locks.held(lock, name, patience, on_wait=_say))
        yield


def is_running() -> bool:
    """Whether a command is changing the files of this root."""
    return not locks.is_free(_lock())


def make_local_folder() -> None:
    """Make the folder of locks and logs, if that is possible; else do without."""
    with contextlib.suppress(OSError):
        storage.make_folder(run_log.local_folder())


def _lock() -> Path:
    return run_log.local_folder() / ".run.lock"


def _say(holder: str) -> None:
    click.echo(f"waiting for {holder}", err=True)
