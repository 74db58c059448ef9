"""The flow from log entries to the database, run by Luigi in this process."""

import contextlib
import datetime as dt
import gzip
import json
import os
import sqlite3
import time
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
import tenacity
from flow import DAY, ONE_DAY, Flow, days, fill_once, request
from luigi.execution_summary import LuigiStatusCode
from project import Settings

from usage_metrics.cleaning.long_texts import LONGEST
from usage_metrics.dates import utc_now
from usage_metrics.errors import (
    BackfillError,
    ChangingError,
    RejectedShareError,
    UnreachableError,
)
from usage_metrics.logs import blocks
from usage_metrics.logs.cloud_logging import exports
from usage_metrics.partitions import storage
from usage_metrics.partitions.partition import left_over, list_partitions
from usage_metrics.privacy.anonymization import Anonymization
from usage_metrics.sources import SOURCES
from usage_metrics.tasks import load, settling
from usage_metrics.tasks.backfill import Backfill
from usage_metrics.tasks.load import LoadSQLite
from usage_metrics.tasks.ranges import RangeDaily
from usage_metrics.tasks.stages import Clean, Extract, Geocode
from usage_metrics.tasks.task import LogsOfDay

STAGES = ("raw", "cleaned", "geocoded")
TASKS = (Extract, Clean, Geocode)


def _range(number: int, start: dt.date = DAY, of: Any = Geocode) -> RangeDaily:
    return RangeDaily(of=of, start=start, stop=start + number * ONE_DAY)


def _ran(caplog: pytest.LogCaptureFixture, what: str = "") -> list[str]:
    """The tasks of a day that ran, in their order, such as ``Clean 2026-03-02``."""
    started = [
        record.args[-1]
        for record in caplog.records
        if " running   " in record.msg and isinstance(record.args, tuple)
    ]
    return [
        f"{task.task_family} {task.date}"
        for task in started
        if isinstance(task, TASKS) and task.task_family.startswith(what)
    ]


# --- from left to right ---------------------------------------------------------------


def test_a_run_makes_every_stage_of_every_day_and_the_database(flow: Flow) -> None:
    flow.export_days(3)
    assert flow.load(3).status == LuigiStatusCode.SUCCESS
    for stage in STAGES:
        assert all(flow.partition(stage, day).exists() for day in days(3))
    assert flow.loaded_days() == {str(day): 2 for day in days(3)}


def test_a_second_run_does_nothing(
    flow: Flow, caplog: pytest.LogCaptureFixture
) -> None:
    flow.export_days(3)
    flow.load(3)
    before = flow.query("SELECT * FROM usage_metrics_partitions")
    caplog.clear()
    result = flow.load(3)
    assert result.status == LuigiStatusCode.SUCCESS
    assert "Did not run any tasks" in result.summary_text
    assert flow.query("SELECT * FROM usage_metrics_partitions") == before


def test_days_are_done_oldest_first(
    flow: Flow, caplog: pytest.LogCaptureFixture
) -> None:
    flow.export_days(7)
    caplog.set_level("INFO", "luigi-interface")
    flow.build(_range(7))
    for family in ("Extract", "Clean", "Geocode"):
        assert _ran(caplog, family) == [f"{family} {day}" for day in days(7)]


def test_all_days_of_a_long_range_are_done_not_fifty(flow: Flow) -> None:
    flow.export_days(60)
    assert flow.build(_range(60, of=Extract)).status == LuigiStatusCode.SUCCESS
    assert all(flow.partition("raw", day).exists() for day in days(60))


def test_the_database_is_of_all_its_days_whatever_ranges_by_hand_are_limited_to(
    flow: Flow, settings: Settings
) -> None:
    settings("RangeDaily", task_limit=2, days_back=1)
    flow.export_days(3)
    assert flow.load(3).status == LuigiStatusCode.SUCCESS
    assert len(flow.loaded_days()) == 3


def test_a_missed_day_is_caught_up_by_the_next_run(
    flow: Flow, caplog: pytest.LogCaptureFixture
) -> None:
    flow.export_days(5)
    flow.build(_range(5))
    for stage in STAGES:
        flow.delete(stage, DAY + 2 * ONE_DAY)
    caplog.set_level("INFO", "luigi-interface")
    caplog.clear()
    flow.build(_range(5))
    assert _ran(caplog) == [
        f"{name} 2026-03-04" for name in ("Extract", "Clean", "Geocode")
    ]


