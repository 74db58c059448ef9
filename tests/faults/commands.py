"""Kills every command at random moments, some beside another one that goes on.

``python -m tests.faults.commands --kills 1000``: in rounds, a folder goes through what
people do with one: a first run, late logs and ``refresh``, another setting and
``rebuild``, ``counter``, ``erase``, ``retain``. Each command is killed a few times and
then let go on to its end. After each, files and database must hold, row for row, what
they hold in a folder where nothing was killed. A round keeps its partitions in a folder
or in an object store, and takes its locations from a file or from ipinfo's service.
Exits with 1 if anything was wrong.
"""

import argparse
import datetime as dt
import gzip
import json
import logging
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pyarrow.fs as pafs
from ipinfo_server import TOKEN, IpinfoServer
from moto.server import ThreadedMotoServer

from . import contents
from .kills import SIGNALS, TWINS
from .place import ASK_AGAIN, DONE, USAGE_METRICS, Place, end, leave, write_logs

BUCKET = "usage"
KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
WAYS = ("folder", "ipinfo", "store")
BESIDE = (("run",), ("report",))
"""What a twin does, unless the same as the one that is killed."""

CFG = """\
[datasette]
logs = logs
start = {place.start}
stop = {place.stop}
internal_agents = {internal_agents}
[paths]
root = {root}
[counting]
datasets = logs/datasets.toml
[privacy]
addresses = keep
raw_days = {kept}
geocoded_days = {kept}
{extra}
"""


def late_logs(place: Place) -> None:
    """Export some more requests of the first day."""
    with gzip.open(place.folder / f"logs/{place.start}.jsonl.gz", "rt") as file:
        entries = [json.loads(line) for line in file.readlines()[:8]]
    for number, entry in enumerate(entries):
        entry["insertId"] = f"late{number}"
    lines = "".join(f"{json.dumps(entry)}\n" for entry in entries)
    (place.folder / f"logs/{place.start}-late.jsonl").write_text(lines)


def another_setting(place: Place) -> None:
    """Have cleaned files be stale."""
    configure(place, internal_agents="curl")


def shorter_retention(place: Place) -> None:
    """Let only the last day be kept."""
    configure(place, internal_agents="curl", kept=1)


def configure(place: Place, internal_agents: str = "GoogleHC", kept: int = 0) -> None:
    """Write luigi.cfg."""
    text = CFG.format(
        place=place,
        root=place.root_uri or "data",
        internal_agents=internal_agents,
        kept=kept,
        extra=place.extra,
    )
    (place.folder / "luigi.cfg").write_text(text)


class Step(NamedTuple):
    """A command, and what happens before it."""

    words: tuple[str, ...]
    before: Callable[[Place], None] = configure


STEPS = (
    Step(("run",)),
    Step(("refresh", "--days", "9999"), late_logs),
    Step(("rebuild", "--stale", "--start", "2026-03-01"), another_setting),
    Step(("counter", "--month", "2026-03"), another_setting),
    Step(("erase", "--yes", "--address", "0.0.0.0/1"), another_setting),
    Step(("retain",), shorter_retention),
)


class State(NamedTuple):
    """The rows of all files and of the database, and how long it took to make them."""

    files: contents.Tables
    tables: contents.Tables
    seconds: float


def state_of(place: Place, since: float = 0.0) -> State:
    """What is there."""
    filesystem, root = None, str(place.root)
    if place.root_uri:
        filesystem, root = pafs.FileSystem.from_uri(place.root_uri)
    return State(
        contents.of_files(root, filesystem),
        contents.of_database(place.database),
        time.monotonic() - since,
    )


