"""Hostile lines: each ends in exactly one place, whatever it is."""

import copy
import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
from flow import DAY, Flow
from hypothesis import example, given, settings
from hypothesis import strategies as st

from faults.hostile import PLAIN, among_others, follow
from usage_metrics.cleaning.long_texts import LONGEST

NASTY = [
    "\x00",
    "a\x00b",
    "\ud800",
    "\udfff\ud800",
    "\u202eevil\u202c",
    "\u2066\u2069",
    "\x1b]0;owned\x07\x1b[2J\x1b[31m",
    "'; DROP TABLE datasette_request_logs; --",
    '"); DELETE FROM usage_metrics_partitions; --',
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "\ufeff",
    "\u2028\u2029\x85\x0b\x0c",
    "𝕳𝖊𝖑𝖑𝖔" * 50,
    "e\u0301" * 1000,
    "%00%0d%0aSet-Cookie:x",
    "http://[::1",
    "https://[v1.x]/pudl/a.json",
    "//",
    "https://data.example:99999/pudl",
    "https://data.example/" + "x/" * 5000,
    "9" * 5000,
    "-0",
    "1e400",
    "0x10",
    "١٢٣",
    " 1 ",
    "0000-00-00T00:00:00Z",
    "9999-12-31T23:59:60Z",
    "::ffff:8.8.8.8",
    "8.8.8.8, 1.1.1.1",
    "fe80::1%eth0",
    "256.1.1.1",
    "0x7f.1",
]
NUMBERS = [0, -1, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 10**400, 1e308, 5e-324, 0.1]

VALUES = st.one_of(
    st.sampled_from(NASTY),
    st.sampled_from(NUMBERS),
    st.none() | st.booleans() | st.text(max_size=20),
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        ),
        max_leaves=8,
    ),
)


def _fields(entry: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[Any]:
    for name, value in entry.items():
        yield (*above, name)
        if isinstance(value, dict):
            yield from _fields(value, (*above, name))


FIELDS = [*_fields(PLAIN), ("unknown",), ("httpRequest", "unknown"), ("labels",)]


def _with(field: tuple[str, ...], value: Any) -> dict[str, Any]:
    entry = copy.deepcopy(PLAIN)
    record = entry
    for name in field[:-1]:
        record = record[name]
    record[field[-1]] = value
    return entry


def _line(entry: Any) -> bytes:
    return json.dumps(entry).encode()


@settings(max_examples=40)
@given(line=st.binary(max_size=200))
@example(b"\xff\xfe\x00\xd8")
@example(b"{" * 100_000)
@example(b"[" * 100_000)
@example(b'{"timestamp":' + b"1" * 100_000 + b"}")
def test_any_bytes_end_as_one_row_a_line(line: bytes) -> None:
    found = follow(among_others(line))
    assert found is None or found == 42 + len(
        [piece for piece in line.split(b"\n") if piece.strip(b" \t\r")]
    )


@settings(max_examples=40)
@given(content=st.binary(max_size=300))
@example(b"[{}, {}")
@example(b"\x1f\x8b")
def test_any_file_adds_up_or_is_refused_in_a_sentence(content: bytes) -> None:
    if not content.startswith(b"\x1f\x8b"):
        lines = [x for x in content.split(b"\n") if x.strip(b" \t\r")]
        is_array = content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")
        assert is_array or follow(content) in (None, len(lines))
        assert follow(gzip.compress(content)) == follow(content)


@settings(max_examples=50)
@given(field=st.sampled_from(FIELDS), value=VALUES)
def test_any_value_in_any_field_ends_as_one_row(field: Any, value: Any) -> None:
    assert follow(among_others(_line(_with(field, value)))) == 43


@pytest.mark.parametrize("text", NASTY, ids=lambda text: repr(text[:20]))
def test_nasty_text_in_every_field_at_once_is_one_row(text: str) -> None:
    entry = copy.deepcopy(PLAIN)
    for field in FIELDS:
        if field != ("timestamp",) and not isinstance(entry.get(field[0]), dict):
            entry = {**entry, field[0]: text}
    for name in PLAIN["httpRequest"]:
        if name not in ("status", "latency", "responseSize"):
            entry["httpRequest"][name] = text
    assert follow(among_others(_line(entry))) == 43


@settings(max_examples=40)
@given(value=st.recursive(VALUES, lambda v: st.lists(v, max_size=3), max_leaves=5))
def test_any_json_is_one_row(value: Any) -> None:
    assert follow(among_others(_line(value))) == 43


def test_a_url_of_a_megabyte_is_kept_whole_in_raw_and_so_are_many(flow: Flow) -> None:
    long = "https://data.example/pudl/a.json?q=" + "x" * (1 << 20)
    flow.export(DAY, *[_with(("httpRequest", "requestUrl"), long)], *_ids(3, long))
    assert flow.load(1).scheduling_succeeded
    requests = flow.table("raw")["httpRequest"].to_pylist()
    assert [request["requestUrl"] for request in requests] == [long] * 4
    beginnings = flow.query(
        f"SELECT DISTINCT substr(request_url, 1, {LONGEST}) FROM datasette_request_logs"
    )
    assert beginnings == [(long[:LONGEST],)]


def _ids(number: int, url: str) -> list[dict[str, Any]]:
    field = ("httpRequest", "requestUrl")
    return [_with(field, url) | {"insertId": f"i{n}"} for n in range(number)]


def test_nasty_text_comes_through_to_the_database_as_it_was(flow: Flow) -> None:
    kept = [text for text in NASTY if "8.8.8.8" not in text]  # that is an address
    short = [text for text in kept if len(text) <= LONGEST]
    texts = [text for text in short if text.isprintable() or "\x1b" in text]
    agents = dict(enumerate(texts))
    flow.export(
        DAY,
        *(
            _with(("httpRequest", "userAgent"), text) | {"insertId": str(n)}
            for n, text in agents.items()
        ),
    )
    assert flow.load(1).scheduling_succeeded
    rows = flow.query("SELECT insert_id, user_agent FROM datasette_request_logs")
    assert {int(n): agent for n, agent in rows} == agents