def test_a_longer_range_does_only_the_new_days(
    flow: Flow, caplog: pytest.LogCaptureFixture
) -> None:
    flow.export_days(4)
    flow.load(2)
    caplog.set_level("INFO", "luigi-interface")
    caplog.clear()
    flow.load(4)
    assert _ran(caplog, "Geocode") == ["Geocode 2026-03-04", "Geocode 2026-03-05"]
    assert len(flow.loaded_days()) == 4


@pytest.mark.parametrize("deleted", ["raw", "cleaned"])
def test_what_is_only_on_the_way_may_be_deleted(flow: Flow, deleted: str) -> None:
    flow.export_days(1)
    flow.load(1)
    flow.delete(deleted)
    assert "Did not run any tasks" in flow.load(1).summary_text


def test_all_but_raw_is_rebuilt_without_the_logs(
    flow: Flow, caplog: pytest.LogCaptureFixture
) -> None:
    export = flow.export(DAY, request("a"))
    flow.load(1)
    before = flow.query("SELECT * FROM datasette_request_logs")
    export.unlink()
    for stage in ("cleaned", "rejected", "geocoded"):
        flow.delete(stage)
    flow.database.unlink()
    caplog.set_level("INFO", "luigi-interface")
    caplog.clear()
    assert flow.load(1).status == LuigiStatusCode.SUCCESS
    assert _ran(caplog) == ["Clean 2026-03-02", "Geocode 2026-03-02"]
    assert flow.query("SELECT * FROM datasette_request_logs") == before


@pytest.mark.parametrize("task", TASKS)
def test_many_days_are_done_exactly_when_each_of_them_is(flow: Flow, task: Any) -> None:
    flow.export_days(4)
    flow.build(*[task(date=day) for day in days(4)[::2]])
    assert [task(date=day).complete() for day in days(4)] == [True, False, True, False]
    for day in days(4):
        assert task.bulk_complete(iter([day])) == [day] * task(date=day).complete()
    assert task.bulk_complete(day for day in days(4)) == days(4)[::2]
    assert task.bulk_complete([]) == []


def test_a_task_may_be_run_by_hand(flow: Flow) -> None:
    flow.export_days(1)
    for task in TASKS:
        task(date=DAY).run()
    LoadSQLite(start=DAY, stop=DAY + ONE_DAY).run()
    assert flow.loaded_days() == {str(DAY): 2}


def test_requests_are_loaded_whatever_is_wrong_with_the_registry(
    flow: Flow, settings: Settings
) -> None:
    registry = flow.folder / "datasets.toml"
    registry.write_text('[[dataset]]\nid = "pudl"\n')
    settings("counting", datasets=str(registry))
    flow.export_days(2)
    flow.load(1)
    assert flow.query("SELECT dataset FROM datasets") == [("pudl",)]
    registry.write_text("no TOML")
    flow.load(2)
    assert flow.loaded_days() == {str(day): 2 for day in days(2)}
    assert flow.query("SELECT dataset FROM datasets") == [("pudl",)]


# --- what is in the files -------------------------------------------------------------


def test_the_time_of_a_request_keeps_its_microseconds_to_the_end(flow: Flow) -> None:
    flow.export(DAY, request("a", clock="14:25:58.184967"))
    flow.load(1)
    moment = dt.datetime(2026, 3, 2, 14, 25, 58, 184967, dt.UTC)
    assert flow.table("geocoded")["timestamp"].to_pylist() == [moment]
    assert flow.query("SELECT timestamp FROM datasette_request_logs") == [
        ("2026-03-02 14:25:58.184967",)
    ]


def test_a_day_without_requests_is_an_empty_file_with_the_whole_schema(
    flow: Flow,
) -> None:
    quiet = DAY + ONE_DAY
    flow.export(DAY, request("a"))
    flow.export(quiet)
    flow.export(DAY + 2 * ONE_DAY, request("c", DAY + 2 * ONE_DAY))
    assert flow.load(3).status == LuigiStatusCode.SUCCESS
    for stage in STAGES:
        assert flow.table(stage, quiet).num_rows == 0
        assert flow.table(stage, quiet).schema == flow.table(stage).schema
    assert flow.loaded_days() == {"2026-03-02": 1, "2026-03-04": 1}
    assert flow.query("SELECT date, loaded FROM usage_metrics_partitions") == [
        ("2026-03-02", 1),
        ("2026-03-03", 0),
        ("2026-03-04", 1),
    ]


