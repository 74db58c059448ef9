"""Many made-up log entries, fast: the input of the benchmarks.

``python -m tests.benchmarks.workload raw|exports REQUESTS DAYS FOLDER [DATA_SHARE
[DOMINATED]]`` writes them: shares of requests, for data and of one address.

Their variety is a real site's. A million requests have some 2,000 user agents, 50,000
addresses (one makes most requests) and 100,000 URLs, each with a long tail; seven in
ten ask for data unless another share is asked for, and one line in a thousand is there
twice.
"""

import datetime as dt
import json
import sys
from collections.abc import Iterator, Sequence
from itertools import cycle, islice, product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.logs.cloud_logging.entry import (
    ENTRY,
    HTTP_REQUEST,
    LABELS,
    RESOURCE,
)
from usage_metrics.maintenance.sample.population import (
    BROWSERS,
    DOMINATING,
    QUERIES,
    SCRIPTS,
    SITE,
    TABLES,
)
from usage_metrics.partitions.partition import Partition
from usage_metrics.partitions.writer import ROW_GROUP_ROWS
from usage_metrics.sources.datasette import SOURCE

START = dt.date(2025, 1, 1)
SEED = 20_260_101
DAY = 86_400_000_000
DOMINATED = 0.6
"""The share of requests that one address makes."""
DUPLICATES = 0.001
DATA_SHARE = 0.72
"""The share of requests for data, which are those that the database has."""
SLICE = 250_000
"""Requests that are drawn, and held, at a time."""
DATA_FILES = ("/pudl.db", "/ferc1.db")
DATA_PAGES = (
    "/{db}/{table}.json?_shape=array&_size=max&_next={n}",
    "/{db}/{table}?plant_id_eia={n}&_sort=report_date",
    "/{db}/{table}/{n},2020-01-01",
    "/{db}/{table}.csv?_stream=on&plant_id_eia={n}",
    "/{db}?sql={sql}+limit+{n}",
)
OTHER_FILES = ("/", "/robots.txt")
OTHER_PAGES = ("/-/static/app-{n}.css?d59929", "/-/docs/{table}/{n}.html")
"""Of the site, under ``/-/``: any other path would be of a database."""
INSTANCE = "00" + "5ab1" * 29
RESOURCE_LABELS = {
    "service_name": "open-data",
    "revision_name": "open-data-00042-qix",
    "location": "us-central1",
    "project_id": "example-project",
    "configuration_name": "open-data",
}
LOG_NAME = "projects/example-project/logs/run.googleapis.com%2Frequests"

Integers = np.ndarray[tuple[int, ...], np.dtype[np.int64]]


class Population(NamedTuple):
    """The distinct values that requests draw from, the frequent ones first."""

    data: pa.Array
    """URLs of what the database has."""
    others: pa.Array
    """URLs of files, pages and what else there is."""
    data_share: float
    dominated: float
    """The share of requests that the first address makes."""
    agents: pa.Array
    addresses: pa.Array


def population(
    requests: int, data_share: float = DATA_SHARE, dominated: float = DOMINATED
) -> Population:
    """Make more distinct values than that many requests will draw."""
    rng = np.random.default_rng(SEED)
    share = requests / 1_000_000
    return Population(
        data=_urls(DATA_FILES, DATA_PAGES, max(700, int(107_000 * share))),
        others=_urls(OTHER_FILES, OTHER_PAGES, max(300, int(43_000 * share))),
        data_share=data_share,
        dominated=dominated,
        agents=pa.array(islice(_agents(), max(200, int(2_000 * share)))),
        addresses=_addresses(rng, max(500, int(60_000 * share))),
    )


