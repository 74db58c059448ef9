"""The tasks that count: a day, a month, a report; again only when something changed."""

import contextlib
import csv
import dataclasses
import datetime as dt
import json
import sqlite3
import tempfile
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from benchmarks.workload import START, write_exports
from flow import DAY, ONE_DAY, Flow, fill_once, request
from project import SAMPLE_REGISTRY, Settings

from usage_metrics.counting import tables
from usage_metrics.counting.tables import TABLES
from usage_metrics.errors import BackfillError, ConfigError, StorageError
from usage_metrics.partitions.partition import Partition
from usage_metrics.tasks.count import CountUsage
from usage_metrics.tasks.count_input import batches
from usage_metrics.tasks.count_month import CountDays, CountMonth
from usage_metrics.tasks.counter_report import CounterReport
from usage_metrics.tasks.load import LoadSQLite, open_warehouse
from usage_metrics.tasks.load_usage import LoadUsage
from usage_metrics.tasks.stages import Clean

MONTH = DAY.replace(day=1)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:147.0) Gecko/20100101 Firefox/147.0"


@pytest.fixture
def two_days(flow: Flow, settings: Settings) -> Flow:
    """Two days in the database, with a double click over the midnight between."""
    settings("datasette", start=DAY, stop=DAY + 2 * ONE_DAY)
    click = {"userAgent": FIREFOX}
    flow.export(
        DAY,
        request("a", DAY, "12:00:00", **click),
        request("b", DAY, "23:59:50", **click),
        request("b", DAY, "23:59:50", **click),
        request("c", DAY, "13:00:00", **click | {"status": 404}),
        "no JSON",
    )
    flow.export(DAY + ONE_DAY, request("d", DAY + ONE_DAY, "00:00:10", **click))
    flow.export(DAY + 2 * ONE_DAY)
    settings("datasette", maximum_rejected_share=1)
    return flow


@pytest.fixture
def counted(two_days: Flow) -> Flow:
    """Those two days, counted and loaded."""
    fill_once(two_days, "counted", _count)
    return two_days


def _count(flow: Flow) -> None:
    assert flow.build(LoadUsage()).scheduling_succeeded


def outcomes(flow: Flow, day: dt.date = DAY) -> dict[str, str]:
    rows = flow.table("counted", day).to_pylist()
    return {row["insert_id"]: row["outcome"] for row in rows}


def reconciled(flow: Flow, day: dt.date = DAY) -> dict[str, int]:
    (row,) = flow.table("usage_reconciliation", day).to_pylist()
    return {name: value for name, value in row.items() if value}


def test_a_day_is_counted_with_the_first_seconds_of_the_next(two_days: Flow) -> None:
    assert two_days.build(CountUsage(date=DAY)).scheduling_succeeded
    assert outcomes(two_days) == {"a": "counted", "b": "double_click", "c": "status"}
    assert reconciled(two_days) == {
        "source": "datasette",
        "lines": 5,
        "duplicates": 1,
        "rejected": 1,
        "requests": 3,
        "counted": 1,
        "not_counted_status": 1,
        "not_counted_double_click": 1,
    }
    for table in tables.DAILY:
        assert two_days.partition(table.name).exists()


def test_a_usage_table_that_another_run_is_adding_leaves_the_requests_complete(
    two_days: Flow,
) -> None:
    two_days.build(LoadSQLite())
    open_warehouse().create(TABLES["usage_by_class"])  # its views come last
    assert LoadSQLite().complete()
    assert not LoadUsage().complete()
    assert two_days.build(LoadUsage()).scheduling_succeeded
    assert LoadSQLite().complete()
    assert LoadUsage().complete()


def test_counting_again_does_nothing(two_days: Flow) -> None:
    two_days.build(CountUsage(date=DAY))
    before = two_days.facts("counted")
    assert CountUsage(date=DAY).complete()
    two_days.build(CountUsage(date=DAY))
    assert two_days.facts("counted") == before


