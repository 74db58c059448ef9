"""How much memory a day of ten million requests takes, next to one of a million.

``python -m tests.benchmarks.huge_day`` makes both as JSON exports, in a temporary
folder with room for 30 GB, and takes each to the database a task at a time. It prints
what each took, the most memory that was held, and the ratio of the two.
"""

import argparse
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from .run import Cost, luigi, make, report, say

TASKS = {
    "Extract": ["RangeDaily", "--of", "Extract"],
    "Clean": ["RangeDaily", "--of", "Clean"],
    "Geocode": ["RangeDaily", "--of", "Geocode"],
    "Load": ["LoadSQLite"],
}


def measure_day(requests: int, folder: Path) -> dict[str, Cost]:
    """Take a day with a number of requests to the database."""
    say(f"a day of {requests:,} requests")
    exports, root = folder / "exports", folder / "data"
    make("exports", requests, 1, folder.parent, exports)
    costs = {}
    for name, task in TASKS.items():
        costs[name] = luigi(task, folder, root, exports, days=1)
        report(name, costs[name])
    with closing(sqlite3.connect(root / "usage_metrics.db")) as database:
        [(loaded,)] = database.execute("SELECT count(*) FROM datasette_request_logs")
    say(f"{loaded:,} data requests in the database")
    return costs


def main() -> None:
    """Read the command line and run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.huge_day")
    parser.add_argument("--requests", type=int, default=10_000_000)
    parser.add_argument("--next-to", type=int, default=1_000_000)
    options = parser.parse_args()
    costs = []
    for requests in (options.next_to, options.requests):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "day"
            folder.mkdir()
            costs.append(measure_day(requests, folder))
    for name, small in costs[0].items():
        ratio = costs[1][name].peak_megabytes / small.peak_megabytes
        say(f"{name:20}{ratio:6.2f} x the memory")


if __name__ == "__main__":
    main()
