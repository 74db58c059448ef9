"""Damages an address database in many ways, and looks addresses up in each.

``python -m tests.faults.addresses --mutations 10000`` is the long form. Every lookup
ends in an answer or in a sentence; a crash ends this process.
"""

import argparse
import collections
import datetime as dt
import random
import tempfile
from pathlib import Path

from mmdb_writer import MMDBWriter
from netaddr import IPSet

from usage_metrics.errors import InputError
from usage_metrics.geocode.mmdb import MMDBProvider

ADDRESSES = [f"8.8.{n}.7" for n in range(64)] + ["1.1.1.1", "2001:4860:4860::8888"]
MARKER = b"\xab\xcd\xefMaxMind.com"


def database(folder: Path) -> bytes:
    """A small database with records of every kind of value."""
    writer = MMDBWriter(6, "Test-City", ["en"], "made by a test", ipv4_compatible=True)
    for n in range(64):
        record = {
            "country": {"iso_code": "IT", "names": {"en": "Italy"}},
            "location": {"latitude": 45.5 + n / 100, "longitude": 9.25},
            "subdivisions": [{"names": {"en": f"Region {n}"}}],
            "autonomous_system_number": 64496 + n,
            "is_anycast": n % 2 == 0,
        }
        writer.insert_network(IPSet([f"8.8.{n}.0/24"]), record)
    writer.insert_network(IPSet(["2001:4860::/32"]), {"country": {"iso_code": "US"}})
    writer.to_db_file(str(folder / "whole.mmdb"))
    return (folder / "whole.mmdb").read_bytes()


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Flip bits, replace or repeat a piece, cut the end; anywhere or in one part."""
    marker = content.rindex(MARKER)
    parts = [(0, len(content)), (0, 600), (marker - 1500, marker)]
    parts.append((marker, len(content)))
    start, end = chance.choice(parts)
    damaged = bytearray(content)
    at = chance.randrange(start, end)
    match chance.randrange(5):
        case 0:
            damaged[at] ^= 1 << chance.randrange(8)
        case 1:
            for _ in range(chance.randrange(1, 40)):
                damaged[chance.randrange(start, end)] = chance.randrange(256)
        case 2:
            length = chance.randrange(1, 64)
            damaged[at : at + length] = chance.choice((b"\x00", b"\xff")) * length
        case 3:
            length, other = chance.randrange(1, 64), chance.randrange(len(content))
            damaged[at : at + length] = content[other : other + length]
        case _:
            del damaged[at : at + chance.randrange(1, 64)]
    return bytes(damaged)


def outcome(path: Path) -> str:
    """What came of looking addresses up: an answer, or a sentence."""
    try:
        with MMDBProvider([path]) as provider:
            provider.locate(ADDRESSES)
    except InputError:
        return "a sentence"
    return "an answer"


def main() -> None:
    """Count the outcomes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutations", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    started = dt.datetime.now(dt.UTC)
    counts: collections.Counter[str] = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        content = database(Path(folder))
        for n in range(arguments.mutations):
            path = Path(folder, f"{n}.mmdb")  # a new name: what is known is by name
            path.write_bytes(mutated(content, random.Random(arguments.seed + n)))
            counts[outcome(path)] += 1
            path.unlink()
    took = dt.datetime.now(dt.UTC) - started
    print(f"{dict(counts)} in {took.total_seconds():.0f} s")


if __name__ == "__main__":
    main()
