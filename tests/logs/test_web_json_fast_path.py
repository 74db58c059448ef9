"""What is read at once of a web server's log in JSON is what the rule reads.

``WEB_LOG_BATCHES=100000 pytest tests/logs/test_web_json_fast_path.py`` is the long
form.
"""

import json
import os
import random
from typing import Any

import pyarrow as pa
import pytest
from web_lines import SEED, batch, mutated

from usage_metrics.logs.blocks import Block
from usage_metrics.logs.web import json_format
from usage_metrics.logs.web.json_format import JsonLog
from usage_metrics.logs.web.presets import open_format

BATCHES = int(os.environ.get("WEB_LOG_BATCHES", "300"))

CADDY: dict[str, Any] = {
    "level": "info",
    "ts": 1774746000.1234567,
    "logger": "http.log.access.log0",
    "msg": "handled request",
    "request": {
        "remote_ip": "192.0.2.7",
        "client_ip": "198.51.100.7",
        "proto": "HTTP/2.0",
        "method": "GET",
        "host": "data.example.org",
        "uri": '/a%20b?q="\u043f"',
        "headers": {
            "User-Agent": ["curl/8.5.0"],
            "X-Forwarded-For": ["203.0.113.9", "198.51.100.7"],
            "Accept": ["*/*"],
        },
    },
    "duration": 0.0175,
    "size": 3768,
    "status": 200,
    "resp_headers": {"Server": ["Caddy"]},
}
TRAEFIK: dict[str, Any] = {
    "ClientHost": "192.0.2.7",
    "DownstreamStatus": 304,
    "DownstreamContentSize": 0,
    "Duration": 1234567,
    "RequestHost": "data.example.org",
    "RequestMethod": "GET",
    "RequestPath": "/a?b=c",
    "RequestPort": "-",
    "RequestProtocol": "HTTP/1.1",
    "RequestScheme": "https",
    "StartUTC": "2026-03-29T01:59:59.123456789Z",
    "request_User-Agent": "curl/8.5.0",
}
OWN: dict[str, Any] = {
    "at": "1774746000",
    "from": ["192.0.2.1"],
    "url": "/a",
    "code": "200",
    "ms": "7",
}
FIELDS = (
    "timestamp: at, remote_ip: from, request_url: url, status: code, latency_ms: ms, "
    "user_agent: client.agent"
)


def changed(entry: dict[str, Any], **values: object) -> dict[str, Any]:
    """An entry with other values; those within ``request`` are named with ``__``."""
    entry = json.loads(json.dumps(entry))
    for name, value in values.items():
        place, _, last = name.rpartition("__")
        inner = entry[place] if place else entry
        inner[last] = value
    return entry


SAMPLES: dict[str, list[dict[str, Any]]] = {
    "caddy": [
        CADDY,
        changed(CADDY, request__headers={}, size=0),
        changed(CADDY, request__headers={"User-Agent": []}, status=None),
        changed(CADDY, request__remote_ip=None, request__remote_addr="192.0.2.8:99"),
        changed(CADDY, msg="handled", request="none"),
        changed(CADDY, ts="2026-03-29T01:00:00.5+02:00"),
        changed(CADDY, ts=None),
        changed(CADDY, status="200"),
        changed(CADDY, status=-1),
        changed(CADDY, size=1e3),
        changed(CADDY, duration="17ms"),
        changed(CADDY, request=["x"]),
    ],
    "traefik": [
        TRAEFIK,
        changed(TRAEFIK, RequestPort="8080", ClientUsername="-"),
        changed(TRAEFIK, StartUTC="2026-02-30T01:00:00Z"),
        changed(TRAEFIK, StartUTC="2026-02-28T01:00:00+01:00"),
    ],
    FIELDS: [
        OWN,
        changed(OWN, code="-", ms=""),
        changed(OWN, code="20x"),
        changed(OWN, at=1774746000123),
        changed(OWN, client={"agent": "curl"}),
        changed(OWN, **{"from": "192.0.2.1"}),
    ],
}
"""Entries of some formats; not all of them are read."""


def the_format(name: str) -> JsonLog:
    made = open_format("json", name) if name == FIELDS else open_format(name)
    assert isinstance(made, JsonLog)
    return made


def lines_of(name: str) -> list[bytes]:
    found = [
        json.dumps(entry, ensure_ascii=number % 2 == 0, separators=(",", ":")).encode()
        for number, entry in enumerate(SAMPLES[name])
    ]
    return [*found, b"caddy-1  | " + found[0], b"[]", b"{}", found[0] + b"\r"]


def read_both_ways(
    name: str, block: Block, monkeypatch: pytest.MonkeyPatch
) -> tuple[pa.Table, pa.Table]:
    monkeypatch.setattr(json_format, "LINE_BY_LINE", 1)
    fast = the_format(name).read(block)
    monkeypatch.setattr(json_format, "LINE_BY_LINE", len(block))
    return fast, the_format(name).read(block)


@pytest.mark.parametrize("name", SAMPLES)
def test_what_is_read_at_once_is_what_the_rule_reads(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for lines in ([line] * 2 for line in lines_of(name)):
        fast, singly = read_both_ways(name, batch(lines), monkeypatch)
        assert fast.to_pylist() == singly.to_pylist()


@pytest.mark.parametrize("name", SAMPLES)
def test_ordinary_entries_are_all_read_at_once(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_format, "entry_of", None)
    ordinary = lines_of(name)[:1] * (json_format.LINE_BY_LINE + 1)
    table = the_format(name).read(batch(ordinary))
    assert table["time"].null_count == 0


@pytest.mark.parametrize("name", SAMPLES)
def test_no_change_of_a_few_bytes_makes_a_difference(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(SEED)
    lines = lines_of(name)
    for _ in range(BATCHES // len(SAMPLES)):
        some = rng.choices(lines, weights=[9, *[1] * (len(lines) - 1)], k=6)
        some = [mutated(line, rng) if rng.random() < 0.5 else line for line in some]
        fast, singly = read_both_ways(name, batch(some), monkeypatch)
        assert fast.to_pylist() == singly.to_pylist(), some
