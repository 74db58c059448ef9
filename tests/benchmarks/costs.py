"""What each part of the pipeline costs, next to straight scripts and other programs.

``python -m tests.benchmarks.costs`` prints, in one run: Extract; Clean, Geocode and
LoadSQLite; CountUsage; a new day on a year; and commands that find nothing to do. Name
some of the parts to run only those; smaller sizes take minutes in place of hours.
Programs that are not installed are left out: Polars, DuckDB, orjson and GoAccess.

A ratio is to the first row of its part. GoAccess and DuckDB's ``GROUP BY`` only count.
"""

import argparse
import importlib.util
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from . import night
from .run import (
    DATA_SHARES,
    luigi,
    make,
    measure,
    no_logs,
    report,
    rival,
    say,
)
from .workload import DOMINATED

READERS = {
    "duckdb": """\
import sys, duckdb
out, *files = sys.argv[1:]
entries = duckdb.read_json(files, format="newline_delimited")
entries.write_parquet(out, compression="zstd")
""",
    "polars": """\
import sys, polars
out, *files = sys.argv[1:]
for number, file in enumerate(files):
    polars.read_ndjson(file).write_parquet(f"{out}{number}", compression="zstd")
""",
    "orjson": """\
import sys, orjson
for file in sys.argv[2:]:
    for line in open(file, "rb"):
        orjson.loads(line)
""",
}
"""Straight scripts that read exports, by the library that they need."""

GROUP_BY = """\
import sys, duckdb
files = sys.argv[1:]
requests = duckdb.read_parquet(files, hive_partitioning=True)
for names in ("database, \\"table\\"", "remote_ip_country", "remote_ip_org",
              "user_agent", "request_url_path", "referer"):
    columns = f"date, {names}, count(*), count(DISTINCT remote_ip)"
    requests.aggregate(columns, f"date, {names}").fetchall()
"""
"""Counts requests and visitors, and nothing about sessions or double clicks."""


class Sizes(NamedTuple):
    """How much is done."""

    requests: int
    days: int
    year: int
    """Days before a new one."""
    done: int
    """Days when there is nothing to do."""


def extract(sizes: Sizes, folder: Path) -> None:
    """JSON exports to raw files."""
    requests, days = sizes.requests, sizes.days
    exports = folder / "exports"
    make("exports", requests, days, folder, exports)
    files = [str(file) for file in sorted(exports.iterdir())]
    python = [sys.executable, "-m", "tests.benchmarks.arrow_json"]
    first = measure([*python, str(folder / "arrow"), *files], folder)
    report("Arrow's JSON", first)
    for name, script in READERS.items():
        if importlib.util.find_spec(name):
            command = [sys.executable, "-c", script, str(folder / name), *files]
            report(name, measure(command, folder), first)
    task = ["RangeDaily", "--of", "Extract"]
    report("Extract", luigi(task, folder, folder / "root", exports, days), first)


def load(sizes: Sizes, folder: Path) -> None:
    """Raw files to cleaned and geocoded ones and the database; then CountUsage."""
    requests, days = sizes.requests, sizes.days
    for share in DATA_SHARES:
        say(f"{share:.0%} of the requests are for data:")
        root = folder / str(share)
        make("raw", requests, days, folder, root, share)
        first = rival("pyarrow", folder, root)
        report("one stage, pyarrow", first)
        if importlib.util.find_spec("polars"):
            report("one stage, Polars", rival("polars", folder, root), first)
        if program := shutil.which("goaccess"):
            log, raw = str(folder / "access.log"), str(root / "raw" / "datasette")
            python = [sys.executable, "-m", "tests.benchmarks.combined_log"]
            measure([*python, raw, log], folder)
            options = ["--log-format=COMBINED", "-o", str(folder / "report.json")]
            report("GoAccess", measure([program, log, *options], folder), first)
        report(
            "LoadSQLite",
            luigi(["LoadSQLite"], folder, root, no_logs(folder), days),
            first,
        )
        count(root, folder, days)


def count(root: Path, folder: Path, days: int) -> None:
    """Geocoded files to figures."""
    say("CountUsage:")
    first = None
    if importlib.util.find_spec("duckdb"):
        files = sorted(map(str, root.glob("geocoded/datasette/date=*/*.parquet")))
        first = measure([sys.executable, "-c", GROUP_BY, *files], folder)
        report("DuckDB's GROUP BYs", first)
    task = ["RangeDaily", "--of", "CountUsage"]
    report("CountUsage", luigi(task, folder, root, no_logs(folder), days), first)


def count_day(sizes: Sizes, folder: Path) -> None:
    """CountUsage of one day, of larger ones, of many visitors, and of many days."""
    requests, days = sizes.requests, sizes.days
    shapes = {
        "one day": (requests, 1, DOMINATED),
        "three times": (3 * requests, 1, DOMINATED),
        "ten times": (10 * requests, 1, DOMINATED),
        "many visitors": (requests, 1, 0.0),
        f"{days} days": (requests, days, DOMINATED),
    }
    first, logs = None, no_logs(folder)
    for name, (number, days_of, dominated) in shapes.items():
        root = folder / name.replace(" ", "-")
        make("raw", number, days_of, folder, root, DATA_SHARES[-1], dominated)
        luigi(["RangeDaily", "--of", "Geocode"], folder, root, logs, days_of)
        task = ["RangeDaily", "--of", "CountUsage"]
        cost = luigi(task, folder, root, logs, days_of)
        report(name, cost, first)
        say(f"{1e6 * cost.cpu_seconds / number:28.1f} CPU s a million")
        first = first or cost
        shutil.rmtree(root)


def new_day(sizes: Sizes, folder: Path) -> None:
    """A new day of few and of many requests, on a year of days that are done."""
    for row in night.new_days(folder, sizes.year, usual=2_000, large=100_000):
        report(*row)


def nothing_to_do(sizes: Sizes, folder: Path) -> None:
    """What is asked for again on five years of tiny days, and a command's --help."""
    report("--help", measure([night.USAGE_METRICS, "--help"], folder))
    report("run --help", measure([night.USAGE_METRICS, "run", "--help"], folder))
    for row in night.nothing_to_do(folder, sizes.done):
        report(*row)


PARTS: dict[str, Callable[[Sizes, Path], None]] = {
    "extract": extract,
    "load": load,
    "count": count_day,
    "new-day": new_day,
    "nothing": nothing_to_do,
}


def main() -> None:
    """Read the command line and run the parts."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.costs")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--year", type=int, default=365, help="days before a new one")
    parser.add_argument("--done", type=int, default=1_826, help="days with all done")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    sizes = Sizes(options.requests, options.days, options.year, options.done)
    for name in options.parts or PARTS:
        say(f"\n{name}: {PARTS[name].__doc__}")
        with tempfile.TemporaryDirectory() as folder:
            PARTS[name](sizes, Path(folder))


if __name__ == "__main__":
    main()
