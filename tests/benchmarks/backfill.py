"""How much Luigi adds to a backfill of five years of days.

``python -m tests.benchmarks.backfill`` makes 1,826 days of three requests each and
takes them to the database three times: by a plain loop over the stages in one process,
which is the work itself; by ``luigi LoadSQLite``; and by ``usage-metrics backfill``.
Then it asks for the same again, when all is done. It prints what each took, what was
added to the work, and the most memory held, beside the same for a fifth of the days.
"""

import argparse
import datetime as dt
import json
import sys
import tempfile
from pathlib import Path

from .run import ROOT, Cost, measure, say

START = dt.date(2021, 1, 1)
REQUESTS_A_DAY = 3

CONFIG = """\
[paths]
root = {folder}/data
[datasette]
logs = {folder}/logs
start = {start}
stop = {stop}
[database]
path = {folder}/data/usage_metrics.db
"""
WORK = """\
import datetime as dt
from usage_metrics.dates import days_between
from usage_metrics.tasks.load import LoadSQLite
from usage_metrics.tasks.stages import STAGES
load = LoadSQLite()
for day in days_between(*load.span):
    for stage in STAGES:
        stage(date=day).run()
load.run()
"""
LUIGI = [sys.executable, "-m", "luigi", "--module", "usage_metrics"]
LOAD = [*LUIGI, "LoadSQLite", "--local-scheduler"]
COMMAND = [str(Path(sys.executable).with_name("usage-metrics")), "backfill"]


def prepare(folder: Path, days: int, start: dt.date = START) -> Path:
    """Write the exports of tiny days, and the settings to read them by."""
    logs = folder / "logs"
    logs.mkdir(parents=True)
    for day in (start + dt.timedelta(days=number) for number in range(days)):
        lines = [json.dumps(entry(day, number)) for number in range(REQUESTS_A_DAY)]
        (logs / f"{day}.jsonl").write_text("\n".join(lines) + "\n")
    config = folder / "luigi.cfg"
    stop = start + dt.timedelta(days=days)
    config.write_text(CONFIG.format(folder=folder, start=start, stop=stop))
    return config


def entry(day: dt.date, number: int) -> dict[str, object]:
    """A log entry of a data request."""
    moment = f"{day}T12:00:{number:02}Z"
    return {
        "insertId": f"{number}",
        "timestamp": moment,
        "receiveTimestamp": moment,
        "logName": "projects/example-project/logs/run.googleapis.com%2Frequests",
        "httpRequest": {
            "requestMethod": "GET",
            "requestUrl": "https://data.example.org/pudl/plants.json",
            "remoteIp": "8.8.8.8",
            "userAgent": "curl/8.5.0",
            "status": 200,
        },
    }


def run(name: str, command: list[str], folder: Path, days: int) -> Cost:
    """Run a command on days that nothing was made of yet."""
    place = folder / f"{name}-{days}".replace(" ", "-")
    cost = measure(command, place, prepare(place, days))
    report(name, cost, days)
    return cost


def report(name: str, cost: Cost, days: int) -> None:
    """Print a row."""
    say(
        f"{name:26}{days:6,} days{cost.wall_seconds:8.2f} s"
        f"{cost.cpu_seconds:8.2f} CPU s{cost.peak_megabytes:8.0f} MB"
    )


def main() -> None:
    """Read the command line and run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.backfill")
    parser.add_argument("--days", type=int, default=1826)
    days = parser.parse_args().days
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run("luigi LoadSQLite", LOAD, folder, days // 5)
        work = run("the work itself", [sys.executable, "-c", WORK], folder, days)
        for label, command in (
            ("luigi LoadSQLite", LOAD),
            ("usage-metrics backfill", [*COMMAND, *span(days)]),
        ):
            cost = run(label, command, folder, days)
            added = cost.wall_seconds - work.wall_seconds
            say(f"  {added:+.1f} s, {cost.wall_seconds / work.wall_seconds:.2f} x work")
        place = folder / f"luigi-LoadSQLite-{days}"
        report("again, all done", measure(LOAD, place, place / "luigi.cfg"), days)
    report("--help", measure([*LUIGI, "--help"], ROOT), 0)


def span(days: int) -> list[str]:
    """The days, as options."""
    return ["--start", str(START), "--stop", str(START + dt.timedelta(days=days))]


if __name__ == "__main__":
    main()
