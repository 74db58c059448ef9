"""Who visits the sample's bucket and its web server, and which files they get."""

from random import Random
from typing import NamedTuple

from usage_metrics.maintenance.sample.days import HOURS, WEEKEND, WORKDAY
from usage_metrics.maintenance.sample.population import (
    BROWSERS,
    CRAWLERS,
    DOCUMENTATION,
    HOSTING,
    INSTITUTIONS,
    RESOLVERS,
    SCRIPTS,
    TABLES,
    Client,
)

VERSION = "v2026.2.0"
SIZES = {
    **{f"pudl/{VERSION}/{t}.parquet": 410_000 * len(t) for t in TABLES["pudl"]},
    **{f"ferc1/{VERSION}/{t}.parquet": 90_000 * len(t) for t in TABLES["ferc1"]},
    **{
        f"emissions/{VERSION}/hourly_{y}.parquet": 48_000_000 + y for y in range(19, 26)
    },
    f"pudl/{VERSION}/pudl.sqlite.gz": 612_340_987,
    f"ferc1/{VERSION}/ferc1.sqlite.gz": 141_220_331,
}
"""The files, with their sizes in bytes."""
SHARES = {"pudl": 6, "emissions": 3, "ferc1": 2}
"""How much each dataset is used."""


class Visitor(NamedTuple):
    """A program at an address, and the second of the day at which it comes."""

    agent: str
    address: str
    second: int


def visitor(rng: Random, kind: str) -> Visitor:
    """Draw somebody of a kind, and when they come."""
    client = {
        "browser": lambda: Client(rng.choice(BROWSERS), INSTITUTIONS + RESOLVERS),
        "script": lambda: Client(rng.choice(SCRIPTS), INSTITUTIONS + HOSTING),
        "robot": lambda: rng.choice(CRAWLERS),
        "prober": lambda: Client("Mozilla/5.0", DOCUMENTATION),
    }[kind]()
    hour = rng.choices(range(24), HOURS)[0]
    address = rng.choice(client.addresses).format(rng.randrange(1, 255))
    return Visitor(client.agent or "-", address, hour * 3_600 + rng.randrange(3_000))


def dataset(rng: Random) -> str:
    """Draw a dataset."""
    return rng.choices([*SHARES], [*SHARES.values()])[0]


def file_of(rng: Random, name: str) -> str:
    """Draw a file of a dataset."""
    return rng.choice([path for path in SIZES if path.startswith(f"{name}/")])


def number(usual: int, weekday: int) -> int:
    """How many come on a day of the week."""
    return round(usual * (WEEKEND if weekday >= 5 else WORKDAY))
