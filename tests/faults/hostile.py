"""Follows the lines of one file from bytes to the rows that are loaded, and adds up.

Whatever the bytes are, each line ends as a request, as a reject with a reason, as an
entry that is no request, or as a duplicate; or the file is refused in a sentence.
"""

import functools
import io
import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from usage_metrics.cleaning.duplicates import superseded
from usage_metrics.errors import InputError
from usage_metrics.geocode import locate
from usage_metrics.geocode.mmdb import MMDBProvider
from usage_metrics.logs.blocks import read_blocks
from usage_metrics.logs.cloud_logging.envelopes import entries_in
from usage_metrics.logs.cloud_logging.fast_path import EntryReader
from usage_metrics.partitions.row_groups import row_groups
from usage_metrics.partitions.writer import PartitionWriter
from usage_metrics.sources import get_source
from usage_metrics.sources.settings import source_section
from usage_metrics.tasks.load import requests_table
from usage_metrics.warehouse.rows import rows_to_load

PLAIN: dict[str, Any] = {
    "insertId": "a",
    "timestamp": "2026-03-02T12:00:00Z",
    "receiveTimestamp": "2026-03-02T12:00:01Z",
    "logName": "projects/p/logs/run.googleapis.com%2Frequests",
    "severity": "INFO",
    "httpRequest": {
        "requestMethod": "GET",
        "requestUrl": "https://data.example/pudl/plants.json?_size=max",
        "remoteIp": "8.8.8.8",
        "status": 200,
        "userAgent": "curl/8",
        "referer": "https://example.org/",
        "latency": "0.012s",
        "responseSize": "123",
    },
    "resource": {"type": "cloud_run_revision", "labels": {"service_name": "s"}},
}


def neighbours(number: int) -> bytes:
    """Plain lines, for a hostile one to stand among: many are read at once."""
    entries = [PLAIN | {"insertId": f"plain{n}"} for n in range(number)]
    return b"".join(json.dumps(entry).encode() + b"\n" for entry in entries)


def follow(content: bytes) -> int | None:
    """Follow the lines of a file.

    Returns:
        How many there were, each a request, rejected, no request or a duplicate; None
        if the whole file was refused.
    """
    reader, lines = EntryReader(), 0
    tables = []
    try:
        blocks = read_blocks(pa.BufferReader(content), "hostile.json")
        for block in entries_in(blocks):
            lines += len(block)
            tables.append(reader.read(block))
    except InputError:
        return None
    assert sum(map(len, tables)) == lines
    source = get_source("datasette")
    raw = _through_a_file(source.raw, iter(tables))
    drop = superseded(raw, source.time, source.key, source.order_column)
    found = [
        source.clean(entries.filter(~drop[start : start + len(entries)]), _settings())
        for start, entries in row_groups(raw)
    ]
    rejected = pa.concat_tables([cleaned.rejected for cleaned in found])
    assert all(rejected["reason"].to_pylist())
    assert rejected["entry"].null_count == 0
    requests = _through_a_file(source.cleaned, (cleaned.requests for cleaned in found))
    counts = (
        requests.metadata.num_rows,
        len(rejected),
        sum(cleaned.not_requests for cleaned in found),
        sum(sum(cleaned.other_logs.values()) for cleaned in found),
        int(drop.sum()),
    )
    assert sum(counts) == lines
    _locate(requests)
    return lines


def _locate(requests: pq.ParquetFile) -> None:
    """Locate requests, and make rows of a database of them."""
    source = get_source("datasette")
    schema = locate.with_location(source.cleaned, source.address)
    located = locate.locate_column(requests, source.address, _provider())
    tables = (located.beside(rows, schema) for _, rows in row_groups(requests))
    geocoded = _through_a_file(schema, tables)
    assert geocoded.metadata.num_rows == requests.metadata.num_rows
    table = requests_table("datasette")
    assert table
    for rows in rows_to_load(geocoded, table):
        rows.validate(full=True)


def _through_a_file(schema: pa.Schema, tables: Iterator[pa.Table]) -> pq.ParquetFile:
    """Write tables as a partition is written, and open it."""
    stream = io.BytesIO()
    writer = PartitionWriter(stream, schema, (), {})
    for table in tables:
        table.validate(full=True)
        writer.write(table)
    writer.close()
    file = pq.ParquetFile(pa.BufferReader(stream.getvalue()))
    assert file.schema_arrow.names == schema.names
    return file


@functools.cache
def _settings() -> Any:
    return source_section("datasette")


@functools.cache
def _provider() -> MMDBProvider:
    return MMDBProvider.from_config()


def among_others(line: bytes, number: int = 40) -> bytes:
    """A line among plain ones."""
    return neighbours(number) + line + b"\n" + neighbours(2)
