"""Cuts the power at every point of a run, and looks at what is on the disk then.

``python -m tests.faults.power``: records the system calls of a run that counts, loads
and reports generated days, and of one that erases addresses; then does them on a model
of a disk. After a loss of power the model holds what was synced. Of the rest it holds
nothing or, when the same point is tried again, what chance says.

Whatever is there then: each partition that is listed is whole, and so is the database,
which holds just the days that it says. From some points the command is run again: it
must leave, row for row, what it leaves undisturbed. Exits with 1 if anything was wrong.
"""

import argparse
import contextlib
import random
import shutil
import sqlite3
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from . import contents
from .disk import Disk
from .place import PROGRAMS, Place, leave, write_logs
from .traces import NAMING, SYNCING, WRITING, record

RUN = ("run",)
ERASE = ("erase", "--yes", "--address", "0.0.0.0/1", "--address", "128.0.0.0/1")
"""Of everybody who has an IPv4 address."""
CFG = """\
[datasette]
logs = logs
start = {place.start}
stop = {place.stop}
[privacy]
addresses = keep
"""


@dataclass
class State:
    """The rows of all files and of the database."""

    files: contents.Tables
    tables: contents.Tables
    loaded: dict[str, int]
    """How many rows of each table the database says that it has loaded."""

    @classmethod
    def of(cls, place: Place) -> "State":
        """What is there."""
        if not place.database.exists():
            return cls(contents.of_files(place.root), {}, {})
        with contextlib.closing(sqlite3.connect(place.database)) as database:
            (sound,) = database.execute("PRAGMA integrity_check").fetchone()
            if sound != "ok":
                raise sqlite3.DatabaseError(sound)
            tables = contents.of_database(place.database)
            told = (
                'SELECT "table", sum(loaded) FROM usage_metrics_partitions GROUP BY 1'
            )
            has_any = "usage_metrics_partitions" in tables
            loaded = dict(database.execute(told).fetchall()) if has_any else {}
        return cls(contents.of_files(place.root), tables, loaded)

    def faults(self, *allowed: "State") -> list[str]:
        """What is neither as it was before the command nor as it is after it."""
        said = [
            f"{name} has rows that nothing wrote"
            for name, table in self.files.items()
            if not any(table.equals(state.files.get(name)) for state in allowed)
        ]
        for name, rows in self.tables.items():
            known = {row for state in allowed for row in state.tables.get(name, [])}
            said += [f"{name} has rows that nothing wrote"] * bool(set(rows) - known)
            if name in self.loaded and len(rows) != self.loaded[name]:
                said.append(f"{name} has {len(rows)} rows, not {self.loaded[name]}")
        return said


@dataclass
class Campaign:
    """A folder in which commands are recorded, and what was found."""

    folder: Path
    days: int
    requests: int
    chance: random.Random
    looks: float = 1.0
    """The share of the points at which to look."""
    reruns: float = 0.05
    """The share of these looks after which the command is run again."""
    tally: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def cut(self, *commands: tuple[str, ...]) -> None:
        """Cut the power during ``usage-metrics`` commands, one after the other."""
        place = Place(self.folder / "recorded", days=self.days)
        write_logs(place.folder / "logs", self.days, self.requests)
        (place.folder / "luigi.cfg").write_text(CFG.format(place=place))
        for words in commands:
            disk, before = Disk(place.folder), State.of(place)
            program = f"{PROGRAMS}/usage-metrics"
            calls = record([program, *words], place.folder, WRITING + NAMING + SYNCING)
            end, after = Disk(place.folder), State.of(place)
            for call in calls:
                disk.does(call)
                if call.name in SYNCING and self.chance.random() < self.looks:
                    self._look(disk, words, before, after)
            if wrong := disk.differences(end):
                raise AssertionError(f"the model is wrong about {wrong}")
            self._look_at_the_end(disk, words, after)

    def _look(
        self, disk: Disk, words: tuple[str, ...], before: State, after: State
    ) -> None:
        for chance in (None, self.chance):
            place = self._left(disk, chance)
            self._note(words, place, State.of(place).faults(before, after))
            if self.chance.random() < self.reruns:
                code, screen = place.command(*words)
                self.tally["run again"] += 1
                self._note(words, place, [screen] if code else _not(after, place))
            if not self.faults:
                shutil.rmtree(place.folder)

    def _look_at_the_end(
        self, disk: Disk, words: tuple[str, ...], after: State
    ) -> None:
        """What was said to be done is there, whatever the disk had not yet written."""
        place = self._left(disk, None)
        files = contents.differences(State.of(place).files, after.files)
        self._note(words, place, files)

    def _left(self, disk: Disk, chance: random.Random | None) -> Place:
        self.tally["with luck" if chance else "without"] += 1
        place = Place(self.folder / f"cut-{self.tally.total()}", days=self.days)
        disk.leave(place.folder, chance)
        return place

    def _note(self, words: tuple[str, ...], place: Place, faults: list[str]) -> None:
        self.faults += [f"{words[0]}, {place.folder.name}: {text}" for text in faults]


def _not(after: State, place: Place) -> list[str]:
    """Where a command that was run again left other rows than the undisturbed one."""
    found = State.of(place)
    return [
        *contents.differences(found.files, after.files),
        *contents.differences(found.tables, after.tables),
    ]


def main() -> int:
    """Run a campaign from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.power", description=__doc__
    )
    parser.add_argument("--days", type=int, default=3)
    parser.add_argument("--requests", type=int, default=40, help="a day")
    parser.add_argument("--looks", type=float, default=1.0, help="share of the points")
    parser.add_argument("--reruns", type=float, default=0.05, help="share of the looks")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = parser.parse_args()
    print(f"seed {options.seed}")
    folder = Path(tempfile.mkdtemp(prefix="power-"))
    campaign = Campaign(
        folder,
        options.days,
        options.requests,
        random.Random(options.seed),
        options.looks,
        options.reruns,
    )
    campaign.cut(RUN, ERASE)
    for what, times in campaign.tally.items():
        print(f"{times:,} {what}")
    print(f"{len(campaign.faults)} faults", *campaign.faults[:50], sep="\n")
    return leave(folder, campaign.faults)


if __name__ == "__main__":
    sys.exit(main())
