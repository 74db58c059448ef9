"""Lines of JSON, turned into log entries: singly by the rule, and many at once."""

import datetime as dt
import json
import subprocess
import sys
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usage_metrics.logs.blocks import REST, Block, read_blocks
from usage_metrics.logs.cloud_logging import fast_path
from usage_metrics.logs.cloud_logging.entry import ENTRY
from usage_metrics.logs.cloud_logging.fast_path import EntryReader
from usage_metrics.logs.cloud_logging.rule import entries_singly
from usage_metrics.logs.lines import CUT

TIME = "2022-03-15T14:25:58.184967Z"
ENOUGH = fast_path.LINE_BY_LINE + 8
"""So many good lines, and a block is read at once."""


def block_of(*lines: bytes) -> Block:
    text = b"".join(line + b"\n" for line in lines)
    return Block(text, np.arange(1, len(lines) + 1), "a.json")


def line_of(**fields: Any) -> bytes:
    return json.dumps({"timestamp": TIME, "insertId": "1", **fields}).encode()


def read(*lines: bytes, reader: EntryReader | None = None) -> pa.Table:
    table = (reader or EntryReader()).read(block_of(*lines))
    table.validate(full=True)
    return table


def read_one(line: bytes) -> dict[str, Any]:
    """Read a line, alone and among others, and give the one row of both."""
    alone = read(line)
    among = read(line, *[line_of(severity="INFO")] * ENOUGH)
    assert among.slice(0, 1).equals(alone)
    (row,) = alone.to_pylist()
    assert isinstance(row, dict)
    return row


@pytest.mark.parametrize(
    ("line", "reason"),
    [(b'{"a": "' + CUT, "is longer than 32 MB"), (REST, "all lines after it")],
)
def test_what_is_not_read_of_a_file_is_a_rejected_line(
    line: bytes, reason: str
) -> None:
    row = read_one(line)
    assert row["unreadable"] == line.decode()
    assert "line 1 of a.json" in row["unreadableReason"]
    assert reason in row["unreadableReason"]


# --- what a field may be, and what becomes of it --------------------------------------


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)  # type: ignore[misc,arg-type]


VALUES = [
    ("insertId", "", ""),
    ("insertId", "a\x00b", "a\x00b"),
    ("severity", "\x1b[31m\u202e", "\x1b[31m\u202e"),
    ("trace", None, None),
    ("traceSampled", True, True),
    ("traceSampled", False, False),
    ("timestamp", "2022-03-15T14:25:58Z", utc(2022, 3, 15, 14, 25, 58)),
    ("timestamp", "2022-03-15T14:25:58.1Z", utc(2022, 3, 15, 14, 25, 58, 100_000)),
    # Cut, not rounded, as the key must be the one that BigQuery has.
    (
        "timestamp",
        "2022-03-15T14:25:58.999999999Z",
        utc(2022, 3, 15, 14, 25, 58, 999999),
    ),
    (
        "timestamp",
        "1969-12-31T23:59:59.9999999Z",
        utc(1969, 12, 31, 23, 59, 59, 999999),
    ),
    ("timestamp", "2022-03-15T00:30:00+01:00", utc(2022, 3, 14, 23, 30)),
    ("timestamp", "2999-12-31T00:00:00Z", utc(2999, 12, 31)),
    ("receiveTimestamp", "2022-03-15T14:25:58Z", utc(2022, 3, 15, 14, 25, 58)),
    ("httpRequest.requestSize", "427", 427),
    ("httpRequest.requestSize", 427, 427),
    ("httpRequest.responseSize", "9223372036854775807", 2**63 - 1),
    ("httpRequest.cacheFillBytes", "-5", -5),
    ("httpRequest.status", 200, 200),
    ("httpRequest.status", "200", 200),
    ("httpRequest.status", 200.0, 200),
    ("httpRequest.latency", "0.111393s", 0.111393),
    ("httpRequest.latency", "0.012949197s", 0.012949197),
    ("httpRequest.latency", "1s", 1.0),
    ("httpRequest.latency", 0.5, 0.5),
    ("httpRequest.requestUrl", "https://x/?q=😀&é", "https://x/?q=😀&é"),
    pytest.param("httpRequest.requestUrl", "x" * 1_000_000, "x" * 1_000_000, id="1 MB"),
    ("httpRequest.userAgent", "a\ud800b", "a\ufffdb"),
    ("httpRequest.cacheHit", None, None),
    ("sourceLocation.line", "12", 12),
    ("split.index", 1, 1),
    ("errorGroups", [{"id": "e"}, {}], [{"id": "e"}, {"id": None}]),
    ("errorGroups", [], None),
    ("resource.labels.location", "us-central1", "us-central1"),
]


