"""Reading log tables from a server that speaks BigQuery's protocol."""

import datetime as dt
import logging
from collections.abc import Iterator
from typing import Any

import luigi
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
from google.cloud import bigquery
from google.cloud.bigquery import SchemaField
from luigi.task_register import Register

from usage_metrics.errors import InputError
from usage_metrics.logs.cloud_logging.entry import ENTRY
from usage_metrics.logs.reader import LogReader, open_logs

DAY = dt.date(2022, 3, 15)
NARROW = [
    SchemaField("timestamp", "TIMESTAMP"),
    *strings("insertId"),
    record("httpRequest", *strings("requestUrl")),
]
FULL_ENTRY: dict[str, Any] = {
    "insertId": "6230a1f60002d287b1a2c3d4",
    "timestamp": "2022-03-15T14:25:58.184967Z",
    "receiveTimestamp": "2022-03-15T14:25:58.700001Z",
    "logName": "projects/p/logs/run.googleapis.com%2Frequests",
    "severity": "INFO",
    "textPayload": "aborted",
    "httpRequest": {
        "requestMethod": "GET",
        "requestUrl": "https://data.example.org/pudl/plants.json?x=ü",
        "requestSize": 427,
        "status": 200,
        "responseSize": 5_000_000_000,
        "userAgent": "curl/8.0",
        "remoteIp": "8.8.8.8",
        "serverIp": "192.0.2.1",
        "referer": "https://example.org/",
        "latency": 0.111393,
        "cacheLookup": True,
        "cacheHit": False,
        "cacheValidatedWithOriginServer": False,
        "cacheFillBytes": 1,
        "protocol": "HTTP/1.1",
    },
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
    "labels": {"instanceId": "00ab"},
    "operation": {"id": "o", "producer": "w", "first": True, "last": False},
    "trace": "projects/p/traces/0",
    "spanId": "f00",
    "traceSampled": True,
    "sourceLocation": {"file": "a.py", "line": 3, "function": "f"},
    "split": {"uid": "u", "index": 0, "totalSplits": 2},
    "errorGroups": [{"id": "e1"}, {"id": "e2"}],
}


def entry(insert_id: str, timestamp: str, **fields: Any) -> dict[str, Any]:
    """A log entry as BigQuery takes it."""
    return {"insertId": insert_id, "timestamp": timestamp, **fields}


@pytest.fixture
def logs(bigquery_server: BigQueryServer) -> Iterator[Any]:
    """Open a table of the server the way the pipeline does, by its URI."""
    settings = luigi.configuration.get_config()
    settings.set("bigquery", "endpoint", bigquery_server.rest_url)
    Register.clear_instance_cache()

    def open_table(name: str) -> LogReader:
        return open_logs(f"bigquery://test-project.logs.{name}", late_days=1)

    yield open_table
    settings.remove_option("bigquery", "endpoint")
    Register.clear_instance_cache()


def read(reader: LogReader, day: dt.date = DAY) -> list[dict[str, Any]]:
    """All entries of a day, oldest first."""
    batches = list(reader.read(day))
    assert all(batch.schema == ENTRY for batch in batches)
    assert all(batch.num_rows for batch in batches)
    table = pa.Table.from_batches(batches, ENTRY)
    rows: list[dict[str, Any]] = table.sort_by("timestamp").to_pylist()
    return rows


def ids(reader: LogReader, day: dt.date = DAY) -> list[str]:
    """The insert ids of a day's entries, oldest first."""
    return [row["insertId"] for row in read(reader, day)]


AROUND_MIDNIGHT = [
    entry("day before", "2022-03-14T23:59:59.999999Z"),
    entry("first", "2022-03-15T00:00:00Z"),
    entry("last", "2022-03-15T23:59:59.999999Z"),
    entry("day after", "2022-03-16T00:00:00Z"),
]


