"""Entries of Google's load balancers become rows of a web server's log."""

import datetime as dt
import json
from typing import Any

import pyarrow as pa

from usage_metrics.logs.cloud_logging.load_balancer import GoogleLoadBalancer

ENTRY = {
    "timestamp": "2024-05-03T14:00:01.250000Z",
    "receiveTimestamp": "2024-05-03T14:00:02Z",
    "insertId": "1a2b3c",
    "logName": "projects/ours/logs/requests",
    "resource": {"type": "http_load_balancer", "labels": {"zone": "global"}},
    "httpRequest": {
        "requestMethod": "GET",
        "requestUrl": "https://data.example.org/core/a.csv?v=1",
        "status": 206,
        "responseSize": "5120",
        "userAgent": "curl/8.5.0",
        "remoteIp": "198.51.100.7",
        "referer": "https://example.org/",
        "latency": "0.250s",
        "cacheHit": True,
    },
}
SAID = {
    "time": dt.datetime(2024, 5, 3, 14, 0, 1, 250_000, dt.UTC),
    "remote_addr": "198.51.100.7",
    "method": "GET",
    "host": "data.example.org",
    "target": "https://data.example.org/core/a.csv?v=1",
    "status": 206,
    "bytes": 5120,
    "referer": "https://example.org/",
    "user_agent": "curl/8.5.0",
    "latency": 0.25,
}


def read(*entries: dict[str, Any]) -> list[dict[str, Any]]:
    log = GoogleLoadBalancer()
    content = "".join(f"{json.dumps(entry)}\n" for entry in entries).encode()
    table = pa.concat_tables(
        log.read(block) for block in log.blocks(pa.BufferReader(content), "S0.json")
    )
    table.validate(full=True)
    return [
        {k: v for k, v in row.items() if v is not None} for row in table.to_pylist()
    ]


def test_the_fields_are_those_of_the_request() -> None:
    (row,) = read(ENTRY)
    del row["line_id"]
    assert row == SAID


def test_entries_of_other_resources_are_no_requests() -> None:
    (row,) = read(ENTRY | {"resource": {"type": "cloud_run_revision"}})
    assert row.keys() == {"time", "line_id"}


def test_an_entry_that_two_sinks_deliver_has_one_hash() -> None:
    one, again, other = read(
        ENTRY,
        ENTRY | {"receiveTimestamp": "2024-05-03T15:00:00Z"},
        ENTRY | {"insertId": "1a2b3d"},
    )
    assert one["line_id"] == again["line_id"] != other["line_id"]


def test_what_is_no_entry_is_rejected_with_the_reason() -> None:
    _, row = read(ENTRY, {"insertId": "1"})
    assert row["unreadableReason"] == "line 2 of S0.json has no timestamp"