def at(row: dict[str, Any], path: str) -> Any:
    value: Any = row
    for name in path.split("."):
        value = value[name]
    return value


def entry_with(path: str, value: Any) -> bytes:
    for name in reversed(path.split(".")):
        value = {name: value}
    return line_of(**value)


@pytest.mark.parametrize(("path", "value", "expected"), VALUES)
def test_a_field_gets_the_type_it_has_in_bigquery(
    path: str, value: Any, expected: Any
) -> None:
    row = read_one(entry_with(path, value))
    assert row["unreadableReason"] is None
    assert at(row, path) == expected
    assert row["otherFields"] is None


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("insertId", 5, "insertId = '5', which is not text"),
        ("trace", {"a": "\x1b"}, r"""trace = '{"a": "\\u001b"}', which is not text"""),
        ("traceSampled", 1, "traceSampled = '1', which is not true or false"),
        ("labels", "x", "labels = 'x', which is not an object"),
        ("resource.labels", [], "resource.labels = '[]', which is not an object"),
        ("errorGroups", {}, "errorGroups = '{}', which is not a list"),
        ("errorGroups", [1], "errorGroups[] = '1', which is not an object"),
        ("timestamp", 5, "timestamp = '5', which is not a time such as 2022"),
        ("timestamp", "yesterday\x1b[31m", r"timestamp = 'yesterday\x1b[31m', which"),
        ("timestamp", "2022-02-30T00:00:00Z", "2022-02-30T00:00:00Z', which is not a"),
        ("timestamp", "2022-03-15T23:59:60Z", "2022-03-15T23:59:60Z', which is not a"),
        ("timestamp", "2022-03-15T14:25:58", "14:25:58', which is not a time"),
        ("timestamp", TIME + "\n", r"184967Z\n', which is not a time"),
        ("timestamp", "0001-01-01T00:00:00+01:00", "+01:00', which is not a time"),
        ("httpRequest.status", 200.5, "status = '200.5', which is not an integer"),
        ("httpRequest.status", True, "status = 'true', which is not an integer"),
        ("httpRequest.status", 10**30, "000', which is not an integer"),
        pytest.param("split.index", 10**4000, "000'…, which is not", id="4001 digits"),
        ("httpRequest.requestSize", "9223372036854775808", "808', which is not an int"),
        ("httpRequest.requestSize", "0x1F", "'0x1F', which is not an integer"),
        ("httpRequest.requestSize", "", "requestSize = '', which is not an integer"),
        ("httpRequest.latency", "0.1", "'0.1', which is not a duration such as 0.25s"),
        ("httpRequest.latency", "infs", "'infs', which is not a duration"),
        ("httpRequest.latency", 1e300, "'1e+300', which is not a duration"),
        pytest.param("split.index", "x" * 1_000_000, "xxx'…, which is not", id="1 MB"),
    ],
)
def test_a_value_that_cannot_be_is_the_reason_why_the_line_is_no_entry(
    path: str, value: Any, words: str
) -> None:
    line = entry_with(path, value)
    row = read_one(line)
    assert words in row["unreadableReason"]
    assert row["unreadable"].encode() == line
    assert len(row["unreadableReason"]) < 300


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"oops", "is not JSON: Expecting value at character 1"),
        (line_of()[:40], "is not JSON: Unterminated string starting at character 15"),
        (line_of() * 2, "is not JSON: Extra data at character 62"),
        (b'{"timestamp":NaN}', "is not JSON: NaN is no number there"),
        (b"\x00", "is not JSON: Expecting value at character 1"),
        (b'{"a":"\x00"}', "is not JSON: Invalid control character at character 7"),
        (b"\xff\xfe", "is not JSON: Expecting value at character 1"),
        (b"null", "is no JSON object"),
        (b"[]", "is no JSON object"),
        (b'"x"', "is no JSON object"),
        (b"{}", "has no timestamp"),
        (b'{"timestamp":null}', "has no timestamp"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "is nested too deeply"),
    ],
)
def test_a_line_that_is_no_entry_is_kept_with_the_reason(
    line: bytes, reason: str
) -> None:
    (row,) = read(line).to_pylist()
    assert row.pop("unreadableReason").startswith("line 1 of a.json " + reason)
    assert row.pop("unreadable") == line.decode("utf-8", "replace")
    assert set(row.values()) == {None}


