"""The files of the sample: one per day, as messy as real ones.

Some lines are duplicates, some are late (in the file of the following day), fields are
missing or unknown, some entries are not requests, one line is truncated, and one day
has no file.

Random digits do not compress, and the files are in the repository: so only one request
in twenty has a trace, a day has one container, and entries are received in batches.
"""

import datetime as dt
import gzip
import json
from importlib import resources
from pathlib import Path
from random import Random
from typing import NamedTuple

from usage_metrics.maintenance.sample.log_entries import (
    MICROSECOND,
    SECOND,
    Entry,
    Times,
    draw_container,
    request_entry,
    service_entry,
)
from usage_metrics.maintenance.sample.population import Client, Hit, draw_visit

REGISTRY = "datasets.toml"
"""The registry of the sample's datasets, which lies with its logs."""

QUIET_DAY = 6
"""The day without requests, counted from 0."""
GARBLED_DAY = 9
"""The day with a truncated line."""
REVISION_DAY = 8
"""The day on which a new revision of the service takes over."""

DUPLICATES = 5
"""Duplicate lines per file."""
LATE = 3
"""Requests of a day that are in the next day's file."""
NOT_REQUESTS = 2
"""Entries per file that are not requests."""
WITHOUT_ADDRESS = 2
"""Requests per file without an address."""
WITH_UNKNOWN_FIELDS = 4
"""Requests per file with fields that no schema lists."""
FEWEST_REQUESTS = 20
"""Requests per day that suffice for all of these."""

WORKDAY, WEEKEND = 1.05, 0.65
"""Requests per day, relative to the number asked for."""
HOURS = (3, 3, 2, 2, 2, 2, 3, 4, 4, 4, 4, 4, 5, 8, 10, 12, 12, 11, 11, 12, 11, 9, 6, 4)
"""How busy each hour is, UTC: most visitors work in North America."""

DAY = 86_400 * SECOND
BATCH = SECOND // 8
"""The interval at which entries are received."""


class Sample(NamedTuple):
    """What to write; the same values give the same lines."""

    start: dt.date = dt.date(2026, 3, 2)
    days: int = 14
    requests: int = 1_500
    seed: str = "usage_metrics"

    def dates(self) -> list[dt.date]:
        """The days that have a file."""
        return [
            self.start + dt.timedelta(day)
            for day in range(self.days)
            if day != QUIET_DAY
        ]

    def requests_in_file(self, date: dt.date) -> int:
        """The number of distinct requests in a day's file."""
        return round(self.requests * (WEEKEND if date.weekday() >= 5 else WORKDAY))

    def late_in_file(self, date: dt.date) -> int:
        """The number of those that belong to the day before."""
        dates = self.dates()
        return LATE if date in dates and date - dt.timedelta(1) in dates else 0


def lines_of(sample: Sample, date: dt.date) -> list[str]:
    """Make the lines of a day's file, nearly in the order in which they arrived."""
    rng = Random(f"{sample.seed} {date}")  # noqa: S311  not for secrets
    requests = _requests(rng, sample, date)
    own = requests[sample.late_in_file(date) :]
    for entry in rng.sample(own, WITHOUT_ADDRESS):
        del entry["httpRequest"]["remoteIp"]
    for entry in rng.sample(own, WITH_UNKNOWN_FIELDS):
        entry["labels"] = {**entry.get("labels", {}), "foo": "bar"}
        entry["apphub"] = {"application": {"id": "open-data", "location": "global"}}
    others = [service_entry(entry) for entry in rng.sample(own, NOT_REQUESTS)]
    entries = sorted(requests + others, key=lambda entry: entry["receiveTimestamp"])
    lines = [_json(entry) for entry in entries]
    for entry in rng.sample(own, DUPLICATES):
        line = _json(entry)
        lines.insert(lines.index(line) + rng.randrange(1, 9), line)
    if (date - sample.start).days == GARBLED_DAY:
        middle = len(lines) // 2
        lines.insert(middle, lines[middle][:400])
    return lines


def write(sample: Sample, folder: Path) -> None:
    """Write the registry of the datasets, and one compressed file per day.

    These have neither a name nor a time in their headers.
    """
    folder.mkdir(parents=True, exist_ok=True)
    registry = resources.files(__package__).joinpath(REGISTRY)
    (folder / REGISTRY).write_text(registry.read_text("utf-8"), "utf-8")
    for date in sample.dates():
        text = "".join(f"{line}\n" for line in lines_of(sample, date))
        with (
            (folder / f"{date}.jsonl.gz").open("wb") as file,
            gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as zipped,
        ):
            zipped.write(text.encode())


def _requests(rng: Random, sample: Sample, date: dt.date) -> list[Entry]:
    """The distinct requests of a day's file, the late ones first."""
    midnight = (date - dt.date(1970, 1, 1)).days * DAY
    late = sample.late_in_file(date)
    container = draw_container(rng, is_new=(date - sample.start).days >= REVISION_DAY)
    requests = []
    calls = _calls(rng, midnight, sample.requests_in_file(date))
    for number, (made, client, hit) in enumerate(calls):
        latency = round(rng.lognormvariate(-3.5, 1.2) * 1_000_000) * MICROSECOND
        received = (made + latency) // BATCH * BATCH + BATCH
        if number < late:
            made = midnight - rng.randrange(1, 60_000_000) * MICROSECOND
            received = midnight + rng.randrange(40 * SECOND)
        times = Times(made, received, latency)
        requests.append(request_entry(rng, times, client, hit, container))
    return requests


def _calls(rng: Random, midnight: int, wanted: int) -> list[tuple[int, Client, Hit]]:
    """Draw visits until they amount to the requests wanted; sort those by time."""
    calls: list[tuple[int, Client, Hit]] = []
    while len(calls) < wanted:
        client, hits = draw_visit(rng)
        hour = rng.choices(range(24), HOURS)[0]
        made = midnight + (hour * 3_600 + rng.randrange(3_600)) * SECOND
        for hit in hits:
            made += round(hit.wait * rng.uniform(0.8e6, 1.2e6)) * MICROSECOND
            if made < midnight + DAY:
                calls.append((made, client, hit))
    return sorted(calls[:wanted], key=lambda call: call[0])


def _json(entry: Entry) -> str:
    return json.dumps(entry, separators=(",", ":"), ensure_ascii=False)
