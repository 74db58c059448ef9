"""Cloudflare's Logpush, whose times are of three kinds."""

import datetime as dt
import json
from typing import Any

import pyarrow as pa
import pytest

from usage_metrics.logs.web.presets import open_format

ENTRY = {
    "ClientIP": "2001:db8::7",
    "ClientRequestHost": "data.example.org",
    "ClientRequestMethod": "GET",
    "ClientRequestURI": "/core/a.csv?v=1",
    "ClientRequestUserAgent": "curl/8.5.0",
    "ClientRequestReferer": "https://example.org/",
    "ClientRequestProtocol": "HTTP/2",
    "ClientRequestScheme": "https",
    "EdgeResponseBytes": 12480,
    "EdgeResponseStatus": 206,
    "RayID": "87a1b2c3d4e5f001",
    "FirewallMatchesActions": [],
}
CAME = dt.datetime(2024, 4, 10, 23, tzinfo=dt.UTC)


def read(*entries: dict[str, Any]) -> list[dict[str, Any]]:
    log = open_format("cloudflare")
    content = "".join(f"{json.dumps(entry)}\n" for entry in entries).encode()
    blocks = log.blocks(pa.BufferReader(content), "logpush.log")
    return [row for block in blocks for row in log.read(block).to_pylist()]


@pytest.mark.parametrize(
    ("written", "time"),
    [
        ("2024-04-10T23:00:00Z", CAME),
        (1712790000, CAME),
        (1712790000100000000, CAME + dt.timedelta(milliseconds=100)),
    ],
    ids=["RFC 3339", "seconds", "nanoseconds"],
)
def test_a_time_is_text_or_a_number_of_seconds_or_nanoseconds(
    written: str | int, time: dt.datetime
) -> None:
    rows = read(*[ENTRY | {"EdgeStartTimestamp": written}] * 40)
    assert {row["time"] for row in rows} == {time}


def test_the_fields_are_those_of_a_request() -> None:
    (row,) = read(ENTRY | {"EdgeStartTimestamp": 1712790000})
    del row["line_id"]
    assert {name: value for name, value in row.items() if value is not None} == {
        "remote_addr": "2001:db8::7",
        "time": CAME,
        "method": "GET",
        "target": "/core/a.csv?v=1",
        "protocol": "HTTP/2",
        "status": 206,
        "bytes": 12480,
        "referer": "https://example.org/",
        "user_agent": "curl/8.5.0",
        "scheme": "https",
        "host": "data.example.org",
    }