@dataclass
class Campaign:
    """Rounds of commands, and what came of them."""

    folder: Path
    days: int
    requests: int
    chance: random.Random
    steps: tuple[Step, ...] = STEPS
    ways: tuple[str, ...] = WAYS
    kills_of_a_step: int = 3
    kills: Counter[str] = field(default_factory=Counter)
    """By command."""
    tally: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    lost: int = 0
    """Partitions and tables whose rows were not those of the undisturbed run."""

    def run(self, kills: int) -> None:
        """Kill that many commands, in as many rounds as it takes."""
        with ExitStack() as stack:
            self.ipinfo = stack.enter_context(IpinfoServer())
            self.store = stack.enter_context(_store(self.ways))
            references: dict[tuple[str, dt.date], list[State]] = {}
            while self.kills.total() < kills and not self.faults:
                way = self.ways[self.tally.total() % len(self.ways)]
                self.tally[way] += 1
                # Files say on which day ipinfo was asked.
                key = way, dt.datetime.now(dt.UTC).date()
                if key not in references:
                    references[key] = self._reference(*key)
                self._round(way, references[key])
                print(f"{self}, {way}", flush=True)

    def __str__(self) -> str:
        return f"{self.kills.total():,} kills: {self.lost:,} lost"

    def _place(self, way: str, name: str) -> Place:
        place = Place(self.folder / f"{way}-{name}", days=self.days, environment=KEYS)
        write_logs(place.folder / "logs", self.days, self.requests)
        if way == "ipinfo":
            place.extra = (
                "[geocode]\nprovider = ipinfo\n"
                f"[ipinfo]\nendpoint = {self.ipinfo.url}\n"
            )
            place.environment = {"IPINFO_TOKEN": TOKEN}
        if way == "store":
            place.root_uri = (
                f"s3://{BUCKET}/{place.folder.name}?endpoint_override={self.store}"
                "&scheme=http&region=us-east-1"
            )
        return place

    def _reference(self, way: str, day: dt.date) -> list[State]:
        place = self._place(way, f"reference-{day}")
        states = []
        for step in self.steps:
            step.before(place)
            since = time.monotonic()
            code, screen = place.command(*step.words)
            self._note(f"{way}: {step.words[0]}", [screen] if code else [])
            states.append(state_of(place, since))
        return states

    def _round(self, way: str, references: list[State]) -> None:
        place = self._place(way, str(self.tally[way]))
        for step, expected in zip(self.steps, references, strict=True):
            step.before(place)
            for _ in range(self.kills_of_a_step):
                self._kill(place, step.words, expected.seconds)
            code, screen = place.run_to_the_end(*step.words, program=USAGE_METRICS)
            what = f"{place.folder.name}: {step.words[0]}"
            self._note(what, [] if code == DONE else [f"exit code {code}: {screen}"])
            found = state_of(place)
            lost = contents.differences(found.files, expected.files)
            lost += contents.differences(found.tables, expected.tables)
            self.lost += len(lost)
            self._note(what, lost)
        if not self.faults:
            shutil.rmtree(place.folder)

    def _kill(self, place: Place, words: tuple[str, ...], seconds: float) -> None:
        by = self.chance.choice(SIGNALS)
        with (
            self._twin(place, words),
            (place.folder / "log").open("w") as log,
            place.launch(*words, output=log, program=USAGE_METRICS) as process,
        ):
            time.sleep(self.chance.uniform(0, 1.2 * seconds))
            if process.poll() is not None:
                self._ended(place, words, process.returncode, "log")
                return
            end(process, by)
            time.sleep(self.chance.uniform(0, 0.2))
            end(process, signal.SIGKILL)
            self.kills[words[0]] += 1

    @contextmanager
    def _twin(self, place: Place, words: tuple[str, ...]) -> Iterator[None]:
        """Perhaps start a second command, which is not killed."""
        if self.chance.random() > TWINS:
            yield
            return
        self.tally["beside another"] += 1
        other = self.chance.choice((words, *BESIDE))
        with (
            (place.folder / "twin").open("w") as log,
            place.launch(*other, output=log, program=USAGE_METRICS) as twin,
        ):
            yield
            twin.wait()
        self._ended(place, other, twin.returncode, "twin")

    def _ended(self, place: Place, words: tuple[str, ...], code: int, log: str) -> None:
        if code not in (DONE, *ASK_AGAIN):
            text = (place.folder / log).read_text()
            self._note(
                f"{place.folder.name}: {words[0]}", [f"exit code {code}: {text}"]
            )

    def _note(self, what: str, faults: list[str]) -> None:
        self.faults += [f"{what}: {fault[-3000:]}" for fault in faults]


@contextmanager
def _store(ways: tuple[str, ...]) -> Iterator[str]:
    """An object store; gives its host and port."""
    if "store" not in ways:
        yield ""
        return
    os.environ.update(KEYS)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it logs every request
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    address = "{}:{}".format(*server.get_host_and_port())
    filesystem, path = pafs.FileSystem.from_uri(
        f"s3://{BUCKET}?endpoint_override={address}&scheme=http&region=us-east-1"
        "&allow_bucket_creation=true"
    )
    filesystem.create_dir(path)
    try:
        yield address
    finally:
        server.stop()


def main() -> int:
    """Run a campaign from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.commands", description=__doc__
    )
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--days", type=int, default=3)
    parser.add_argument("--requests", type=int, default=60, help="a day")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = parser.parse_args()
    print(f"seed {options.seed}")
    folder = Path(tempfile.mkdtemp(prefix="commands-"))
    campaign = Campaign(
        folder, options.days, options.requests, random.Random(options.seed)
    )
    campaign.run(options.kills)
    print(f"kills: {dict(campaign.kills)}; rounds and more: {dict(campaign.tally)}")
    often = sum(times > 1 for times in campaign.ipinfo.asked.values())
    print(f"ipinfo was asked again about {often} addresses, mostly by new folders")
    print(campaign, f"{len(campaign.faults)} faults", *campaign.faults[:50], sep="\n")
    return leave(folder, campaign.faults)


if __name__ == "__main__":
    sys.exit(main())
