"""The files of the sample: one a day, as ugly as real ones.

Some lines are there twice, some are late (in the file of the day after their own),
fields are absent or unknown, some entries are no requests, one line is cut off, and
on one day nobody comes. :func:`facts` says how many of each a file holds.

Random digits do not compress, and a repository has to hold the files: so only one
request in twenty has a trace, a day has one container, and entries are received in
batches.
"""

import datetime as dt
import gzip
import json
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

QUIET_DAY = 6
"""The day on which nobody comes, counted from 0."""
GARBLED_DAY = 9
"""The day with a line that is cut off."""
REVISION_DAY = 8
"""The day from which a new revision of the service answers."""

DUPLICATES = 5
"""How many lines of each file are there twice."""
LATE = 3
"""How many requests of a day are in the next day's file."""
NOT_REQUESTS = 2
"""How many entries of each file are no requests."""
WITHOUT_ADDRESS = 2
"""How many requests of each file have no address."""
WITH_UNKNOWN_FIELDS = 4
"""How many requests of each file have fields that no schema lists."""
FEWEST_REQUESTS = 20
"""The requests a day from which there are enough for all of these."""

WORKDAY, WEEKEND = 1.05, 0.65
"""How many requests a day has, next to the number asked for."""
HOURS = (3, 3, 2, 2, 2, 2, 3, 4, 4, 4, 4, 4, 5, 8, 10, 12, 12, 11, 11, 12, 11, 9, 6, 4)
"""How busy each hour is, UTC: most visitors work in North America."""

DAY = 86_400 * SECOND
BATCH = SECOND // 8
"""How often entries are received."""


class Sample(NamedTuple):
    """What to make; the same values give the same lines."""

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
        """How many distinct requests a day's file holds."""
        return round(self.requests * (WEEKEND if date.weekday() >= 5 else WORKDAY))

    def late_in_file(self, date: dt.date) -> int:
        """How many of them are of the day before."""
        dates = self.dates()
        return LATE if date in dates and date - dt.timedelta(1) in dates else 0


class Facts(NamedTuple):
    """What a file holds, and what its day then has over all files."""

    lines: int = 0
    duplicates: int = 0
    late: int = 0
    not_requests: int = 0
    garbled: int = 0
    requests_of_day: int = 0
    """Distinct requests with a timestamp in that day, whichever file they are in."""


def facts(sample: Sample, date: dt.date) -> Facts:
    """Say what the file of a day holds, without reading it; all 0 if there is none."""
    if date not in sample.dates():
        return Facts()
    requests = sample.requests_in_file(date)
    late = sample.late_in_file(date)
    garbled = int((date - sample.start).days == GARBLED_DAY)
    return Facts(
        lines=requests + DUPLICATES + NOT_REQUESTS + garbled,
        duplicates=DUPLICATES,
        late=late,
        not_requests=NOT_REQUESTS,
        garbled=garbled,
        requests_of_day=requests - late + sample.late_in_file(date + dt.timedelta(1)),
    )


def lines_of(sample: Sample, date: dt.date) -> list[str]:
    """Make the lines of a day's file, most in the order in which they were received."""
    rng = Random(f"{sample.seed} {date}")  # noqa: S311  there is no secret in it
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
    """Write one compressed file a day, without a name or time in its header."""
    folder.mkdir(parents=True, exist_ok=True)
    for date in sample.dates():
        text = "".join(f"{line}\n" for line in lines_of(sample, date))
        with (
            (folder / f"{date}.jsonl.gz").open("wb") as file,
            gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as zipped,
        ):
            zipped.write(text.encode())


def _requests(rng: Random, sample: Sample, date: dt.date) -> list[Entry]:
    """The distinct requests that a day's file holds, the late ones first."""
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
    """Draw visits until they make the requests wanted; give those by time."""
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
