"""A folder with logs and a ``luigi.cfg`` in which to start the real ``luigi``."""

import contextlib
import datetime as dt
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from usage_metrics.maintenance.sample.days import Sample, write

PROGRAMS = Path(sys.executable).parent
LUIGI = (f"{PROGRAMS}/luigi", "--module", "usage_metrics")
USAGE_METRICS = (f"{PROGRAMS}/usage-metrics",)
DONE = 0
ASK_AGAIN = (10, 25)
"""Exit codes of ``luigi`` when another run is in progress."""

CFG = """\
[datasette]
logs = {logs}
start = {start}
stop = {stop}
# The sample has a day of which there are no logs.
lost_days = 2026-03-08

[paths]
root = {root}

[core]
rpc_retry_attempts = 3
rpc_retry_wait = 1
scheduler_host = {scheduler[0]}
scheduler_port = {scheduler[1]}

[scheduler]
worker_disconnect_delay = 1
prune_on_get_work = true
stable_done_cooldown_secs = 0
retry_delay = 1

[worker]
wait_interval = 0.2
"""

PATIENCE = 300.0
"""Seconds after which a run counts as hung."""


@dataclass
class Place:
    """The folder, and the range of days to load there."""

    folder: Path
    start: dt.date = dt.date(2026, 3, 2)
    days: int = 6
    scheduler: tuple[str, int] = ("localhost", 8082)
    extra: str = ""
    """More sections of luigi.cfg."""
    root_uri: str = ""
    """Where the partitions are, if not in the folder's ``data``."""
    environment: dict[str, str] = field(default_factory=dict)
    inside: Sequence[str] = ()
    """A command to start others with, such as ``ip netns exec NAME``."""

    @property
    def root(self) -> Path:
        return self.folder / "data"

    @property
    def database(self) -> Path:
        return self.folder / "data/usage_metrics.db"

    @property
    def stop(self) -> dt.date:
        return self.start + dt.timedelta(days=self.days)

    def furnish(self, logs: Path | str) -> "Place":
        """Create the folder and write its luigi.cfg."""
        self.folder.mkdir(parents=True, exist_ok=True)
        text = CFG.format(
            logs=logs,
            root=self.root_uri or "data",
            start=self.start,
            stop=self.stop,
            scheduler=self.scheduler,
        )
        (self.folder / "luigi.cfg").write_text(text + self.extra)
        return self

    def launch(
        self,
        *arguments: str,
        output: IO[str] | int = subprocess.PIPE,
        program: Sequence[str] = LUIGI,
    ) -> "subprocess.Popen[str]":
        """Start ``luigi``, or another program, in a process group of its own."""
        environment = {k: v for k, v in os.environ.items() if k != "LUIGI_CONFIG_PATH"}
        return subprocess.Popen(
            [*self.inside, *program, *arguments],
            cwd=self.folder,
            env=environment | {"PYTHONUNBUFFERED": "1"} | self.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )

    def run(self, *arguments: str, program: Sequence[str] = LUIGI) -> tuple[int, str]:
        """Run ``luigi``, or another program; return its exit code and output."""
        with self.launch(*arguments, program=program) as process:
            try:
                screen, _ = process.communicate(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                end(process, signal.SIGKILL)
                screen, _ = process.communicate()
                return -1, f"{screen}\n… it hung"
        return process.returncode, screen

    def run_to_the_end(
        self, *arguments: str, program: Sequence[str] = LUIGI, attempts: int = 30
    ) -> tuple[int, str]:
        """Run a program; retry while another run is in progress."""
        code, screen = self.run(*arguments, program=program)
        while code in ASK_AGAIN and attempts:
            time.sleep(0.5)
            attempts -= 1
            code, screen = self.run(*arguments, program=program)
        return code, screen

    def command(self, *arguments: str) -> tuple[int, str]:
        """Run ``usage-metrics``; return its exit code and output."""
        return self.run(*arguments, program=USAGE_METRICS)


def end(process: "subprocess.Popen[str]", by: signal.Signals) -> None:
    """Send a signal to the process group of a process."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, by)


def leave(folder: Path, faults: list[str]) -> int:
    """Remove the folder of a campaign, unless there are faults to look at in it.

    Returns:
        The exit code.
    """
    if faults:
        print(f"see {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


def write_logs(folder: Path, days: int, requests: int) -> Path:
    """Write generated exports of some days and the day after."""
    write(Sample(days=days + 1, requests=requests), folder)
    return folder


@contextlib.contextmanager
def luigid(place: Place, address: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """Run a scheduler; yield its port."""
    port = port or free_port()
    place.folder.mkdir(parents=True, exist_ok=True)
    command = [*place.inside, f"{PROGRAMS}/luigid", "--address", address]
    command += ["--port", str(port), "--state-path", f"{place.folder}/luigid.pickle"]
    with (
        (place.folder / "luigid.log").open("w") as log,
        subprocess.Popen(
            command,
            cwd=place.folder,
            env=os.environ | {"LUIGI_CONFIG_PATH": f"{place.folder}/luigi.cfg"},
            stdout=log,
            stderr=log,
        ) as daemon,
    ):
        try:
            wait_for(address, port)
            yield port
        finally:
            daemon.kill()
            daemon.wait()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def wait_for(address: str, port: int) -> None:
    """Wait until a server answers: it listens before it has set itself up.

    Raises:
        TimeoutError: if none does within two minutes.
    """
    for _ in range(2400):
        server = http.client.HTTPConnection(address, port, timeout=120)
        with contextlib.closing(server), contextlib.suppress(OSError):
            server.request("GET", "/")
            server.getresponse().read()
            return
        time.sleep(0.05)
    raise TimeoutError(f"nothing answers on {address}:{port}")
