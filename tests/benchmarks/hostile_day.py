"""What a day costs whose texts are as long and as many as visitors can make them.

``python -m tests.benchmarks.hostile_day`` makes a day of requests with URLs of 8 kB,
one with user agents of 8 kB, and one with both and referers, all of them distinct, and
a usual day with as many requests. It takes each to the database and counts it, a task
at a time, and prints what each took, the most memory that was held, and both beside
those of half as many requests: twice the time, and no more memory, is what to look for.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .huge_day import take
from .run import START, Cost, report, say
from .workload import LOG_NAME

SHAPES = {
    "usual": (),
    "URLs": ("requestUrl",),
    "agents": ("userAgent",),
    "all": ("requestUrl", "userAgent", "referer"),
}
"""The fields that are long, by the name of the day."""
LONG = ("?n={0}&sql={1}", "?n={0}&_search={1}", "/lost/{0}/{1}")
"""What the texts end with, in turn: SQL, a search, a path that is not there. Of
referers, the last is a referring page."""

SITE = "https://data.example.org/pudl/plants.json"
USUAL = {"requestUrl": SITE, "userAgent": "curl/8.5.0", "referer": "https://a.example/"}


def lines(requests: int, length: int, fields: tuple[str, ...]) -> Iterator[bytes]:
    """The entries of a day, each with its own long texts."""
    words = "select+name+from+plants+where+id%3D"
    filling = (words * length)[:length]
    for number in range(requests):
        seconds = number * 86_400 // requests
        time = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        end = LONG[number % len(LONG)].format(number, f"{filling}{number}")
        long = {name: USUAL[name] + end for name in fields}
        entry = {
            "insertId": f"{number:016x}",
            "timestamp": f"{START}T{time}Z",
            "receiveTimestamp": f"{START}T{time}.5Z",
            "logName": LOG_NAME,
            "httpRequest": {
                "requestMethod": "GET",
                "status": 404 if "lost" in long.get("requestUrl", "") else 200,
                "responseSize": "1000",
                "latency": "0.1s",
                "remoteIp": f"8.8.{number % 250}.{number // 250 % 250}",
                **USUAL,
                **long,
            },
        }
        yield json.dumps(entry, separators=(",", ":")).encode() + b"\n"


def measure_day(
    requests: int, length: int, fields: tuple[str, ...], folder: Path
) -> dict[str, Cost]:
    """Take a day with a number of requests to the figures in the database."""
    exports = folder / "exports"
    exports.mkdir()
    with (exports / f"{START}.jsonl").open("wb") as file:
        file.writelines(lines(requests, length, fields))
    return dict(take("datasette", folder))


def main() -> None:
    """Read the command line and run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.hostile_day")
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--length", type=int, default=8_000)
    parser.add_argument("--only", choices=SHAPES, nargs="+", default=tuple(SHAPES))
    options = parser.parse_args()
    for name in options.only:
        costs: list[dict[str, Cost]] = []
        for requests in (options.requests // 2, options.requests):
            say(f"{name}: {requests:,} requests, long texts of {options.length:,}")
            with tempfile.TemporaryDirectory() as folder:
                found = measure_day(
                    requests, options.length, SHAPES[name], Path(folder)
                )
            for task, cost in found.items():
                report(task, cost, costs[0][task] if costs else None)
            costs.append(found)


if __name__ == "__main__":
    main()
