"""Log Analytics' linked datasets: one view of every log of a bucket, in BigQuery."""

import json
from typing import Any

import pyarrow as pa
import pytest
from bigquery_server import (
    BigQueryServer,
    connect,  # noqa: F401
    make_table,
    record,
    start_server,  # noqa: F401
    strings,
)
from export_folder import DAY, NEXT_DAY, Folder, entry, read
from flow import DAY as A_DAY
from flow import ONE_DAY, Flow, request
from google.cloud import bigquery
from google.cloud.bigquery import SchemaField, Table
from project import Settings

from usage_metrics.errors import InputError
from usage_metrics.logs.bigquery.query import day_query, examine, prunes
from usage_metrics.logs.reader import LogReader, open_logs
from usage_metrics.sources import get_source
from usage_metrics.sources.settings import source_section
from usage_metrics.tasks.stages import Clean

REQUESTS = "run.googleapis.com/requests"
OF_CLOUD_RUN = "projects/p/logs/run.googleapis.com%2Frequests"
STDOUT = "projects/p/logs/run.googleapis.com%2Fstdout"

VIEW = [
    *strings("log_name", "log_id", "insert_id"),
    record("resource", *strings("type"), SchemaField("labels", "JSON")),
    SchemaField("timestamp", "TIMESTAMP"),
    SchemaField("receive_timestamp", "TIMESTAMP"),
    SchemaField("timestamp_unix_nanos", "INTEGER"),
    *strings("severity"),
    SchemaField("severity_number", "INTEGER"),
    *strings("trace", "span_id"),
    SchemaField("trace_sampled", "BOOLEAN"),
    record(
        "http_request",
        *strings("request_method", "request_url"),
        SchemaField("request_size", "INTEGER"),
        SchemaField("status", "INTEGER"),
        SchemaField("response_size", "INTEGER"),
        *strings("user_agent", "remote_ip", "server_ip", "referer"),
        record(
            "latency",
            SchemaField("seconds", "INTEGER"),
            SchemaField("nanos", "INTEGER"),
        ),
        SchemaField("cache_lookup", "BOOLEAN"),
        SchemaField("cache_hit", "BOOLEAN"),
        SchemaField("cache_validated_with_origin_server", "BOOLEAN"),
        SchemaField("cache_fill_bytes", "INTEGER"),
        *strings("protocol"),
    ),
    SchemaField("labels", "JSON"),
    record(
        "operation",
        *strings("id", "producer"),
        SchemaField("first", "BOOLEAN"),
        SchemaField("last", "BOOLEAN"),
    ),
    record(
        "source_location",
        *strings("file"),
        SchemaField("line", "INTEGER"),
        *strings("function"),
    ),
    *strings("text_payload"),
    SchemaField("json_payload", "JSON"),
    record(
        "split",
        *strings("uid"),
        SchemaField("index", "INTEGER"),
        SchemaField("total_splits", "INTEGER"),
    ),
    record("error_groups", *strings("id"), mode="REPEATED"),
]
"""The columns of a view, in the order of the documentation."""

IN_JSON = [
    entry(
        "full",
        "2022-03-15T14:25:58.184967Z",
        receiveTimestamp="2022-03-15T14:25:58.700001Z",
        logName=OF_CLOUD_RUN,
        severity="INFO",
        textPayload="aborted",
        httpRequest={
            "requestMethod": "GET",
            "requestUrl": "https://data.example.org/pudl?x=ü",
            "requestSize": "427",
            "status": 200,
            "responseSize": "5000000000",
            "userAgent": "curl/8.1",
            "remoteIp": "2001:4860:4860::8888",
            "serverIp": "192.0.2.1",
            "referer": "https://example.org/",
            "latency": "2.111393s",
            "cacheLookup": True,
            "cacheHit": False,
            "cacheValidatedWithOriginServer": False,
            "cacheFillBytes": "1",
            "protocol": "HTTP/1.1",
        },
        resource={
            "type": "cloud_run_revision",
            "labels": {
                "service_name": "datasette",
                "revision_name": "datasette-1",
                "location": "us-central1",
                "project_id": "p",
                "configuration_name": "datasette",
                "zone": "z",
            },
        },
        labels={"instanceId": "00ab", "team": "data"},
        operation={"id": "o", "producer": "w", "first": True, "last": False},
        trace="projects/p/traces/0",
        spanId="f00",
        traceSampled=True,
        sourceLocation={"file": "a.py", "line": "3", "function": "f"},
        split={"uid": "u", "index": 0, "totalSplits": 2},
        errorGroups=[{"id": "e1"}, {"id": "e2"}],
        jsonPayload={"Count": 3, "share": 0.25, "list": [1, {"a": "ü"}], "none": None},
    ),
    entry(
        "sparse",
        "2022-03-15T01:00:00Z",
        logName=OF_CLOUD_RUN,
        httpRequest={"requestUrl": "/", "latency": "0.5s"},
    ),
    entry(
        "no request",
        "2022-03-15T02:00:00Z",
        logName=OF_CLOUD_RUN,
        textPayload="limit",
    ),
]


