"""Kills ``luigi`` at random moments while other programs read the results.

``python -m tests.faults.kills --runs 200``: in rounds, the real command line counts the
usage of some generated days and loads it, and is killed with all its children at a
random moment: by SIGKILL, SIGTERM or SIGINT (Ctrl-C). It is restarted until it
finishes. A round has one worker, two workers, or two under luigid; some runs have a
twin that does the same at the same time and is not killed.

Meanwhile pandas, DuckDB, Arrow and SQLite read everything. At the end of a round, files
and database must hold row for row what an undisturbed run leaves, and the next run that
writes must remove all temporary files. Exits with 1 if anything was wrong.
"""

import argparse
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from . import contents
from .observers import PAUSE, watching
from .place import (
    ASK_AGAIN,
    DONE,
    PATIENCE,
    Place,
    end,
    leave,
    luigid,
    write_logs,
)

SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
WAYS = ("one worker", "two workers", "luigid")
LAST_LINE = 25
"""The most lines of output after which a run is killed …"""
BREATH = 0.25
"""… and the most seconds after them."""
TWINS = 0.15
"""The share of runs that have a twin."""


@dataclass
class Tally:
    """What happened, in numbers."""

    kills: Counter[str] = field(default_factory=Counter)
    ways: Counter[str] = field(default_factory=Counter)
    looks: Counter[str] = field(default_factory=Counter)
    days_seen: Counter[str] = field(default_factory=Counter)
    rounds: int = 0
    twins: int = 0
    ended: Counter[int] = field(default_factory=Counter)
    """Exit codes of runs that finished before they were killed."""
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        kills = ", ".join(f"{n} {by}" for by, n in sorted(self.kills.items()))
        ways = ", ".join(f"{n} with {way}" for way, n in self.ways.items())
        looks = ", ".join(f"{n:,} by {who}" for who, n in sorted(self.looks.items()))
        return "\n".join(
            [
                f"{self.kills.total():,} kills: {kills}",
                f"{ways}; {self.twins} with a twin left alive",
                f"{self.rounds} rounds compared row for row with a run never killed",
                f"exit codes of runs that were let go on: {dict(self.ended)}",
                f"{self.looks.total():,} looks while it ran: {looks}; "
                f"{self.days_seen.total():,} days seen, each whole",
                f"{len(self.faults)} faults",
                *self.faults,
            ]
        )