def test_a_carriage_return_is_no_part_of_a_line() -> None:
    lines = [line_of(severity="INFO") + b"\r"] * ENOUGH
    table = read(*lines, b"oops\r")
    assert table["unreadable"].to_pylist() == [None] * ENOUGH + ["oops"]


def test_bytes_that_are_no_text_are_replaced() -> None:
    line = line_of(httpRequest={"userAgent": "?", "requestUrl": "/"})
    row = read_one(line.replace(b"?", b"\xc0\xaf\xed\xa0\x80"))
    assert row["httpRequest"]["userAgent"] == "\ufffd" * 5
    assert row["unreadableReason"] is None


# --- what nobody declared -------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({"b": 1, "a": "ü"}, '{"a":"ü","b":1}'),
        ({"labels": {"instanceId": "i", "team": "x"}}, '{"labels":{"team":"x"}}'),
        ({"labels": {"instanceId": "i", "team": None}}, None),
        ({"a": None, "b": {"c": {}}, "d": []}, None),
        ({"errorGroups": [{"id": "e"}, {"n": 1}]}, '{"errorGroups":[null,{"n":1}]}'),
        ({"a": [{"b": None}, 0, False, ""]}, '{"a":[null,0,false,""]}'),
        # BigQuery has all numbers of a payload as floating point.
        ({"a": 5.0, "b": 5, "c": 0.25, "d": 2.0**60}, '{"a":5,"b":5,"c":0.25,"d":1.1'),
        ({"a": 10**30}, '{"a":1000000000000000000000000000000}'),
        ({"a\ud800": "b\udfff"}, '{"a\ufffd":"b\ufffd"}'),
        (
            {"unreadable": "x", "otherFields": "y"},
            '{"otherFields":"y","unreadable":"x"}',
        ),
        ({"Timestamp": TIME}, '{"Timestamp":"2022-03-15T14:25:58.184967Z"}'),
    ],
)
def test_fields_that_nobody_declared_are_kept_in_one_written_one_way(
    fields: dict[str, Any], kept: str | None
) -> None:
    row = read_one(line_of(**fields))
    assert row["unreadableReason"] is None
    if kept is None:
        assert row["otherFields"] is None
    else:
        assert row["otherFields"].startswith(kept)


@pytest.mark.parametrize("digits", ["9" * 5000, "-" + "9" * 5000, "1e999", "-1e999"])
def test_a_number_beyond_all_measure_is_kept_as_text(digits: str) -> None:
    row = read_one(line_of()[:-1] + b', "n":' + digits.encode() + b"}")
    assert json.loads(row["otherFields"]) == {"n": digits}