def test_a_count_that_is_deleted_comes_back_the_same(two_days: Flow) -> None:
    two_days.build(CountUsage(date=DAY))
    before = two_days.facts("counted")["content_id"]
    two_days.delete("counted")
    two_days.build(CountUsage(date=DAY))
    assert two_days.facts("counted")["content_id"] == before


def test_a_day_counted_before_there_was_a_table_is_counted_again(
    two_days: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_days.build(CountUsage(date=DAY))
    assert CountUsage(date=DAY).complete()
    moon = dataclasses.replace(tables.DAILY[0], name="usage_by_moon")
    monkeypatch.setattr(tables, "DAILY", (*tables.DAILY, moon))
    assert not CountUsage(date=DAY).complete()


@pytest.mark.parametrize(
    "table", [*(table.name for table in tables.DAILY), "usage_monthly"]
)
def test_a_usage_table_that_is_deleted_comes_back_the_same(
    counted: Flow, table: str
) -> None:
    day = MONTH if table == "usage_monthly" else DAY
    before = counted.facts(table, day)["content_id"]
    counted.delete(table, day)
    assert not LoadUsage().complete()
    assert not CountMonth(month=MONTH).complete()
    assert day == MONTH or not CountUsage(date=DAY).complete()
    assert day == MONTH or DAY not in CountUsage.bulk_complete([DAY])
    assert counted.build(LoadUsage()).scheduling_succeeded
    assert counted.facts(table, day)["content_id"] == before
    assert LoadUsage().complete()


def test_whether_all_is_counted_is_told_without_opening_a_file(
    counted: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert LoadUsage().complete()  # and what the footers say is kept
    opened: list[Partition] = []
    monkeypatch.setattr(Partition, "facts", opened.append)
    monkeypatch.setattr(Partition, "open", opened.append)
    assert LoadUsage().complete()
    days = [DAY, DAY + ONE_DAY]
    assert CountUsage.bulk_complete([*days, DAY + 2 * ONE_DAY]) == days
    assert opened == []


def test_many_days_are_counted_a_month_at_a_time(
    flow: Flow, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("usage_metrics.tasks.load_usage.MANY_DAYS", 2)
    start = dt.date(2026, 3, 30)
    settings("datasette", start=start, stop=start + 4 * ONE_DAY)
    flow.export_days(5, start)
    months = [(start, dt.date(2026, 4, 1)), (dt.date(2026, 4, 1), start + 4 * ONE_DAY)]
    tasks = [CountDays(start=first, stop=stop) for first, stop in months]
    assert list(LoadUsage().requires())[1:] == tasks

    assert flow.build(LoadUsage()).scheduling_succeeded
    assert LoadUsage().complete()
    assert all(task.complete() for task in tasks)
    # Their last click is looked for in the first seconds of a day that is not loaded.
    assert flow.facts("counted", start + 3 * ONE_DAY)["counted_from"]["following"]
    assert flow.query("SELECT month, days, requests FROM usage_monthly") == [
        ("2026-03", 2, 4),
        ("2026-04", 2, 4),
    ]


def test_a_day_that_cannot_be_counted_is_named_and_the_others_are_counted(
    flow: Flow, settings: Settings
) -> None:
    settings("datasette", start=DAY, stop=DAY + 3 * ONE_DAY)
    flow.export_days(4)
    flow.load(3)
    path = Path(flow.partition("geocoded").path)
    path.write_bytes(path.read_bytes()[:-100])

    with pytest.raises(BackfillError, match=r"1 day .*CountUsage --date 2026-03-02"):
        CountDays(start=DAY, stop=DAY + 3 * ONE_DAY).run()
    others = [DAY + ONE_DAY, DAY + 2 * ONE_DAY]
    assert CountUsage.bulk_complete([DAY, *others]) == others


def test_when_the_next_day_changes_the_count_is_made_again(two_days: Flow) -> None:
    two_days.build(CountUsage(date=DAY))
    following = DAY + ONE_DAY
    two_days.export(following, request("d", following, "00:30:00", userAgent=FIREFOX))
    for stage in ("raw", "cleaned", "geocoded"):
        two_days.delete(stage, following)
    two_days.build(CountUsage(date=following))
    assert not CountUsage(date=DAY).complete()
    two_days.build(CountUsage(date=DAY))
    assert outcomes(two_days)["b"] == "counted"


def test_another_registry_makes_the_count_again(
    two_days: Flow, settings: Settings, tmp_path: Path
) -> None:
    two_days.build(CountUsage(date=DAY))
    registry = tmp_path / "datasets.toml"
    registry.write_text("not_data = ['/pudl/.*']")
    settings("counting", datasets=registry)
    assert not CountUsage(date=DAY).complete()
    two_days.build(CountUsage(date=DAY))
    assert set(outcomes(two_days).values()) == {"not_data", "status"}


def test_what_a_registry_says_besides_makes_no_count_again(
    two_days: Flow, settings: Settings, tmp_path: Path
) -> None:
    two_days.build(CountUsage(date=DAY))
    registry = tmp_path / "datasets.toml"
    registry.write_text(
        """
        platform = "Our data"  # a comment
        [[dataset]]
        id = "pudl"
        title = "A better title than the name of the database"
        """
    )
    settings("counting", datasets=registry)
    assert CountUsage(date=DAY).complete()


def test_a_day_is_counted_again_when_neighbours_become_one_visitor(
    flow: Flow, settings: Settings
) -> None:
    click = {"userAgent": FIREFOX}
    flow.export(
        DAY,
        request("a", DAY, "12:00:00", **click, remoteIp="2001:db8::1"),
        request("b", DAY, "12:00:10", **click, remoteIp="2001:DB8::2"),
    )
    flow.build(CountUsage(date=DAY))
    assert outcomes(flow) == {"a": "counted", "b": "counted"}
    settings("counting", visitor_prefix=64)
    assert not CountUsage(date=DAY).complete()
    flow.build(CountUsage(date=DAY))
    assert outcomes(flow) == {"a": "double_click", "b": "counted"}


def test_a_month_adds_up_the_days_of_the_database(two_days: Flow) -> None:
    two_days.build(CountMonth(month=MONTH))
    (row,) = two_days.table("usage_monthly", MONTH).to_pylist()
    assert (row["days"], row["requests"], row["counted"]) == (2, 4, 2)
    everything, _ = two_days.table("usage_concentration_monthly", MONTH).to_pylist()
    assert (everything["dataset"], everything["requests"]) == ("all", 4)
    assert everything["is_concentrated"]
    assert CountMonth(month=MONTH).complete()


def test_a_month_reads_of_each_day_its_events_and_its_addresses_alone(
    counted: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: Counter[str] = Counter()
    open_ = Partition.open

    def counting(self: Partition, schema: pa.Schema | None = None) -> pq.ParquetFile:
        opened[self.stage] += 1
        return open_(self, schema)

    monkeypatch.setattr(Partition, "open", counting)
    CountMonth(month=MONTH).run_within()
    assert opened == {"counted": 2, "cleaned": 2}


def test_a_day_that_is_counted_again_makes_its_month_again(two_days: Flow) -> None:
    two_days.build(CountMonth(month=MONTH))
    day = DAY + ONE_DAY
    two_days.export(day, *(request(f"{n}", day, f"0{n}:00:00") for n in range(5)))
    for stage in ("raw", "cleaned", "geocoded"):
        two_days.delete(stage, day)
    assert not CountMonth(month=MONTH).complete() or not CountUsage(date=day).complete()
    two_days.build(CountMonth(month=MONTH))
    rows = two_days.table("usage_monthly", MONTH).to_pylist()
    assert sum(row["requests"] for row in rows) == 8


def test_a_report_is_written_as_json_and_as_tsv(
    two_days: Flow, settings: Settings
) -> None:
    settings("counting", datasets=SAMPLE_REGISTRY)
    two_days.build(CounterReport(month=MONTH))
    as_json, as_tsv = (Path(file.path) for file in CounterReport(month=MONTH).output())
    report = json.loads(as_json.read_text())
    (exception,) = report["report-header"]["exceptions"]
    assert exception["data"] == ("not counted: 2026-03-01, 2026-03-04 to 2026-03-31")
    (pudl,) = report["report-datasets"]
    counts = [i["count"] for i in pudl["performance"][0]["instance"]]
    assert counts == [2, 2, 2, 2]
    rows = list(csv.reader(as_tsv.read_text().splitlines(), delimiter="\t"))
    assert as_tsv.name == "2026-03.tsv"
    assert [row[-1] for row in rows[11:]] == ["Mar-2026", "2", "2", "2", "2"]
    assert CounterReport(month=MONTH).complete()


@pytest.mark.parametrize("month", [dt.date(2027, 1, 1), dt.date(2025, 3, 1)])
def test_a_month_without_counted_days_is_not_reported(
    two_days: Flow, month: dt.date
) -> None:
    task = CounterReport(month=month)
    said = rf"no day of {month:%Y-%m} is counted; name .* \[datasette\] in luigi\.cfg"
    with pytest.raises(ConfigError, match=said):
        task.run_within()
    assert not task.complete()
    assert not two_days.build(task).scheduling_succeeded
    assert not any(file.exists() for file in task.output())


def test_a_month_without_use_is_not_reported(flow: Flow, settings: Settings) -> None:
    settings("datasette", start=DAY, stop=DAY + ONE_DAY)
    flow.export(DAY, request("a", DAY, "12:00:00", userAgent=FIREFOX, status=404))
    flow.export(DAY + ONE_DAY)
    task = CounterReport(month=MONTH)
    assert not flow.build(task).scheduling_succeeded
    with pytest.raises(ConfigError, match=r"no use .* in 2026-03, .* patterns in"):
        task.run_within()
    assert not task.complete()
    assert not any(file.exists() for file in task.output())


def test_a_doi_that_would_stand_twice_is_refused_and_the_days_are_counted(
    two_days: Flow, settings: Settings, tmp_path: Path
) -> None:
    registry = tmp_path / "datasets.toml"
    entry = """
[[dataset]]
id = "pudl"
version = "{0}"
title = "PUDL"
publisher = "Example"
publisher_id = {{ type = "urn", value = "urn:example" }}
doi = "10.5072/pudl"
investigations = []
requests = ['/pudl{0}/.*']
"""
    head = 'platform = "PUDL"\ncreated_by = "pudl"\n'
    registry.write_text(head + entry.format("1") + entry.format("2"))
    settings("counting", datasets=registry)
    task = CounterReport(month=MONTH)
    assert not two_days.build(task).scheduling_succeeded
    assert CountUsage(date=DAY).complete()
    with pytest.raises(ConfigError, match=r"pudl 1 and pudl 2 have the same doi"):
        task.run_within()
    assert not any(file.exists() for file in task.output())


def test_a_report_asks_for_all_that_it_needs_to_know_of_datasets_at_once(
    two_days: Flow, settings: Settings, tmp_path: Path
) -> None:
    task = CounterReport(month=MONTH)
    assert not two_days.build(task).scheduling_succeeded
    said = r"add created_by at the top; publisher, publisher_id, doi or uri to pudl\. "
    with pytest.raises(ConfigError, match=said):
        task.run_within()
    registry = tmp_path / "datasets.toml"
    registry.write_text(
        """
        created_by = "Our office"
        [[dataset]]
        id = "pudl"
        publisher = "Our office"
        publisher_id = { type = "urn", value = "https://example.org" }
        [[dataset]]
        id = "rivers"
        uri = "https://example.org/rivers"
        """
    )
    settings("counting", datasets=registry)
    said = r"add doi or uri to pudl; publisher, publisher_id to rivers\. "
    with pytest.raises(ConfigError, match=said):
        task.run_within()
    assert not task.complete()
    assert not any(file.exists() for file in task.output())


def test_the_platform_of_a_report_is_the_host_unless_the_registry_names_it(
    two_days: Flow, settings: Settings, tmp_path: Path
) -> None:
    registry = tmp_path / "datasets.toml"
    text = SAMPLE_REGISTRY.read_text()
    registry.write_text(text.replace('platform = "PUDL Data Service"\n', ""))
    settings("counting", datasets=registry)
    task = CounterReport(month=MONTH)
    for named, platform in ((registry, "data.example"), (SAMPLE_REGISTRY, "PUDL Data")):
        settings("counting", datasets=named)
        two_days.build(task)
        (pudl,) = json.loads(Path(task.output()[0].path).read_text())["report-datasets"]
        assert pudl["platform"].startswith(platform)


@pytest.mark.parametrize("month", ["March", "2026-13", "2026-03-02", ""])
def test_what_is_no_month_is_refused_in_a_sentence(month: str) -> None:
    said = f"month = '{month}' is not a month; write it as YYYY-MM"
    with pytest.raises(ConfigError, match=said):
        CounterReport.from_str_params({"month": month})


def test_a_report_is_replaced_when_its_days_have_changed(
    two_days: Flow, settings: Settings
) -> None:
    settings("counting", datasets=SAMPLE_REGISTRY)
    two_days.build(CounterReport(month=MONTH))
    day = DAY + ONE_DAY
    two_days.export(day, request("d", day, "05:00:00"), request("e", day, "07:00:00"))
    for stage in ("raw", "cleaned", "geocoded", "counted"):
        two_days.delete(stage, day)
    assert not CounterReport(month=MONTH).complete()
    two_days.build(CounterReport(month=MONTH))
    report = json.loads(Path(CounterReport(month=MONTH).output()[0].path).read_text())
    (pudl,) = report["report-datasets"]
    # Two clicks of the first day and the two of the second.
    instances = pudl["performance"][0]["instance"]
    assert instances[0]["count"] == 4


def test_the_usage_tables_hold_what_the_files_hold(counted: Flow) -> None:
    for table in TABLES.values():
        first = [MONTH] if table.monthly else [DAY, DAY + ONE_DAY]
        rows = sum(counted.table(table.name, day).num_rows for day in first)
        assert counted.query(f'SELECT count(*) FROM "{table.name}"') == [(rows,)]
        assert rows or table.name == "usage_counter_versions"  # no dataset has any


def test_pandas_duckdb_and_arrow_read_the_folders_of_figures(counted: Flow) -> None:
    for table in TABLES.values():
        folder = counted.root / table.name / "datasette"
        read = pd.read_parquet(folder)
        rows = ds.dataset(folder, partitioning="hive").to_table()
        found = duckdb.connect().execute(f"SELECT * FROM '{folder}/*/*.parquet'")
        assert len(read) == rows.num_rows == len(found.fetchall())
        assert {*table.schema.names} <= {*read.columns, *rows.column_names}
        if "date" in table.schema.names and len(read):
            assert set(read["date"].astype(str)) <= {str(DAY), str(DAY + ONE_DAY)}


def test_loading_usage_twice_or_again_after_a_change_doubles_nothing(
    counted: Flow,
) -> None:
    sums = "SELECT sum(requests), sum(counted), count(DISTINCT date) FROM usage_daily"
    assert LoadUsage().complete()
    before = counted.query(sums)
    counted.build(LoadUsage())
    assert counted.query(sums) == before == [(4, 2, 2)]
    following = DAY + ONE_DAY
    counted.export(following, request("d", following, "00:30:00", userAgent=FIREFOX))
    for stage in ("raw", "cleaned", "geocoded", "counted"):
        counted.delete(stage, following)
    counted.build(LoadUsage())
    assert counted.query(sums) == [(4, 3, 2)]


def test_the_database_reconciles_every_line_with_what_counts(counted: Flow) -> None:
    lines = "duplicates + rejected + not_requests + other_logs + requests"
    reasons = " + ".join(
        name
        for (name,) in counted.query(
            "SELECT name FROM usage_metrics_columns "
            "WHERE \"table\" = 'usage_reconciliation' AND name LIKE 'not_counted%'"
        )
    )
    assert counted.query(
        f"SELECT min(lines = {lines}), min(requests = counted + {reasons}), count(*) "
        "FROM usage_reconciliation"
    ) == [(1, 1, 2)]


def test_overlapping_ranges_and_days_made_again_double_nothing(
    flow: Flow, settings: Settings
) -> None:
    flow.export_days(6)
    sums = "SELECT date, sum(requests) FROM usage_daily GROUP BY 1 ORDER BY 1"
    lines = "SELECT date, lines, requests FROM usage_reconciliation ORDER BY 1"
    for first, stop in ((0, 3), (1, 5), (2, 4), (0, 5)):
        settings("datasette", start=DAY + first * ONE_DAY, stop=DAY + stop * ONE_DAY)
        assert flow.build(LoadUsage()).scheduling_succeeded
    days = [f"{DAY + n * ONE_DAY}" for n in range(5)]
    assert flow.query(sums) == [(day, 2) for day in days]
    assert flow.query(lines) == [(day, 2, 2) for day in days]
    assert flow.query("SELECT days, requests FROM usage_monthly") == [(5, 10)]

    daily = (table.name for table in tables.DAILY)
    for stage in ("cleaned", "geocoded", "counted", *daily):
        flow.delete(stage, DAY + ONE_DAY)
    assert flow.build(LoadUsage()).scheduling_succeeded
    assert flow.query(sums) == [(day, 2) for day in days]
    assert flow.query("SELECT days, requests FROM usage_monthly") == [(5, 10)]


def test_every_line_of_the_sample_is_accounted_for(sample: Path) -> None:
    rows = _accounted_for(sample / "data" / "usage_metrics.db")
    assert len(rows) == 13, "one of the fourteen days was never exported"
    assert sum(row["duplicates"] for row in rows) > 0
    assert sum(row["rejected"] for row in rows) > 0


def test_every_line_of_generated_days_is_accounted_for(
    flow: Flow, settings: Settings
) -> None:
    write_exports(3_000, 2, flow.logs / "made_up")
    settings("datasette", start=START, stop=START + 2 * ONE_DAY)
    assert flow.build(LoadUsage()).scheduling_succeeded
    rows = _accounted_for(flow.database)
    assert len(rows) == 2
    assert sum(row["lines"] for row in rows) > 3_000  # some are there twice


def _accounted_for(database: Path) -> list[dict[str, Any]]:
    """The reconciliation of each day, which adds up, and which other tables repeat."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        query = "SELECT * FROM usage_reconciliation ORDER BY date"
        rows = [dict(row) for row in connection.execute(query)]
        for row in rows:
            apart = ("duplicates", "rejected", "not_requests", "other_logs")
            assert row["lines"] == row["requests"] + sum(row[name] for name in apart)
            reasons = [name for name in row if name.startswith("not_counted_")]
            assert row["requests"] == sum(row[n] for n in ("counted", *reasons))
        busy = [(r["date"], r["requests"], r["counted"]) for r in rows if r["requests"]]
        for table in ("usage_daily", "usage_by_organization", "usage_by_agent"):
            sums = (
                f"SELECT date, sum(requests), sum(counted) FROM {table} "
                "GROUP BY 1 ORDER BY 1"
            )
            assert list(map(tuple, connection.execute(sums))) == busy
    return rows


def test_a_day_is_read_in_batches_of_equal_size_whatever_its_row_groups(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("usage_metrics.partitions.writer.ROW_GROUP_ROWS", 2)
    monkeypatch.setattr("usage_metrics.tasks.count_input.BATCH_ROWS", 5)
    texts = [f"text {number % 5}" if number % 4 else None for number in range(23)]
    rows = pa.table({"text": texts, "number": range(23)})
    with flow.partition("counted").writing(rows.schema, ["text"]) as file:
        for start in range(0, 23, 2):
            file.write(rows.slice(start, 2))

    with flow.partition("counted").open() as opened:
        assert opened.num_row_groups == 12
        read = list(batches(opened, ["number", "text", "no column"]))

    assert [batch.num_rows for batch in read] == [5, 5, 5, 5, 3]
    assert pa.concat_tables(read).to_pylist() == rows.to_pylist()


def test_a_day_of_many_batches_is_counted_as_in_one(
    two_days: Flow, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where only the cleaned file has the whole addresses, and in files."""
    names = ["counted", *(table.name for table in tables.DAILY)]

    def count() -> list[pa.Table]:
        assert two_days.build(CountMonth(month=MONTH)).scheduling_succeeded
        daily = [two_days.table(name) for name in names]
        monthly = [two_days.table(table.name, MONTH) for table in tables.MONTHLY]
        return [*daily, *monthly]

    at_once = count()
    for name in names:
        two_days.delete(name)
        two_days.delete(name, DAY + ONE_DAY)
    for table in tables.MONTHLY:
        two_days.delete(table.name, MONTH)
    monkeypatch.setattr("usage_metrics.tasks.count_input.BATCH_ROWS", 1)
    monkeypatch.setattr("usage_metrics.counting.aside.HELD_BYTES", 0)
    monkeypatch.setattr("usage_metrics.counting.aside.HELD_TABLE_BYTES", 0)
    assert count() == at_once


def test_a_batch_of_long_texts_has_fewer_requests(
    two_days: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And their addresses, which are in another file, go with them."""
    two_days.build(Clean(date=DAY))
    monkeypatch.setattr("usage_metrics.partitions.writer.ROW_GROUP_ROWS", 1)
    two_days.build(CountUsage(date=DAY))
    at_once = two_days.table("counted"), two_days.table("usage_by_class")
    two_days.delete("counted")
    monkeypatch.setattr("usage_metrics.tasks.count_input.BATCH_BYTES", 1)
    with two_days.partition("geocoded").open() as file:
        assert [rows.num_rows for rows in batches(file, ["request_url"])] == [1, 1, 1]
    two_days.build(CountUsage(date=DAY))
    assert (two_days.table("counted"), two_days.table("usage_by_class")) == at_once


def test_a_full_folder_for_temporary_files_is_named(
    two_days: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_days.build(CountUsage(date=DAY))
    two_days.delete("counted")
    monkeypatch.setattr("usage_metrics.counting.aside.HELD_BYTES", 0)
    monkeypatch.setattr(
        tempfile, "TemporaryFile", partial(Path("/dev/full").open, "r+b")
    )
    said = r"a temporary file of counting in .* cannot be used: .*space.*TMPDIR"
    with pytest.raises(StorageError, match=said):
        CountUsage(date=DAY).run()
    assert not two_days.partition("counted").exists()


@pytest.mark.parametrize("lost", ["view", "metadata"])
def test_what_a_killed_run_did_not_say_of_the_tables_the_next_does(
    counted: Flow, lost: str
) -> None:
    if lost == "view":
        with contextlib.closing(sqlite3.connect(counted.database)) as database:
            database.execute("DROP VIEW use_per_day")
    else:
        counted.database.with_suffix(".metadata.json").unlink()
    assert not LoadUsage().complete()
    counted.build(LoadUsage())
    assert LoadUsage().complete()
    assert counted.query("SELECT sum(requests) > 0 FROM use_per_day") == [(1,)]
    assert counted.database.with_suffix(".metadata.json").exists()