def test_only_data_requests_are_in_the_database(flow: Flow) -> None:
    page = "https://data.example/"
    flow.export(DAY, request("a"), request("b", requestUrl=page))
    flow.load(1)
    assert flow.table("geocoded").num_rows == 2
    assert flow.query("SELECT insert_id FROM datasette_request_logs") == [("a",)]
    assert flow.query("SELECT requests, loaded FROM usage_metrics_partitions") == [
        (2, 1)
    ]


def test_indexes_that_a_killed_run_did_not_make_are_made_by_the_next(
    flow: Flow,
) -> None:
    flow.export_days(1)
    flow.load(1)
    sql = (
        "SELECT count(*) FROM pragma_index_list('datasette_request_logs') "
        "WHERE origin = 'c'"
    )
    assert flow.query(sql) == [(3,)]
    with contextlib.closing(sqlite3.connect(flow.database)) as database:
        database.execute("DROP INDEX datasette_request_logs_remote_ip_org")
    assert flow.load(1).status == LuigiStatusCode.SUCCESS
    assert flow.query(sql) == [(3,)]


def test_an_entry_exported_under_two_dates_is_there_once(flow: Flow) -> None:
    entry = request("a", clock="23:59:59.999999")
    flow.export(DAY, entry, entry)
    flow.export(DAY + ONE_DAY, entry)
    flow.load(2)
    assert flow.loaded_days() == {str(DAY): 1}
    assert flow.facts("cleaned")["duplicates"] == 2


def test_one_id_at_two_moments_is_two_requests(flow: Flow) -> None:
    flow.export(DAY, request("a"), request("a", clock="12:00:00.000001"))
    flow.export(DAY + ONE_DAY, request("a", DAY + ONE_DAY))
    flow.load(2)
    assert flow.loaded_days() == {str(DAY): 2, str(DAY + ONE_DAY): 1}


def test_a_line_that_cannot_be_understood_is_kept_apart_and_the_day_is_loaded(
    flow: Flow,
) -> None:
    flow.export(DAY, *[request(str(n)) for n in range(30)], '{"cut": "off')
    assert flow.load(1).status == LuigiStatusCode.SUCCESS
    assert flow.loaded_days() == {str(DAY): 30}
    (rejected,) = flow.table("rejected").to_pylist()
    assert '{"cut": "off' in rejected.values()
    assert flow.facts("cleaned")["rejected"] == 1


