"""Reads partitions and the database in a loop while others write them.

``python -m tests.faults.observers FOLDER EXPECTED [PAUSE]``: each day must always
be absent or have the number of rows that EXPECTED, a JSON file, says. The readers are
pandas, DuckDB, an Arrow dataset and SQLite. On SIGTERM it prints as JSON how often each
of them looked and what was wrong.
"""

import argparse
import contextlib
import functools
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow.compute as pc
import pyarrow.dataset as pads

STAGES = ("raw", "cleaned", "geocoded", "counted", "usage_daily")
PAUSE = 0.1
"""Seconds between two looks."""

Days = dict[str, int]


def _pandas(folder: Path) -> Days:
    if not any(folder.glob("*/part-0.parquet")):
        return {}
    days = pd.read_parquet(folder)["date"].astype(str)
    return dict(Counter(days))


def _arrow(folder: Path) -> Days:
    if not any(folder.glob("*/part-0.parquet")):
        return {}
    table = pads.dataset(folder, partitioning="hive", format="parquet").to_table()
    counts = pc.value_counts(table["date"]).to_pylist()
    return {str(count["values"]): count["counts"] for count in counts}


def _duckdb(folder: Path) -> Days:
    if not any(folder.glob("*/part-0.parquet")):
        return {}
    rows = duckdb.connect().execute(
        f"SELECT date::varchar, count(*) FROM '{folder}/*/*.parquet' GROUP BY 1"
    )
    return dict(rows.fetchall())


def _database(path: Path) -> Iterator[tuple[str, Days]]:
    """The days of each table, in one transaction, which is what a person sees."""
    if not path.exists():
        return
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        db.execute("BEGIN")
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master")]
        if "usage_metrics_partitions" not in tables:
            return
        held = "SELECT date(timestamp), count(*) FROM datasette_request_logs GROUP BY 1"
        told = (
            "SELECT date, loaded FROM usage_metrics_partitions "
            "WHERE \"table\" = 'datasette_request_logs' AND loaded > 0"
        )
        requests = dict(db.execute(held).fetchall())
        assert requests == dict(db.execute(told).fetchall()), "rows without a marker"
        yield "datasette_request_logs", requests
        if "usage_daily" in tables:
            usage = "SELECT date, count(*) FROM usage_daily GROUP BY 1"
            yield "usage_daily", dict(db.execute(usage).fetchall())


def _one(stage: str, read: Callable[[Path], Days], folder: Path) -> Any:
    return [(stage, read(folder))]


READERS: dict[str, Callable[[Path], Days]] = {
    "pandas": _pandas,
    "arrow": _arrow,
    "duckdb": _duckdb,
}


class Observers:
    """What was looked at, and what was wrong."""

    def __init__(self, folder: Path, expected: dict[str, Days]) -> None:
        self.folder = folder
        self.expected = expected
        self.looks: Counter[str] = Counter()
        self.days: Counter[str] = Counter()
        self.faults: list[str] = []

    def look(self) -> None:
        """Look once at all there is, by everyone."""
        for stage in STAGES:
            folder = self.folder / "data" / stage / "datasette"
            for name, read in READERS.items():
                self._look(name, functools.partial(_one, stage, read, folder))
        database = self.folder / "data/usage_metrics.db"
        self._look("sqlite", lambda: _database(database))

    def _look(self, name: str, read: Callable[[], Any]) -> None:
        try:
            seen = list(read())
        except Exception as error:
            self._fault(f"{name}: {type(error).__name__}: {error}")
            return
        self.looks[name] += 1
        for what, days in seen:
            self.days[name] += len(days)
            for day, rows in days.items():
                if rows != (right := self.expected[what].get(day)):
                    self._fault(f"{name} saw {rows} rows of {what} {day}, not {right}")

    def _fault(self, text: str) -> None:
        if len(self.faults) < 50:
            self.faults.append(text)

    def figures(self) -> dict[str, Any]:
        return {"looks": self.looks, "days": self.days, "faults": self.faults}


@contextlib.contextmanager
def watching(
    folder: Path, expected: dict[str, Days], pause: float = PAUSE
) -> Iterator[dict[str, Any]]:
    """Have a folder looked at from another process; at the end gives its figures."""
    wanted = folder / "expected.json"
    wanted.write_text(json.dumps(expected))
    figures: dict[str, Any] = {}
    with subprocess.Popen(
        [sys.executable, __file__, str(folder), str(wanted), str(pause)],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "looking\n"
            yield figures
        finally:
            process.terminate()
            out, _ = process.communicate()
            figures.update(json.loads(out))


def main() -> None:
    """Look until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("expected", type=Path)
    parser.add_argument("pause", type=float, nargs="?", default=PAUSE)
    options = parser.parse_args()
    observers = Observers(options.folder, json.loads(options.expected.read_text()))
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopped.append(number))
    print("looking", flush=True)
    parent = os.getppid()
    while not stopped and os.getppid() == parent:
        observers.look()
        time.sleep(options.pause)
    observers.look()
    print(json.dumps(observers.figures()))


if __name__ == "__main__":
    main()
