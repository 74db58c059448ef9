"""The sample's bucket: Amazon S3's server access log, all of a day in a file."""

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

NAME = "example-open-data"
OWNER = "c0ffee" + "0" * 58
"""The canonical id of an account, which is no account's."""
VISITS = {"script": 14, "browser": 5, "robot": 2, "prober": 2}
USUAL = 40
"""Visits on a usual day."""


def file_name(date: dt.date) -> str:
    """The name of the file of a day."""
    return f"{date}.log"


def lines_of(rng: Random, date: dt.date) -> list[str]:
    """The lines of a day, oldest first."""
    made: list[tuple[int, str]] = []
    for kind in rng.choices(
        [*VISITS], [*VISITS.values()], k=number(USUAL, date.weekday())
    ):
        who, of = visitor(rng, kind), dataset(rng)
        for step in range(rng.randrange(1, 7)):
            second = who.second + 7 * step
            made.append((second, _line(rng, date, who, second, kind, of)))
    return [line for _, line in sorted(made)]


def _line(
    rng: Random, date: dt.date, who: Visitor, second: int, kind: str, of: str
) -> str:
    """A download, whole or in part; of a prober, something that is not there."""
    key = file_of(rng, of)
    whole = SIZES[key]
    status, size, error = 200, str(whole), "-"
    if "duckdb" in who.agent:
        status, size = 206, str(rng.randrange(whole // 20, whole // 3))
    if kind == "prober":
        key, status, size, error = "backup.sql", 404, "-", "NoSuchKey"
    time = dt.datetime.combine(date, dt.time()) + dt.timedelta(seconds=second)
    took = rng.randrange(20, 900)
    fields = (
        *(OWNER, NAME, f"[{time:%d/%b/%Y:%H:%M:%S} +0000]", who.address, "-"),
        *(f"{rng.getrandbits(64):016X}", "REST.GET.OBJECT", key),
        *(f'"GET /{key} HTTP/1.1"', status, error, size),
        *("-" if error != "-" else whole, took, took // 2, '"-"', f'"{who.agent}"'),
        *("-", "-", "-", "TLS_AES_128_GCM_SHA256", "-"),
        *(f"{NAME}.s3.us-west-2.amazonaws.com", "TLSv1.3", "-", "-"),
    )
    return " ".join(map(str, fields))
