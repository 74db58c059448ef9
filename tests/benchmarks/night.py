"""What a night costs: a new day on a year of days, and nothing to do on five years.

A year of exports is taken to the report by ``usage-metrics run``; then comes one more
day. Beside each command stands what a script takes that only starts Python and Arrow,
reads the new day with Arrow's JSON reader and the footer of each geocoded file.
"""

import datetime as dt
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from . import backfill
from .run import MMDB, START, Cost, make, measure

USAGE_METRICS = str(Path(sys.executable).with_name("usage-metrics"))

CONFIG = f"""\
{backfill.CONFIG}
[geocode]
database = {MMDB}
"""
EXPORT = """\
import sys
from tests.benchmarks.workload import day_of_entries, json_lines, population
number, requests, days = map(int, sys.argv[2:])
with open(sys.argv[1], "wb") as file:
    for table in day_of_entries(population(requests * days), number, requests):
        file.write(json_lines(table))
"""
SCRIPT = """\
import sys
from pathlib import Path
from pyarrow import json, parquet
for file in sys.argv[2:]:
    json.read_json(file)
for file in Path(sys.argv[1]).glob("geocoded/*/*/*.parquet"):
    parquet.read_metadata(file)
"""


class Row(NamedTuple):
    """A command, and the least that must be done for it."""

    name: str
    cost: Cost
    rival: Cost


def new_days(folder: Path, days: int, usual: int, large: int) -> Iterator[Row]:
    """A new day of few and of many requests, on many days that are done.

    Args:
        folder: an empty one.
        days: how many are done before.
        usual: the requests of each, and of the first new day.
        large: the requests of the second new day.
    """
    make("exports", usual * days, days, folder, folder / "logs")
    run(folder, days)
    for number, requests in enumerate((usual, large)):
        date = START + dt.timedelta(days=days + number)
        export = folder / "logs" / f"{date}.jsonl"
        # In a process of its own: a child's peak starts at ours.
        sizes = map(str, (export, days + number, requests, days))
        measure([sys.executable, "-c", EXPORT, *sizes], folder)
        cost = run(folder, days + number + 1)
        yield Row(f"a day of {requests:,}", cost, script(folder, export))


def run(folder: Path, days: int) -> Cost:
    """Have the first days made, loaded, counted and reported."""
    stop = START + dt.timedelta(days=days)
    config = folder / "luigi.cfg"
    span = {"start": START, "stop": stop}
    config.write_text(CONFIG.format(folder=folder, **span))
    return measure([USAGE_METRICS, "run"], folder, config)


def script(folder: Path, *exports: Path) -> Cost:
    """Read exports and footers, and nothing else."""
    paths = map(str, (folder / "data", *exports))
    return measure([sys.executable, "-c", SCRIPT, *paths], folder)


def nothing_to_do(folder: Path, days: int) -> Iterator[Row]:
    """What is asked for again, when all days that are over are done.

    In logs that ended long ago, the day after the last would be looked for each time.

    Args:
        folder: an empty one.
        days: how many there are, of three requests each.
    """
    # A day is over three hours after it ends.
    stop = (dt.datetime.now(dt.UTC) - dt.timedelta(hours=3)).date()
    config = backfill.prepare(folder, days, stop - dt.timedelta(days=days))
    measure([USAGE_METRICS, "run"], folder, config)
    for name, command in {
        "LoadSQLite": backfill.LOAD,
        "status": [USAGE_METRICS, "status"],
        "run": [USAGE_METRICS, "run"],
    }.items():
        yield Row(name, measure(command, folder, config), script(folder))
