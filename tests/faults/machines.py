"""Several machines share a backfill; one loses power, one loses the network.

``python -m tests.faults.machines`` makes hosts of this one machine, each a network
namespace with a wire to a switch: an object store (moto's server), ``luigid``, and
three workers. Logs and partitions are in the store. The workers start the same
backfill. When some days are done, every process of one worker is killed, and the wire
of another is cut. What is left must finish; then it loads the database. Files and
database must hold, row for row, what one run on one machine makes of the same logs.

It prints what happened, and ends with 1 if anything was wrong, with 2 if this machine
does not let it make hosts.
"""

import argparse
import contextlib
import datetime as dt
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.fs as pafs

from . import contents
from .network import Host, NoNamespacesError, hosts
from .place import (
    ASK_AGAIN,
    DONE,
    PATIENCE,
    PROGRAMS,
    Place,
    luigid,
    wait_for,
    write_logs,
)

BUCKET = "usage"
STORE_PORT = 5000
SCHEDULER_PORT = 8082
KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
BACKFILL = ("RangeDaily", "--of", "Geocode", "--no-lock")


@dataclass
class Machine:
    """A worker: a folder of its own, and the backfill that it is at."""

    name: str
    place: Place
    exits: list[int] = field(default_factory=list)
    process: "subprocess.Popen[str] | None" = None

    def start(self) -> None:
        """Start the backfill, or ask again."""
        days = ["--start", str(self.place.start), "--stop", str(self.place.stop)]
        with self.log.open("a") as log:
            self.process = self.place.launch(*BACKFILL, *days, output=log)

    def is_at_it(self) -> bool:
        """Whether it goes on; it asks again where another one was at a task of it."""
        if self.process is not None and (code := self.process.poll()) is not None:
            self.exits.append(code)
            self.process = None
            if code in ASK_AGAIN:
                self.start()
        return self.process is not None

    @property
    def log(self) -> Path:
        return self.place.folder / "log"

    @property
    def done(self) -> Counter[str]:
        """How many tasks of each kind it has done."""
        text = self.log.read_text(errors="replace")
        return Counter(re.findall(r"^INFO: (Extract|Clean|Geocode)\(", text, re.M))

    def __str__(self) -> str:
        done = ", ".join(f"{n} {kind}" for kind, n in sorted(self.done.items()))
        return f"{self.name} did {done or 'nothing'}; exit codes {self.exits}"


class Site:
    """A store with logs in it, a scheduler and workers, wherever they are."""

    def __init__(
        self,
        folder: Path,
        store: str,
        scheduler: tuple[str, int],
        days: int,
        requests: int,
    ) -> None:
        self.folder = folder
        self.days = days
        self.options = f"endpoint_override={store}&scheme=http&region=us-east-1"
        self.scheduler = scheduler
        self.logs = write_logs(folder / "logs", days, requests)
        self.workers: list[Machine] = []
        self._started = time.monotonic()

    def uri(self, path: str) -> str:
        return f"s3://{BUCKET}/{path}?{self.options}"

    def add_worker(self, name: str, inside: tuple[str, ...] = ()) -> Machine:
        """Furnish a worker, and start it."""
        place = Place(
            self.folder / name,
            days=self.days,
            scheduler=self.scheduler,
            root_uri=self.uri("data"),
            environment=KEYS,
            inside=inside,
        )
        worker = Machine(name, place.furnish(self.uri("logs")))
        self.workers.append(worker)
        worker.start()
        return worker

    def days_done(self) -> int:
        """How many days all workers together have done."""
        return sum(worker.done["Geocode"] for worker in self.workers)

    def wait_until(self, what: Callable[[], bool], *workers: Machine) -> None:
        """Wait, while workers go on.

        Raises:
            TimeoutError: if it takes too long.
        """
        deadline = time.monotonic() + PATIENCE
        while not what():
            for worker in workers:
                worker.is_at_it()
            if time.monotonic() > deadline:
                raise TimeoutError("it takes too long")
            time.sleep(0.1)

    def load(self, worker: Machine) -> tuple[int, str]:
        """Load the database on one of the machines."""
        return worker.place.run_to_the_end("LoadSQLite")

    def faults(self, loader: Machine, filesystem: pafs.FileSystem) -> list[str]:
        """What differs from what one run on one machine makes of the same logs."""
        alone = Place(self.folder / "alone", days=self.days).furnish(self.logs)
        code, screen = alone.run("LoadSQLite", "--local-scheduler", "--no-lock")
        if code != DONE:
            return [screen]
        files = contents.of_files(f"{BUCKET}/data", filesystem)
        expected = contents.of_files(alone.root)
        tables = contents.of_database(loader.place.database)
        return [
            *contents.differences(files, expected),
            *contents.differences(tables, contents.of_database(alone.database)),
            *(f"{path} is left" for path in _keys(filesystem) if ".tmp-" in path),
        ]

    def say(self, text: str) -> None:
        print(f"{time.monotonic() - self._started:6.1f} s  {text}", flush=True)


