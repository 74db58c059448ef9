"""The run log: a line for each task, whichever process writes it."""

import errno
import json
import multiprocessing
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import luigi
import pytest
from flow import DAY, ONE_DAY, Flow, request
from project import Settings

from usage_metrics.monitoring import run_log
from usage_metrics.tasks.backfill import Backfill
from usage_metrics.tasks.load import LoadSQLite
from usage_metrics.tasks.stages import Geocode

LINE = {"task": "Clean", "parameters": {}, "outcome": "done"}


@pytest.fixture
def log(tmp_path: Path, settings: Settings) -> Path:
    file = tmp_path / "log" / "runs.jsonl"
    settings("run_log", path=file)
    return file


def _outcomes(*keys: str) -> list[tuple[object, ...]]:
    return [tuple(entry[key] for key in keys) for entry in run_log.read()]


# --- what is written ------------------------------------------------------------------


def test_each_task_that_ran_has_a_line_with_rows_and_what_came_of_it(
    flow: Flow,
) -> None:
    flow.export(DAY, request("a"), request("a"), request("b"))
    flow.load(1)
    stages = [e for e in run_log.read() if e["parameters"].get("date") == str(DAY)]
    assert [(e["task"], e["outcome"], e["rows"]) for e in stages] == [
        ("Extract", "done", 3),
        ("Clean", "done", 2),
        ("Geocode", "done", 2),
    ]
    assert stages[0]["said"] == "3 log entries"
    assert all(0 <= entry["seconds"] < 60 for entry in stages)
    assert len({entry["run"] for entry in stages}) == 1


