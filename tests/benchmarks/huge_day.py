"""How much memory a day of ten million requests takes, next to one of a million.

``python -m tests.benchmarks.huge_day`` makes both as JSON exports, in a temporary
folder with room for 30 GB, and takes each to the figures in the database a task at a
time. It prints what each took, the most memory that was held, and the ratio of the two.
``python -m tests.benchmarks.huge_day s3`` does so with lines of S3's logs, of which
nearly every one has another visitor.
"""

import argparse
import datetime as dt
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from .run import MMDB, START, Cost, make, measure, report, say

CONFIG = """\
[paths]
root = {folder}/data
[{source}]
logs = {folder}/exports
start = {start}
stop = {stop}
[geocode]
database = {mmdb}
[database]
path = {folder}/data/usage_metrics.db
"""

STAGES = ("Extract", "Clean", "Geocode", "CountUsage")


def make_exports(requests: int, folder: Path) -> None:
    """Write the requests of a Datasette."""
    make("exports", requests, 1, folder, folder / "exports")


def make_s3_logs(requests: int, folder: Path) -> None:
    """Write the requests to a bucket."""
    command = [sys.executable, "-m", "tests.benchmarks.s3_lines"]
    options = ["--lines", str(requests), "--write", str(folder / "exports")]
    measure([*command, *options], folder)


MAKERS: dict[str, Callable[[int, Path], None]] = {
    "datasette": make_exports,
    "s3": make_s3_logs,
}
"""What writes the logs of a source."""


def take(source: str, folder: Path) -> Iterator[tuple[str, Cost]]:
    """Take a day, whose logs are there, to the figures in the database, by task."""
    config = folder / "luigi.cfg"
    places = {"folder": folder, "source": source, "mmdb": MMDB}
    stop = START + dt.timedelta(days=1)
    config.write_text(CONFIG.format(**places, start=START, stop=stop))
    day = ["--date", str(START)]
    tasks = {**dict.fromkeys(STAGES, day), "LoadUsage": []}
    for name, options in tasks.items():
        luigi = [sys.executable, "-m", "luigi", "--module", "usage_metrics", name]
        command = [*luigi, *options, "--source", source, "--local-scheduler"]
        yield name, measure(command, folder, config)


def measure_day(source: str, requests: int, folder: Path) -> dict[str, Cost]:
    """Take a day with a number of requests to the figures in the database."""
    say(f"a day of {requests:,} requests")
    MAKERS[source](requests, folder)
    costs = {}
    for name, cost in take(source, folder):
        costs[name] = cost
        report(name, cost)
    with closing(sqlite3.connect(folder / "data" / "usage_metrics.db")) as database:
        query = "SELECT sum(requests), sum(counted) FROM usage_daily"
        [(found, counted)] = database.execute(query)
    say(f"{found:,} requests in the figures, of which {counted:,} count")
    return costs


def main() -> None:
    """Read the command line and run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.huge_day")
    parser.add_argument("source", nargs="?", choices=MAKERS, default="datasette")
    parser.add_argument("--requests", type=int, default=10_000_000)
    parser.add_argument("--next-to", type=int, default=1_000_000)
    options = parser.parse_args()
    costs = []
    for requests in (options.next_to, options.requests):
        with tempfile.TemporaryDirectory() as name:
            costs.append(measure_day(options.source, requests, Path(name)))
    for name, small in costs[0].items():
        ratio = costs[1][name].peak_megabytes / small.peak_megabytes
        say(f"{name:20}{ratio:6.2f} x the memory")


if __name__ == "__main__":
    main()
