"""How fast addresses are located.

``python -m tests.benchmarks.addresses`` locates 100,000 distinct addresses with the
database in the package, and through the cache of ipinfo's answers: first with nothing
in it, from a server on this machine, then warm. It prints addresses a CPU second, next
to those of ``maxminddb`` alone, and how many requests the server was sent.
"""

import argparse
import importlib
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import maxminddb
import numpy as np
import pyarrow as pa

from usage_metrics.geocode.cache import LockedShelf
from usage_metrics.geocode.ipinfo import IpinfoProvider
from usage_metrics.geocode.ipinfo_service import PLANS, IpinfoService
from usage_metrics.geocode.locate import locate
from usage_metrics.geocode.locations import Provider
from usage_metrics.geocode.mmdb import EMBEDDED, MMDBProvider

from .run import say

SEED = 20_260_101

# The server that the tests use; they know it by a shorter name.
server_of_tests = importlib.import_module("tests.support.ipinfo_server")


def public_addresses(number: int) -> list[str]:
    """Distinct addresses of IPv4, none of them special."""
    rng = np.random.default_rng(SEED)
    first = rng.choice([5, 8, 23, 45, 62, 78, 93, 104, 151, 185, 213], number)
    rest = rng.choice(1 << 24, number, replace=False)
    parts = (first, rest >> 16, rest >> 8 & 255, rest & 255)
    return [".".join(map(str, numbers)) for numbers in zip(*parts, strict=True)]


def rate(name: str, number: int, task: Callable[[], object]) -> None:
    """Print how many addresses a task locates in a CPU second."""
    started = time.process_time()
    task()
    seconds = time.process_time() - started
    say(f"{name:30}{number / seconds:12,.0f} addresses a CPU second")


def alone(addresses: Sequence[str]) -> None:
    """Look addresses up, and do nothing with what is found."""
    with maxminddb.open_database(EMBEDDED) as reader:
        for address in addresses:
            reader.get(address)


def main() -> None:
    """Read the command line and run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.addresses")
    parser.add_argument("--addresses", type=int, default=100_000)
    number = parser.parse_args().addresses
    texts = public_addresses(number)
    column = pa.array(texts)

    def locate_with(provider: Provider) -> Callable[[], object]:
        return lambda: locate(column, provider)

    rate("maxminddb alone", number, lambda: alone(texts))
    for state in ("cold", "warm"):
        with MMDBProvider() as database:
            rate(f"MMDB, {state}", number, locate_with(database))
    token = server_of_tests.TOKEN
    with (
        tempfile.TemporaryDirectory() as folder,
        server_of_tests.IpinfoServer() as server,
    ):
        for state in ("cold", "warm", "warm again"):
            service = IpinfoService(token, PLANS["full"], 30.0, 1, server.url)
            provider = IpinfoProvider(service, LockedShelf(Path(folder) / "ipinfo"))
            rate(f"ipinfo, cache {state}", number, locate_with(provider))
        say(f"{len(server.requests):,} requests were sent")


if __name__ == "__main__":
    main()