@dataclass
class Campaign:
    """A folder with logs, and what an undisturbed run makes of them."""

    folder: Path
    days: int
    requests: int
    chance: random.Random
    pause: float = PAUSE
    """Seconds between two looks of the observers."""
    tally: Tally = field(default_factory=Tally)

    def __post_init__(self) -> None:
        self.first_way = self.chance.randrange(len(WAYS))
        self.logs = write_logs(self.folder / "logs", self.days, self.requests)
        reference = self._place("reference")
        code, screen = reference.run("LoadUsage", "--no-lock", "--local-scheduler")
        assert code == DONE, screen
        self.files = contents.of_files(reference.root)
        self.tables = contents.of_database(reference.database)
        table = Counter(row[1][:10] for row in self._requests())
        self.expected = {
            stage: contents.days_of(self.files, stage)
            for stage in ("raw", "cleaned", "geocoded", "counted", "usage_daily")
        } | {"datasette_request_logs": dict(table)}

    def _requests(self) -> list[tuple[str, ...]]:
        return self.tables["datasette_request_logs"]

    def run(self, runs: int) -> Tally:
        """Kill that many runs, in as many rounds as it takes."""
        while self.tally.kills.total() < runs and not self.tally.faults:
            way = WAYS[(self.tally.rounds + self.first_way) % len(WAYS)]
            self._round(way, runs)
            self.tally.rounds += 1
            print(f"{self.tally.kills.total()} kills, {way}", flush=True)
        return self.tally

    def _place(self, name: str) -> Place:
        return Place(self.folder / name, days=self.days).furnish(self.logs)

    def _round(self, way: str, runs: int) -> None:
        place = self._place(f"round-{self.tally.rounds}")
        scheduler = luigid(place) if way == "luigid" else nullcontext()
        with (
            watching(place.folder, self.expected, self.pause) as figures,
            scheduler as port,
        ):
            command = ["LoadUsage", "--no-lock", *_options(way, port)]
            while self.tally.kills.total() < runs and self._kill(place, command, way):
                pass
            code, screen = place.run_to_the_end(*command)
        self.tally.looks.update(figures["looks"])
        self.tally.days_seen.update(figures["days"])
        self._note(figures["faults"])
        self._note([f"exit code {code}: {screen[-3000:]}"] if code != DONE else [])
        self._compare(place)
        if not self.tally.faults:
            shutil.rmtree(place.folder)

    def _kill(self, place: Place, command: list[str], way: str) -> bool:
        """Start a run and kill it; False if it finished first."""
        by = self.chance.choice(SIGNALS)
        with self._twin(place, command), place.launch(*command) as process:
            lines = count_lines(process)
            wanted = self.chance.randint(1, LAST_LINE)
            deadline = time.monotonic() + PATIENCE
            while process.poll() is None and len(lines) < wanted:
                time.sleep(0.01)
                if time.monotonic() > deadline:
                    self._note([f"a run hung: {''.join(lines)[-3000:]}"])
                    end(process, signal.SIGKILL)
            time.sleep(self.chance.uniform(0, BREATH))
            if process.poll() is not None:
                return self._ended(process.returncode, lines)
            end(process, by)
            time.sleep(self.chance.uniform(0, 0.2))
            end(process, signal.SIGKILL)  # Luigi can survive one Ctrl-C
            self.tally.kills[by.name] += 1
            self.tally.ways[way] += 1
        return True

    def _ended(self, code: int, lines: list[str]) -> bool:
        self.tally.ended[code] += 1
        if code not in (DONE, *ASK_AGAIN):
            self._note([f"exit code {code}: {''.join(lines)[-3000:]}"])
        return code in ASK_AGAIN

    @contextmanager
    def _twin(self, place: Place, command: list[str]) -> Iterator[None]:
        """Perhaps start a second run, which is not killed."""
        if self.chance.random() > TWINS:
            yield
            return
        self.tally.twins += 1
        log = place.folder / "twin.log"
        with log.open("w") as output, place.launch(*command, output=output) as twin:
            yield
            twin.wait(PATIENCE)
        self._ended(twin.returncode, [log.read_text()])

    def _compare(self, place: Place) -> None:
        found = contents.of_files(place.root)
        self._note(contents.differences(found, self.files))
        tables = contents.of_database(place.database)
        self._note(contents.differences(tables, self.tables))
        code, screen = place.command("check")
        self._note([screen] if code else [])
        self._look_for_leftovers(place)

    def _look_for_leftovers(self, place: Place) -> None:
        """The next writer of a stage must remove what killed ones left."""
        for day in place.root.glob(f"*/*/date={place.start}"):
            shutil.rmtree(day)
        code, screen = place.run("LoadUsage", "--no-lock", "--local-scheduler")
        self._note([f"exit code {code}: {screen[-3000:]}"] if code else [])
        left = [str(p) for p in place.root.rglob("*") if ".tmp-" in p.name]
        self._note([f"{path} is left" for path in left])

    def _note(self, faults: list[str]) -> None:
        self.tally.faults += faults


def _options(way: str, port: int | None) -> list[str]:
    where = ["--local-scheduler"] if port is None else ["--scheduler-port", str(port)]
    return where if way == "one worker" else [*where, "--workers", "2"]


def count_lines(process: "subprocess.Popen[str]") -> list[str]:
    """The lines of a process's output, a list that grows."""
    lines: list[str] = []
    assert process.stdout is not None

    def read(output: IO[str]) -> None:
        with suppress(ValueError):  # it is closed once the process has ended
            lines.extend(output)

    threading.Thread(target=read, args=[process.stdout], daemon=True).start()
    return lines


def main() -> int:
    """Run a campaign from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.kills", description=__doc__
    )
    parser.add_argument("--runs", type=int, default=200, help="number of runs to kill")
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--requests", type=int, default=300, help="a day")
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = options.seed or random.randrange(1 << 32)
    print(f"seed {seed}")
    folder = Path(tempfile.mkdtemp(prefix="kills-"))
    began = time.monotonic()
    campaign = Campaign(folder, options.days, options.requests, random.Random(seed))
    tally = campaign.run(options.runs)
    print(f"{tally}\n{time.monotonic() - began:,.0f} s")
    return leave(folder, tally.faults)


if __name__ == "__main__":
    sys.exit(main())
