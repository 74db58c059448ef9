"""Commands that change files do so one at a time, and erase beside no task."""

import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flow import DAY, ONE_DAY, Flow, request
from forensics import places_of
from project import Settings

from usage_metrics.commands import main
from usage_metrics.monitoring import locks, run_log
from usage_metrics.tasks import task_lock
from usage_metrics.tasks.load import LoadSQLite
from usage_metrics.tasks.stages import Clean, Geocode

HOLD = """
import sys
from pathlib import Path
from usage_metrics.monitoring import locks
with locks.held(Path(sys.argv[1]), sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""

COMMANDS = [
    ("run",),
    ("report",),
    ("counter", "--month", "2026-03"),
    ("digest",),
    ("digest", "--send"),
    ("import", "github", ".", "--subject", "example/data"),
    ("backfill", "--start", str(DAY)),
    ("refresh",),
    ("rebuild", "--from", "clean", "--start", str(DAY)),
    ("erase", "--yes", "--address", "192.0.2.7"),
    ("retain",),
]
"""Those that change files."""


@pytest.fixture
def day(flow: Flow, settings: Settings) -> Flow:
    settings("datasette", start=DAY, stop=DAY + ONE_DAY)
    settings("database", path=flow.database)
    settings("run_log", path=flow.root / "runs.jsonl")
    flow.root.mkdir()
    flow.export(DAY, request("a", remoteIp="192.0.2.7"))
    return flow


@pytest.fixture
def other(day: Flow) -> Iterator["subprocess.Popen[str]"]:
    """Another process that is at ``usage-metrics run``."""
    with _holding(day.root / ".run.lock", "usage-metrics run") as process:
        yield process
        process.communicate()


def _holding(lock: Path, name: str) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, lock, name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_command_that_does_not_wait_names_the_one_in_progress(
    day: Flow,
    other: "subprocess.Popen[str]",
    capsys: pytest.CaptureFixture[str],
    command: tuple[str, ...],
) -> None:
    assert main([*command, "--patience", "0"]) == 10
    said = capsys.readouterr().err
    assert f"usage-metrics run (process {other.pid} on" in said
    assert ", since 20" in said
    assert [p for p in day.root.rglob("*") if p.name != ".run.lock"] == []


def test_a_command_goes_on_when_the_other_has_ended(
    day: Flow, other: "subprocess.Popen[str]", monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []

    def say(holder: str) -> None:
        said.append(holder)
        other.communicate()

    monkeypatch.setattr("usage_metrics.commands.alone._say", say)
    assert main(["erase", "--yes", "--address", "192.0.2.7"]) == 0
    assert len(said) == 1


def test_nothing_is_erased_or_removed_while_a_luigi_is_at_a_task(
    day: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Geocode.run
    codes: list[int] = []
    said: list[str] = []
    monkeypatch.setattr("click.echo", lambda text, **_: said.append(text))

    def running(self: Geocode) -> None:
        codes.extend(main([*command, "--patience", "0"]) for command in COMMANDS[-2:])
        run(self)

    monkeypatch.setattr(Geocode, "run", running)
    assert day.build(LoadSQLite()).scheduling_succeeded
    assert codes == [10, 10]
    assert f"{task_lock.path()} is locked by the task Geocode (process" in said[-1]
    assert main(["erase", "--yes", "--address", "192.0.2.7", "--patience", "0"]) == 0
    assert places_of("192.0.2.7", day.root) == []


def test_a_task_begins_when_the_erasure_beside_it_has_ended(
    day: Flow, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, task_lock.log.name)
    assert day.build(Clean(date=DAY)).scheduling_succeeded
    order: list[str] = []
    run = Geocode.run

    def running(self: Geocode) -> None:
        order.append("task")
        run(self)

    monkeypatch.setattr(Geocode, "run", running)
    with _holding(task_lock.path(), "usage-metrics erase") as eraser:

        def end(record: logging.LogRecord) -> bool:
            if "waiting for" in record.msg:
                order.append(record.getMessage().partition(" (")[0])
                eraser.communicate()
            return True

        task_lock.log.addFilter(end)
        assert day.build(Geocode(date=DAY)).scheduling_succeeded
    task_lock.log.removeFilter(end)
    assert order == ["waiting for usage-metrics erase", "task"]


def test_a_task_that_fails_holds_nothing_up(
    day: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Clean, "run", lambda self: 1 / 0)
    day.build(LoadSQLite())
    assert main(["retain", "--patience", "0"]) == 0


def test_a_program_that_keeps_the_locks_holds_no_task_up_for_long(
    day: Flow, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(locks, "STRANGERS_SECONDS", 0.05)
    files = [task_lock.path(), day.root / "runs.jsonl"]
    held = []
    for file in files:
        file.touch()
        held.append(file.open())
        assert locks.try_lock(held[-1].fileno())
    assert day.build(LoadSQLite()).scheduling_succeeded
    for open_file in held:
        open_file.close()
    assert f"{files[0]} is locked by another program; Extract does not" in caplog.text
    assert caplog.text.count(f"{files[1]} is locked by another program") == 1
    assert {e["task"] for e in run_log.read()} >= {"Extract", "Clean", "Geocode"}