@pytest.mark.parametrize("partitioned_by", ["timestamp", None])
def test_a_day_is_half_open_to_the_microsecond(
    bigquery_client: bigquery.Client, logs: Any, partitioned_by: str | None
) -> None:
    name = f"midnight_{partitioned_by}"
    make_table(
        bigquery_client,
        name,
        AROUND_MIDNIGHT,
        schema=NARROW,
        partitioned_by=partitioned_by,
    )
    assert ids(logs(name)) == ["first", "last"]


def test_a_day_is_found_in_partitions_of_ingestion_time(
    bigquery_client: bigquery.Client, logs: Any
) -> None:
    yesterday = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    long_ago = yesterday - dt.timedelta(days=40)
    make_table(
        bigquery_client,
        "by_ingestion",
        [entry("new", yesterday.isoformat()), entry("long ago", long_ago.isoformat())],
        schema=NARROW,
        partitioned_by="ingestion",
    )
    reader = logs("by_ingestion")
    assert ids(reader, yesterday.date()) == ["new"]
    # Ingested now: outside the partitions that the day of its timestamp is sought in.
    assert ids(reader, long_ago.date()) == []


@pytest.mark.parametrize("uri_ending", ["", "_*"])
def test_shards_are_read_with_their_neighbours(
    bigquery_client: bigquery.Client, logs: Any, uri_ending: str
) -> None:
    name = "shards_star" if uri_ending else "shards"
    for day, row in (
        ("20220313", entry("too far", "2022-03-15T12:00:00Z")),
        ("20220314", entry("early shard", "2022-03-15T00:00:00Z")),
        ("20220315", entry("own shard", "2022-03-15T12:00:00Z")),
        ("20220316", entry("late shard", "2022-03-15T23:59:59.999999Z")),
        ("stderr", entry("another log", "2022-03-15T12:00:00Z")),
        ("202203150", entry("no date", "2022-03-15T12:00:00Z")),
    ):
        make_table(bigquery_client, f"{name}_{day}", [row], schema=NARROW)
    assert ids(logs(name + uri_ending)) == ["early shard", "own shard", "late shard"]


def test_each_shard_gives_the_columns_it_has(
    bigquery_client: bigquery.Client, logs: Any
) -> None:
    older = [*NARROW, *strings("gone")]
    newer = [*NARROW, *strings("spanId"), NEWER_COLUMNS[1]]
    make_table(
        bigquery_client,
        "growing_20220315",
        [entry("old", "2022-03-15T01:00:00Z", gone="kept")],
        schema=older,
    )
    make_table(
        bigquery_client,
        "growing_20220316",
        [entry("new", "2022-03-15T02:00:00Z", spanId="s", errorGroups=[{"id": "e"}])],
        schema=newer,
    )
    old, new = read(logs("growing"))
    assert (old["otherFields"], old["spanId"]) == ('{"gone":"kept"}', None)
    assert (new["otherFields"], new["spanId"]) == (None, "s")
    assert (old["errorGroups"], new["errorGroups"]) == (None, [{"id": "e"}])


def test_a_day_beyond_the_newest_shard_is_not_exported_yet(
    bigquery_client: bigquery.Client, logs: Any
) -> None:
    make_table(bigquery_client, "exported_20220315", [], schema=NARROW)
    reader = logs("exported")
    assert reader.unavailable(DAY) is None
    before = str(reader.unavailable(DAY - dt.timedelta(days=30)))
    assert before.startswith("2022-02-13 is not exported: the oldest table is test-")
    reason = reader.unavailable(DAY + dt.timedelta(days=1))
    assert "2022-03-16 is not exported yet" in reason
    assert "test-project.logs.exported_20220315" in reason


def test_the_days_that_have_a_shard_are_known(
    bigquery_client: bigquery.Client, logs: Any
) -> None:
    for shard in ("known_20220316", "known_20220314", "known_20220399"):
        make_table(bigquery_client, shard, [], schema=NARROW)
    assert logs("known").days() == [dt.date(2022, 3, 14), dt.date(2022, 3, 16)]


