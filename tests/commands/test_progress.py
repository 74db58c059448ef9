"""The progress of many days: a bar in a terminal, lines elsewhere."""

import contextlib
import datetime as dt
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from flow import DAY, ONE_DAY, Flow

from usage_metrics.commands import progress
from usage_metrics.commands.progress import line, shown
from usage_metrics.tasks.backfill import ManyDays


def _screen(flow: Flow, *arguments: str, days: str = "") -> tuple[int, str, str]:
    """Run a command in a terminal: its exit code, its screen and its output."""
    cfg = f"[datasette]\nlogs = {flow.logs}\n{days}[paths]\nroot = {flow.root}\n"
    (flow.folder / "luigi.cfg").write_text(cfg)
    ours, theirs = pty.openpty()
    program = Path(sys.executable).with_name("usage-metrics")
    with subprocess.Popen(
        [program, *arguments],
        cwd=flow.folder,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "80"},
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    ) as process:
        os.close(theirs)
        screen = b""
        with contextlib.suppress(OSError):  # which a terminal gives at its end
            while piece := os.read(ours, 4096):
                screen += piece
        output, _ = process.communicate()
    os.close(ours)
    return process.returncode, screen.decode(), output


@pytest.mark.parametrize(
    ("first", "workers"),
    [(DAY, "1"), (dt.date(2026, 3, 30), "2")],  # the second in two months
)
def test_in_a_terminal_there_is_a_bar_and_no_log(
    flow: Flow, first: dt.date, workers: str
) -> None:
    flow.export_days(40)
    flow.export(first, "nonsense")
    days = ("--start", str(first), "--stop", str(first + 3 * ONE_DAY))
    code, screen, output = _screen(flow, "backfill", *days, "--workers", workers)
    assert code == 30
    assert "━" in screen
    assert "2 of 3 days 1 failed" in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen)
    assert "Worker" not in screen
    assert output.startswith("2 of 3 days done in")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_run_has_a_bar_for_each_stage(flow: Flow, workers: str) -> None:
    flow.export_days(3)
    flow.export(DAY, "nonsense")
    days = f"start = {DAY}\nstop = {DAY + 3 * ONE_DAY}\n"
    code, screen, _ = _screen(flow, "run", "--workers", workers, days=days)
    assert code == 30
    last = re.sub(r"\x1b\[K", "", screen.rpartition("\x1b[4A")[2]).replace("\r", "")
    assert [line.split("━")[-1].strip() for line in last.splitlines()[:4]] == [
        "3 of 3 days",
        "2 of 3 days, 1 failed",
        "2 of 3 days",
        "2 of 3 days",
    ]
    assert "Worker" not in screen


def test_elsewhere_there_are_lines_in_which_the_last_outcome_of_a_day_counts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "LINE_SECONDS", 0)
    with shown(2, in_lines=True):
        assert ManyDays.on_day is not None
        for day, is_failed in ((DAY, False), (DAY + ONE_DAY, False), (DAY, True)):
            ManyDays.on_day(day, is_failed)
    assert ManyDays.on_day is None
    lines = [text.partition(" left")[0] for text in capsys.readouterr().out.split("\n")]
    assert lines[:3] == [
        "1 of 2 days done · 1",
        "2 of 2 days done · 0",
        "1 of 2 days done · 1",
    ]


def test_progress_in_words() -> None:
    assert line(0, 1826, 0, 0.0) == "0 of 1,826 days done · 1,826 left"
    assert line(826, 1826, 2, 82.6) == (
        "826 of 1,826 days done · 1,000 left · 2 failed · 10.0 a second · 0:01:40 to go"
    )
