"""Days of log entries, read from a folder of JSON exports."""

import base64
import bz2
import datetime as dt
import gzip
import json
import logging
import lzma
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from bigquery_server import (
    NEWER_COLUMNS,
    SINK_SCHEMA,
    BigQueryServer,
    connect,  # noqa: F401
    make_table,
    record,
    start_server,  # noqa: F401
    strings,
)
from export_folder import DAY, NEXT_DAY, Folder, as_lines, entry, ids, read
from google.cloud import bigquery
from hypothesis import given
from hypothesis import strategies as st
from project import Settings

from usage_metrics.errors import ChangingError, InputError
from usage_metrics.logs import blocks, files
from usage_metrics.logs.cloud_logging import exports as cloud_logging_exports
from usage_metrics.logs.reader import open_logs


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "exports")


# --- one entry, whatever it comes in --------------------------------------------------

REQUEST = {
    "requestMethod": "GET",
    "requestUrl": "https://data.example.org/pudl/plants.json?x=ü%20😀",
    "userAgent": "a\tb",
    "remoteIp": "2001:4860:4860::8888",
    "serverIp": "192.0.2.1",
    "referer": "https://example.org/",
    "cacheLookup": True,
    "cacheHit": False,
    "cacheValidatedWithOriginServer": False,
    "protocol": "HTTP/1.1",
    "status": 200,
}
SAME_IN_BOTH = {
    "logName": "projects/p/logs/run.googleapis.com%2Frequests",
    "severity": "INFO",
    "textPayload": "aborted\nbecause",
    "resource": {
        "type": "cloud_run_revision",
        "labels": {
            "service_name": "datasette",
            "revision_name": "datasette-1",
            "location": "us-central1",
            "project_id": "p",
            "configuration_name": "datasette",
        },
    },
    "labels": {"instanceId": "00ab", "team": "data"},
    "operation": {"id": "o", "producer": "w", "first": True, "last": False},
    "trace": "projects/p/traces/0",
    "spanId": "f00",
    "traceSampled": True,
    "split": {"uid": "u", "index": 0, "totalSplits": 2},
    "errorGroups": [{"id": "e1", "seen": "twice"}, {"id": "e2"}],
    "apphub": {"application": {"id": "a", "location": "global"}},
}
IN_JSON = [
    entry(
        "all",
        "2022-03-15T14:25:58.184967999Z",
        receiveTimestamp="2022-03-15T14:25:58.700001Z",
        httpRequest=REQUEST
        | {
            "requestSize": "427",
            "responseSize": "5000000000",
            "cacheFillBytes": "1",
            "latency": "0.111393s",
        },
        sourceLocation={"file": "a.py", "line": "3", "function": "f"},
        jsonPayload={"count": 3, "share": 0.25, "message": "ü", "none": None},
        **SAME_IN_BOTH,
    ),
    entry(
        "some",
        "2022-03-15T01:00:00Z",
        httpRequest={"requestUrl": "/", "latency": "1s", "responseSize": None},
        labels={"team": "x"},
        errorGroups=[],
    ),
    entry("no request", "2022-03-15T02:00:00.5Z", textPayload="started"),
    entry("empty request", "2022-03-15T03:00:00Z", httpRequest={}),
]
IN_BIGQUERY = [
    entry(
        "all",
        "2022-03-15T14:25:58.184967Z",
        receiveTimestamp="2022-03-15T14:25:58.700001Z",
        httpRequest=REQUEST
        | {
            "requestSize": 427,
            "responseSize": 5_000_000_000,
            "cacheFillBytes": 1,
            "latency": 0.111393,
        },
        sourceLocation={"file": "a.py", "line": 3, "function": "f"},
        jsonPayload={"count": 3.0, "share": 0.25, "message": "ü", "none": None},
        **SAME_IN_BOTH,
    ),
    entry(
        "some",
        "2022-03-15T01:00:00Z",
        httpRequest={"requestUrl": "/", "latency": 1.0},
        labels={"team": "x"},
        errorGroups=[],
    ),
    entry("no request", "2022-03-15T02:00:00.5Z", textPayload="started"),
    entry("empty request", "2022-03-15T03:00:00Z", httpRequest={"status": None}),
]
NUMBER = bigquery.SchemaField
GROWN_SCHEMA = [
    *(field for field in [*SINK_SCHEMA, NEWER_COLUMNS[0]] if field.name != "labels"),
    record("labels", *strings("instanceId", "team")),
    record("errorGroups", *strings("id", "seen"), mode="REPEATED"),
    record("apphub", record("application", *strings("id", "location"))),
    record(
        "jsonPayload",
        NUMBER("count", "FLOAT"),
        NUMBER("share", "FLOAT"),
        *strings("message", "none"),
    ),
]


