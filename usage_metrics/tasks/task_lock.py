"""A lock that running tasks share, and that whoever erases or removes has alone.

Tasks of several runs do not disturb each other. But what is erased while a task works
could be in its memory, and would be written once more.
"""

import contextlib
import logging
from pathlib import Path

from usage_metrics.errors import BusyError, StorageError
from usage_metrics.monitoring import locks, run_log
from usage_metrics.partitions import storage

log = logging.getLogger("luigi-interface")

_held: dict[str, contextlib.ExitStack] = {}
"""The outermost running task of this process, and its hold of the lock."""


def path() -> Path:
    """The lock file."""
    return run_log.local_folder() / ".tasks.lock"


def begin(task_id: str, name: str) -> None:
    """Wait until nothing is being erased, and hold that up until the task ends.

    After a while, and if there is no place for a lock, the task goes on without.
    """
    if _held:
        return
    with contextlib.ExitStack() as stack, contextlib.suppress(OSError, StorageError):
        storage.make_folder(path().parent)
        try:
            stack.enter_context(
                locks.held(
                    path(),
                    f"the task {name}",
                    shared=True,
                    on_wait=lambda holder: log.info("waiting for %s", holder),
                )
            )
        except BusyError as error:
            log.warning("%s; %s does not wait any longer", error, name)
            return
        _held[task_id] = stack.pop_all()


def end(task_id: str) -> None:
    """Let go, if this is the outermost task."""
    if task_id in _held:
        _held.pop(task_id).close()
