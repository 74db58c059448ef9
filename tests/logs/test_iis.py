"""Logs of IIS, whose fields stand above them, become rows of a web server's log."""

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from usage_metrics.logs.blocks import Block
from usage_metrics.logs.web.presets import open_format

FIELDS = (
    "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip "
    "cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken"
)
LINE = (
    "2021-04-01 00:00:21 192.0.2.1 GET /data/a.csv v=1 443 - 198.51.100.7 "
    "Mozilla/5.0+(Windows+NT+10.0) https://example.org/a+b 200 0 0 65"
)
SAID = {
    "remote_addr": "198.51.100.7",
    "time": dt.datetime(2021, 4, 1, 0, 0, 21, tzinfo=dt.UTC),
    "method": "GET",
    "target": "/data/a.csv",
    "query": "v=1",
    "status": 200,
    "referer": "https://example.org/a+b",
    "user_agent": "Mozilla/5.0 (Windows NT 10.0)",
    "port": 443,
    "latency": 0.065,
}


def read(*lines: str) -> list[dict[str, Any]]:
    log = open_format("iis")
    content = "".join(f"{line}\r\n" for line in lines).encode()
    blocks = log.blocks(pa.BufferReader(content), "u_ex210401.log")
    table = pa.concat_tables([log.schema.empty_table(), *map(log.read, blocks)])
    table.validate(full=True)
    return [
        {k: v for k, v in row.items() if v is not None and k != "line_id"}
        for row in table.to_pylist()
    ]


def test_the_fields_are_those_that_the_log_names() -> None:
    assert read("#Software: IIS 10.0", f"#Fields: {FIELDS} ", LINE) == [SAID]


def test_the_fields_may_change_within_a_file() -> None:
    other = (
        "#Fields: c-ip time date sc-status sc-bytes cs-version X-Forwarded-For cs-host"
    )
    values = (
        "198.51.100.9 10:00:00 2021-04-01 404 1234 HTTP/1.1 203.0.113.1 example.org"
    )
    first, second = read(f"#Fields: {FIELDS}", LINE, "#Software: x", other, values)
    assert first == SAID
    assert second == {
        "remote_addr": "198.51.100.9",
        "time": dt.datetime(2021, 4, 1, 10, tzinfo=dt.UTC),
        "status": 404,
        "bytes": 1234,
        "protocol": "HTTP/1.1",
        "forwarded_for": "203.0.113.1",
        "host": "example.org",
    }


def test_the_date_may_stand_above_the_lines_only_and_ends_at_midnight() -> None:
    rows = read(
        "#Date: 2021-03-31 12:00:00",
        "#Fields: time sc-status",
        *("11:59:59 200", "12:00:00 200", "23:59:59 200", "00:00:01 200"),
        "#Date: 2021-04-02 00:00:00",
        "00:00:02 200",
    )
    assert [str(row["time"])[:19] for row in rows] == [
        "2021-03-31 11:59:59",  # written a moment before the line above it
        "2021-03-31 12:00:00",
        "2021-03-31 23:59:59",
        "2021-04-01 00:00:01",
        "2021-04-02 00:00:02",
    ]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([LINE], "line 1 of u_ex210401.log comes before a line with #Fields"),
        (
            ["#Fields: time sc-status", "10:00:00 200"],
            "has no date and time, and no #Date stands above it",
        ),
        (
            ["#Date: some day", "#Fields: time", "10:00:00"],
            "has time = 'some day 10:00:00', which is not a day and time",
        ),
        (
            [f"#Fields: {FIELDS}", LINE.replace(" 200 ", " two hundred ")],
            "has 16 fields",
        ),
        ([f"#Fields: {FIELDS}", LINE.replace(" 200 ", " OK ")], "has sc_status = 'OK'"),
    ],
)
def test_a_line_that_cannot_be_is_rejected_with_the_reason(
    lines: list[str], reason: str
) -> None:
    (row,) = read(*lines)
    assert row["unreadable"] == lines[-1]
    assert reason in row["unreadableReason"]


def test_each_line_has_a_hash_by_which_equal_ones_are_known() -> None:
    block = Block(
        f"{LINE}\n{LINE}\n#\n".encode(), np.arange(1, 4), "a", b"#Fields: date"
    )
    one, other, third = open_format("iis").read(block)["line_id"].to_pylist()
    assert one == other != third
