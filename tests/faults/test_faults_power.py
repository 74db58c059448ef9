"""Loss of power: what counts as done is on the disk, and its name is.

Until its folder is synced, a renamed or deleted file may have its old name again when
the power comes back. So no command renames the next file, or ends, before it has synced
the folder of the one before.
"""

import random
import re
import sys
from pathlib import Path

import pytest

from faults.place import write_logs
from faults.power import ERASE, RUN, Campaign
from faults.traces import IS_POSSIBLE, NAMING, SYNCING, Call, record

pytestmark = pytest.mark.skipif(not IS_POSSIBLE, reason="strace cannot be used")

_PASSING = re.compile(r"\.tmp-|\.log$|-(wal|shm|journal)$")
"""Names on which nothing depends, and those that SQLite syncs as it needs to."""

DAYS = {"date=2026-03-02", "date=2026-03-03"}


class Traced:
    """A folder with logs of two days in which commands are traced."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "data"
        write_logs(folder / "logs", 2, requests=40)
        self.set("")

    def set(self, sections: str) -> None:
        """Write luigi.cfg."""
        days = "[datasette]\nlogs = logs\nstart = 2026-03-02\nstop = 2026-03-04\n"
        (self.folder / "luigi.cfg").write_text(days + sections)

    def calls(self, *command: str) -> list[Call]:
        """The calls of a command that change names or sync."""
        program = str(Path(sys.executable).with_name("usage-metrics"))
        return record([program, *command], self.folder, NAMING + SYNCING)

    def is_ours(self, path: Path) -> bool:
        return path.is_relative_to(self.root) and not _PASSING.search(path.name)


@pytest.fixture
def traced(tmp_path: Path) -> Traced:
    return Traced(tmp_path.resolve())


def _changes_and_faults(traced: Traced, *command: str) -> tuple[list[Path], list[str]]:
    """What was renamed and deleted, and what was not synced in time."""
    changed: list[Path] = []
    faults: list[str] = []
    synced: set[Path] = set()
    waiting: dict[str, set[Path]] = {}
    for thread, call, paths, *_ in traced.calls(*command):
        mine = waiting.setdefault(thread, set())
        if call in SYNCING:
            synced.update(paths)
            mine -= set(paths)
        elif traced.is_ours(paths[-1]):
            if call.startswith("rename"):
                faults += [f"{path} before {paths[-1]}" for path in mine]
                faults += [] if paths[0] in synced else [f"content of {paths[-1]}"]
            changed += [] if call.startswith("mkdir") else [paths[-1]]
            mine.add(paths[-1].parent)
    faults += [f"{path} at the end" for mine in waiting.values() for path in mine]
    return changed, faults


def test_no_file_counts_as_done_before_its_folder_is_synced(traced: Traced) -> None:
    changed, faults = _changes_and_faults(traced, "run")
    assert faults == []
    names = {str(path.relative_to(traced.root)) for path in changed}
    stages = ("raw", "cleaned", "geocoded", "counted", "usage_daily")
    files = {f"{s}/datasette/{d}/part-0.parquet" for s in stages for d in DAYS}
    assert files | {"report/datasette.html"} <= names


def test_what_is_deleted_or_erased_does_not_come_back(traced: Traced) -> None:
    traced.set("[privacy]\naddresses = keep\n")
    traced.calls("run")
    everybody = ("--yes", "--address", "0.0.0.0/1", "--address", "128.0.0.0/1")
    changed, faults = _changes_and_faults(traced, "erase", *everybody)
    assert faults == []
    assert {path.parent.name for path in changed} >= DAYS
    traced.set("[privacy]\nraw_days = 1\n")
    changed, faults = _changes_and_faults(traced, "retain", "--from-today")
    assert faults == []
    assert {path.parent.name for path in changed} >= DAYS


def test_after_a_loss_of_power_what_is_there_is_whole_and_a_rerun_completes_it(
    tmp_path: Path,
) -> None:
    campaign = Campaign(tmp_path.resolve(), 1, 20, random.Random(), looks=0.02)
    campaign.cut(RUN, ERASE)
    assert campaign.faults == [], campaign.tally
    assert campaign.tally.total() > 0
