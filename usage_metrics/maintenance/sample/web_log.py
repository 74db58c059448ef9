"""The sample's web server: Apache's format vhost_combined, one growing file."""

import datetime as dt
from random import Random

from usage_metrics.maintenance.sample.visits import (
    SIZES,
    Visitor,
    dataset,
    file_of,
    number,
    visitor,
)

HOST = "www.example.org"
VISITS = {"browser": 12, "script": 4, "robot": 5, "prober": 3}
USUAL = 60
"""Visits on a usual day."""
FROM = ("-", "-", "https://www.google.com/", "https://zenodo.org/", "https://doi.org/")


def lines_of(rng: Random, date: dt.date) -> list[str]:
    """The lines of a day, oldest first."""
    made: list[tuple[int, str]] = []
    for kind in rng.choices(
        [*VISITS], [*VISITS.values()], k=number(USUAL, date.weekday())
    ):
        who = visitor(rng, kind)
        for step, (path, status, size) in enumerate(_asked(rng, kind)):
            second, referrer = who.second + 25 * step, f"https://{HOST}/"
            if not step:
                referrer = rng.choice(FROM) if kind == "browser" else "-"
            asked = f'"GET {path} HTTP/1.1" {status} {size} "{referrer}"'
            made.append((second, _line(date, who, second, asked)))
    return [line for _, line in sorted(made)]


def _asked(rng: Random, kind: str) -> list[tuple[str, int, int]]:
    """What somebody asks for: path, status and size of the answer."""
    if kind == "prober":
        return [("/wp-login.php", 404, 196), ("/.env", 404, 196)]
    of = dataset(rng)
    page = (f"/{of}/", 200, rng.randrange(8_000, 30_000))
    file = file_of(rng, of)
    download = (f"/{file}", 200, SIZES[file])
    if kind == "script":
        return [download] * rng.randrange(1, 4)
    if kind == "robot":
        return [("/robots.txt", 200, 102), page, (f"/{of}/about.html", 200, 6_120)]
    rest = [(f"/{of}/about.html", 200, 6_120), download, download]
    return [page, ("/style.css", 200, 2_210), *rest[: rng.randrange(4)]]


def _line(date: dt.date, who: Visitor, second: int, asked: str) -> str:
    time = dt.datetime.combine(date, dt.time()) + dt.timedelta(seconds=second)
    stamp = f"[{time:%d/%b/%Y:%H:%M:%S} +0000]"
    return f'{HOST}:443 {who.address} - - {stamp} {asked} "{who.agent}"'