@pytest.fixture
def from_bigquery(
    bigquery_server: BigQueryServer,
    bigquery_client: bigquery.Client,
    settings: Settings,
) -> pa.Table:
    make_table(bigquery_client, "golden", IN_BIGQUERY, schema=GROWN_SCHEMA)
    settings("bigquery", endpoint=bigquery_server.rest_url)
    return read(open_logs("bigquery://test-project.logs.golden", late_days=1))


def pushed(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry as Pub/Sub delivers it."""
    text = json.dumps(entry, ensure_ascii=False, indent=1)
    return {
        "message": {
            "data": base64.b64encode(text.encode()).decode(),
            "attributes": {"logging.googleapis.com/timestamp": entry["timestamp"]},
            "messageId": "1",
            "publishTime": "2022-03-15T23:00:00Z",
        },
        "subscription": "projects/p/subscriptions/s",
    }


CONTAINERS: dict[str, Callable[[list[Any]], bytes]] = {
    "lines": as_lines,
    "array": lambda entries: json.dumps(entries).encode(),
    "array for people": lambda entries: json.dumps(entries, indent=2).encode(),
    "array with CRLF": lambda e: json.dumps(e, indent=1).replace("\n", "\r\n").encode(),
    "lines, zipped": lambda entries: gzip.compress(as_lines(entries)),
    "array, zipped": lambda entries: gzip.compress(json.dumps(entries).encode()),
    "lines, bzip2": lambda entries: bz2.compress(as_lines(entries)),
    "lines, xz": lambda entries: lzma.compress(as_lines(entries)),
    "lines, zstd": lambda e: pa.compress(as_lines(e), codec="zstd", asbytes=True),
    "lines of Windows": lambda entries: as_lines(entries).replace(b"\n", b"\r\n"),
    "marked": lambda entries: b"\xef\xbb\xbf" + as_lines(entries),
    "without an end": lambda entries: as_lines(entries).rstrip(),
    "UTF-16 of PowerShell": lambda e: (
        b"\xff\xfe" + as_lines(e).decode().encode("utf-16-le")
    ),
    "UTF-16 array": lambda e: json.dumps(e, ensure_ascii=False).encode("utf-16-be"),
    "objects over lines": lambda e: b"\n".join(
        json.dumps(each, indent=2).encode() for each in e
    ),
    "objects, comma behind": lambda e: b",\r\n".join(
        json.dumps(each, indent=1).replace("\n", "\r\n").encode() for each in e
    ),
    "pushed messages": lambda e: as_lines([pushed(each) for each in e]),
    "pulled messages": lambda e: json.dumps(
        [{"ackId": "a"} | pushed(each) for each in e], indent=2
    ).encode(),
    "messages": lambda e: as_lines([pushed(each)["message"] for each in e]),
    "a reply of pull": lambda e: json.dumps(
        {"receivedMessages": [{"ackId": "a"} | pushed(each) for each in e]}
    ).encode(),
    "a reply of the API": lambda e: json.dumps(
        {"entries": e, "nextPageToken": "EAA4suKu3qnLwb"}, indent=2
    ).encode(),
    "replies of the API": lambda e: as_lines(
        [
            {"entries": e[:7], "nextPageToken": "x"},
            {"nextPageToken": "y"},
            {"entries": e[7:]},
        ]
    ),
    "spaced out": lambda entries: as_lines(entries).replace(b"\n", b"\n\n \n"),
}


def test_lines_arrays_and_bigquery_give_one_table(
    folder: Folder, from_bigquery: pa.Table
) -> None:
    expected = from_bigquery.sort_by("insertId")
    for number, (name, write) in enumerate(CONTAINERS.items()):
        inside = Folder(folder.path / str(number))
        # Often enough that the lines are read at once.
        (inside.path / "2022-03-15.json").write_bytes(write(IN_JSON * 20))
        found = read(inside.logs()).sort_by("insertId").take(list(range(0, 80, 20)))
        assert found.to_pylist() == expected.to_pylist(), name
        assert found.equals(expected), name


def test_the_golden_entry_has_every_field(folder: Folder) -> None:
    folder.write("2022-03-15.json", IN_JSON[0])
    (row,) = read(folder.logs()).to_pylist()
    ours = {row.pop("unreadable"), row.pop("unreadableReason")}
    assert ours == {None}
    assert None not in leaves(row)


def leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for inner in value.values() for leaf in leaves(inner)]
    return [value]


# --- which lines are of a day ---------------------------------------------------------


def test_a_day_is_half_open_to_the_microsecond(folder: Folder) -> None:
    folder.write(
        "2022-03-15.jsonl",
        entry("day before", "2022-03-14T23:59:59.999999999Z"),
        entry("first", "2022-03-15T00:00:00Z"),
        entry("last", "2022-03-15T23:59:59.999999999Z"),
        entry("day after", "2022-03-16T00:00:00Z"),
    )
    assert ids(folder.logs()) == ["first", "last"]


@pytest.mark.parametrize(
    ("late_days", "expected"), [(0, ["a"]), (1, ["a", "b"]), (2, ["a", "b", "c"])]
)
def test_late_entries_are_found_in_the_files_of_the_next_days(
    folder: Folder, late_days: int, expected: list[str]
) -> None:
    for number, name in enumerate("abc"):
        own = DAY + dt.timedelta(days=number)
        folder.write(
            f"{own}.jsonl",
            entry(f"{name} own", f"{own}T12:00:00Z") if number else b"",
            entry(name, f"{DAY}T23:59:59Z", receiveTimestamp=f"{own}T00:01:00Z"),
        )
    assert ids(folder.logs(late_days)) == expected


def test_addenda_and_shards_of_an_hour_belong_to_its_day(folder: Folder) -> None:
    place = "run.googleapis.com/requests/2022/03/15"
    for hour, part in [("08", "S0"), ("08", "S1"), ("08", "A0"), ("23", "S0")]:
        name = f"{hour}:00:00_{hour}:59:59_{part}.json"
        folder.write(f"{place}/{name}", entry(hour + part, f"2022-03-15T{hour}:30:00Z"))
    late = "run.googleapis.com/requests/2022/03/16/00:00:00_00:59:59_S0.json"
    folder.write(late, entry("late", "2022-03-15T23:59:59Z"))
    assert ids(folder.logs()) == ["08A0", "08S0", "08S1", "23S0", "late"]


def test_a_line_that_is_no_entry_is_of_the_day_of_its_file_alone(
    folder: Folder,
) -> None:
    folder.write("2022-03-15.jsonl", b"oops", entry("a", "2022-03-15T01:00:00Z"))
    folder.write("2022-03-16.jsonl", b'{"timestamp": "2022-03-15T', b"null")
    today, tomorrow = read(folder.logs()), read(folder.logs(), NEXT_DAY)
    assert today["unreadable"].to_pylist() == ["oops", None]
    assert today["unreadableReason"][0].as_py().startswith("line 1 of 2022-03-15.jsonl")
    assert len(tomorrow) == 2
    assert tomorrow["unreadable"].null_count == 0


@given(
    st.lists(
        st.lists(
            st.integers(0, 1) | st.just("garbage") | st.just("blank"), max_size=60
        ),
        min_size=1,
        max_size=3,
    )
)
def test_every_line_is_of_one_day_and_none_is_lost(
    tmp_path_factory: pytest.TempPathFactory, files: list[list[int | str]]
) -> None:
    folder = Folder(tmp_path_factory.mktemp("exports") / "logs")
    written = []
    for number, kinds in enumerate(files):
        day = DAY + dt.timedelta(days=number)
        lines: list[dict[str, Any] | bytes] = []
        for place, kind in enumerate(kinds):
            if isinstance(kind, int):
                name = f"{number} {place}"
                time = day - dt.timedelta(days=min(kind, number))
                lines.append(entry(name, f"{time}T12:00:00Z"))
                written.append((time, name))
            elif kind == "garbage":
                lines.append(b"garbage")
                written.append((day, "garbage"))
            else:
                lines.append(b" ")
        folder.write(f"{day}.jsonl", *lines)
    found = [
        (day, row["insertId"] or row["unreadable"])
        for day in (DAY + dt.timedelta(days=number) for number in range(len(files)))
        for row in read(folder.logs(), day).to_pylist()
    ]
    assert sorted(found) == sorted(written)


def test_entries_that_no_day_reads_are_warned_about(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    folder.write(
        "2022-03-15.jsonl",
        entry("a day early", "2022-03-16T00:00:00Z"),
        entry("late", "2022-03-14T01:00:00Z"),
        entry("too late", "2022-03-13T23:59:59Z"),
    )
    assert ids(folder.logs(late_days=1)) == []
    assert "'2022-03-15.jsonl' holds 2 entries that no day reads" in caplog.text
    assert "late_days = 1" in caplog.text


# --- what is not there ----------------------------------------------------------------


def test_a_day_beyond_the_newest_export_is_not_exported_yet(folder: Folder) -> None:
    folder.write("2022-03-15.json", entry("a", "2022-03-15T12:00:00Z"))
    why = folder.logs().unavailable(NEXT_DAY)
    assert why == (
        f"2022-03-16 is not exported yet: the newest export in {folder.path} is of "
        "2022-03-15"
    )


def test_a_day_before_the_oldest_export_is_not_exported(folder: Folder) -> None:
    folder.write("2022-03-15.json", entry("a", "2022-03-15T12:00:00Z"))
    why = folder.logs().unavailable(dt.date(2022, 3, 14))
    assert why is not None
    assert "the oldest export" in why
    assert "start there" in why


def test_a_day_between_two_exports_that_has_none_is_missing(folder: Folder) -> None:
    folder.write("2022-03-14.json", entry("a", "2022-03-14T12:00:00Z"))
    folder.write("2022-03-16.json", entry("b", "2022-03-16T12:00:00Z"))
    assert folder.logs().unavailable(DAY) == (
        f"2022-03-15 is not exported: {folder.path} holds exports of days before and "
        "after, but none in between; if nothing happened, an empty file named by the "
        "day says so"
    )
    folder.write("2022-03-15.json")
    assert folder.logs().unavailable(DAY) is None


@pytest.mark.parametrize("content", [b"", b"\n\n", b"[]", gzip.compress(b"", mtime=0)])
def test_an_export_of_nothing_is_a_day_without_requests(
    folder: Folder, content: bytes
) -> None:
    (folder.path / "2022-03-15.json").write_bytes(content)
    assert folder.logs().unavailable(DAY) is None
    assert ids(folder.logs()) == []


def test_an_empty_file_is_warned_about(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    folder.write("2022-03-15.json")
    read(folder.logs())
    assert "'2022-03-15.json' is empty" in caplog.text


def test_a_folder_says_what_it_holds(folder: Folder) -> None:
    folder.write("2022-03-15.json")
    folder.write("2022-03-16.json")
    assert folder.logs().describe() == (
        f"2 exports in {folder.path}, from 2022-03-15 to 2022-03-16"
    )


# --- what cannot be read --------------------------------------------------------------


@pytest.mark.parametrize("after", ["", "["], ids=["a whole file", "a broken one"])
def test_a_file_that_is_written_to_while_it_is_read_is_said_to_be(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    file = folder.write("2022-03-15.json", entry("a", "2022-03-15T12:00:00Z"))

    def read_slowly(raw: pa.NativeFile, name: str) -> Iterator[blocks.Block]:
        yield from blocks.read_blocks(raw, name)
        file.write_text(file.read_text() * 2)
        if after:
            raise InputError("it breaks off")

    monkeypatch.setattr(cloud_logging_exports, "read_blocks", read_slowly)
    with pytest.raises(ChangingError, match=r"15.json changed while it was read; rer"):
        read(folder.logs())


@pytest.mark.parametrize("at", [5, 40, -1])
def test_a_gzip_file_that_is_cut_off_is_no_shorter_day(folder: Folder, at: int) -> None:
    lines = as_lines([entry("a", "2022-03-15T12:00:00Z")] * 5000)
    (folder.path / "2022-03-15.json.gz").write_bytes(gzip.compress(lines)[:at])
    with pytest.raises(
        InputError, match=r"damaged or truncated gzip file .*copy it again"
    ):
        read(folder.logs())


def test_nothing_of_a_line_gets_into_the_log(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    folder.write(
        "2022-03-15.json", b"\x1b[31mevil", entry("\x1b[32m", "2021-01-01T00:00:00Z")
    )
    read(folder.logs())
    assert caplog.text
    assert "\x1b" not in caplog.text


def test_a_day_of_many_blocks_in_many_files_keeps_its_order(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("usage_metrics.logs.blocks.BLOCK_BYTES", 4000)
    names = [f"{number:05}" for number in range(4000)]
    for start in range(0, 4000, 1000):
        lines = [entry(n, "2022-03-15T12:00:00Z") for n in names[start : start + 1000]]
        folder.write(f"2022-03-15_{start}.json", *lines)
    assert sorted(ids(folder.logs())) == names
    monkeypatch.setattr(files, "WAITING", 0)
    assert ids(folder.logs()) == ids(folder.logs())


@pytest.mark.parametrize(
    ("ending", "kind"),
    [("gz", "gzip"), ("zst", "zstd"), ("bz2", "bzip2"), ("XZ", "xz")],
)
def test_an_empty_packed_file_is_one_that_was_cut_off(
    folder: Folder, ending: str, kind: str
) -> None:
    (folder.path / f"2022-03-15.json.{ending}").write_bytes(b"")
    with pytest.raises(InputError, match=rf"15.json.{ending} is empty, and no {kind} "):
        read(folder.logs())
