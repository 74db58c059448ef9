"""``usage-metrics check`` and ``inspect``, and what all commands share."""

import datetime as dt
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from flow import DAY, ONE_DAY, Flow, days, fill_once, request
from project import Settings

from usage_metrics.commands import COMMANDS, main
from usage_metrics.privacy.erasure import stages
from usage_metrics.tasks.load_usage import LoadUsage


@pytest.fixture
def counted(flow: Flow, settings: Settings) -> Flow:
    settings("datasette", start=DAY, stop=DAY + ONE_DAY)
    fill_once(flow, "commands", _count)
    return flow


def _count(flow: Flow) -> None:
    flow.export(DAY, request("a", DAY, "12:00:00"))
    flow.export(DAY + ONE_DAY)
    assert flow.build(LoadUsage()).scheduling_succeeded


def test_no_stage_is_left_out(counted: Flow) -> None:
    written = {p.parent.parent.parent.name for p in counted.root.rglob("*.parquet")}
    assert written == set(stages())


def test_an_undamaged_folder_is_said_to_be_so(
    counted: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--source", "datasette"]) == 0
    assert capsys.readouterr().out.endswith(" 0 damaged; 0 findings about the data\n")


@pytest.mark.parametrize("stage", ["raw", "rejected", "geocoded", "usage_daily"])
def test_a_damaged_file_is_named(
    counted: Flow, stage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = counted.partition(stage).path
    with open(path, "r+b") as file:  # noqa: PTH123  a partition's path is text
        file.seek(20)
        byte = file.read(1)
        file.seek(20)
        file.write(bytes([byte[0] ^ 1]))
    assert main(["check", "--source", "datasette"]) == 1
    said = capsys.readouterr().out
    assert path in said
    assert said.endswith(" 1 damaged; 0 findings about the data\n")


# --- check: the quality of the data ---------------------------------------------------


def _findings(capsys: pytest.CaptureFixture[str], *options: str) -> list[str]:
    capsys.readouterr()
    code = main(["check", "--json", *options])
    said = json.loads(capsys.readouterr().out)
    assert code == (1 if said["damages"] or said["findings"] else 0)
    found: list[str] = said["findings"]
    return found


CURL = {"userAgent": "curl/8.0"}


def _export(flow: Flow, day: dt.date, number: int, **http: str) -> None:
    flow.export(day, *(request(str(n), day, **(CURL | http)) for n in range(number)))


@pytest.fixture
def ten_days(flow: Flow, settings: Settings) -> Flow:
    """Ten days of sixty requests each, not made yet."""
    settings("datasette", start=DAY, stop=DAY + 10 * ONE_DAY)
    for day in days(10):
        _export(flow, day, 60)
    return flow


@pytest.fixture
def nine_made(ten_days: Flow) -> Flow:
    """Those days, of which all but the last are made."""
    fill_once(ten_days, "nine made", _make_nine)
    return ten_days


def _make_nine(flow: Flow) -> None:
    flow.load(9)


LAST = DAY + 9 * ONE_DAY


def test_check_finds_nothing_in_good_data(
    nine_made: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    nine_made.load(10)
    assert _findings(capsys) == []
    assert main(["check", "--quiet"]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("number", "http", "finding"),
    [
        (
            5,
            {},
            "5 requests, where 60 are usual ([quality] minimum_share_of_usual = 0.2)",
        ),
        (
            60,
            {"userAgent": "\x1b]0;never seen"},
            "60 of 60 requests from unknown agents (100.0%; [quality] "
            "maximum_unknown_share = 0.25)",
        ),
        (
            60,
            {"remoteIp": "198.18.0.1", "userAgent": "curl/8.0"},
            None,  # a bogon is nowhere, and not unlocated
        ),
    ],
)
def test_check_names_a_day_that_is_unlike_others(
    nine_made: Flow,
    capsys: pytest.CaptureFixture[str],
    number: int,
    http: dict[str, str],
    finding: str | None,
) -> None:
    _export(nine_made, LAST, number, **http)
    nine_made.load(10)
    assert _findings(capsys) == ([f"datasette {LAST}: {finding}"] if finding else [])
    assert _findings(capsys, "--stop", str(LAST)) == []


def test_check_names_days_with_many_rejects_and_missing_days(
    nine_made: Flow, capsys: pytest.CaptureFixture[str], settings: Settings
) -> None:
    lines = [request(str(n), LAST, **CURL) for n in range(58)]
    nine_made.export(LAST, *lines, "nonsense", "nonsense")
    nine_made.load(10)
    rejected = "2 of 60 lines rejected (3.3%; [quality] maximum_rejected_share = 0.02)"
    assert _findings(capsys) == [f"datasette {LAST}: {rejected}"]
    settings("quality", maximum_rejected_share=0.04)
    nine_made.delete("geocoded")
    assert _findings(capsys) == [
        f"datasette {DAY}: missing; usage-metrics run makes it"
    ]
    settings("quality", maximum_missing_days=1)
    assert _findings(capsys) == []


def test_check_names_days_that_are_not_exported_but_not_lost_ones(
    nine_made: Flow, capsys: pytest.CaptureFixture[str], settings: Settings
) -> None:
    nine_made.load(10)
    for stage in ("raw", "cleaned", "geocoded"):
        nine_made.delete(stage)
    (nine_made.logs / f"{DAY}.jsonl").unlink()
    (finding,) = _findings(capsys)
    assert finding.startswith(f"datasette {DAY}: not exported: the oldest export in")
    settings("datasette", lost_days=DAY)
    assert _findings(capsys) == []


def test_check_names_files_that_are_not_read(
    nine_made: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    nine_made.load(10)
    (nine_made.logs / f"{LAST}.zip").touch()
    (finding,) = _findings(capsys)
    assert finding.startswith(f"datasette {LAST}: '{LAST}.zip' in ")


def test_check_lists_only_some_findings_of_a_kind(
    ten_days: Flow, capsys: pytest.CaptureFixture[str], settings: Settings
) -> None:
    assert main(["check"]) == 1
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 7
    assert said[5] == "  and 5 more like this; --json lists all"


# --- inspect --------------------------------------------------------------------------


def test_inspect_says_what_became_of_a_day(
    flow: Flow, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings("datasette", maximum_rejected_share=1)
    evil = '{"insertId": "\x1b[31mred \u202e'
    flow.export(
        DAY, *(request(n, userAgent="curl/8.0") for n in "aa"), request("b"), evil
    )
    flow.load(1)
    capsys.readouterr()
    assert main(["inspect", str(DAY)]) == 0
    said = capsys.readouterr().out
    lines = said.splitlines()
    assert lines[1].split() == ["raw", "4", "rows"]
    assert lines[2] == "  cleaned   2 rows · 1 duplicates · 1 rejected"
    assert lines[3] == "  geocoded  2 rows · 1 addresses"
    assert lines[5] == "  database  loaded"
    assert "        1  machine" in said
    assert "content_id" in said
    assert "Extract done: 4 log entries" in said
    assert r"\x1b[31mred \u202e" in said, "what came from a line is written out"
    assert "\x1b[31m" not in said
    assert "8.8.8.8" not in said, "of addresses, their number"


def test_inspect_as_json_holds_everything(
    counted: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["inspect", str(DAY), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["stages"]["geocoded"]["rows"] == 1
    assert data["stages"]["counted"]["rows"] == 1
    assert [entry["task"] for entry in data["log"]] == [
        "Extract",
        "Clean",
        "Geocode",
        "CountUsage",
    ]


def test_inspect_says_why_there_is_no_data(
    counted: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", "2026-03-09"]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "There is no data for this day. 2026-03-09 is not exported yet" in said
    assert main(["inspect", "yesterday"]) == 2


@pytest.mark.parametrize("stage", ["raw", "cleaned", "rejected", "geocoded"])
def test_inspect_names_a_damaged_file_and_shows_the_rest(
    counted: Flow, stage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(counted.partition(stage).path)
    path.write_bytes(b"PAR1 nonsense PAR1")
    assert main(["inspect", str(DAY), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    (problem,) = data["problems"]
    assert problem.startswith(f"{path} cannot be read: ")
    assert problem.endswith("; delete it and rerun")
    assert ".;" not in problem


# --- all commands ---------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_it_does_with_an_example(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([name, "--help"]) == 0
    said = capsys.readouterr().out
    assert f"usage-metrics {name}" in said.partition("Example")[2]
    assert max(map(len, said.splitlines())) <= 80


def test_help_lists_all_commands_the_exit_codes_and_completion(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(f"  {name} " in said for name in COMMANDS)
    assert "Exit codes:" in said
    assert "_USAGE_METRICS_COMPLETE=bash_source" in said


def test_an_unknown_command_is_answered_with_a_similar_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["statsu"]) == 2
    assert "no command 'statsu' (did you mean status?)" in capsys.readouterr().err


def test_a_word_is_completed_without_importing_what_is_heavy() -> None:
    program = (
        "import sys; from usage_metrics.commands import main\n"
        "code = main([])\n"
        "assert not {'pyarrow', 'pandas'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={
            "_USAGE_METRICS_COMPLETE": "bash_complete",
            "COMP_WORDS": "usage-metrics re",
            "COMP_CWORD": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    names = ("report", "refresh", "rebuild", "retain")
    assert done.stdout.split() == [f"plain,{name}" for name in names]


def test_a_reader_that_has_seen_enough_is_no_error(counted: Flow) -> None:
    cfg = counted.folder / "luigi.cfg"
    logs = f"[datasette]\nlogs = {counted.logs}\n"
    cfg.write_text(f"{logs}[paths]\nroot = {counted.root}\n")
    command = Path(sys.executable).with_name("usage-metrics")
    with subprocess.Popen(
        [command, "inspect", str(DAY)],
        cwd=counted.folder,
        env={k: v for k, v in os.environ.items() if k != "LUIGI_CONFIG_PATH"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
