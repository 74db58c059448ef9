"""How much the pipeline costs next to a script that does it in one stage.

``python -m tests.benchmarks.run`` makes a million raw log entries of 30 days in a
temporary folder and takes them to one SQLite database several times: by scripts that
do it in one stage, with pyarrow and with Polars, and by ``luigi``, in one go and then a
stage at a time. The ratios are to the thriftiest script, pyarrow a day at a time. With
``--exports`` it reads as many entries from JSON exports to Parquet instead, by Arrow's
JSON reader and by ``luigi``.

What there is to load grows with the share of requests that ask for data, and half of
the time of a site that is mostly asked for it goes into its database. So there are
two runs: of a site whose requests are mostly of crawlers and for JavaScript files, and
of one that is mostly asked for data, as the sample is.

CPU seconds, and the most memory held at once, are what the kernel says of each
process. Nothing is asserted: machines differ, and ratios are there to be looked at.
"""

import argparse
import datetime as dt
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

START = dt.date(2025, 1, 1)
"""The first day that :mod:`tests.benchmarks.workload` makes."""
DATA_SHARES = (0.28, 0.72)
"""Of few and of most requests, unless told otherwise."""
ROOT = Path(__file__).parent.parent.parent
MMDB = ROOT / "usage_metrics" / "geocode" / "country_asn.mmdb"

CONFIG = """\
[paths]
root = {root}
[datasette]
logs = {logs}
[geocode]
database = {mmdb}
[database]
path = {root}/usage_metrics.db
"""


class Cost(NamedTuple):
    """What the kernel says a process took."""

    cpu_seconds: float
    wall_seconds: float
    peak_megabytes: float


def measure(command: list[str], folder: Path, config: Path | None = None) -> Cost:
    """Run a command in a process of its own; stop if it fails."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    # Whoever installs the package compiles each module once, not in each process.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    if config is not None:
        environment["LUIGI_CONFIG_PATH"] = str(config)
    started = time.perf_counter()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=log
        )
        # Unlike RUSAGE_CHILDREN, wait4 tells the peak of this process alone.
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command} failed:\n{(folder / 'log').read_text()}")
    return Cost(
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        wall_seconds=time.perf_counter() - started,
        peak_megabytes=usage.ru_maxrss / 1_024,
    )


def luigi(task: list[str], folder: Path, root: Path, logs: Path, days: int) -> Cost:
    """Run a task over all days, as a person would."""
    root.mkdir(parents=True, exist_ok=True)
    config = root / "luigi.cfg"
    config.write_text(CONFIG.format(root=root, logs=logs, mmdb=MMDB))
    span = ["--start", str(START), "--stop", str(START + dt.timedelta(days=days))]
    command = [sys.executable, "-m", "luigi", "--module", "usage_metrics", *task]
    alone = ["--local-scheduler", "--lock-pid-dir", str(root)]
    return measure([*command, *span, *alone], folder, config)


def no_logs(folder: Path) -> Path:
    """An empty folder of logs: what is in others would be looked into at each start."""
    logs = folder / "no-logs"
    logs.mkdir(exist_ok=True)
    return logs


def make(
    kind: str,
    requests: int,
    days: int,
    folder: Path,
    target: Path,
    *shares: float,
) -> None:
    """Write the input, in a process of its own: a child's peak starts at ours."""
    command = [sys.executable, "-m", "tests.benchmarks.workload", kind]
    sizes = (requests, days, target, *shares)
    measure([*command, *map(str, sizes)], folder)


def compare_stages(requests: int, days: int, data_share: float, folder: Path) -> None:
    """Print what Clean, Geocode and LoadSQLite cost next to the rival."""
    once, staged = folder / "once", folder / "staged"
    make("raw", requests, days, folder, once, data_share)
    staged.mkdir()
    (staged / "raw").symlink_to(once / "raw")
    none = no_logs(folder)
    one_stage = rival("pyarrow", folder, once)
    report("pyarrow, day by day", one_stage)
    report("pyarrow, all at once", rival("pyarrow", folder, once, "whole"), one_stage)
    if importlib.util.find_spec("polars"):
        report("Polars", rival("polars", folder, once), one_stage)
    else:
        say("Polars is not installed: pip install '.[benchmarks]'")
    report("LoadSQLite", luigi(["LoadSQLite"], folder, once, none, days), one_stage)
    say("a stage at a time, each with a start of Python and Luigi:")
    for name, task in {
        "Clean": ["RangeDaily", "--of", "Clean"],
        "Geocode": ["RangeDaily", "--of", "Geocode"],
        "Load": ["LoadSQLite"],
    }.items():
        report(name, luigi(task, folder, staged, none, days), one_stage)


def rival(name: str, folder: Path, once: Path, *options: str) -> Cost:
    """Run a script that does it in one stage."""
    script = [sys.executable, "-m", f"tests.benchmarks.one_stage_{name}"]
    with tempfile.TemporaryDirectory(dir=folder) as out:
        paths = (once / "raw" / "datasette", Path(out) / "out", MMDB)
        return measure([*script, *map(str, paths), *options], folder)


def read_exports(requests: int, days: int, folder: Path) -> None:
    """Print how fast Extract reads JSON exports, next to Arrow's reader."""
    exports = folder / "exports"
    make("exports", requests, days, folder, exports)
    files = sorted(exports.iterdir())
    script = [sys.executable, "-m", "tests.benchmarks.arrow_json", str(folder / "out")]
    reader = measure([*script, *map(str, files)], folder)
    report("Arrow's JSON", reader)
    task = ["RangeDaily", "--of", "Extract"]
    cost = luigi(task, folder, folder / "root", exports, days)
    report("Extract", cost, reader)
    size = sum(file.stat().st_size for file in files)
    say(
        f"{size / 1e9:.2f} GB of JSON: {requests / cost.wall_seconds:,.0f} requests a "
        f"second, {requests / cost.cpu_seconds:,.0f} a CPU second"
    )


def report(name: str, cost: Cost, rival: Cost | None = None) -> None:
    """Print a row, with the ratio to the rival."""
    ratios = ""
    if rival is not None:
        cpu = cost.cpu_seconds / rival.cpu_seconds
        memory = cost.peak_megabytes / rival.peak_megabytes
        ratios = f"{cpu:10.2f} x{memory:10.2f} x"
    say(
        f"{name:20}{cost.cpu_seconds:8.1f} CPU s{cost.wall_seconds:8.1f} s"
        f"{cost.peak_megabytes:8.0f} MB{ratios}"
    )


def say(text: str) -> None:
    """Print a line now, whoever reads it."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    """Read the command line and run a benchmark."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.run")
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument(
        "--data-share",
        type=float,
        nargs="+",
        default=DATA_SHARES,
        help="of requests that the database has, such as 0.5; several are run in turn",
    )
    parser.add_argument(
        "--exports", action="store_true", help="read JSON exports instead"
    )
    options = parser.parse_args()
    requests, days = options.requests, options.days
    say(f"{requests:,} requests of {days} days")
    if options.exports:
        with tempfile.TemporaryDirectory() as folder:
            read_exports(requests, days, Path(folder))
        return
    for data_share in options.data_share:
        say(f"{data_share:.0%} of them for data:")
        with tempfile.TemporaryDirectory() as folder:
            compare_stages(requests, days, data_share, Path(folder))


if __name__ == "__main__":
    main()
