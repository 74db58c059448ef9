"""What this run has done, whichever of its processes did it."""

import contextlib
import functools
import os
import tempfile
import weakref
from collections.abc import Iterable
from pathlib import Path

import luigi


class ThisRun(luigi.Config):
    """The tasks that this run has done.

    Forked workers append to one inherited file, so a killed one leaves no lock behind.
    Luigi forgets its tasks before the next run, and this with them.
    """

    def note(self, task: luigi.Task) -> None:
        """Note that a task has done its work; on a full disk, for this process only."""
        self._done.add(task.task_id)
        with contextlib.suppress(OSError):
            os.write(self._file, f"{task.task_id}\n".encode())

    def has_done(self, task: luigi.Task) -> bool:
        """Whether a task has done its work."""
        with contextlib.suppress(OSError):
            size = os.fstat(self._file).st_size
            if size > self._read:
                self._done |= {*os.pread(self._file, size, 0).decode().splitlines()}
                self._read = size
        return task.task_id in self._done

    def not_done(self, tasks: Iterable[luigi.Task]) -> list[luigi.Task]:
        """Those of some tasks that have not done their work."""
        return [task for task in tasks if not self.has_done(task)]

    _read = 0
    """The size of the file when it was read last."""

    @functools.cached_property
    def _done(self) -> set[str]:
        return set()

    @functools.cached_property
    def _file(self) -> int:
        file, path = tempfile.mkstemp()
        Path(path).unlink()
        weakref.finalize(self, os.close, file)
        return file