def test_the_last_of_two_equal_keys_counts() -> None:
    row = read_one(b'{"timestamp":"' + TIME.encode() + b'","trace":"a","trace":"b"}')
    assert row["trace"] == "b"


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(line_of(severity="INFO", new="x"), id="a field never seen"),
        pytest.param(line_of(labels={"new": {"a": "x"}}), id="one deeper down"),
        pytest.param(line_of(severity=None, new=None), id="nulls"),
        pytest.param(
            line_of(httpRequest=None, labels={}), id="no object, an empty one"
        ),
        pytest.param(line_of(errorGroups=[{"id": "x"}]), id="a list"),
        pytest.param(line_of()[:-1] + b',"severity":"A","severity":"B"}', id="twice"),
        pytest.param(line_of()[:-1] + b',"severity":"\\udc80"}', id="half a character"),
        pytest.param(line_of()[:-1] + b',"severity":"\xff"}', id="no UTF-8"),
        pytest.param(line_of(severity=1), id="a number in place of text"),
    ],
)
def test_what_comes_after_the_fields_are_learnt_is_read_as_the_rule_reads_it(
    odd: bytes,
) -> None:
    usual = [line_of(severity="INFO", httpRequest={"status": 200})] * ENOUGH
    reader = EntryReader()
    for lines in (usual, [*usual, odd], usual, [odd, *usual], [odd] * ENOUGH, usual):
        assert read(*lines, reader=reader).equals(entries_singly(block_of(*lines)))


