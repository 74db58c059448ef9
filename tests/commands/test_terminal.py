"""Names of files, settings, agents, parameters: whatever they hold, it can be shown."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from command import run_luigi, run_usage_metrics
from flow import DAY, ONE_DAY, request
from once import Once

ESCAPES = "\x1b[2J\x1b[31m\x1b]0;title\x07\u202e\x9b1A"
"""Clears the screen, colours, sets a title, rings, turns writing, goes up a line."""

SHOWN = r"\x1b[2J\x1b[31m\x1b]0;title\x07\u202e\x9b1A"

OF_BARS_AND_COLOURS = re.compile(r"\x1b\[(?:K|\d+A|\?25[lh]|\d+m)|\r")
"""What the commands write for a terminal; hostile texts have other escapes, too."""


def is_printable(text: str) -> bool:
    return text.replace("\n", "").isprintable()


@pytest.fixture
def here(once: Once, tmp_path: Path) -> Path:
    """A pipeline whose folders and files have such names; one day is made."""

    def fill(folder: Path) -> None:
        logs = folder / f"logs{ESCAPES}"
        logs.mkdir()
        (folder / "luigi.cfg").write_text(
            f"[paths]\nroot = data{ESCAPES}\n"
            f"[datasette]\nlogs = {logs}\nstart = {DAY}\nstop = {DAY + 3 * ONE_DAY}\n"
        )
        entry = request("a", userAgent=ESCAPES, referer=f"https://a.example/{ESCAPES}")
        (logs / f"{DAY} {ESCAPES}.jsonl").write_text(json.dumps(entry))
        (logs / f"{DAY + ONE_DAY} {ESCAPES}.zip").touch()
        (logs / f"{DAY + 2 * ONE_DAY} {ESCAPES}.json.gz").write_bytes(b"\x1f\x8bxxxx")
        assert run_usage_metrics("run", folder=folder).returncode == 30

    return once.fill("unprintable", fill)


@pytest.mark.parametrize(
    "arguments",
    [
        ["run"],
        ["run", "--verbose"],
        ["status"],
        ["status", "--json"],
        ["doctor"],
        ["check"],
        ["inspect", str(DAY)],
        ["inspect", str(DAY + 2 * ONE_DAY)],
        ["inspect", ESCAPES],
        ["datasets"],
        ["digest", "--month", f"{DAY:%Y-%m}"],
        ["erase", "--address", "8.8.8.8", "--dry-run"],
        ["erase", "--address", "203.0.113.1", "--yes"],
        ["retain"],
        [f"command{ESCAPES}"],
        ["status", f"--option{ESCAPES}"],
        ["run", "--source", ESCAPES],
    ],
    ids=lambda arguments: " ".join(arguments).encode("unicode_escape").decode(),
)
def test_a_command_prints_only_what_can_be_shown(
    here: Path, arguments: list[str]
) -> None:
    done = run_usage_metrics(*arguments, folder=here)
    said = done.stdout + done.stderr
    assert said
    assert is_printable(said)
    assert "Traceback" not in said


@pytest.mark.parametrize(
    "arguments",
    [
        ["LoadSQLite"],
        ["Extract", "--date", ESCAPES],
        ["Extract", "--date", str(DAY), "--source", ESCAPES],
        ["Extract", f"--dat{ESCAPES}", str(DAY)],
    ],
    ids=["a run", "a date", "a source", "an option"],
)
def test_luigis_own_program_logs_only_what_can_be_shown(
    here: Path, arguments: list[str]
) -> None:
    command = ["--module", "usage_metrics", *arguments, "--local-scheduler"]
    done = run_luigi(command, here)
    assert done.returncode
    assert is_printable(done.stdout + done.stderr)
    assert SHOWN in done.stdout + done.stderr


def test_luigis_log_and_the_paths_in_it_can_be_shown(here: Path) -> None:
    log = (here / f"data{ESCAPES}" / "luigi.log").read_text()
    assert is_printable(log)
    assert f"data{SHOWN}/report/datasette.html" in log


def in_terminal(arguments: list[str], folder: Path) -> str:
    """What a command writes to a terminal."""
    ours, its = pty.openpty()
    program = Path(sys.executable).with_name("usage-metrics")
    environment = {**os.environ, "TMPDIR": str(folder)}
    environment.pop("LUIGI_CONFIG_PATH", None)
    with subprocess.Popen(
        [program, *arguments], cwd=folder, env=environment, stdout=its, stderr=its
    ):
        os.close(its)
        text = b""
        while piece := _read(ours):
            text += piece
    os.close(ours)
    return text.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux says so at the end
        return b""


@pytest.mark.parametrize("command", ["status", "run", "doctor"])
def test_in_a_terminal_there_are_our_colours_and_bars_and_nothing_else(
    here: Path, command: str
) -> None:
    text = in_terminal([command], here)
    assert is_printable(OF_BARS_AND_COLOURS.sub("", text))
    assert r"\x1b[31m" in text
    if command != "run":
        assert "\x1b[0m" in text
