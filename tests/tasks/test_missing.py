"""Days that nobody exported: missing everywhere, and in the way of nothing."""

import datetime as dt
import json
from typing import Any
from unittest.mock import Mock

import pytest
from flow import DAY, ONE_DAY, Flow, days, request
from luigi.execution_summary import LuigiStatusCode
from project import SAMPLE_REGISTRY, Settings
from report_html import Standing

from usage_metrics.commands.pipeline_state import next_run, pipeline_state
from usage_metrics.dates import Gap, gaps
from usage_metrics.errors import InputError
from usage_metrics.partitions.footer import facts_of
from usage_metrics.partitions.partition import Partition
from usage_metrics.sources import kinds
from usage_metrics.tasks.availability import _open_reader, unavailable_reason
from usage_metrics.tasks.backfill import Backfill
from usage_metrics.tasks.count_month import CountMonth
from usage_metrics.tasks.counter_report import CounterReport
from usage_metrics.tasks.load import LoadSQLite
from usage_metrics.tasks.load_usage import LoadUsage
from usage_metrics.tasks.missing import remedy
from usage_metrics.tasks.ranges import RangeDaily
from usage_metrics.tasks.report import Report
from usage_metrics.tasks.stages import Extract, Geocode

pytestmark = pytest.mark.usefixtures("quick_reports")

GAP = DAY + 2 * ONE_DAY
"""The third of five days: nobody exported it."""
STOP = DAY + 5 * ONE_DAY


@pytest.fixture
def gap(flow: Flow, settings: Settings) -> Flow:
    """Five days in the database's range, with exports of all but the third."""
    settings("datasette", start=DAY, stop=STOP)
    flow.export_days(5)
    (flow.logs / f"{GAP}.jsonl").unlink()
    return flow


def report(flow: Flow) -> str:
    return (flow.root / "report" / "datasette.html").read_text()


# --- a missing day is in the way of nothing -------------------------------------------


@pytest.mark.parametrize("task", [LoadSQLite, LoadUsage, Report])
def test_everything_else_is_done_and_the_missing_day_is_a_missing_dependency(
    gap: Flow, task: Any
) -> None:
    result = gap.build(task())
    assert result.status == LuigiStatusCode.MISSING_EXT
    assert f"1 LogsOfDays(start={GAP}, stop={GAP + ONE_DAY}" in result.summary_text
    others = [str(day) for day in days(5) if day != GAP]
    assert list(gap.loaded_days()) == others
    assert not task().complete()
    assert task(available=True).complete()
    again = gap.build(task())
    assert again.status == LuigiStatusCode.MISSING_EXT
    assert "ran successfully" not in again.summary_text


def test_the_day_is_taken_as_soon_as_it_is_there(gap: Flow) -> None:
    gap.build(Report())
    gap.export(GAP, request("late", GAP))
    assert gap.build(Report()).status == LuigiStatusCode.SUCCESS
    assert gap.loaded_days()[str(GAP)] == 1
    assert "None of the 5 days is missing." in report(gap)


def test_a_missing_day_has_no_file_and_no_row_of_any_table(gap: Flow) -> None:
    gap.build(Report())
    assert not list(gap.root.rglob(f"date={GAP}"))
    for table in ("usage_reconciliation", "usage_daily", "usage_metrics_partitions"):
        sql = f"SELECT count(*) FROM {table} WHERE date = ?"
        assert gap.query(sql, str(GAP)) == [(0,)]
    assert gap.query("SELECT days, requests FROM usage_monthly LIMIT 1") == [(4, 8)]


def test_the_report_names_the_missing_day(gap: Flow) -> None:
    gap.build(Report())
    text = report(gap)
    assert "1 of 5 days is missing and not in any figure: 4 March 2026." in text
    found = Standing(text)
    assert found.figures["figure all.days"] == "4 of 5"
    assert found.tables["periods"][2][0] == "4 March 2026 (no data)"