def test_of_one_table_the_day_on_which_it_was_made_is_known(
    bigquery_client: bigquery.Client, logs: Any
) -> None:
    before = dt.datetime.now(dt.UTC).date()
    make_table(bigquery_client, "made", [], schema=NARROW)
    (day,) = logs("made").days()
    assert before <= day <= dt.datetime.now(dt.UTC).date()


def test_a_day_between_two_shards_is_not_exported(
    bigquery_client: bigquery.Client, logs: Any
) -> None:
    for day in ("20220314", "20220316"):
        make_table(bigquery_client, f"gap_{day}", [], schema=NARROW)
    assert logs("gap").unavailable(DAY) == (
        "2022-03-15 is not exported: there are tables of days before and after, such "
        "as test-project.logs.gap_20220316, but none in between"
    )


@pytest.mark.parametrize(
    ("name", "modified", "reason"),
    [
        (
            "over",
            dt.datetime(2022, 3, 14, 23, tzinfo=dt.UTC),
            "last written to on 2022",
        ),
        ("written", dt.datetime(2022, 3, 15, 1, tzinfo=dt.UTC), None),
        ("timeless", dt.datetime(2022, 3, 1, tzinfo=dt.UTC), None),  # as it was created
    ],
)
def test_a_day_after_the_last_writing_to_a_table_is_not_exported_yet(
    bigquery_client: bigquery.Client,
    logs: Any,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    modified: dt.datetime,
    reason: str | None,
) -> None:
    make_table(
        bigquery_client, name, [], schema=SINK_SCHEMA, partitioned_by="timestamp"
    )
    created = dt.datetime(2022, 3, 1, tzinfo=dt.UTC)
    monkeypatch.setattr(bigquery.Table, "created", created)
    monkeypatch.setattr(bigquery.Table, "modified", modified)
    said = logs(name).unavailable(DAY)
    assert said is None if reason is None else reason in str(said)


def test_a_day_without_entries_gives_no_batch(
    bigquery_client: bigquery.Client, logs: Any
) -> None:
    make_table(
        bigquery_client, "quiet", [], schema=SINK_SCHEMA, partitioned_by="timestamp"
    )
    reader = logs("quiet")
    assert reader.unavailable(DAY) is None
    assert list(reader.read(DAY)) == []


def test_every_field_of_an_entry_arrives_as_it_was(
    bigquery_client: bigquery.Client, logs: Any
) -> None:
    schema = [*SINK_SCHEMA, *NEWER_COLUMNS]
    make_table(bigquery_client, "whole_entry", [FULL_ENTRY], schema=schema)
    (row,) = read(logs("whole_entry"))
    times = ("timestamp", "receiveTimestamp")
    expected = FULL_ENTRY | {
        name: dt.datetime.fromisoformat(FULL_ENTRY[name]) for name in times
    }
    nothing = {"otherFields": None, "unreadable": None, "unreadableReason": None}
    assert row == expected | nothing


def test_columns_that_a_table_lacks_are_typed_nulls(
    bigquery_client: bigquery.Client, logs: Any
) -> None:
    row = entry(
        "1", "2022-03-15T01:00:00Z", httpRequest={"requestUrl": "https://e.org/"}
    )
    make_table(bigquery_client, "narrow", [row], schema=NARROW)
    (found,) = read(logs("narrow"))
    request = found.pop("httpRequest")
    assert {name: value for name, value in request.items() if value} == row[
        "httpRequest"
    ]
    assert {name for name, value in found.items() if value} == {"insertId", "timestamp"}


def test_an_entry_without_request_differs_from_an_empty_request(
    bigquery_client: bigquery.Client, logs: Any
) -> None:
    rows = [
        entry("none", "2022-03-15T01:00:00Z", textPayload="started"),
        entry("empty", "2022-03-15T02:00:00Z", httpRequest={"requestUrl": None}),
    ]
    make_table(bigquery_client, "no_request", rows, schema=SINK_SCHEMA)
    none, empty = read(logs("no_request"))
    assert none["httpRequest"] is None
    assert empty["httpRequest"] == dict.fromkeys(empty["httpRequest"])


