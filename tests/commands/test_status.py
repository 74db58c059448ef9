"""``usage-metrics status``: the days of each stage, and what the next run does."""

import contextlib
import datetime as dt
import fcntl
import json
import sqlite3
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from flow import DAY, ONE_DAY, Flow, fill_once, request
from project import Settings

from usage_metrics.commands import calendar_strip, main
from usage_metrics.commands.pipeline_state import spans
from usage_metrics.monitoring import run_log
from usage_metrics.partitions.kept import FOOTERS
from usage_metrics.partitions.partition import Partition

pytestmark = pytest.mark.usefixtures("quick_reports")

NEXT = DAY + ONE_DAY
STOP = DAY + 6 * ONE_DAY


@pytest.fixture
def loaded(flow: Flow, settings: Settings) -> Flow:
    """Five of six days loaded and counted; the fourth is nonsense."""
    settings("datasette", start=DAY, stop=STOP)
    fill_once(flow, "status", _load)
    return flow


def _load(flow: Flow) -> None:
    flow.export_days(6)
    flow.export(DAY + 3 * ONE_DAY, "nonsense")
    assert main(["run"]) == 30


def _status(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    capsys.readouterr()
    assert main(["status", *options]) == 0
    return capsys.readouterr().out


def _data(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    (source,) = json.loads(_status(capsys, "--json"))
    stages = {stage.pop("stage"): stage for stage in source["stages"]}
    return {**source, "stages": stages}


def _range(first: dt.date, last: dt.date | None = None) -> dict[str, str]:
    return {"first": str(first), "last": str(last or first)}


# --- what it says ---------------------------------------------------------------------


def test_a_wrong_registry_hides_nothing_else_and_each_mistake_is_named(
    loaded: Flow, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = loaded.folder / "datasets.toml"
    registry.write_text("platform = 1\n[[dataset]]\nid = 'Trees'\n")
    settings("counting", datasets=registry)
    said = " ".join(_status(capsys).split())
    assert "geocoded 5 2026-03-02 2026-03-07" in said
    for line in (1, 3):
        assert f"No run starts until this is mended: {registry}, line {line}: " in said
    for command in (["check"], ["rebuild", "--stale", "--start", str(DAY)]):
        assert main(command) == 2, "what compares counts with the registry refuses"
        assert f"{registry}, line 3: id = 'Trees'" in capsys.readouterr().err


def test_it_says_for_each_stage_what_is_done_missing_and_failed(
    loaded: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    data = _data(capsys)
    bad = DAY + 3 * ONE_DAY
    assert (data["first"], data["last"]) == (str(DAY), str(STOP - ONE_DAY))
    stages = data["stages"]
    assert [(name, stage["days"]) for name, stage in stages.items()] == [
        ("raw", 6),
        ("cleaned", 5),
        ("geocoded", 5),
        ("counted", 5),
        ("database", 5),
    ]
    assert stages["geocoded"]["missing"] == [_range(bad)]
    assert list(stages["cleaned"]["failed"]) == [str(bad)]
    assert "1 of 1 lines could not be" in stages["cleaned"]["failed"][str(bad)]
    assert data["next_run"] == {
        "makes": [_range(bad)],
        "reads_again": [],
        "loads": [_range(bad)],
    }


def test_in_a_terminal_it_fits_eighty_columns_and_shows_the_days_as_a_strip(
    loaded: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    said = _status(capsys)
    root = str(loaded.folder.parent)
    assert max(len(line) for line in said.splitlines() if root not in line) <= 80
    (strip,) = [line for line in said.splitlines() if line.startswith("  2026-03")]
    assert strip.split()[1] == "■■■✗■■"
    assert "The next run builds 1 day (2026-03-05)" in said


def test_days_that_are_not_exported_are_not_promised(
    loaded: Flow, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings("datasette", stop=STOP + 2 * ONE_DAY, lost_days=NEXT)
    for stage in ("raw", "cleaned", "geocoded", "counted"):
        loaded.partition(stage, NEXT).delete()
    (loaded.logs / f"{NEXT}.jsonl").unlink()
    data = _data(capsys)
    assert data["next_run"]["makes"] == [_range(DAY + 3 * ONE_DAY)]
    assert data["lost"] == [_range(NEXT)]
    (gap,) = data["not_exported"]
    assert (gap["first"], gap["last"]) == (str(STOP), str(STOP + ONE_DAY))
    said = " ".join(_status(capsys).split())
    assert "2026-03 ■×■✗■■??" in said
    assert (
        "2026-03-08 to 2026-03-09 are not exported yet: the newest export in "
        f"{loaded.logs} is of 2026-03-07; once they are exported, the next run takes "
        "them; if the logs are lost, add 2026-03-08..2026-03-09 to lost_days in "
        "[datasette] of luigi.cfg."
    ) in said
    assert f"{NEXT} is lost: nothing waits for such days." in said
    assert "The next run builds 1 day (2026-03-05)" in said


def test_a_raw_file_that_is_gone_is_said_unless_retention_removed_it(
    loaded: Flow, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    loaded.partition("raw", NEXT).delete()
    assert _data(capsys)["raw_gone"] == [_range(NEXT)]
    said = " ".join(_status(capsys).split())
    assert f"The raw files of 1 day ({NEXT}) are gone" in said
    again = f"rebuild --from extract --start {NEXT} --stop {NEXT + ONE_DAY}"
    assert f"usage-metrics {again}" in said
    capsys.readouterr()
    assert main(["check", "--json"]) == 1
    assert f"datasette {NEXT}: its raw file is gone" in capsys.readouterr().out
    settings("privacy", raw_days=1)
    assert _data(capsys)["raw_gone"] == []
    settings("privacy", raw_days=0)
    assert main([*again.split(), "--no-load"]) == 0
    assert _data(capsys)["raw_gone"] == []


def test_without_its_logs_the_status_says_that_it_does_not_know(
    loaded: Flow, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings("datasette", logs=loaded.folder / "nowhere", stop=STOP + ONE_DAY)
    said = " ".join(_status(capsys).split())
    assert "Whether the missing days are exported is not known: logs =" in said


def test_a_day_that_failed_and_was_made_since_is_not_failed(
    loaded: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = DAY + 3 * ONE_DAY
    loaded.export(bad, request("a", bad))
    loaded.delete("raw", bad)
    assert main(["run"]) == 0
    data = _data(capsys)
    assert all(not stage["failed"] for stage in data["stages"].values())
    assert data["next_run"] == {"makes": [], "reads_again": [], "loads": []}
    assert "has nothing to do" in _status(capsys)


def test_other_settings_make_a_stage_stale_and_the_remedy_is_named(
    loaded: Flow, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings("datasette", data_request_patterns="/other")
    data = _data(capsys)
    cleaned = [
        _range(DAY, DAY + 2 * ONE_DAY),
        _range(DAY + 4 * ONE_DAY, STOP - ONE_DAY),
    ]
    assert data["stages"]["cleaned"]["stale"] == cleaned
    assert data["stages"]["geocoded"]["stale"] == []
    said = " ".join(_status(capsys).split())
    assert f"usage-metrics rebuild --stale --start {DAY}" in said
    assert "▒▒▒✗▒▒" in said


def test_a_file_whose_input_changed_is_stale(
    loaded: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    loaded.delete("cleaned")
    loaded.export(DAY, request("x"))
    loaded.delete("raw")
    from usage_metrics.tasks.stages import Clean

    loaded.build(Clean(date=DAY))
    data = _data(capsys)
    assert data["stages"]["geocoded"]["stale"] == [_range(DAY)]
    assert data["stages"]["cleaned"]["stale"] == []


def test_a_stage_is_not_missing_if_a_later_one_is_done(
    loaded: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    for stage in ("raw", "cleaned"):
        loaded.delete(stage)
    data = _data(capsys)
    assert data["stages"]["raw"]["missing"] == []
    assert data["stages"]["geocoded"]["stale"] == []


def test_a_damaged_footer_is_named_and_hides_nothing_else(
    loaded: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(loaded.partition("geocoded").path).write_bytes(b"PAR1 nonsense PAR1")
    data = _data(capsys)
    assert data["stages"]["geocoded"]["damaged"] == [_range(DAY)]
    assert data["stages"]["geocoded"]["days"] == 5


def test_the_next_run_is_not_said_to_use_a_damaged_file(
    loaded: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    before = _data(capsys)["next_run"]
    damaged = DAY + ONE_DAY
    Path(loaded.partition("geocoded", damaged).path).write_bytes(b"PAR1 x PAR1")
    data = _data(capsys)
    assert data["next_run"] == before
    assert data["stages"]["database"]["stale"] == []
    assert main(["status"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert f"to rebuild: usage-metrics rebuild --stale --start {damaged}" in said


def test_a_damaged_database_is_a_problem_and_hides_nothing_else(
    loaded: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in loaded.folder.glob("usage.db*"):
        file.unlink()
    loaded.database.write_text("nonsense")
    data = _data(capsys)
    assert "file is not a database" in data["problems"][0]
    assert data["stages"]["geocoded"]["days"] == 5
    assert main(["inspect", str(DAY)]) == 0
    assert "file is not a database" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("date", ["2026-13-45", "yesterday", b"2026-03-02"])
def test_a_date_in_the_database_that_is_none_is_a_sentence(
    loaded: Flow, date: str | bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    with contextlib.closing(sqlite3.connect(loaded.database)) as connection:
        connection.execute(
            "UPDATE usage_metrics_partitions SET date = ? WHERE date = ?",
            [date, str(DAY)],
        )
        connection.commit()
    for command in (["status"], ["check"], ["report"], ["run"]):
        main(command)
    said = " ".join("".join(capsys.readouterr()).split())
    assert "Traceback" not in said
    assert f"has {date!r} in place of a date; delete it and rerun" in said


def test_a_provider_that_cannot_be_opened_is_only_a_problem(
    loaded: Flow, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings("geocode", database=loaded.folder / "nowhere.mmdb")
    data = _data(capsys)
    assert "nowhere.mmdb" in data["problems"][0]
    assert data["stages"]["geocoded"]["stale"] == []


# --- without data ---------------------------------------------------------------------


def test_before_the_first_run_it_says_so_and_writes_nothing(
    flow: Flow, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings("datasette", start=DAY, stop=STOP)
    (flow.folder / "luigi.cfg").touch()
    flow.root.mkdir()
    said = _status(capsys)
    assert "Nothing has been built yet. The next run builds 6 days" in said
    assert list(flow.root.iterdir()) == []


def test_in_the_wrong_folder_it_says_where_settings_are_looked_for(
    flow: Flow, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("usage_metrics.commands.options.settings_files", list)
    range_ = ("--start", str(DAY))
    for command in (
        ("status",),
        ("check",),
        ("run",),
        ("backfill", *range_),
        ("refresh",),
        ("rebuild", "--stale", *range_),
        ("inspect", str(DAY)),
        ("retain",),
        ("erase", "--address", "192.0.2.7"),
    ):
        assert main(command) == 2, command
        said = capsys.readouterr().err
        assert "there is no luigi.cfg in" in said
        assert "LUIGI_CONFIG_PATH" in said
    assert not flow.root.exists()


# --- a page to keep open --------------------------------------------------------------


def test_a_page_that_is_watched_reloads_itself_until_somebody_ends_that(
    loaded: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = loaded.folder / "status.html"
    seen: list[str] = []

    def sleep(_: float) -> None:
        seen.append(page.read_text())
        if len(seen) == 2:
            raise KeyboardInterrupt
        loaded.delete("geocoded")

    monkeypatch.setattr(time, "sleep", sleep)
    assert main(["status", "--html", str(page), "--watch"]) == 0
    reloads = '<meta http-equiv="refresh" content="10">'
    assert all(reloads in text for text in seen)
    assert f"builds 2 days ({DAY}" in seen[1]
    assert f"builds 2 days ({DAY}" not in seen[0]
    assert reloads not in page.read_text(), "nobody would write it again"


def test_only_a_page_can_be_watched(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--watch"]) == 2
    assert "--watch needs --html FILE" in capsys.readouterr().err


def test_the_page_says_whether_a_run_is_going_on(loaded: Flow) -> None:
    page = loaded.folder / "status.html"
    main(["status", "--html", str(page)])
    assert "No run is going on." in page.read_text()
    with (loaded.root / ".run.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        main(["status", "--html", str(page)])
    assert "A run is in progress." in page.read_text()


def test_the_page_links_to_luigis_visualiser_and_shows_no_password(
    loaded: Flow, settings: Settings
) -> None:
    page = loaded.folder / "status.html"
    main(["status", "--html", str(page)])
    assert "<a " not in page.read_text()
    settings("core", scheduler_url="https://us:T0P-SECRET@luigi.example.org/here/")
    main(["status", "--html", str(page)])
    url = "https://luigi.example.org/here/static/visualiser/index.html"
    assert f'<a href="{url}">' in page.read_text()
    assert "T0P-SECRET" not in page.read_text()


# --- the index of footers -------------------------------------------------------------


def test_a_second_look_opens_no_file(
    loaded: Flow, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _status(capsys)
    monkeypatch.setattr(Partition, "facts", lambda self: 1 / 0)
    assert _status(capsys) == first


@pytest.mark.parametrize("content", [None, b"", b"nonsense", b"[]", b'{"x": 1}'])
def test_what_it_remembers_can_be_deleted_or_damaged(
    loaded: Flow, content: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    first = _status(capsys)
    cache = loaded.root / FOOTERS
    cache.unlink() if content is None else cache.write_bytes(content)
    assert _status(capsys) == first


# --- the page -------------------------------------------------------------------------


class _Page(HTMLParser):
    """The elements and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [v or "" for k, v in attrs if k in ("src", "href", "action")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_needs_nothing_else_and_what_came_from_logs_is_escaped(
    loaded: Flow, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_log.append(
        {
            "task": "Clean",
            "parameters": {"date": "2026-03-05", "source": "datasette"},
            "outcome": run_log.FAILED,
            "reason": "<script>alert(1)</script>",
        }
    )
    file = tmp_path / "status.html"
    _status(capsys, "--html", str(file))
    page = _Page(file.read_text())
    assert "script" not in page.tags
    assert page.links == []
    assert "<script>alert(1)</script>" in page.text
    assert page.tags.count("i") > 6


# --- ranges and strips ----------------------------------------------------------------


def test_days_are_written_as_ranges() -> None:
    days = [DAY, NEXT, DAY + 5 * ONE_DAY, DAY + 40 * ONE_DAY, DAY + 41 * ONE_DAY]
    assert [str(span) for span in spans(days)] == [
        "2026-03-02…03",
        "2026-03-07",
        "2026-04-11…12",
    ]
    assert str(spans([dt.date(2026, 3, 31), dt.date(2026, 4, 1)])[0]) == (
        "2026-03-31…2026-04-01"
    )


def test_of_many_years_a_sign_is_a_week_as_bad_as_its_worst_day() -> None:
    days = [dt.date(2024, 1, 1) + n * ONE_DAY for n in range(366 + 365)]
    bad = {dt.date(2024, 1, 9): "missing", dt.date(2024, 1, 10): "stale"}
    lines = calendar_strip.lines({day: bad.get(day, "done") for day in days})
    assert [line.name for line in lines] == ["2024", "2025"]
    assert all(len(line.states) == 53 for line in lines)
    assert lines[0].states[:3] == ["done", "missing", "done"]
    assert set(lines[1].states) == {"done"}