def test_keys_are_counted_only_while_there_are_unexpected_fields(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counted: list[int] = []
    count = fast_path._count_keys

    def counting(block: Block) -> Any:
        counted.append(len(block))
        return count(block)

    monkeypatch.setattr(fast_path, "_count_keys", counting)
    usual = [line_of(severity="INFO")] * 2 * ENOUGH
    reader = EntryReader()
    for lines in (usual, [*usual, line_of(trace="x")], usual):
        read(*lines, reader=reader)
    assert counted == [len(usual) + 1]


def test_fields_that_every_entry_has_are_read_at_once_declared_or_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    singly: list[int] = []

    def count(block: Block) -> pa.Table:
        singly.append(len(block))
        return entries_singly(block)

    monkeypatch.setattr(fast_path, "entries_singly", count)
    lines = [
        line_of(
            severity="INFO",
            labels={"instanceId": "i", "team": f"team {n % 3}"},
            apphub={"application": {"id": "a", "location": "global"}},
            trace=f"{n}" if n % 2 else None,
        ).replace(b', "trace": null', b"")
        for n in range(200)
    ]
    table = read(*lines)
    assert singly == []
    assert table.equals(entries_singly(block_of(*lines)))
    assert table["otherFields"].to_pylist()[4] == (
        '{"apphub":{"application":{"id":"a","location":"global"}},'
        '"labels":{"team":"team 1"}}'
    )


def test_one_odd_line_in_a_thousand_is_the_only_one_read_singly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    singly: list[int] = []

    def count(block: Block) -> pa.Table:
        singly.extend(block.numbers.tolist())
        return entries_singly(block)

    monkeypatch.setattr(fast_path, "entries_singly", count)
    lines = [line_of(severity="INFO")] * 1000
    lines[10] = line_of(trace="t", foo=1)
    lines[500] = lines[500][:-7]
    lines[999] = b"null"
    table = read(*lines)
    assert sorted(singly) == [11, 501, 1000]
    assert table["unreadableReason"].null_count == 998


# --- the whole is read as its lines are -----------------------------------------------

TEXTS = st.sampled_from(
    [
        "",
        "x",
        TIME,
        "5",
        "0.5s",
        "\x00",
        "\ud800",
        '":',
        "a\\",
        "é😀",
        "07",
        "-0",
        "1 :2",
    ]
)
SCALARS = st.none() | st.booleans() | st.integers(-(2**65), 2**65) | st.floats() | TEXTS
NAMES = st.sampled_from(
    ["insertId", "timestamp", "trace", "labels", "x", "", "é", 'a"b', "otherFields"]
)
CHILDREN = st.sampled_from(
    ["requestSize", "status", "latency", "instanceId", "id", "y"]
)
PARENTS = st.sampled_from(["httpRequest", "labels", "resource", "apphub", "split"])
OBJECTS = st.dictionaries(
    CHILDREN, SCALARS | st.dictionaries(CHILDREN, SCALARS, max_size=2), max_size=3
)
ENTRIES = st.builds(
    lambda base, scalars, objects: base | scalars | objects,
    st.sampled_from([{}, {"timestamp": TIME}]),
    st.dictionaries(NAMES, SCALARS | st.lists(OBJECTS, max_size=2), max_size=3),
    st.dictionaries(PARENTS | st.just("errorGroups"), OBJECTS, max_size=2),
)
SPELLINGS = st.builds(
    lambda entry, tight, ascii_only: json.dumps(
        entry,
        separators=(",", ":") if tight else (" , ", " : "),
        ensure_ascii=ascii_only,
    ).encode("utf-8", "surrogatepass"),
    ENTRIES,
    st.booleans(),
    st.booleans(),
)
CUT_OFF = st.builds(lambda line, at: line[:at], SPELLINGS, st.integers(1, 60))
FRAGMENTS = st.lists(
    st.sampled_from(
        [
            *(bytes([code]) for code in b'{}[]":,\\ \r1\xff\0'),
            *(b"null", b"{}", b'"timestamp":', b'"2022-03-15T14:25:58Z"', b'{"trace":'),
        ]
    ),
    min_size=1,
    max_size=8,
).map(b"".join)
LINES = (SPELLINGS | CUT_OFF | FRAGMENTS | st.binary(min_size=1)).filter(
    lambda line: bool(line.strip(b" \t\r")) and b"\n" not in line
)


@settings(max_examples=50)
@given(st.lists(st.lists(LINES, max_size=12), min_size=1, max_size=3), st.randoms())
def test_lines_read_at_once_give_what_they_give_singly(
    blocks: list[list[bytes]], random: Any
) -> None:
    reader = EntryReader()
    for odd in blocks:
        good = line_of(severity="INFO", httpRequest={"status": 200, "latency": "1s"})
        lines = [*odd, *[good] * ENOUGH]
        random.shuffle(lines)
        expected = entries_singly(block_of(*lines))
        assert read(*lines, reader=reader).equals(expected)


@settings(max_examples=50)
@given(st.lists(st.binary(max_size=20), max_size=20))
def test_any_bytes_are_one_row_per_line_that_is_not_blank(parts: list[bytes]) -> None:
    content = b"\n".join([b"x", *parts])
    lines = [(n, line) for n, line in enumerate(content.split(b"\n"), 1)]
    lines = [(n, line) for n, line in lines if line.strip(b" \t\r")]
    reader = EntryReader()
    tables = [
        reader.read(block) for block in read_blocks(pa.BufferReader(content), "f")
    ]
    table = pa.concat_tables(tables)
    assert table.schema == ENTRY
    assert table["unreadable"].to_pylist() == [
        line.decode("utf-8", "replace").rstrip("\r") for _, line in lines
    ]
    for (number, _), reason in zip(
        lines, table["unreadableReason"].to_pylist(), strict=True
    ):
        assert reason.startswith(f"line {number} of f ")


def test_line_numbers_are_right_behind_blank_lines_and_in_halves_of_halves() -> None:
    good = line_of(httpRequest={"status": 200})
    lines = [good] * 500
    bad = {3: b'{"timestamp":5}', 77: b"", 250: b"x", 251: b"\r", 499: b"{}"}
    for row, line in bad.items():
        lines[row] = line
    (block,) = read_blocks(pa.BufferReader(b"\n".join(lines) + b"\n"), "f")
    reasons = EntryReader().read(block)["unreadableReason"].drop_null().to_pylist()
    assert [reason.split()[1] for reason in reasons] == ["4", "251", "500"]


def test_two_values_on_a_line_do_not_make_up_for_one_on_two_lines() -> None:
    half = b'{"timestamp":"' + TIME.encode() + b'"'
    two = half + b"}" + half + b"}"
    assert read(*[two] * ENOUGH)["unreadable"].null_count == 0
    lines = [two, half + b',"x":{}', b'{"y":1}}']
    assert read(*lines * ENOUGH)["unreadable"].null_count == 0


@pytest.mark.parametrize(
    "kinds",
    [
        [{"a": "text"}, {"a": {"b": "object"}}, {"a": 1}, {"a": ["b"]}],
        [{"trace": "text"}, {"trace": {"b": "no text"}}],
        [{"labels": {"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": "i"}}}}}}}}}],
        [
            {
                "a": {
                    "a": {
                        "a": {"a": {"a": {"a": {"a": {"a": {"a": {"a": {"a": "b"}}}}}}}}
                    }
                }
            }
        ],
        [{f"field {number}": "x" for number in range(150)}, {"severity": "INFO"}],
        [{"é": "x"}, {"a.b": "x", "a": {"b": "y"}}, {"": "x"}],
    ],
    ids=["of many types", "no text", "deep", "deeper", "many", "odd names"],
)
def test_fields_that_cannot_be_learnt_are_kept_all_the_same(
    kinds: list[dict[str, Any]],
) -> None:
    lines = [line_of(**kinds[n % len(kinds)]) for n in range(3 * ENOUGH)]
    reader = EntryReader()
    for _ in range(2):
        assert read(*lines, reader=reader).equals(entries_singly(block_of(*lines)))