def fill(filesystem: pafs.FileSystem, logs: Path) -> None:
    """Make the bucket and put the logs into it."""
    filesystem.create_dir(BUCKET)
    for file in logs.iterdir():
        path = f"{BUCKET}/logs/{file.name}"
        with filesystem.open_output_stream(path, compression=None) as stream:
            stream.write(file.read_bytes())


def _keys(filesystem: pafs.FileSystem) -> list[str]:
    selector = pafs.FileSelector(BUCKET, recursive=True)
    return [info.path for info in filesystem.get_file_info(selector)]


@contextlib.contextmanager
def _store(host: Host, folder: Path) -> Iterator[Path]:
    """An S3 server on a host; gives the log of what it was asked."""
    log = folder / "store.log"
    command = [*host.inside, f"{PROGRAMS}/moto_server", "-H", "0.0.0.0"]
    with (
        log.open("w") as output,
        subprocess.Popen(
            [*command, "-p", str(STORE_PORT)], stdout=output, stderr=output
        ) as server,
    ):
        try:
            wait_for(host.address, STORE_PORT)
            yield log
        finally:
            server.kill()


def play(folder: Path, days: int, requests: int) -> list[str]:
    """Make the hosts, have two of them fail, and give what was wrong in the end.

    Raises:
        NoNamespacesError: if hosts cannot be made here.
    """
    names = ("store", "scheduler", "ann", "bob", "cat")
    with contextlib.ExitStack() as stack:
        machines = dict(zip(names, stack.enter_context(hosts(*names)), strict=True))
        store, boss = machines["store"], machines["scheduler"]
        log = stack.enter_context(_store(store, folder))
        keeper = Place(folder / "scheduler", inside=boss.inside).furnish("")
        stack.enter_context(luigid(keeper, boss.address, SCHEDULER_PORT))
        site = Site(
            folder,
            f"{store.address}:{STORE_PORT}",
            (boss.address, SCHEDULER_PORT),
            days,
            requests,
        )
        filesystem, _ = pafs.FileSystem.from_uri(
            f"s3://{BUCKET}?{site.options}&allow_bucket_creation=true"
        )
        fill(filesystem, site.logs)
        site.say(f"{len(machines)} hosts; {days} days of logs in the store")
        return _act(site, machines, filesystem, log)


def _act(
    site: Site, machines: dict[str, Host], filesystem: pafs.FileSystem, log: Path
) -> list[str]:
    ann, bob, cat = (
        site.add_worker(name, machines[name].inside) for name in ("ann", "bob", "cat")
    )
    site.say("ann, bob and cat start the same backfill")
    site.wait_until(lambda: site.days_done() >= site.days // 4, ann, bob, cat)
    machines["bob"].kill()
    site.say(f"{site.days_done()} days done; bob loses power")
    site.wait_until(lambda: site.days_done() >= site.days // 2, ann, cat)
    machines["cat"].plug("down")
    site.say(f"{site.days_done()} days done; cat's wire is cut")
    site.wait_until(lambda: not ann.is_at_it(), ann)
    site.say("ann is at its end")
    code, screen = site.load(ann)
    site.say(f"ann loads the database: exit code {code}")
    if code != DONE:
        return [screen[-3000:]]
    machines["cat"].plug("up")
    site.say("cat's wire is mended")
    site.wait_until(lambda: not cat.is_at_it(), cat)
    bob.is_at_it()
    for worker in site.workers:
        site.say(str(worker))
    asked = re.sub(r"\x1b\[\d+m", "", log.read_text())
    requests = Counter(re.findall(r'"([A-Z]+) /', asked))
    listings = asked.count("list-type=2")
    site.say(f"the store was asked: {dict(requests)}, {listings} of them listings")
    return site.faults(ann, filesystem)


def main() -> int:
    """Play it on this machine."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.machines", description=__doc__
    )
    parser.add_argument("--days", type=int, default=24)
    parser.add_argument("--requests", type=int, default=400, help="a day")
    options = parser.parse_args()
    os.environ.update(KEYS)
    began = dt.datetime.now(dt.UTC)
    with tempfile.TemporaryDirectory(prefix="machines-") as folder:
        try:
            faults = play(Path(folder), options.days, options.requests)
        except NoNamespacesError as error:
            print(f"this machine does not let us make hosts: {error}", file=sys.stderr)
            return 2
    for fault in faults:
        print(fault)
    print(f"{len(faults)} faults; {(dt.datetime.now(dt.UTC) - began).seconds} s")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
