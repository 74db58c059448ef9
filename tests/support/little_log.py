"""A readable notation for request logs, for tests of counting.

A line holds a time, a client, a status, a path and optionally a size:

    12:00:00  ann  200  /pudl/plants.json  1000

A time with a leading ``+`` is one of the next day.
"""

import datetime as dt
import functools
from collections.abc import Collection, Iterator
from io import BytesIO
from typing import Any, NamedTuple

import pyarrow as pa
from project import SAMPLE_REGISTRY

from usage_metrics.arrow import TIMESTAMP
from usage_metrics.counting import day
from usage_metrics.counting.datasets import Registry
from usage_metrics.counting.grouping import Rows, encoded
from usage_metrics.counting.monthly import NEEDED, CountedMonth, OfMonth, together
from usage_metrics.counting.naming import Named
from usage_metrics.counting.tables import TABLES
from usage_metrics.counting.usage import CountedDay, Figures
from usage_metrics.tasks.datasets_registry import read_registry

DAY = dt.date(2022, 2, 15)
SITE = "https://data.example.org"


class Client(NamedTuple):
    """The client of a request."""

    address: str
    agent: str
    agent_class: str
    country: str | None = "US"
    organization: str | None = "AS64500 Example University"


CLIENTS = {
    "ann": Client("192.0.2.1", "Mozilla/5.0 Firefox/147.0", "human"),
    "bob": Client("192.0.2.2", "Mozilla/5.0 Firefox/147.0", "human", "DE", None),
    "ann-at-work": Client("198.51.100.9", "Mozilla/5.0 Firefox/147.0", "human"),
    "ann-on-phone": Client("192.0.2.1", "Mozilla/5.0 iPhone", "human"),
    "ann-by-proxy": Client("192.0.2.1", "Mozilla/5.0 Firefox/147.0,gzip(gfe)", "human"),
    "nobody": Client("192.0.2.7", "-", "unknown", None, None),
    "script": Client(
        "203.0.113.5", "python-requests/2.32", "machine", "DE", "AS64501 Hosting Co"
    ),
    "bot": Client("203.0.113.8", "Googlebot/2.1", "robot"),
    "monitor": Client("192.0.2.9", "GoogleHC/1.0", "internal"),
}

LOG = """
    12:00:00  ann     200  /pudl/plants.json  1000
    12:00:10  ann     200  /pudl/plants.json  1000
    12:30:00  ann     200  /pudl/utilities    500
    12:00:00  bob     500  /pudl/plants.json  100
    12:00:00  script  200  /pudl/plants.json  1000
    12:00:00  bot     200  /pudl/plants.json  1000
"""
"""A day with failures, a double click, a script and a robot."""

Row = dict[str, Any]


def requests_of(log: str) -> tuple[pa.Table, pa.Table]:
    """The requests of the day, and those of the next day."""
    lines = [line.split() for line in log.strip().splitlines() if line.strip()]
    rows = [_row(number, *words) for number, words in enumerate(lines)]
    next_day = [words[0].startswith("+") for words in lines]
    return (
        table([row for row, yes in zip(rows, next_day, strict=True) if not yes]),
        table([row for row, yes in zip(rows, next_day, strict=True) if yes]),
    )


def table(rows: list[Row]) -> pa.Table:
    found = pa.Table.from_pylist(rows or [_row(0, "00:00", "ann", "200", "/")])
    index = found.column_names.index("timestamp")
    found = found.set_column(index, "timestamp", found["timestamp"].cast(TIMESTAMP))
    return found.slice(0, len(rows))


def sample_registry() -> Registry:
    """The registry of the sample logs, with the datasets pudl and ferc1."""
    return read_registry(SAMPLE_REGISTRY)


def count_requests(
    requests: pa.Table,
    following: pa.Table,
    registry: Registry,
    rows_at_once: int = 1 << 20,
) -> pa.Table:
    """The events that the counting makes of requests that come in batches."""

    def read(names: Collection[str]) -> Iterator[pa.Table]:
        wanted = requests.select([n for n in requests.column_names if n in names])
        for start in range(0, requests.num_rows, rows_at_once):
            yield wanted.slice(start, rows_at_once)

    counted = day.count_requests(read, following, registry, BytesIO)
    return concatenated([no_events(), *(rows.table for rows in counted.rows())])


@functools.cache
def no_events() -> pa.Table:
    """The columns of events, without a row."""
    one = table([_row(0, "00:00", "ann", "200", "/")])
    counted = day.count_requests(lambda _: [one], pa.table({}), Registry(), BytesIO)
    (rows,) = counted.rows()
    return rows.table.slice(0, 0)


def concatenated(tables: list[pa.Table]) -> pa.Table:
    """Tables as one, with one dictionary per column."""
    rows = pa.concat_tables(tables).combine_chunks()
    return pa.table(list(map(encoded, rows.columns)), rows.column_names)


def events_of(log: str, registry: Registry | None = None) -> pa.Table:
    """The events that the counting makes of a log."""
    return count_requests(*requests_of(log), registry or sample_registry())


def counted_day(
    events: pa.Table, lines: dict[str, Any] | None = None, date: dt.date = DAY
) -> CountedDay:
    """A counted day, with the texts that are named."""
    named = Named(BytesIO)
    named.add(events)
    of_day = date.isoformat(), "datasette", BytesIO, lines or {}
    return CountedDay(*of_day, named.found())


def added_up(figures: Figures, *batches: Rows) -> pa.Table:
    """The table that is made of some events."""
    for events in batches:
        figures.add(events)
    return figures.table()


def figures(name: str, events: pa.Table, *of_day: Any) -> pa.Table:
    """A table of figures of a day."""
    return added_up(TABLES[name].begin(counted_day(events, *of_day)), Rows(events))


def figures_of_month(
    name: str, days: list[pa.Table], addresses: pa.ChunkedArray | None = None
) -> pa.Table:
    """A table of figures of a month with some days, which may come together."""
    month, of_month = (
        CountedMonth(f"{DAY:%Y-%m}", "datasette", BytesIO, len(days)),
        OfMonth(),
    )
    batches = []
    for events in days:
        of_month.begin_day()
        batches.append(of_month.events(events.select(NEEDED), addresses))
    apart = added_up(TABLES[name].begin(month), *(together([day]) for day in batches))
    if batches:
        assert added_up(TABLES[name].begin(month), together(batches)) == apart
    return apart


def outcomes_of(log: str, registry: Registry | None = None) -> list[str]:
    """The outcome of each request of the day, in the order of the lines."""
    outcomes: list[str] = events_of(log, registry)["outcome"].to_pylist()
    return outcomes


def _row(
    number: int, time: str, who: str, status: str, path: str, size: str = "1000"
) -> Row:
    day = DAY + dt.timedelta(days=time.startswith("+"))
    client = CLIENTS[who]
    return {
        "insert_id": f"{number:04d}",
        "timestamp": dt.datetime.combine(
            day, dt.time.fromisoformat(time.lstrip("+")), dt.UTC
        ),
        "request_method": "GET",
        "request_url": SITE + path,
        "status": int(status),
        "response_size": int(size),
        "latency": 0.1,
        "user_agent": client.agent,
        "remote_ip": client.address,
        "agent_class": client.agent_class,
        "remote_ip_country": client.country,
        "remote_ip_org": client.organization,
        "referer": None,
    }