# --- nothing crashes the process ------------------------------------------------------

HOSTILE = """
import pyarrow as pa
from concurrent.futures import ThreadPoolExecutor
from usage_metrics.logs.blocks import read_blocks
from usage_metrics.logs.cloud_logging.fast_path import EntryReader

TIME = b'{"timestamp":"2022-03-15T14:25:58Z","x":'
GOOD = TIME + b'"y"}'

def nested(opening, closing, depth):
    return TIME + opening * depth + b"1" + closing * depth + b"}"

CASES = {
    "nulls alone": [b"null"] * 200,
    "empty objects": [b"{}"] * 200,
    "null fields": [TIME + b"null}"] * 200,
    "numbers alone": [b"1"] * 200,
    **{
        f"{opening} {depth} deep, {padding} longer": [
            nested(opening, closing, depth).replace(b"x", b"x" * padding), *[GOOD] * 40
        ]
        for opening, closing in ((b"[", b"]"), (b'{"a":', b"}"), (b'{"a":[', b"]}"))
        for depth in (100, 480, 980, 3_000, 9_000, 50_000)
        for padding in (1, 3_000)
    },
    "not closed": [TIME + b"[" * 100_000, *[GOOD] * 40, b"[" * 100_000],
    "closed only": [TIME + b"1" + b"]" * 100_000 + b"}", *[GOOD] * 40],
    "a field of its own in every line": [
        TIME.replace(b"x", b"x%d" % n) + b'"y"}' for n in range(2_000)
    ],
    "fifty fields of its own in every line": [
        TIME + b"1," + b",".join(b'"%d %d":1' % (n, m) for m in range(50)) + b"}"
        for n in range(500)
    ],
    "a thousand fields": [
        TIME + b"1," + b",".join(b'"%d":"v"' % n for n in range(1000)) + b"}"
    ] * 40,
    "a key of 1 MB": [TIME + b'1,"' + b"k" * 1_000_000 + b'":"v"}', *[GOOD] * 40],
    "a text of 1 MB": [TIME + b'"' + b"[{" * 500_000 + b'"}', *[GOOD] * 40],
    "now a text, now an object": [GOOD, TIME + b'{"a":"b"}}'] * 40,
    "text where an object is declared": [
        TIME + b'1,"labels":"x"}', TIME + b'1,"trace":{"a":"b"}}',
        TIME + b'1,"errorGroups":"x"}', TIME + b'1,"errorGroups":{"id":"x"}}',
    ] * 20,
    "zero bytes": [b"\\0" * 1000, *[GOOD + b"\\0"] * 40],
}

def rows(lines):
    reader, found = EntryReader(), 0
    content = b"".join(line + b"\\n" for line in lines)
    for block in read_blocks(pa.BufferReader(content), "f"):
        for _ in range(2):  # the second time it knows the fields
            table = reader.read(block)
        table.validate(full=True)
        found += table.num_rows
    return found

with ThreadPoolExecutor(1) as pool:  # as when a day is read
    for name, lines in CASES.items():
        print(name, flush=True)
        assert pool.submit(rows, lines).result() == len(lines), name
print("survived")
"""


def test_no_line_crashes_the_process() -> None:
    run = subprocess.run(
        [sys.executable, "-c", HOSTILE], capture_output=True, text=True, check=False
    )
    assert run.stdout.splitlines()[-1:] == ["survived"], (run.stdout, run.stderr)