def test_a_report_of_days_that_are_all_there_waits_for_no_other(gap: Flow) -> None:
    task = Report(start=GAP + ONE_DAY, stop=STOP)
    assert gap.build(task).status == LuigiStatusCode.SUCCESS
    assert task.complete()


def test_a_report_of_the_month_says_which_day_is_missing(
    gap: Flow, settings: Settings
) -> None:
    settings("counting", datasets=SAMPLE_REGISTRY)
    month = CounterReport(month=DAY.replace(day=1), source="datasette")
    assert gap.build(month).status == LuigiStatusCode.MISSING_EXT
    header = json.loads(month.output()[0].read() or "")["report-header"]
    (exception,) = header["exceptions"]
    assert exception["code"] == 3040
    assert str(GAP) in exception["data"]


def test_without_any_day_there_is_no_report_but_a_reason(
    gap: Flow, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings("datasette", start=STOP, stop=STOP + 3 * ONE_DAY)
    assert gap.build(Report()).status == LuigiStatusCode.MISSING_EXT
    assert f"{STOP} to {STOP + 2 * ONE_DAY} are not exported yet" in caplog.text
    assert not (gap.root / "report").exists()
    assert not gap.database.exists()


def test_a_report_of_lost_days_alone_is_refused_in_a_sentence(
    gap: Flow, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings("datasette", lost_days=GAP)
    result = gap.build(Report(start=GAP, stop=GAP + ONE_DAY))
    assert result.status == LuigiStatusCode.FAILED
    assert f"no day from {GAP} to {GAP} is counted" in caplog.text


def test_of_many_days_the_months_are_made_without_the_missing_ones(
    gap: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("usage_metrics.tasks.load.MANY_DAYS", 2)
    monkeypatch.setattr("usage_metrics.tasks.load_usage.MANY_DAYS", 2)
    result = gap.build(Report())
    assert result.status == LuigiStatusCode.MISSING_EXT
    assert "1 Backfill(" in result.summary_text
    assert "1 CountDays(" in result.summary_text
    assert len(gap.loaded_days()) == 4
    assert "1 of 5 days is missing" in report(gap)


def test_a_backfill_makes_the_days_that_have_logs(gap: Flow) -> None:
    task = Backfill(start=DAY, stop=STOP)
    assert gap.build(task).status == LuigiStatusCode.SUCCESS
    assert len(list((gap.root / "geocoded" / "datasette").iterdir())) == 4


def test_a_day_without_logs_is_never_extracted_as_an_empty_one(gap: Flow) -> None:
    with pytest.raises(Exception, match=f"{GAP} is not exported"):
        Extract(date=GAP).run()
    assert not gap.partition("raw", GAP).exists()


def test_an_export_that_arrives_during_a_run_is_for_the_next(
    gap: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Extract.run

    def arrive(task: Extract) -> None:
        gap.export(GAP, request("late", GAP))
        run(task)

    monkeypatch.setattr(Extract, "run", arrive)
    assert gap.build(Report()).status == LuigiStatusCode.MISSING_EXT
    assert str(GAP) not in gap.loaded_days()
    monkeypatch.undo()
    assert gap.build(Report()).status == LuigiStatusCode.SUCCESS
    assert gap.loaded_days()[str(GAP)] == 1


# --- a day on which nothing happened is another thing ---------------------------------


@pytest.mark.parametrize("content", ["", "[]", "\n"])
def test_an_export_of_nothing_is_a_day_that_is_there(gap: Flow, content: str) -> None:
    (gap.logs / f"{GAP}.json").write_text(content)
    assert gap.build(Report()).status == LuigiStatusCode.SUCCESS
    sql = "SELECT lines, requests FROM usage_reconciliation WHERE date = ?"
    assert gap.query(sql, str(GAP)) == [(0, 0)]
    assert "None of the 5 days is missing." in report(gap)


# --- lost days ------------------------------------------------------------------------


def test_nothing_waits_for_a_lost_day_and_it_stays_missing(
    gap: Flow, settings: Settings
) -> None:
    settings("datasette", lost_days=f"{GAP}")
    assert gap.build(Report()).status == LuigiStatusCode.SUCCESS
    assert Report().complete()
    text = report(gap)
    assert "1 of 5 days is missing and not in any figure: 4 March 2026." in text
    assert "Its logs are lost." in text
    assert "4 of 5" in text


@pytest.mark.parametrize("of", [Extract, Geocode])
def test_a_range_is_complete_without_its_lost_days(
    gap: Flow, settings: Settings, of: Any
) -> None:
    settings("datasette", lost_days=f"{GAP}..{GAP}")
    task = RangeDaily(of=of, start=DAY, stop=STOP)
    assert gap.build(task).status == LuigiStatusCode.SUCCESS
    assert RangeDaily(of=of, start=DAY, stop=STOP).complete()


def test_logs_of_a_lost_day_that_turn_up_are_taken_and_that_is_said(
    gap: Flow, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings("datasette", lost_days=f"{DAY}, {GAP}")
    gap.build(Report())
    assert f"{DAY} is in [datasette] lost_days, but there are logs of it" in caplog.text
    assert str(GAP) not in gap.loaded_days()
    gap.export(GAP, request("late", GAP))
    assert gap.build(Report()).status == LuigiStatusCode.SUCCESS
    assert gap.loaded_days()[str(GAP)] == 1
    assert "None of the 5 days is missing." in report(gap)


def test_a_lost_day_says_why_it_cannot_be_extracted(
    gap: Flow, settings: Settings
) -> None:
    settings("datasette", lost_days=GAP)
    assert unavailable_reason("datasette", GAP) == (
        f"{GAP} is lost: [datasette] lost_days names it, and no logs hold it"
    )
    assert gap.build(Extract(date=GAP)).status == LuigiStatusCode.MISSING_EXT


# --- roots of earlier versions --------------------------------------------------------


def _made_by_an_earlier_version(flow: Flow) -> None:
    """Empty files of the missing day, whose footer does not say it was exported."""
    flow.export(GAP)
    assert flow.build(Report()).scheduling_succeeded
    (flow.logs / f"{GAP}.jsonl").unlink()
    import pyarrow.parquet as pq

    raw = flow.partition("raw", GAP)
    table = pq.ParquetFile(raw.path).read()
    facts = facts_of(pq.ParquetFile(raw.path).metadata)
    with Partition(str(flow.root), "raw", "datasette", GAP).writing(
        table.schema
    ) as file:
        file.write(table)
        file.facts["logs"] = facts["logs"]


def test_an_empty_file_of_a_day_that_nobody_exported_is_taken_back(gap: Flow) -> None:
    _made_by_an_earlier_version(gap)
    assert gap.query("SELECT count(*) FROM usage_reconciliation") == [(5,)]
    said = " ".join(next_run(pipeline_state("datasette")))
    assert f"The next run deletes the empty files of {GAP}" in said
    assert gap.build(Report()).status == LuigiStatusCode.MISSING_EXT
    assert not list(gap.root.rglob(f"date={GAP}"))
    assert gap.query("SELECT count(*) FROM usage_reconciliation") == [(4,)]
    assert gap.query("SELECT days FROM usage_monthly LIMIT 1") == [(4,)]
    assert "1 of 5 days is missing" in report(gap)


def test_an_empty_file_that_an_export_stands_behind_stays(gap: Flow) -> None:
    gap.export(GAP)
    assert gap.build(Report()).scheduling_succeeded
    assert gap.facts("raw", GAP)["exported"] is True
    (gap.logs / f"{GAP}.jsonl").unlink()  # exports are not kept for ever
    assert gap.build(Report()).status == LuigiStatusCode.SUCCESS
    assert gap.query("SELECT count(*) FROM usage_reconciliation") == [(5,)]


# --- in words -------------------------------------------------------------------------


def test_days_that_are_missing_for_one_reason_are_one_range() -> None:
    reasons = {
        day: f"{day} is not exported yet: the newest export is of 2026-03-01"
        for day in days(3)
    }
    reasons[DAY + 4 * ONE_DAY] = f"{DAY + 4 * ONE_DAY} is not over"
    first, second = gaps(reasons)
    assert str(first) == (
        "2026-03-02 to 2026-03-04 are not exported yet: the newest export is of "
        "2026-03-01"
    )
    assert str(second) == "2026-03-06 is not over"


def test_a_reason_that_names_no_day_is_kept_as_it_is() -> None:
    (gap,) = gaps(dict.fromkeys(days(2), "visits end on 2026-03-01"))
    assert str(gap) == "2026-03-02 to 2026-03-03: visits end on 2026-03-01"


def test_the_remedy_is_to_wait_or_to_name_the_days(flow: Flow) -> None:
    gap = Gap(DAY, GAP, f"{DAY} is not exported yet")
    assert remedy("datasette", gap) == (
        "once they are exported, the next run takes them; if the logs are lost, add "
        "2026-03-02..2026-03-04 to lost_days in [datasette] of luigi.cfg"
    )
    today = dt.datetime.now(dt.UTC).date()
    assert remedy("datasette", Gap(today, today, f"{today} is not over")) is None


def test_a_month_is_added_up_without_its_missing_day(gap: Flow) -> None:
    gap.build(Report())
    assert CountMonth(month=DAY.replace(day=1)).complete()


# --- services that write no file if nobody asks for anything --------------------------


@pytest.fixture
def quiet(flow: Flow, settings: Settings) -> Flow:
    """CloudFront's logs of the first and the third day."""
    for day in (DAY, GAP):
        line = f"{day}\t12:00:00\t192.0.2.7\tGET\tdata.example\t/a.csv\t200"
        fields = "date time c-ip cs-method cs(Host) cs-uri-stem sc-status"
        text = f"#Fields: {fields}\n{line}\n"
        (flow.logs / f"E2EXAMPLE.{day}-12.1a2b3c4d").write_text(text)
    settings("cloudfront", logs=flow.logs, start=DAY, stop=STOP)
    return flow


def test_a_day_without_files_is_empty_only_where_the_setting_says_so(
    quiet: Flow, settings: Settings
) -> None:
    between, after = DAY + ONE_DAY, GAP + ONE_DAY
    why = unavailable_reason("cloudfront", between)
    assert why
    assert "none in between; if nothing happened, an empty file" in why
    assert "or quiet_days = empty, for all such days" in why

    settings("cloudfront", quiet_days="empty")
    _open_reader.cache_clear()  # it is kept for a minute
    extract = Extract(date=between, source="cloudfront")
    assert quiet.build(extract).status == LuigiStatusCode.SUCCESS
    assert extract.output().facts()["rows"] == 0
    assert pipeline_state("cloudfront").emptied == []
    why = unavailable_reason("cloudfront", after)
    assert why
    assert "is not exported yet" in why, "only a later file shows that logs are written"

    settings("cloudfront", quiet_days="missing")
    _open_reader.cache_clear()
    assert pipeline_state("cloudfront").emptied == [between]
    quiet.build(LoadUsage(source="cloudfront"))
    assert not extract.output().exists()


def test_logs_of_another_source_are_looked_into_once_for_many_questions(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow.logs.mkdir(exist_ok=True)
    line = '192.0.2.1 - - [02/Mar/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "-"'
    (flow.logs / "access.log").write_text(f"{line}\n")
    looked = Mock(wraps=kinds.kind_of)
    monkeypatch.setattr(kinds, "kind_of", looked)
    for day in (DAY, DAY + ONE_DAY):
        with pytest.raises(InputError, match=r"which \[web\] reads"):
            unavailable_reason("datasette", day)
    looked.assert_called_once()
