"""A run takes for done what it has done: what others bring meanwhile is the next's."""

import datetime as dt
import multiprocessing
from typing import Any

import pytest
import tenacity
from flow import DAY, ONE_DAY, Flow, request
from luigi.execution_summary import LuigiStatusCode
from luigi.task_register import Register
from project import Settings

from usage_metrics.errors import ChangingError
from usage_metrics.monitoring import run_log
from usage_metrics.tasks import count, count_input, settling
from usage_metrics.tasks.count import CountUsage
from usage_metrics.tasks.count_month import CountMonth
from usage_metrics.tasks.load_usage import LoadUsage
from usage_metrics.tasks.stages import STAGES
from usage_metrics.tasks.this_run import ThisRun

NEXT = DAY + ONE_DAY


@pytest.fixture
def two_days(flow: Flow, settings: Settings) -> Flow:
    settings("datasette", start=DAY, stop=DAY + 2 * ONE_DAY)
    flow.export_days(2)
    return flow


def _another_run_changes(flow: Flow) -> None:
    """Refresh the first day, of which there are new entries."""
    flow.export(DAY, *(request(n) for n in "abc"))
    for stage in STAGES:
        stage(date=DAY).run()


def _failures() -> list[dict[str, Any]]:
    return [e for e in run_log.read() if e["outcome"] == run_log.FAILED]


def test_what_a_forked_worker_has_done_is_done_for_the_run_and_not_for_the_next() -> (
    None
):
    task, other = CountUsage(date=DAY), CountUsage(date=NEXT)
    assert not ThisRun().has_done(task)
    forked = multiprocessing.get_context("fork").Process(
        target=lambda: ThisRun().note(task)
    )
    forked.start()
    forked.join()
    assert ThisRun().has_done(task)
    assert not ThisRun().has_done(other)
    Register.clear_instance_cache()
    assert not ThisRun().has_done(task)


def test_without_room_for_the_file_a_process_knows_what_it_has_done_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse() -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("usage_metrics.tasks.this_run.tempfile.mkstemp", refuse)
    ThisRun().note(CountUsage(date=DAY))
    assert ThisRun().has_done(CountUsage(date=DAY))
    assert not ThisRun().has_done(CountUsage(date=NEXT))


@pytest.mark.parametrize("task", [CountUsage, CountMonth])
def test_no_run_fails_because_another_changes_what_it_has_just_done(
    two_days: Flow, monkeypatch: pytest.MonkeyPatch, task: Any
) -> None:
    run, changed = task.run, list[str]()

    def beside_another(self: Any) -> Any:
        result = run(self)
        yield from result or ()
        if not changed:
            changed.append("once")
            _another_run_changes(two_days)

    monkeypatch.setattr(task, "run", beside_another)
    assert two_days.build(LoadUsage()).status == LuigiStatusCode.SUCCESS
    assert changed
    assert _failures() == []
    two_days.build(LoadUsage())
    sql = "SELECT requests FROM usage_reconciliation ORDER BY date"
    assert [*two_days.query(sql)] == [(3,), (2,)], "the next run counts it again"


def test_days_that_a_run_reads_again_are_counted_again_without_a_failure(
    two_days: Flow, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_days.build(LoadUsage())
    two_days.export(DAY, *(request(n) for n in "abc"))
    settings("datasette", refresh_days=2, settle_hours=0)
    tomorrow = dt.datetime.now(dt.UTC) + ONE_DAY  # the files are of the day before
    monkeypatch.setattr("usage_metrics.tasks.availability.utc_now", lambda: tomorrow)
    assert two_days.build(LoadUsage()).status == LuigiStatusCode.SUCCESS
    assert _failures() == []
    sql = "SELECT requests FROM usage_reconciliation ORDER BY date"
    assert [*two_days.query(sql)] == [(3,), (2,)]


def test_a_day_whose_files_are_replaced_while_it_is_counted_is_read_again(
    two_days: Flow, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(settling, "CHANGES_SETTLE", tenacity.wait_none())
    read, changed = count_input.first_requests_of, list[str]()

    def read_and_replace(*arguments: Any) -> Any:
        table = read(*arguments)
        if not changed:
            changed.append("once")
            _another_run_changes(two_days)
        return table

    monkeypatch.setattr(count, "first_requests_of", read_and_replace)
    assert two_days.build(CountUsage(date=DAY)).status == LuigiStatusCode.SUCCESS
    assert changed
    assert "reading it again" in caplog.text
    assert two_days.facts("counted")["rows"] == 3


def test_files_that_change_each_time_are_named_as_the_reason() -> None:
    numbers = iter(range(100))

    def fail() -> None:
        raise ValueError("lengths differ")

    work = settling.noticing_changes(fail, lambda: next(numbers))
    with pytest.raises(ChangingError, match="replaced meanwhile.*lengths differ"):
        work()
    with pytest.raises(ValueError, match="lengths differ"):
        settling.noticing_changes(fail, lambda: 1)()