def test_a_ctrl_c_while_a_line_is_written_ends_the_run_nevertheless(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Luigi drops the exception in its handlers of events."""

    def press(entry: Mapping[str, Any]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run_log, "listener", press)
    with pytest.raises(KeyboardInterrupt):
        _succeed_and_go_on(Geocode(date=DAY))


def _succeed_and_go_on(task: Geocode) -> None:
    task.trigger_event(luigi.Event.SUCCESS, task)
    threading.Event().wait(60)


def test_it_is_beside_the_partitions_unless_a_setting_says_otherwise(
    flow: Flow, settings: Settings
) -> None:
    assert run_log.path() == flow.root / "runs.jsonl"
    settings("paths", root="s3://bucket/folder")
    assert run_log.path() == Path("data/runs.jsonl")
    settings("run_log", path="/var/log/usage.jsonl")
    assert run_log.path() == Path("/var/log/usage.jsonl")


def test_a_failure_has_its_reason_in_a_sentence(flow: Flow) -> None:
    flow.export(DAY, "nonsense")
    flow.load(1)
    (failed,) = [entry for entry in run_log.read() if entry["outcome"] == "failed"]
    assert failed["task"] == "Clean"
    assert "1 of 1 lines could not be understood" in failed["reason"]


def test_days_that_are_not_available_yet_have_a_line(flow: Flow) -> None:
    flow.export_days(1)
    flow.load(3)
    (waiting,) = [entry for entry in run_log.read() if entry["outcome"] == "waiting"]
    assert waiting["parameters"]["start"] == str(DAY + ONE_DAY)
    assert waiting["reason"].startswith("2026-03-03 to 2026-03-04 are not exported yet")


def test_a_stage_within_a_month_has_a_line_as_one_by_itself(flow: Flow) -> None:
    flow.export(DAY, "nonsense")
    flow.export(DAY + ONE_DAY, request("a", DAY + ONE_DAY))
    flow.build(Backfill(start=DAY, stop=DAY + 2 * ONE_DAY))
    assert _outcomes("task", "outcome") == [
        ("Extract", "done"),
        ("Clean", "failed"),
        ("Extract", "done"),
        ("Clean", "done"),
        ("Geocode", "done"),
        ("Backfill", "failed"),
    ]


def test_the_tasks_of_several_workers_are_logged(flow: Flow) -> None:
    flow.export_days(2)
    flow.build(*(Geocode(date=DAY + n * ONE_DAY) for n in range(2)), workers=2)
    assert sorted(_outcomes("task")) == sorted(
        [("Extract",), ("Clean",), ("Geocode",)] * 2
    )


def test_a_task_that_cannot_be_scheduled_makes_no_folder(flow: Flow) -> None:
    flow.build(LoadSQLite(start=DAY, stop=DAY))
    assert not flow.root.exists()


# --- how it is written ----------------------------------------------------------------


def test_no_line_of_several_processes_is_lost_or_mixed(log: Path) -> None:
    _write_at_once()
    expected = {f"{number}-{count}" for number in range(4) for count in range(80)}
    assert sorted(_said(log)) == sorted(expected)


def test_no_line_is_mixed_or_doubled_while_the_file_is_rotated(
    log: Path, settings: Settings
) -> None:
    settings("run_log", maximum_bytes=20_000)
    _write_at_once()
    said = [*_said(log.parent / "runs.1.jsonl"), *_said(log)]
    assert len(set(said)) == len(said) < 4 * 80


def _said(log: Path) -> list[str]:
    return [json.loads(line)["said"] for line in log.read_text().splitlines()]


def _write_at_once() -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_write_many, args=(n,)) for n in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()


def _write_many(number: int) -> None:
    for count in range(80):
        run_log.append({**LINE, "said": f"{number}-{count}"})


def test_its_size_is_bounded_and_the_newest_lines_stay(
    log: Path, settings: Settings
) -> None:
    settings("run_log", maximum_bytes=1000)
    for number in range(50):
        run_log.append({**LINE, "said": str(number)})
    assert sorted(p.name for p in log.parent.iterdir()) == ["runs.1.jsonl", log.name]
    assert sum(file.stat().st_size for file in log.parent.iterdir()) < 3000
    said = [int(entry["said"]) for entry in run_log.read()]
    assert said == list(range(50 - len(said), 50))


def test_zero_bytes_disable_the_log(log: Path, settings: Settings) -> None:
    settings("run_log", maximum_bytes=0)
    run_log.append(LINE)
    assert not log.parent.exists()
    assert list(run_log.read()) == []


def test_a_line_cut_off_by_a_kill_costs_no_other(log: Path) -> None:
    run_log.append(LINE)
    with log.open("ab") as file:
        file.write(b'{"at": "2026-03-')
    run_log.append({**LINE, "said": "after"})
    assert [entry.get("said") for entry in run_log.read()] == [None, "after"]


@pytest.mark.parametrize(
    "line", [b"", b"nonsense", b"7", b"{}", b"\xff\xfe", b'{"task": 1}']
)
def test_foreign_lines_are_skipped(log: Path, line: bytes) -> None:
    log.parent.mkdir()
    log.write_bytes(line + b"\n")
    run_log.append(LINE)
    assert len(list(run_log.read())) == 1


def test_a_full_disk_stops_no_run(
    flow: Flow, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("usage_metrics.monitoring.run_log._write", full)
    flow.export_days(1)
    assert flow.load(1).scheduling_succeeded
    assert flow.partition("geocoded").exists()
    assert "runs.jsonl cannot be written: [Errno 28] No space left" in caplog.text


def test_lines_of_valid_json_that_are_no_entries_are_skipped(log: Path) -> None:
    run_log.append(LINE)
    [good] = run_log.read()
    wrong: list[dict[str, Any]] = [
        {"at": 7},
        {"at": "yesterday"},
        {"task": None},
        {"outcome": ["failed"]},
        {"run": {}},
        {"parameters": []},
        {"parameters": {"date": "2022-02-30"}},
        {"parameters": {"date": 7}},
        {"rows": "many"},
        {"seconds": float("nan")},
        {"seconds": float("inf")},
    ]
    lines = [json.dumps({**good, **change}) for change in wrong]
    lines += ["[]", "7", "null", '"text"', "[" * 100_000, "{}", "9" * 10_000]
    log.write_text("\n".join([*lines, json.dumps(good), ""]))
    assert list(run_log.read()) == [good]
