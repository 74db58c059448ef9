"""The task: when it writes the report, and when there is nothing to do."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flow import DAY, ONE_DAY, Flow, fill_once, request
from luigi.execution_summary import LuigiStatusCode
from project import Settings
from report_html import Standing

from usage_metrics.partitions import kept
from usage_metrics.report import page, recipe
from usage_metrics.tasks import report
from usage_metrics.tasks.load_usage import LoadUsage
from usage_metrics.tasks.report import Report
from usage_metrics.tasks.stages import STAGES
from usage_metrics.tasks.task import Reporting

pytestmark = pytest.mark.usefixtures("quick_reports")

STOP = DAY + 3 * ONE_DAY


@pytest.fixture
def three_days(flow: Flow, settings: Settings) -> Flow:
    """Three days with two requests each, to be in the database."""
    settings("datasette", start=DAY, stop=STOP)
    flow.export_days(3)
    return flow


@pytest.fixture
def reported(three_days: Flow) -> Flow:
    """Those days, and the report on them."""
    fill_once(three_days, "reported", _report)
    return three_days


def _report(flow: Flow) -> None:
    assert flow.build(Report()).scheduling_succeeded


def file(flow: Flow) -> Path:
    return flow.root / "report" / "datasette.html"


def text(flow: Flow) -> str:
    return file(flow).read_text()


def figures(text: str) -> dict[str, str]:
    return Standing(text).figures


def test_it_is_written_once_and_again_when_its_data_changed(
    reported: Flow, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    assert figures(text(reported))["figure all.requests"] == "6"
    assert Report().complete()

    written = file(reported).stat().st_mtime_ns
    assert reported.build(Report()).scheduling_succeeded
    assert file(reported).stat().st_mtime_ns == written

    with monkeypatch.context() as patch:
        patch.setattr(recipe, "recipe", lambda: "a newer one")
        assert not Report().complete()

    change_a_day(reported)
    assert not Report().complete()
    assert reported.build(Report()).scheduling_succeeded
    assert figures(text(reported))["figure all.requests"] == "5"


def test_a_day_that_another_run_brings_meanwhile_fails_nothing(
    three_days: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Luigi is about to ask a task that looks at all days whether it is done."""
    for day, task in ((DAY, LoadUsage), (DAY + ONE_DAY, Report)):
        monkeypatch.setattr(task, "run", _then_made_anew(task.run, three_days, day))
    found = three_days.build(Report())
    assert found.status is LuigiStatusCode.SUCCESS
    assert figures(text(three_days))["figure all.requests"] == "6"
    assert not Report().complete(), "the next run has something to do"


def _then_made_anew(run: Callable[..., Any], flow: Flow, day: dt.date) -> Any:
    """Run a task; then another run rebuilds a day, with one request, not two."""

    def run_beside(task: Reporting) -> Any:
        yield from run(task) or ()
        flow.export(day, request("a", day))
        for stage in STAGES:
            flow.delete(stage.stage, day)
            stage(date=day).run()

    return run_beside