def day_of_entries(
    values: Population, number: int, requests: int
) -> Iterator[pa.Table]:
    """Draw the entries of one day, oldest first, in the columns of ``ENTRY``.

    A day of many requests comes in slices; in the last of them, some entries of the
    first are delivered again.
    """
    slices = -(-requests // SLICE) or 1
    midnight = (START - dt.date(1970, 1, 1)).days * DAY + number * DAY
    again = ENTRY.empty_table()
    for index in range(slices):
        rng = np.random.default_rng([SEED, number, index])
        start, end = (midnight + DAY * edge // slices for edge in (index, index + 1))
        size = requests // slices
        entries = entries_between(rng, values, start, end, size)
        if index == 0:
            again = entries.slice(0, int(size * DUPLICATES))
        elif index == slices - 1:
            entries = pa.concat_tables([entries, again])
        yield entries


def entries_between(
    rng: np.random.Generator, values: Population, start: int, end: int, requests: int
) -> pa.Table:
    """Draw the entries of a part of a day, given in microseconds."""
    moments = np.sort(rng.integers(start, end, requests))
    status = rng.choice([200, 304, 404, 500], requests, p=[0.92, 0.04, 0.03, 0.01])
    columns = {
        "insertId": _insert_ids(rng, moments),
        "timestamp": pa.array(moments),
        "receiveTimestamp": pa.array(moments + rng.integers(10_000, 900_000, requests)),
        "logName": pa.repeat(LOG_NAME, requests),
        "severity": pa.array(["INFO", "WARNING", "ERROR"]).take(
            pa.array((status >= 400).astype(int) + (status >= 500))
        ),
        "httpRequest": _http_requests(rng, values, status),
        "resource": _resources(requests),
        "labels": pa.repeat(pa.scalar({"instanceId": INSTANCE}, LABELS), requests),
        "trace": pc.binary_join_element_wise(
            "projects/example-project/traces/", _hexadecimal(rng, requests, 16), ""
        ),
        "spanId": _hexadecimal(rng, requests, 8),
        "traceSampled": pa.array(rng.random(requests) < 0.1),
    }
    nothing = pa.nulls(requests)
    table = pa.table(
        [columns.get(field.name, nothing).cast(field.type) for field in ENTRY],
        schema=ENTRY,
    )
    twice = rng.integers(0, requests, int(requests * DUPLICATES))
    return table.take(np.sort(np.concatenate([np.arange(requests), twice])))


def days(
    requests: int, number_of_days: int, *shares: float
) -> Iterator[tuple[dt.date, Iterator[pa.Table]]]:
    """Give the entries of each day, so that the days together have ``requests``."""
    values = population(requests, *shares)
    for number in range(number_of_days):
        date = START + dt.timedelta(days=number)
        yield date, day_of_entries(values, number, requests // number_of_days)


def write_partitions(
    requests: int, number_of_days: int, root: Path, *shares: float
) -> None:
    """Write raw partitions, as ``Extract`` does, under the root of all stages."""
    for date, slices in days(requests, number_of_days, *shares):
        partition = Partition(str(root), "raw", "datasette", date)
        with partition.writing(ENTRY, SOURCE.raw_dictionaries) as writer:
            for table in slices:
                for batch in table.to_batches(max_chunksize=ROW_GROUP_ROWS):
                    writer.write(pa.Table.from_batches([batch]))


def write_exports(
    requests: int, number_of_days: int, folder: Path, *shares: float
) -> None:
    """Write the entries as JSON lines, a file a day."""
    folder.mkdir(parents=True)
    for date, slices in days(requests, number_of_days, *shares):
        with (folder / f"{date}.jsonl").open("wb") as file:
            for table in slices:
                file.write(json_lines(table))


def json_lines(table: pa.Table) -> pa.Buffer:
    """Write entries as the lines of a log export, without a loop over rows."""
    table = table.combine_chunks().flatten().flatten()
    names = {name.rpartition(".")[2]: name for name in table.column_names}

    def text(name: str) -> pa.Array:
        return table[names[name]].combine_chunks().cast(pa.string())

    def pair(name: str, opening: str = '"', closing: str = '",') -> pa.Array:
        """A key with its value, or nothing where the value is null."""
        key = f'"{name}":{opening}'
        joined = pc.binary_join_element_wise(key, text(name), closing, "")
        return pc.fill_null(joined, "")

    def time(name: str) -> pa.Array:
        iso = pc.replace_substring(text(name), " ", "T")
        return pc.binary_join_element_wise(f'"{name}":"', iso, '",', "")

    resource = {"type": "cloud_run_revision", "labels": RESOURCE_LABELS}
    resource_text = json.dumps(resource, separators=(",", ":"))
    lines = pc.binary_join_element_wise(
        "{",
        pair("insertId"),
        '"httpRequest":{',
        pair("requestMethod"),
        pair("requestUrl"),
        pair("requestSize"),
        pair("responseSize"),
        pair("userAgent"),
        pair("remoteIp"),
        pair("serverIp"),
        pair("referer"),
        pair("latency", closing='s",'),
        pair("protocol"),
        pair("status", "", "},"),
        f'"resource":{resource_text},"labels":{{"instanceId":"{INSTANCE}"}},',
        pair("severity"),
        pair("logName"),
        pair("trace"),
        pair("spanId"),
        pair("traceSampled", "", ","),
        time("receiveTimestamp"),
        time("timestamp"),
        "",
    )
    lines = pc.binary_replace_slice(lines, -1, 2**31 - 1, "}\n")
    return lines.cast(pa.binary()).buffers()[2]


def _urls(files: Sequence[str], pages: Sequence[str], number: int) -> pa.Array:
    """The URLs of some files, then of pages with ever more numbers in them."""
    tables = [(db, table) for db, names in TABLES.items() for table in names]
    queries = cycle([query.replace(" ", "+").replace('"', "%22") for query in QUERIES])
    urls = [SITE + file for file in files]
    for n, page in islice(product(range(1_000_000), pages), number - len(files)):
        db, table = tables[n % len(tables)]
        urls.append(SITE + page.format(db=db, table=table, n=n, sql=next(queries)))
    return pa.array(urls)


def _agents() -> Iterator[str]:
    yield from SCRIPTS
    for n, browser in product(range(1_000_000), BROWSERS):
        yield f"{browser} Build/{n}"


def _addresses(rng: np.random.Generator, number: int) -> pa.Array:
    """Random addresses; one in ten is of version 6."""
    parts = rng.integers(1, 224, (4, number)).astype(str)
    groups = np.array([f"{group:x}" for group in range(1 << 12)])
    sixes = groups[rng.integers(0, 1 << 12, (3, number))]
    four = pc.binary_join_element_wise(*map(pa.array, parts), ".")
    six = pc.binary_join_element_wise("2a01", *map(pa.array, sixes), ":1", ":")
    others = pc.if_else(pa.array(rng.random(number) < 0.1), six, four)
    return pa.concat_arrays([pa.array(DOMINATING.addresses), others])


def _draw(
    rng: np.random.Generator, values: pa.Array, size: int, steepness: float
) -> pa.Array:
    """Draw by Zipf's law: the nth value comes 1 / n**steepness as often."""
    weights = np.cumsum(1 / np.arange(1, len(values) + 1) ** steepness)
    return values.take(np.searchsorted(weights, rng.random(size) * weights[-1]))


def _sometimes(
    rng: np.random.Generator, share: float, values: pa.Array | pa.Scalar, size: int
) -> pa.Array:
    """Keep a share of the values; the rest is null."""
    return pc.if_else(pa.array(rng.random(size) < share), values, None)


def _http_requests(
    rng: np.random.Generator, values: Population, status: Integers
) -> pa.Array:
    size = len(status)
    others = _draw(rng, values.addresses, size, 0.9)
    dominating = pa.array(rng.random(size) < values.dominated)
    sizes = pa.array(rng.lognormal(9, 2, size).astype(np.int64))
    columns = {
        "requestMethod": pa.repeat("GET", size),
        "requestUrl": pc.if_else(
            pa.array(rng.random(size) < values.data_share),
            _draw(rng, values.data, size, 1.0),
            _draw(rng, values.others, size, 1.0),
        ),
        "requestSize": pa.array(rng.integers(200, 900, size)),
        "status": pa.array(status),
        "responseSize": _sometimes(rng, 0.96, sizes, size),
        "userAgent": _sometimes(rng, 0.99, _draw(rng, values.agents, size, 1.0), size),
        "remoteIp": _sometimes(
            rng, 0.999, pc.if_else(dominating, values.addresses[0], others), size
        ),
        "serverIp": pa.repeat("216.239.36.53", size),
        "referer": _sometimes(rng, 0.1, pa.scalar(f"{SITE}/pudl"), size),
        "latency": pa.array((0.001 + rng.lognormal(-3.5, 1.2, size)).round(9)),
        "protocol": pa.repeat("HTTP/1.1", size),
    }
    nothing = pa.nulls(size)
    arrays = [
        columns.get(field.name, nothing).cast(field.type) for field in HTTP_REQUEST
    ]
    return pa.StructArray.from_arrays(arrays, fields=list(HTTP_REQUEST))


def _resources(size: int) -> pa.Array:
    resource = {"type": "cloud_run_revision", "labels": RESOURCE_LABELS}
    return pa.repeat(pa.scalar(resource, RESOURCE), size)


def _insert_ids(rng: np.random.Generator, moments: Integers) -> pa.Array:
    """Seconds, microseconds and a random number, each as eight digits."""
    numbers = [*np.divmod(moments, 1_000_000), rng.integers(0, 1 << 32, len(moments))]
    return _hexadecimal_of(np.stack(numbers, axis=1).astype(">u4").tobytes(), 12)


def _hexadecimal(rng: np.random.Generator, size: int, width: int) -> pa.Array:
    return _hexadecimal_of(rng.bytes(size * width), width)


def _hexadecimal_of(numbers: bytes, width: int) -> pa.Array:
    """Write each ``width`` bytes as hexadecimal text."""
    digits = pa.py_buffer(numbers.hex().encode())
    size = len(numbers) // width
    fixed = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(2 * width), size, [None, digits]
    )
    return fixed.cast(pa.binary()).cast(pa.string())


def main(
    kind: str,
    requests: str,
    number_of_days: str,
    folder: str,
    *shares: str,
) -> None:
    """Write the entries as raw partitions or as exports."""
    writing = {"raw": write_partitions, "exports": write_exports}[kind]
    writing(int(requests), int(number_of_days), Path(folder), *map(float, shares))


if __name__ == "__main__":
    main(*sys.argv[1:])
