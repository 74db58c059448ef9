"""``usage-metrics backfill``, ``refresh`` and ``rebuild``: many days at once."""

import re
from pathlib import Path

import pytest
from flow import DAY, ONE_DAY, Flow, days, fill_once, request
from project import Settings

from usage_metrics.commands import main
from usage_metrics.commands.running import failures, in_words, list_failures
from usage_metrics.dates import utc_now
from usage_metrics.monitoring import run_log
from usage_metrics.tasks.backfill import backfill_command

pytestmark = pytest.mark.usefixtures("quick_reports")

STOP = DAY + 40 * ONE_DAY
RANGE = ("--start", str(DAY), "--stop", str(STOP))


@pytest.fixture
def forty(flow: Flow, settings: Settings) -> Flow:
    """The logs of forty days, over the end of a month."""
    settings("datasette", start=DAY, stop=STOP)
    flow.export_days(40)
    return flow


def _geocoded(flow: Flow) -> int:
    return len(list(flow.root.glob("geocoded/*/*/part-0.parquet")))


# --- backfill -------------------------------------------------------------------------


def test_a_backfill_makes_every_day_and_then_a_gap_anywhere(
    forty: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["backfill", *RANGE]) == 0
    assert _geocoded(forty) == 40
    assert capsys.readouterr().out.splitlines()[-1].startswith("40 of 40 days done in")
    months = [e["parameters"] for e in run_log.read() if e["task"] == "Backfill"]
    assert [(month["start"], month["stop"]) for month in months] == [
        ("2026-03-02", "2026-04-01"),
        ("2026-04-01", "2026-04-11"),
        ("2026-03-02", "2026-04-11"),
    ], "a month is a task, and the whole waits for them"
    for number in (0, 17, 35):
        forty.delete("geocoded", DAY + number * ONE_DAY)
    assert main(["backfill", *RANGE]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("3 of 3 days done in")
    assert _geocoded(forty) == 40
    assert main(["backfill", *RANGE]) == 0
    assert "Nothing to do: no day of the range is missing" in capsys.readouterr().out


def test_without_a_stop_a_backfill_ends_where_the_source_does(
    forty: Flow, settings: Settings
) -> None:
    settings("datasette", stop=DAY + 2 * ONE_DAY)
    assert main(["backfill", "--start", str(DAY)]) == 0
    assert _geocoded(forty) == 2


def test_days_that_fail_are_listed_at_the_end_each_with_reason_and_command(
    forty: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = [DAY + 3 * ONE_DAY, DAY + 38 * ONE_DAY]
    for day in bad:
        forty.export(day, "nonsense")
    assert main(["backfill", *RANGE]) == 30
    assert _geocoded(forty) == 38
    said = " ".join(capsys.readouterr().err.split())
    assert said.startswith("2 not done: a task failed")
    for day in bad:
        assert f"datasette {day}: 1 of 1 lines could not be understood" in said
        again = f"usage-metrics backfill --start {day} --stop {day + ONE_DAY}"
        assert again in said
    forty.export(bad[0], request("a", bad[0]))
    forty.delete("raw", bad[0])
    [command] = re.findall(
        f"usage-metrics (backfill --start {bad[0]} --stop \\S+)", said
    )
    assert main(command.split()) == 0, "the command that was named does it"


def test_days_that_fail_for_one_reason_are_one_line(
    forty: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that was damaged after it was found to hold entries of both, say."""
    # A record says the millisecond.
    since = utc_now().replace(microsecond=0)
    first, last = DAY + 2 * ONE_DAY, DAY + 3 * ONE_DAY
    for day in (first, last):
        parameters = {"date": str(day), "source": "datasette"}
        failed = {"task": "Extract", "outcome": run_log.FAILED, "seconds": 1}
        why = "downloaded.json.gz is a damaged file"
        run_log.append(failed | {"parameters": parameters, "reason": why})
    found = failures(since)
    list_failures(found, lambda day: backfill_command("datasette", day))
    said = " ".join(capsys.readouterr().err.split())
    assert f"Extract {first} to {last}: {why}" in said
    assert said.count(why) == 1
    assert (
        f"to retry the first of them: usage-metrics backfill --start "
        f"{first} --stop {last} "
    ) in said
    main(["status"])
    said = " ".join(capsys.readouterr().out.split())
    assert said.count(why) == 1
    assert "raw 2026-03-04…05 failed: " in said


def test_days_that_are_not_exported_yet_are_exit_code_20(
    forty: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["backfill", "--start", str(STOP), "--stop", str(STOP + ONE_DAY)]) == 20
    assert f"{STOP} is not exported yet" in " ".join(capsys.readouterr().err.split())


def test_a_setting_that_is_wrong_is_named_once(
    forty: Flow, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings("datasette", logs=forty.folder / "nowhere")
    assert main(["backfill", *RANGE]) != 0
    assert "nowhere" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "Missing option '--start'"),
        (("--start", "yesterday"), "'yesterday' is not a date; write it as YYYY-MM-DD"),
        (("--start", "2026-03-03", "--stop", "2026-03-03"), "is not after start"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_sentence(
    flow: Flow,
    arguments: tuple[str, ...],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["backfill", *arguments]) == 2
    assert sentence in capsys.readouterr().err


# --- refresh and rebuild --------------------------------------------------------------


@pytest.fixture
def loaded(forty: Flow, settings: Settings) -> Flow:
    """Three days, loaded and counted."""
    settings("datasette", stop=DAY + 3 * ONE_DAY)
    fill_once(forty, "many days", _load)
    return forty


def _load(_: Flow) -> None:
    assert main(["run"]) == 0


def test_a_refresh_says_what_changed_and_the_database_follows(
    loaded: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    loaded.export(DAY + ONE_DAY, *(request(n, DAY + ONE_DAY) for n in "abc"))
    loaded.export(DAY, *(request(n, DAY) for n in "abc"))
    assert main(["refresh", "--days", "2"]) == 0
    said = capsys.readouterr().out
    assert f"{DAY + ONE_DAY}  3 log entries, changed · 2 stages rebuilt" in said
    assert f"{DAY + 2 * ONE_DAY}  2 log entries, unchanged" in said
    assert list(loaded.loaded_days().values()) == [2, 3, 2], "of the last two days"


def test_a_refresh_names_the_day_whose_logs_became_fewer(
    loaded: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    loaded.export(DAY + ONE_DAY)
    assert main(["refresh"]) == 30
    said = " ".join(capsys.readouterr().err.split())
    assert "have 0 entries now, and had 2" in said
    assert list(loaded.loaded_days().values()) == [2, 2, 2]


def test_before_the_first_run_there_is_nothing_to_refresh_or_rebuild(
    flow: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["refresh"]) == 0
    assert "Nothing to do: none of the last 3 days" in capsys.readouterr().out
    assert main(["rebuild", "--from", "clean", *RANGE]) == 0
    assert "Nothing to do: no day of the range" in capsys.readouterr().out


def test_a_rebuild_of_what_is_stale_brings_the_database_up_to_date(
    loaded: Flow, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    rebuild = ["rebuild", "--stale", "--start", str(DAY)]
    assert main(rebuild) == 0
    assert "Nothing to do: no day is stale" in capsys.readouterr().out
    settings("datasette", data_request_patterns="/other")
    assert main(rebuild) == 0
    assert "4 of 4 days done" in capsys.readouterr().out, "with the day after"
    assert loaded.loaded_days() == {}, "no request is a data request any more"
    assert main(rebuild) == 0
    assert "Nothing to do: no day is stale" in capsys.readouterr().out


def test_a_rebuild_that_was_killed_before_it_loaded_goes_on_with_that(
    loaded: Flow, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    rebuild = ["rebuild", "--stale", "--start", str(DAY)]
    settings("datasette", data_request_patterns="/other")
    assert main([*rebuild, "--no-load"]) == 0
    assert loaded.loaded_days() != {}
    assert main(rebuild) == 0
    assert "Nothing to do: no day is stale" in capsys.readouterr().out
    assert loaded.loaded_days() == {}


def test_a_rebuild_needs_to_be_told_what(
    flow: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rebuild", "--start", str(DAY)]) == 2
    assert "--from STAGE, or --stale" in capsys.readouterr().err


def test_without_load_the_database_is_left_alone(loaded: Flow) -> None:
    before = Path(loaded.database).stat().st_mtime_ns
    for day in days(3):
        loaded.export(day, *(request(n, day) for n in "abc"))
    assert main(["refresh", "--no-load"]) == 0
    assert Path(loaded.database).stat().st_mtime_ns == before
    assert loaded.facts("geocoded", DAY + ONE_DAY)["rows"] == 3


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (
            "2026-03-03.json.zst is a damaged file",
            "Extract 2026-03-02: 2026-03-03.json.zst is a damaged file",
        ),
        (
            "data/raw/date=2026-03-02/part-0.parquet cannot be read",
            "Extract 2026-03-02: data/raw/date=2026-03-02/part-0.parquet cannot be "
            "read",
        ),
        ("2026-03-02 has no lines", "Extract: 2026-03-02 has no lines"),
        ("datasette 2026-03-02: no lines", "Extract: datasette 2026-03-02: no lines"),
    ],
)
def test_a_failure_says_of_which_day_it_is(reason: str, said: str) -> None:
    entry = {"task": "Extract", "outcome": run_log.FAILED, "reason": reason}
    parameters = {"source": "datasette", "date": "2026-03-02"}
    assert in_words(entry | {"parameters": parameters}) == said