def in_view(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry as Log Analytics has it."""
    row: dict[str, Any] = {
        _snake_case(name): {_snake_case(k): v for k, v in value.items()}
        if isinstance(value, dict)
        else value
        for name, value in entry.items()
    }
    row["log_id"] = entry["logName"].rpartition("/")[2].replace("%2F", "/")
    row["severity_number"] = 200
    row["timestamp_unix_nanos"] = 1
    latency = row.get("http_request", {}).pop("latency", None)
    if latency:
        seconds, _, fraction = latency.rstrip("s").partition(".")
        nanos = int(fraction.ljust(9, "0"))
        row["http_request"]["latency"] = {"seconds": int(seconds), "nanos": nanos}
    if "resource" in row:
        row["resource"]["labels"] = json.dumps(row["resource"]["labels"])
    for name, original in (("labels", "labels"), ("json_payload", "jsonPayload")):
        if name in row:
            row[name] = json.dumps(entry[original])
    return row


def _snake_case(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)


@pytest.fixture
def open_view(
    bigquery_server: BigQueryServer,
    bigquery_client: bigquery.Client,
    settings: Settings,
) -> Any:
    settings("bigquery", endpoint=bigquery_server.rest_url)

    def make(name: str, *entries: dict[str, Any], logs: str = REQUESTS) -> LogReader:
        rows = [in_view(one) for one in entries]
        make_table(bigquery_client, name, rows, schema=VIEW)
        uri = f"bigquery://test-project.logs.{name}"
        return open_logs(uri, 1, tuple(filter(None, [logs])))

    return make


def test_a_view_of_all_logs_gives_what_json_exports_give(
    open_view: Any, tmp_path: Any
) -> None:
    folder = Folder(tmp_path / "exports")
    folder.write("2022-03-15.json", *IN_JSON)
    expected = read(folder.logs()).sort_by("insertId")
    found = read(open_view("_AllLogs", *IN_JSON)).sort_by("insertId")
    assert found.to_pylist() == expected.to_pylist()
    assert found.equals(expected)


def _requests(*logs: str) -> list[dict[str, Any]]:
    return [
        entry(log, f"2022-03-15T0{n}:00:00Z", logName=log, httpRequest={"status": 200})
        for n, log in enumerate(logs)
    ]


def _ids(reader: LogReader) -> list[str]:
    found: pa.Table = read(reader).sort_by("timestamp")
    ids: list[str] = found["insertId"].to_pylist()
    return ids


def test_only_the_logs_with_the_requests_are_read(open_view: Any) -> None:
    entries = _requests(OF_CLOUD_RUN, STDOUT, "projects/p/logs/app")
    assert _ids(open_view("only", *entries)) == [OF_CLOUD_RUN]
    assert _ids(open_view("named", *entries, logs="app")) == ["projects/p/logs/app"]


def test_the_settings_of_the_source_say_which_logs(
    open_view: Any, settings: Settings
) -> None:
    open_view("by_setting", *_requests(OF_CLOUD_RUN, STDOUT))
    settings("datasette", logs="bigquery://test-project.logs.by_setting")
    open_logs = get_source("datasette").open_logs
    assert _ids(open_logs(source_section("datasette"))) == [OF_CLOUD_RUN]
    settings("datasette", request_logs="run.googleapis.com/stdout")
    assert _ids(open_logs(source_section("datasette"))) == [STDOUT]


def test_if_all_logs_are_meant_those_with_requests_are_read(open_view: Any) -> None:
    started = entry("started", "2022-03-15T05:00:00Z", logName=STDOUT)
    found = _ids(open_view("all", *_requests(OF_CLOUD_RUN, STDOUT), started, logs=""))
    assert found == [OF_CLOUD_RUN, STDOUT]


def test_a_day_with_requests_in_other_logs_only_is_not_read_as_an_empty_one(
    open_view: Any, caplog: pytest.LogCaptureFixture
) -> None:
    started = entry("started", "2022-03-15T05:00:00Z", logName=STDOUT)
    reader = open_view("elsewhere", *_requests(STDOUT), started)
    assert _ids(reader) == [STDOUT]
    assert f"{DAY}: nothing in {REQUESTS} of test-project.logs.elsewhere" in caplog.text
    assert list(reader.read(NEXT_DAY)) == []


def test_a_night_reads_a_view_and_names_a_day_whose_requests_are_elsewhere(
    open_view: Any, flow: Flow, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    first = [request(str(n)) for n in range(5)]
    again = [
        one | {"logName": STDOUT, "insertId": f"{one['insertId']}!"} for one in first
    ]
    following = [request("x", A_DAY + ONE_DAY) | {"logName": STDOUT}]
    open_view("night", *first, *again, *following)
    settings("datasette", logs="bigquery://test-project.logs.night")
    flow.load(1)
    flow.build(Clean(date=A_DAY + ONE_DAY))
    assert flow.loaded_days() == {str(A_DAY): 5}
    assert flow.facts("cleaned")["other_logs"] == 0
    assert f"{A_DAY + ONE_DAY}: none of 1 entries with an httpRequest is" in caplog.text


# --- columns --------------------------------------------------------------------------


def view(*more: SchemaField) -> Table:
    return Table("p-1.logs._AllLogs", schema=[*VIEW, *more])


def test_a_view_is_billed_by_the_day_and_read_by_the_log() -> None:
    assert prunes(view())
    query = day_query([examine(view())], DAY, ("a%2Fb",))
    assert query.parameters["logs"] == ("a%2Fb",)
    assert query.sql.endswith("IN UNNEST(@logs)")
    assert "a%2Fb" not in query.sql


def test_what_a_view_gains_is_kept_and_what_repeats_is_not() -> None:
    unknown = examine(view(record("app_hub", *strings("id")))).unknown
    assert unknown is not None
    assert "`app_hub` AS `appHub`" in unknown
    assert "`json_payload` AS `jsonPayload`" in unknown
    for name in ("log_id", "severity_number", "timestamp_unix_nanos"):
        assert name not in unknown


def test_a_column_of_another_type_is_named() -> None:
    columns = [one for one in VIEW if one.name != "trace"]
    with pytest.raises(InputError, match=r"column trace .* is NULLABLE JSON, not STR"):
        examine(Table("p-1.logs.x", schema=[*columns, SchemaField("trace", "JSON")]))
