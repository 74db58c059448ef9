"""Lines of Amazon's load balancers become rows of a web server's log."""

import datetime as dt
import os
from typing import Any

import pyarrow as pa
import pytest
from mutations import mutated_block

from usage_metrics.logs.blocks import cleaned
from usage_metrics.logs.web import aws_balancer
from usage_metrics.logs.web.aws_balancer import PLANS, AwsLoadBalancer

APPLICATION = (
    "https 2024-05-04T00:00:01.250000Z app/ours/50dc6c495c0c9188 198.51.100.7:44325 "
    '10.0.0.1:80 0.013 0.164 0.001 206 206 391 107999 "GET '
    'https://data.example.org:443/a%20b.csv?v=1 HTTP/2.0" "'
    'DuckDB \\x22x\\x22 \\xc3\\xbc" '
    "ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:elasticloadbalancing:x "
    '"Root=1-5e19" "data.example.org" "arn:aws:acm:x" 2 2024-05-03T23:59:59.624000Z '
    '"waf,forward" "-" "-" "10.0.0.1:80" "206" "-" "-" TID_1234'
)
CLASSIC = (
    "2024-05-03T23:39:43.945958Z ours [2001:db8::7]:2817 10.0.0.1:80 0.000073 0.001048 "
    '0.000057 200 200 0 29 "GET http://data.example.org:80/ HTTP/1.1" "curl/7.38.0" - -'
)
SAID_BY_APPLICATION = {
    "remote_addr": "198.51.100.7:44325",
    "time": dt.datetime(2024, 5, 3, 23, 59, 59, 624_000, dt.UTC),
    "method": "GET",
    "target": "/a%20b.csv",
    "query": "v=1",
    "protocol": "HTTP/2.0",
    "status": 206,
    "bytes": 107999,
    "user_agent": 'DuckDB "x" ü',
    "scheme": "https",
    "host": "data.example.org",
    "port": 443,
    "latency": 0.178,
}
SAID_BY_CLASSIC = {
    "remote_addr": "[2001:db8::7]:2817",
    "time": dt.datetime(2024, 5, 3, 23, 39, 43, 945_958, dt.UTC),
    "method": "GET",
    "target": "/",
    "protocol": "HTTP/1.1",
    "status": 200,
    "bytes": 29,
    "user_agent": "curl/7.38.0",
    "scheme": "http",
    "host": "data.example.org",
    "port": 80,
    "latency": 0.001178,
}


def read(*lines: str) -> list[dict[str, Any]]:
    log = AwsLoadBalancer()
    content = "".join(f"{line}\n" for line in lines).encode()
    blocks = log.blocks(pa.BufferReader(content), "elb.log")
    table = pa.concat_tables([log.schema.empty_table(), *map(log.read, blocks)])
    table.validate(full=True)
    return [
        {k: v for k, v in row.items() if v is not None and k != "line_id"}
        for row in table.to_pylist()
    ]


def test_both_kinds_may_be_mixed() -> None:
    assert read(APPLICATION, CLASSIC) == [SAID_BY_APPLICATION, SAID_BY_CLASSIC]


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        (" 206 206 ", " - - ", {"status": None}),
        ("0.013 0.164", "-1 -1", {"latency": None}),
        ("DuckDB \\x22x\\x22 \\xc3\\xbc", '"x" y', {"user_agent": '"x" y'}),
        ("DuckDB \\x22x\\x22 \\xc3\\xbc", "-", {"user_agent": None}),
        (" TID_1234", "", {}),
        (" 107999 ", " -1 ", {"bytes": None}),
        (
            "GET https://data.example.org:443/a%20b.csv?v=1 HTTP/2.0",
            "GET /",
            {
                **dict.fromkeys(["method", "target", "query", "protocol", "scheme"]),
                **dict.fromkeys(["host", "port"]),
                "request": "GET /",
            },
        ),
    ],
)
def test_what_a_field_may_be(old: str, new: str, change: dict[str, Any]) -> None:
    (row,) = read(APPLICATION.replace(old, new))
    expected = SAID_BY_APPLICATION | change
    assert row == {name: value for name, value in expected.items() if value is not None}


def test_a_connection_without_a_request_is_an_entry_and_no_request() -> None:
    request = '"GET http://data.example.org:80/ HTTP/1.1" "curl/7.38.0"'
    (row,) = read(CLASSIC.replace(request, '"- - - " "-"').replace("200 200", "- -"))
    assert row.keys() == {"time"}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("tls 2.0 2024-05-03T02:59:40 net/ours/c6 g3 192.0.2.7:1 10.0.0.1:443 5 2 98 -",
         "is of a network load balancer, which logs connections, not requests"),
        (APPLICATION[:-200], "is no line of an application or a classic load balancer"),
        (CLASSIC.replace("-05-03T", "-02-30T"), "is no line of an application or a "
         "classic load balancer"),
        (CLASSIC.replace(" 29 ", " 2x "), "is no line of an application or a classic "
         "load balancer"),
    ],
)  # fmt: skip
def test_a_line_that_cannot_be_is_rejected_with_the_reason(
    line: str, reason: str
) -> None:
    first, row, last = read(CLASSIC, line, CLASSIC)
    assert first == last == SAID_BY_CLASSIC
    assert row == {
        "unreadable": line,
        "unreadableReason": f"line 2 of elb.log {reason}",
    }


def test_each_line_mentions_the_day_of_its_request() -> None:
    day = AwsLoadBalancer().mention(dt.date(2024, 5, 3))
    assert day
    assert all(day in line.encode() for line in (APPLICATION, CLASSIC))


BATCHES = int(os.environ.get("FUZZ_BATCHES", "100"))
"""The long form has 100,000."""


def test_many_lines_at_once_are_read_as_each_by_the_rule(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Some lines are read at once, so that this compares something."""
    log = AwsLoadBalancer()
    lines = [APPLICATION.encode(), CLASSIC.encode()]
    at_once = 0
    for seed in range(BATCHES):
        block = mutated_block(lines, b' ""\\-.0159TZx\r\t\xff', seed)
        if not len(block):
            continue
        at_once += sum(plan.read(cleaned(block))[1].sum() for plan in PLANS)
        found = log.read(block)
        with monkeypatch.context() as patch:
            patch.setattr(aws_balancer, "PLANS", ())
            assert found.equals(log.read(block)), (seed, block.text)
    assert at_once > BATCHES