def test_columns_that_nobody_knows_are_kept_in_one(
    bigquery_client: bigquery.Client, logs: Any
) -> None:
    schema = [
        *NARROW[:2],
        record("httpRequest", *strings("requestUrl", "newField")),
        record("labels", *strings("instanceId", "foo")),
        record("jsonPayload", *strings("b", "a"), record("deep", *strings("c"))),
        record("apphub", record("service", *strings("id"))),
        SchemaField("tags", "STRING", mode="REPEATED"),
    ]
    rows = [
        entry(
            "all",
            "2022-03-15T01:00:00Z",
            httpRequest={"requestUrl": "u", "newField": "n"},
            labels={"instanceId": "i", "foo": "bär"},
            jsonPayload={"b": "2", "a": "1", "deep": {"c": '"'}},
            apphub={"service": {"id": None}},
            tags=["x", "y"],
        ),
        entry("label", "2022-03-15T02:00:00Z", labels={"foo": "bär"}),
        entry("nothing", "2022-03-15T03:00:00Z", labels={"instanceId": "i"}),
    ]
    make_table(bigquery_client, "grown", rows, schema=schema)
    everything, label, nothing = read(logs("grown"))
    assert everything["otherFields"] == (
        '{"httpRequest":{"newField":"n"},'
        '"jsonPayload":{"a":"1","b":"2","deep":{"c":"\\""}},'
        '"labels":{"foo":"bär"},"tags":["x","y"]}'
    )
    assert everything["labels"] == {"instanceId": "i"}
    assert label["otherFields"] == '{"labels":{"foo":"bär"}}'
    assert nothing["otherFields"] is None


def test_duplicates_are_left_in(bigquery_client: bigquery.Client, logs: Any) -> None:
    twice = [entry("same", "2022-03-15T01:00:00Z")] * 2
    make_table(bigquery_client, "twice", twice, schema=NARROW)
    assert ids(logs("twice")) == ["same", "same"]


def test_a_table_without_partitions_is_read_with_one_warning_about_its_cost(
    bigquery_client: bigquery.Client, logs: Any, caplog: pytest.LogCaptureFixture
) -> None:
    for name, column in (("pruned", "timestamp"), ("unpruned", None)):
        make_table(bigquery_client, name, [], schema=NARROW, partitioned_by=column)
        reader = logs(name)
        with caplog.at_level(logging.WARNING, logger="luigi-interface"):
            for day in (DAY, DAY + dt.timedelta(days=1)):
                assert reader.unavailable(day) is None
                read(reader, day)
    assert [r.message for r in caplog.records if "bills all of it" in r.message] == [
        "test-project.logs.unpruned is not partitioned by timestamp or ingestion time: "
        "BigQuery bills all of it for every day that is read"
    ]


@pytest.mark.parametrize("ask", ["unavailable", "read"])
@pytest.mark.parametrize("name", ["nowhere", "nowhere_*"])
def test_a_table_that_does_not_exist_is_named(
    bigquery_client: bigquery.Client, logs: Any, name: str, ask: str
) -> None:
    with pytest.raises(InputError, match=r"test-project\.logs\.nowhere"):
        list(getattr(logs(name), ask)(DAY) or [])


@pytest.mark.parametrize("ask", ["unavailable", "read"])
def test_a_table_that_is_no_log_is_refused_by_the_column_it_lacks(
    bigquery_client: bigquery.Client, logs: Any, ask: str
) -> None:
    schema = [SchemaField("timestamp", "TIMESTAMP"), *strings("insertId")]
    name = f"no_log_{ask}"
    make_table(bigquery_client, name, [], schema=schema)
    with pytest.raises(InputError, match=rf"logs\.{name} has no column httpRequest"):
        list(getattr(logs(name), ask)(DAY) or [])