def test_a_range_has_a_file_of_its_own_and_is_compared_with_what_was_before(
    three_days: Flow,
) -> None:
    assert three_days.build(Report(start=STOP - ONE_DAY)).scheduling_succeeded
    of_a_day = three_days.root / "report" / "datasette_2026-03-04_2026-03-04.html"
    found = figures(of_a_day.read_text())
    assert found["figure all.requests"] == "2"
    assert found["change all.requests"] == "±0 %"
    assert "with the 1 day before" in of_a_day.read_text()
    assert not file(three_days).exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"start": DAY - ONE_DAY}, "is before [datasette] start = 2026-03-02"),
        ({"start": STOP}, "holds no day"),
        ({"start": DAY + ONE_DAY, "stop": DAY}, "holds no day"),
    ],
)
def test_a_range_that_the_database_does_not_hold_is_a_sentence(
    reported: Flow,
    options: dict[str, Any],
    sentence: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.clear()
    assert not reported.build(Report(**options)).scheduling_succeeded
    assert sentence in caplog.text
    assert "Traceback" not in caplog.text


def test_days_without_a_request_make_a_report_that_says_so(
    flow: Flow, settings: Settings
) -> None:
    settings("datasette", start=DAY, stop=STOP)
    for number in range(3):
        flow.export(DAY + number * ONE_DAY)
    assert flow.build(Report()).scheduling_succeeded
    assert "There are no requests in this period." in text(flow)
    assert figures(text(flow))["figure all.days"] == "3 of 3"


def test_a_missing_day_is_named_where_the_database_may_lack_it(
    three_days: Flow, settings: Settings
) -> None:
    (three_days.logs / f"{DAY + ONE_DAY}.jsonl").write_text("no JSON at all\n")
    three_days.build(Report())
    assert not file(three_days).exists()

    settings("LoadSQLite", partial="true")
    assert three_days.build(Report()).scheduling_succeeded
    assert "1 of 3 days is missing and not in any figure: 3 March 2026." in text(
        three_days
    )
    found = Standing(text(three_days))
    assert found.figures["figure all.requests"] == "4"
    assert found.figures["figure all.days"] == "2 of 3"
    assert found.tables["periods"][1][0] == "3 March 2026 (no data)"
    assert Report().complete()


def test_the_day_on_which_it_was_made_stands_in_it_and_makes_it_no_older(
    reported: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = dt.datetime(2027, 1, 2, tzinfo=dt.UTC)
    monkeypatch.setattr(report, "utc_now", lambda: later)
    assert Report().complete()
    assert "Made on 2 January 2027" not in text(reported)
    file(reported).unlink()
    assert reported.build(Report()).scheduling_succeeded
    assert "Made on 2 January 2027 with usage_metrics" in text(reported)


def test_rejected_lines_and_versions_of_lists_are_said(three_days: Flow) -> None:
    three_days.export(DAY, *(request(str(n)) for n in range(30)), "no JSON")
    assert three_days.build(Report()).scheduling_succeeded
    tables = Standing(text(three_days)).tables
    assert tables["incomplete"] == [["2 March 2026", "31", "1", "30", "1"]]
    assert tables["filtered"][0] == [
        *("Lines that could not be understood", "1", "2.9 % of lines"),
    ]
    assert "List of robots: counter-robots 2–4 March 2026" in {
        row[0] for row in tables["versions"]
    }
    assert 'href="https://db-ip.com"' in text(three_days)


def test_a_report_that_others_wrote_there_is_written_over(three_days: Flow) -> None:
    file(three_days).parent.mkdir(parents=True)
    file(three_days).write_text("<html>not ours</html>")
    three_days.build(LoadUsage())
    assert not Report().complete()
    assert three_days.build(Report()).scheduling_succeeded
    assert Report().complete()


def test_what_every_report_has_is_made_once(
    reported: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never() -> None:
        raise AssertionError("the charts are drawn again")

    change_a_day(reported)
    with monkeypatch.context() as patch:
        patch.setattr(page, "parts", never)
        assert reported.build(Report()).scheduling_succeeded
    assert figures(text(reported))["figure all.requests"] == "5"


@pytest.mark.parametrize("name", [f"{kept.SUMS}-datasette", kept.PARTS])
@pytest.mark.parametrize("damage", ["deleted", "cut", "a bit", "empty", "a folder"])
def test_what_is_kept_for_the_next_report_may_be_damaged(
    reported: Flow, name: str, damage: str
) -> None:
    change_a_day(reported)
    place = reported.root / name
    content = bytearray(place.read_bytes())
    content[len(content) // 2] ^= 1
    place.unlink()
    if damage == "a folder":
        place.mkdir()
    elif damage != "deleted":
        sizes = {"cut": len(content) // 2, "a bit": len(content), "empty": 0}
        place.write_bytes(content[: sizes[damage]])
    assert reported.build(Report()).scheduling_succeeded
    found = text(reported)
    file(reported).unlink()
    assert reported.build(Report()).scheduling_succeeded
    assert found == text(reported)
    assert figures(found)["figure all.requests"] == "5"


def change_a_day(flow: Flow) -> None:
    """Have one request less on the first day."""
    for stage in ("raw", "cleaned", "geocoded"):
        flow.delete(stage, DAY)
    flow.export(DAY, request("a"))


def test_a_folder_that_cannot_be_written_to_is_a_sentence(
    three_days: Flow, caplog: pytest.LogCaptureFixture
) -> None:
    three_days.root.mkdir()
    (three_days.root / "report").write_text("a file where the folder should be")
    assert not three_days.build(Report()).scheduling_succeeded
    assert "cannot be written" in caplog.text
    assert "check [paths] root and rerun" in caplog.text
    assert "Traceback" not in caplog.text
