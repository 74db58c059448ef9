"""Folders that are expensive to fill: one worker fills each, and all read it."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


class Once:
    """Fills each folder once per test run, whichever worker needs it first."""

    def __init__(self, factory: pytest.TempPathFactory) -> None:
        base = factory.getbasetemp()
        # Under pytest-xdist each worker has a folder below that of the run.
        self._base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def fill(self, name: str, fill: Callable[[Path], None]) -> Path:
        """Return the filled folder, which tests must not change.

        Args:
            name: its name in the test run's temporary folder.
            fill: called once, with the empty folder.
        """
        folder, filled = self._base / name, self._base / f"{name}.filled"
        with (self._base / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not filled.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                fill(folder)
                filled.touch()
        return folder