def test_a_day_of_which_too_much_is_not_understood_fails_and_names_the_setting(
    flow: Flow, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    flow.export(DAY, request("a"), "nonsense")
    assert not flow.load(1).scheduling_succeeded
    assert "[datasette] maximum_rejected_share = 0.05" in caplog.text
    assert flow.partition("rejected").path in caplog.text
    file = flow.logs / f"{DAY}.jsonl"
    assert f"The first: line 2 of {file.name} is not JSON" in caplog.text
    assert not flow.partition("cleaned").exists()
    settings("datasette", maximum_rejected_share=0.5)
    assert flow.load(1).status == LuigiStatusCode.SUCCESS


def test_every_row_of_a_file_is_accounted_for_in_the_next(flow: Flow) -> None:
    other = request("c")
    del other["httpRequest"]
    lines = [request(str(n)) for n in range(40)]
    again = request("d") | {"logName": "projects/p/logs/run.googleapis.com%2Fstdout"}
    flow.export(DAY, *lines, lines[0], other, again, "nonsense")
    flow.load(1)
    raw, cleaned, geocoded = map(flow.facts, STAGES)
    assert raw["rows"] == 44
    assert cleaned["rows_in"] == raw["rows"]
    parts = ("rows", "rejected", "duplicates", "not_requests", "other_logs")
    assert [cleaned[part] for part in parts] == [40, 1, 1, 1, 1]
    assert geocoded["rows_in"] == geocoded["rows"] == cleaned["rows"]
    assert geocoded["made_from"] == cleaned["content_id"]
    assert cleaned["made_from"] == raw["content_id"]


def test_hostile_text_in_every_field_is_text_to_the_end(
    flow: Flow, settings: Settings
) -> None:
    settings("privacy", addresses="keep")
    evil = "'; DROP TABLE datasette_request_logs; --\x00\u202e\n\"%s${HOME}"
    entry = request(
        evil,
        requestUrl=f"https://data.example/pudl/{evil}.json",
        userAgent=evil,
        remoteIp=evil,
        serverIp=evil,
        referer=evil,
        protocol=evil,
        requestMethod=evil,
    )
    flow.export(DAY, entry | {"textPayload": evil, "trace": evil, evil: evil})
    assert flow.load(1).status == LuigiStatusCode.SUCCESS
    (row,) = flow.query(
        "SELECT insert_id, user_agent, remote_ip, server_ip, referer, protocol, "
        "request_method, text_payload, trace FROM datasette_request_logs"
    )
    assert set(row) == {evil}
    assert json.loads(flow.table("raw")["otherFields"][0].as_py())[evil] == evil


def test_long_texts_are_whole_in_raw_and_shortened_from_then_on(flow: Flow) -> None:
    sql = "select+'" + "x" * 8_000
    urls = [f"http://h/db.json?sql={sql}{n}&_format=csv" for n in (1, 2, 1)]
    entries = [
        request(f"{n}", requestUrl=url, userAgent="curl/8 " + "y" * 9_000, referer=url)
        for n, url in enumerate(urls)
    ]
    flow.export(DAY, *entries)
    flow.load(1)
    raw = flow.table("raw")["httpRequest"].to_pylist()
    assert [entry["requestUrl"] for entry in raw] == urls
    for stage in ("cleaned", "geocoded"):
        rows = flow.table(stage)
        for name in ("request_url", "request_url_query", "referer", "user_agent"):
            texts = rows[name].to_pylist()
            assert max(map(len, texts)) < LONGEST + 40
            assert len(set(texts)) == (1 if name == "user_agent" else 2)
        assert rows["request_url"][0] == rows["request_url"][2]
        # What a URL asks for and who asked are known from the whole text.
        assert rows["page"].to_pylist() == ["query"] * 3
        assert rows["agent_name"].to_pylist() == ["curl"] * 3
    assert flow.loaded_days() == {str(DAY): 3}


def test_every_day_has_the_same_columns_whatever_is_in_it(flow: Flow) -> None:
    flow.export(DAY, request("a", remoteIp="10.0.0.1"))
    bare = {
        "insertId": "b",
        "timestamp": f"{DAY + ONE_DAY}T00:00:00Z",
        "httpRequest": {},
    }
    flow.export(DAY + ONE_DAY, bare)
    flow.export(DAY + 2 * ONE_DAY, request("c", DAY + 2 * ONE_DAY, responseSize="12"))
    flow.load(3)
    schemas = [flow.table("geocoded", day).schema for day in days(3)]
    assert schemas[0] == schemas[1] == schemas[2]
    assert schemas[0].field("response_size").type == pa.int64()
    frame = pd.read_parquet(flow.root / "geocoded/datasette")
    assert list(frame["insert_id"]) == ["a", "b", "c"]


# --- what cannot be had yet -----------------------------------------------------------


def test_a_day_still_running_is_never_extracted_and_the_others_are(flow: Flow) -> None:
    today = utc_now().date()
    start = today - 3 * ONE_DAY
    flow.export_days(4, start)
    result = flow.build(*[Extract(date=day) for day in days(4, start)])
    assert result.status == LuigiStatusCode.MISSING_EXT
    assert flow.partition("raw", start).exists()
    assert not flow.partition("raw", today).exists()


def test_a_day_not_exported_yet_is_a_missing_dependency_and_says_so_once(
    flow: Flow, caplog: pytest.LogCaptureFixture
) -> None:
    flow.export_days(2)
    result = flow.build(_range(3))
    assert result.status == LuigiStatusCode.MISSING_EXT
    assert "1 LogsOfDay(date=2026-03-04" in result.summary_text
    assert caplog.text.count("2026-03-04 is not exported yet") == 1
    assert [flow.partition("geocoded", day).exists() for day in days(3)] == [
        True,
        True,
        False,
    ]


def test_a_bad_day_blocks_neither_the_other_days_nor_a_partial_load(
    flow: Flow,
) -> None:
    flow.export_days(3)
    flow.export(DAY + ONE_DAY, "nonsense")
    assert flow.load(3).status == LuigiStatusCode.FAILED
    assert flow.partition("geocoded", DAY + 2 * ONE_DAY).exists()
    assert not flow.database.exists()
    assert flow.load(3, partial=True).status == LuigiStatusCode.SUCCESS
    assert flow.loaded_days() == {"2026-03-02": 2, "2026-03-04": 2}


def test_of_an_export_that_was_cut_off_nothing_is_kept_and_the_whole_one_is_read(
    flow: Flow,
) -> None:
    file = flow.export(DAY, *[request(str(n)) for n in range(500)])
    whole = gzip.compress(file.read_bytes())
    file = file.rename(file.with_suffix(".jsonl.gz"))
    file.write_bytes(whole[: len(whole) // 2])
    assert flow.load(1).status == LuigiStatusCode.FAILED
    assert not list(flow.root.rglob("*.parquet*"))
    file.write_bytes(whole)
    assert flow.load(1).status == LuigiStatusCode.SUCCESS
    assert flow.loaded_days() == {str(DAY): 500}


def test_fourteen_exports_are_fourteen_days_each_with_its_own_requests(
    flow: Flow,
) -> None:
    flow.export_days(14)
    assert flow.load(14).status == LuigiStatusCode.SUCCESS
    assert flow.loaded_days() == {str(day): 2 for day in days(14)}
    assert {flow.facts("raw", day)["rows"] for day in days(14)} == {2}


def test_the_table_of_requests_has_the_key_that_its_source_declares(flow: Flow) -> None:
    flow.export_days(1)
    flow.load(1)
    sql = "SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk"
    table = SOURCES["datasette"].table
    assert table
    key = [name for (name,) in flow.query(sql, table.name)]
    assert key == list(table.primary_key) == ["timestamp", "insert_id"]
    assert table.name == "datasette_request_logs"


def test_a_strict_and_a_partial_load_are_two_tasks() -> None:
    strict, partial = (LoadSQLite(start=DAY, partial=yes) for yes in (False, True))
    assert strict.task_id != partial.task_id


@pytest.mark.parametrize(("changes", "works"), [(2, True), (3, False)])
def test_a_day_that_changes_while_it_is_read_is_read_again_a_few_times(
    flow: Flow,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    changes: int,
    works: bool,
) -> None:
    flow.export_days(1)
    assert flow.build(Extract(date=DAY)).scheduling_succeeded
    file = flow.export(DAY, *[request(id_) for id_ in "abc"])
    left = iter(range(changes))

    def read_while_written(raw: Any, name: str) -> Any:
        yield from blocks.read_blocks(raw, name)
        if next(left, None) is not None:
            file.write_text(file.read_text() + json.dumps(request("more")) + "\n")

    monkeypatch.setattr(exports, "read_blocks", read_while_written)
    monkeypatch.setattr(settling, "CHANGES_SETTLE", tenacity.wait_none())
    if works:
        Extract(date=DAY).run()
    else:
        with pytest.raises(ChangingError, match="changed while it was read"):
            Extract(date=DAY).run()
    assert flow.table("raw").num_rows == (5 if works else 2)
    assert caplog.text.count("reading it again") == 2


def test_logs_that_are_nowhere_fail_with_the_setting_and_without_a_traceback(
    flow: Flow, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings("datasette", logs=flow.folder / "nowhere")
    result = flow.load(1)
    assert result.status == LuigiStatusCode.SCHEDULING_FAILED
    assert "nowhere is not a folder that exists; set logs in luigi.cfg" in caplog.text
    assert "Traceback" not in caplog.text


def test_a_source_that_there_is_not_fails_with_those_there_are(
    flow: Flow, caplog: pytest.LogCaptureFixture
) -> None:
    result = flow.build(Extract(date=DAY, source="datasete"))
    assert result.status == LuigiStatusCode.SCHEDULING_FAILED
    assert "there is no source 'datasete'; the sources are cloud" in caplog.text
    assert "Traceback" not in caplog.text


def test_a_dependency_that_came_in_time_is_no_longer_missing(flow: Flow) -> None:
    flow.export_days(1)
    assert LogsOfDay(date=DAY).complete()
    assert not LogsOfDay(date=DAY + ONE_DAY).complete()


# --- what has changed -----------------------------------------------------------------


@pytest.fixture
def loaded(flow: Flow) -> Flow:
    fill_once(flow, "stages", _load)
    return flow


def _load(flow: Flow) -> None:
    flow.export_days(3)
    flow.load(3)


def _mark_loaded(flow: Flow) -> None:
    """Mark what is loaded, to see what is loaded again."""
    with contextlib.closing(sqlite3.connect(flow.database)) as connection:
        connection.execute("UPDATE usage_metrics_partitions SET loaded_at = 'before'")
        connection.commit()


def _reloaded(flow: Flow) -> list[str]:
    sql = "SELECT date FROM usage_metrics_partitions WHERE loaded_at <> 'before'"
    return [day for (day,) in flow.query(sql)]


def test_a_rebuilt_day_with_other_content_is_replaced_and_only_that(
    loaded: Flow,
) -> None:
    _mark_loaded(loaded)
    changed = DAY + ONE_DAY
    loaded.export(changed, request("a", changed), request("new", changed))
    for stage in STAGES:
        loaded.delete(stage, changed)
    assert loaded.load(3).status == LuigiStatusCode.SUCCESS
    assert _reloaded(loaded) == [str(changed)]
    sql = "SELECT insert_id FROM datasette_request_logs WHERE date(timestamp) = ?"
    assert sorted(loaded.query(sql, str(changed))) == [("a",), ("new",)]


@pytest.mark.parametrize("stage", ["raw", "geocoded"])
def test_a_day_rebuilt_with_the_same_content_is_not_loaded_again(
    loaded: Flow, stage: str
) -> None:
    _mark_loaded(loaded)
    for built in STAGES[STAGES.index(stage) :]:
        loaded.delete(built)
    assert loaded.load(3).status == LuigiStatusCode.SUCCESS
    assert _reloaded(loaded) == []


def test_a_touched_file_is_not_loaded_again(loaded: Flow) -> None:
    path = loaded.partition("geocoded").path
    os.utime(path, (time.time() + 5, time.time() + 5))
    assert "Did not run any tasks" in loaded.load(3).summary_text


def test_a_deleted_day_is_rebuilt_or_with_partial_taken_out(loaded: Flow) -> None:
    loaded.delete("geocoded")
    assert loaded.load(3, partial=True).status == LuigiStatusCode.SUCCESS
    assert list(loaded.loaded_days()) == ["2026-03-03", "2026-03-04"]
    assert loaded.load(3).status == LuigiStatusCode.SUCCESS
    assert list(loaded.loaded_days()) == [str(day) for day in days(3)]


def test_days_outside_the_range_stay_in_the_database(loaded: Flow) -> None:
    loaded.delete("geocoded", DAY)
    assert loaded.load(2, start=DAY + ONE_DAY).status == LuigiStatusCode.SUCCESS
    assert list(loaded.loaded_days()) == [str(day) for day in days(3)]


def test_a_deleted_database_is_rebuilt_from_the_files_alone(
    loaded: Flow, caplog: pytest.LogCaptureFixture
) -> None:
    sql = "SELECT * FROM datasette_request_logs ORDER BY timestamp, insert_id"
    before = loaded.query(sql)
    for file in loaded.folder.glob("usage.db*"):
        file.unlink()
    caplog.set_level("INFO", "luigi-interface")
    caplog.clear()
    assert loaded.load(3).status == LuigiStatusCode.SUCCESS
    assert _ran(caplog) == []
    assert loaded.query(sql) == before


def test_a_database_of_another_version_fails_before_anything_is_built(
    loaded: Flow, caplog: pytest.LogCaptureFixture
) -> None:
    loaded.query("PRAGMA user_version = 99")
    assert loaded.load(3).status == LuigiStatusCode.SCHEDULING_FAILED
    assert "usage.db was made by another version of this program" in caplog.text
    assert "Traceback" not in caplog.text


# --- many days at a time --------------------------------------------------------------


@pytest.fixture
def month_by_month(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> Flow:
    """Three days, of which the last is of another month, made as many days are."""
    monkeypatch.setattr(load, "MANY_DAYS", 2)
    flow.export_days(3, MONTH_END)
    return flow


MONTH_END = dt.date(2026, 3, 30)


def test_many_days_are_made_a_month_a_task_and_the_files_are_the_same(
    month_by_month: Flow,
) -> None:
    flow = month_by_month
    result = flow.load(3, MONTH_END)
    assert result.status == LuigiStatusCode.SUCCESS
    assert "2 Backfill(" in result.summary_text
    assert flow.loaded_days() == {str(day): 2 for day in days(3, MONTH_END)}
    made = [flow.facts("geocoded", day)["content_id"] for day in days(3, MONTH_END)]
    for stage in STAGES:
        flow.delete(stage, MONTH_END)
    flow.build(Geocode(date=MONTH_END))
    assert flow.facts("geocoded", MONTH_END)["content_id"] == made[0]
    assert "Did not run any tasks" in flow.load(3, MONTH_END).summary_text


def test_of_many_days_only_those_are_made_that_are_missing(
    month_by_month: Flow,
) -> None:
    flow = month_by_month
    flow.build(Geocode(date=MONTH_END))
    before = list_partitions(str(flow.root), "geocoded", "datasette")
    stop = MONTH_END + 3 * ONE_DAY
    assert flow.build(Backfill(start=MONTH_END, stop=stop)).scheduling_succeeded
    after = list_partitions(str(flow.root), "geocoded", "datasette")
    assert len(after) == 3
    assert after[MONTH_END] == before[MONTH_END]
    assert Backfill(start=MONTH_END, stop=stop).complete()


def test_of_many_days_none_is_made_when_nobody_could_locate_addresses(
    flow: Flow, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    flow.export_days(70)
    settings("geocode", database=flow.folder / "none.mmdb")
    assert not flow.load(70).scheduling_succeeded
    assert caplog.text.count("none.mmdb cannot be opened") == 1
    assert not flow.root.exists()


def test_of_many_days_a_bad_one_stops_no_other_and_is_named_with_the_reason(
    month_by_month: Flow, caplog: pytest.LogCaptureFixture
) -> None:
    flow = month_by_month
    flow.export(MONTH_END, "nonsense")
    assert flow.load(3, MONTH_END).status == LuigiStatusCode.FAILED
    assert f"datasette {MONTH_END}: 1 of 1 lines could not be understood" in caplog.text
    assert "Traceback" not in caplog.text
    assert all(
        flow.partition("geocoded", day).exists() for day in days(3, MONTH_END)[1:]
    )


# --- Luigi ----------------------------------------------------------------------------


def test_the_database_is_written_by_one_task_at_a_time() -> None:
    assert LoadSQLite(start=DAY).process_resources() == {"sqlite": 1}


def test_no_parameter_of_a_task_is_a_secret() -> None:
    for task in (*TASKS, LoadSQLite):
        assert {name for name, _ in task.get_params()} <= {
            "date", "source", "start", "stop", "partial", "available",
        }  # fmt: skip


def test_a_task_has_its_date_first_so_that_a_range_can_fill_it_in() -> None:
    assert all(task.get_params()[0][0] == "date" for task in TASKS)


def test_an_expected_failure_shows_as_a_sentence_and_a_bug_as_a_traceback(
    flow: Flow,
) -> None:
    flow.export(DAY, "nonsense")
    shown: list[str] = []
    task = Clean(date=DAY)
    Extract(date=DAY).run()
    for error in (None, KeyError("bug")):
        try:
            if error:
                raise error
            task.run()
        except Exception as raised:  # as Luigi's worker does
            shown.append(task.on_failure(raised))
    assert shown[0].startswith("datasette 2026-03-02: 1 of 1 lines could not be")
    assert "Traceback" in shown[1]


def test_each_task_logs_one_line_of_what_came_of_it(
    flow: Flow, caplog: pytest.LogCaptureFixture
) -> None:
    flow.export_days(1)
    caplog.set_level("INFO", "luigi-interface")
    flow.load(1)
    lines = [record.getMessage() for record in caplog.records]
    for task, says in {
        "Extract": "2 log entries",
        "Clean": "2 requests · 0 rejected · 0 duplicates · 0 not requests",
        "Geocode": "2 requests · 1 address",
        "LoadSQLite": f"2 requests of 1 day loaded into {flow.database}",
    }.items():
        about = [line for line in lines if f"{task}(" in line.partition("\n")[0]]
        assert len(about) == 2, about
        assert "running" in about[0]
        assert about[1].endswith(f": {says}")


# --- what a provider left unanswered --------------------------------------------------


@pytest.fixture
def unanswered(flow: Flow) -> Flow:
    """Two loaded days; a run before this one left addresses of the first unanswered."""
    flow.export_days(2)
    flow.load(2)
    flow.partition("geocoded").ask_again(wanted=True)
    left_over.cache_clear()
    return flow


def test_a_run_that_fails_while_it_asks_again_leaves_that_to_the_next(
    unanswered: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Anonymization, "anonymize", fail)
        with pytest.raises(KeyboardInterrupt):
            Geocode(date=DAY).run()
    assert not Geocode(date=DAY).complete()
    Geocode(date=DAY).run()
    assert Geocode(date=DAY).complete()


def test_a_partial_load_leaves_a_day_whose_addresses_are_to_be_asked_again(
    unanswered: Flow,
) -> None:
    before = unanswered.loaded_days()
    assert unanswered.load(2, partial=True).status == LuigiStatusCode.SUCCESS
    assert unanswered.loaded_days() == before
    unanswered.database.unlink()
    unanswered.load(2, partial=True)
    assert unanswered.loaded_days() == before


# --- a disk or a store that does not answer -------------------------------------------


def test_a_day_whose_files_cannot_be_looked_at_does_not_stop_the_others(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow.export_days(3)
    exists = storage.exists

    def fail(path: str) -> bool:
        if f"raw/datasette/date={DAY + ONE_DAY}" in path:
            raise OSError("AWS Error SLOW_DOWN during HeadObject operation")
        return exists(path)

    monkeypatch.setattr(storage, "exists", fail)
    with pytest.raises(BackfillError, match="cannot be accessed.*cause and rerun"):
        Backfill(start=DAY, stop=DAY + 3 * ONE_DAY).run()
    done = list_partitions(str(flow.root), "geocoded", "datasette")
    assert list(done) == [DAY, DAY + 2 * ONE_DAY]


@pytest.mark.parametrize("call", ["exists", "open_file"])
def test_entries_that_cannot_be_compared_replace_nothing(
    flow: Flow, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    flow.export_days(1)
    Extract(date=DAY).run()
    flow.export(DAY, request("a"))

    def fail(_: str) -> None:
        raise OSError("AWS Error SLOW_DOWN during HeadObject operation")

    with monkeypatch.context() as patch:
        patch.setattr(storage, call, fail)
        with pytest.raises(UnreachableError):
            Extract(date=DAY).run()
    assert flow.table("raw").num_rows == 2


def test_years_that_are_not_exported_are_one_task_and_one_sentence(
    flow: Flow, caplog: pytest.LogCaptureFixture
) -> None:
    flow.export_days(3)
    result = flow.load(200)
    assert result.status == LuigiStatusCode.MISSING_EXT
    said = [r.getMessage() for r in caplog.records if "not exported" in r.getMessage()]
    assert set(said) == {
        "2026-03-05 to 2026-09-17 are not exported yet: the newest export in "
        f"{flow.logs} is of 2026-03-04"
    }
    assert "1 LogsOfDays(" in result.summary_text
    assert list(list_partitions(str(flow.root), "geocoded", "datasette")) == days(3)


def test_a_day_of_logs_that_were_none_is_read_again_as_the_message_says(
    flow: Flow,
) -> None:
    flow.export(DAY, "no log", "no log")
    assert flow.load(1).status == LuigiStatusCode.FAILED
    flow.export(DAY, request("a"))
    with pytest.raises(RejectedShareError, match="delete .*raw.*rerun") as error:
        Clean(date=DAY).run()
    assert flow.partition("raw").path in str(error.value)
    flow.partition("raw").delete()
    assert flow.load(1).status == LuigiStatusCode.SUCCESS
