"""Days whose logs changed, and files of older code or settings, are made again."""

import datetime as dt
import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flow import DAY, ONE_DAY, Flow, fill_once, request
from luigi.execution_summary import LuigiStatusCode
from project import Settings
from s3_server import S3Server, start_s3_server  # noqa: F401

from usage_metrics.monitoring import run_log
from usage_metrics.tasks.load_usage import LoadUsage
from usage_metrics.tasks.rebuild import Rebuild
from usage_metrics.tasks.refresh import Refresh, RefreshDays
from usage_metrics.tasks.stages import Clean, Geocode

NEXT = DAY + ONE_DAY
AFTER = DAY + 2 * ONE_DAY


@pytest.fixture
def loaded(flow: Flow, settings: Settings) -> Flow:
    """Two days in the database, and counted."""
    settings("datasette", start=DAY, stop=AFTER)
    fill_once(flow, "rebuild", _load)
    return flow


def _load(flow: Flow) -> None:
    flow.export_days(2)
    assert flow.build(LoadUsage()).scheduling_succeeded
    assert flow.loaded_days() == {str(DAY): 2, str(NEXT): 2}


def _refresh(flow: Flow, day: dt.date = DAY) -> None:
    flow.build(Refresh(date=day, since=dt.datetime.now(dt.UTC)))


def _rebuild(flow: Flow, stage: str = "clean", **options: Any) -> Rebuild:
    task = Rebuild(
        start=DAY, stop=AFTER, stage=stage, since=dt.datetime.now(dt.UTC), **options
    )
    flow.build(task)
    return task


def _inodes(flow: Flow, day: dt.date = DAY) -> dict[str, int]:
    """Which file each stage of a day is; another one after it was replaced."""
    stages = ("raw", "cleaned", "geocoded", "counted")
    return {
        stage: Path(flow.partition(stage, day).path).stat().st_ino for stage in stages
    }


def _replaced(flow: Flow, before: dict[str, int], day: dt.date = DAY) -> list[str]:
    now = _inodes(flow, day)
    return [stage for stage in before if now[stage] != before[stage]]


# --- refresh --------------------------------------------------------------------------


def test_a_day_whose_logs_are_as_before_is_left_as_it_is(loaded: Flow) -> None:
    before = _inodes(loaded)
    _refresh(loaded)
    assert _replaced(loaded, before) == []
    last = list(run_log.read())[-1]
    assert (last["task"], last["said"]) == ("Refresh", "2 log entries, unchanged")


def test_a_late_entry_reaches_every_stage_the_database_and_the_counts(
    loaded: Flow,
) -> None:
    before, next_before = _inodes(loaded), _inodes(loaded, NEXT)
    loaded.export(DAY, request("a"), request("b"), request("late"))
    _refresh(loaded)
    assert _replaced(loaded, before) == ["raw", "cleaned", "geocoded"]
    loaded.build(LoadUsage())
    assert loaded.loaded_days() == {str(DAY): 3, str(NEXT): 2}
    counted = "SELECT sum(requests) FROM usage_daily WHERE date = ?"
    assert loaded.query(counted, str(DAY)) == [(3,)]
    assert _replaced(loaded, next_before, NEXT) == []


def test_logs_that_became_fewer_do_not_take_the_place_of_what_was_kept(
    loaded: Flow,
) -> None:
    before = _inodes(loaded)
    loaded.export(DAY)
    _refresh(loaded)
    assert _replaced(loaded, before) == []
    (reason,) = [e["reason"] for e in run_log.read() if e["task"] == "Refresh"]
    assert "have 0 entries now, and had 2; the file is kept" in reason
    assert loaded.partition("raw").path in reason


def test_a_refresh_that_was_killed_in_between_is_finished_by_the_next(
    loaded: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded.export(DAY, request("a"), request("b"), request("late"))
    task = Refresh(date=DAY, since=dt.datetime.now(dt.UTC))
    with monkeypatch.context() as broken:
        broken.setattr(Clean, "run", lambda self: 1 / 0)
        loaded.build(task)
    assert not task.complete(), "the logs were read, and nothing was made of them"
    loaded.build(task)
    assert task.complete()
    assert loaded.facts("geocoded")["rows"] == 3


def test_a_damaged_raw_file_is_replaced(loaded: Flow) -> None:
    raw = Path(loaded.partition("raw").path)
    raw.write_bytes(b"PAR1 nonsense PAR1")
    os.utime(raw, (0, 0))
    _refresh(loaded)
    assert loaded.facts("raw")["rows"] == 2


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[dt.datetime], None]:
    """Sets the time that days are over by."""

    def set_clock(time: dt.datetime) -> None:
        monkeypatch.setattr("usage_metrics.tasks.availability.utc_now", lambda: time)

    return set_clock


def test_the_setting_reads_the_last_days_again_once_a_day(
    loaded: Flow, settings: Settings, clock: Callable[[dt.datetime], None]
) -> None:
    settings("datasette", refresh_days=1, settle_hours=0)
    clock(dt.datetime.now(dt.UTC) + ONE_DAY)  # the files are of the day before
    loaded.export(NEXT, *(request(n, NEXT) for n in "abc"))
    loaded.export(DAY, *(request(n, DAY) for n in "abc"))
    loaded.build(LoadUsage())
    assert loaded.loaded_days() == {str(DAY): 2, str(NEXT): 3}, "only the last day"
    loaded.export(NEXT, *(request(n, NEXT) for n in "abcd"))
    loaded.build(LoadUsage())
    assert loaded.loaded_days()[str(NEXT)] == 3, "not twice on one day"


def test_without_the_setting_no_day_is_read_again(loaded: Flow) -> None:
    loaded.export(NEXT, *(request(n, NEXT) for n in "abc"))
    loaded.build(LoadUsage())
    assert loaded.loaded_days()[str(NEXT)] == 2


# --- clocks ---------------------------------------------------------------------------


@pytest.fixture(params=["a folder", "a store"])
def anywhere(request: pytest.FixtureRequest, flow: Flow, settings: Settings) -> Flow:
    """Two days in a folder, or in a store, whose times have whole seconds."""
    settings("datasette", start=DAY, stop=AFTER)
    settings("run_log", path=flow.folder / "runs.jsonl")
    if request.param == "a store":
        server: S3Server = request.getfixturevalue("s3_server")
        name = f"clocks-{uuid.uuid4().hex}"
        server.create(name)
        settings("paths", root=server.uri(name).replace("%", "%%"))
    flow.export_days(2)
    assert flow.build(LoadUsage()).scheduling_succeeded
    return flow


SKEWS = [dt.timedelta(0), dt.timedelta(hours=1), dt.timedelta(hours=-1)]
"""How far the clock of who asks is ahead of the clock of who writes."""


@pytest.mark.parametrize("skew", SKEWS, ids=["equal", "ahead", "behind"])
@pytest.mark.parametrize("stage", ["extract", "clean"])
def test_a_rebuild_knows_what_it_has_done_by_no_clock(
    anywhere: Flow, skew: dt.timedelta, stage: str
) -> None:
    since = dt.datetime.now(dt.UTC) + skew
    task = Rebuild(start=DAY, stop=AFTER, stage=stage, since=since)
    assert list(task.remaining()) == [DAY, NEXT], "nothing was made for it yet"
    result = anywhere.build(task)
    assert result.status == LuigiStatusCode.SUCCESS
    assert task.complete()


@pytest.mark.parametrize("skew", SKEWS[:2], ids=["equal", "ahead"])
@pytest.mark.parametrize("changed", [False, True])
def test_a_refresh_knows_what_it_has_done_by_no_clock(
    anywhere: Flow, skew: dt.timedelta, changed: bool
) -> None:
    since = dt.datetime.now(dt.UTC) + skew
    if changed:
        anywhere.export(DAY, request("a"), request("b"), request("late"))
    days = RefreshDays(start=DAY, stop=AFTER, source="datasette", since=since)
    assert anywhere.build(days).status == LuigiStatusCode.SUCCESS
    said = [e["said"] for e in run_log.read() if e["task"] == "Refresh"]
    assert len(said) == 2
    assert any("3 log entries, changed" in text for text in said) == changed


def test_what_a_clock_that_was_ahead_has_noted_proves_nothing(loaded: Flow) -> None:
    ahead = dt.datetime.now(dt.UTC) + ONE_DAY
    loaded.build(Refresh(date=DAY, since=ahead))
    assert not Refresh(date=DAY, since=dt.datetime.now(dt.UTC)).complete()


# --- rebuild --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "replaced"),
    [
        ("clean", ["cleaned", "geocoded", "counted"]),
        ("geocode", ["geocoded", "counted"]),
        ("count", ["counted"]),
        ("extract", ["cleaned", "geocoded", "counted"]),  # an equal raw file stays
    ],
)
def test_a_stage_and_all_to_the_right_of_it_are_made_again(
    loaded: Flow, stage: str, replaced: list[str]
) -> None:
    before = {day: _inodes(loaded, day) for day in (DAY, NEXT)}
    task = _rebuild(loaded, stage)
    assert task.complete()
    for day, inodes in before.items():
        assert _replaced(loaded, inodes, day) == replaced


def test_a_day_that_is_rebuilt_is_there_at_every_moment(
    loaded: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, seen = Geocode.run, []

    def looking(self: Geocode) -> None:
        seen.append([loaded.partition(s).exists() for s in ("cleaned", "geocoded")])
        run(self)

    monkeypatch.setattr(Geocode, "run", looking)
    _rebuild(loaded)
    assert seen == [[True, True]] * 2


def test_a_day_that_fails_does_not_stop_the_others_and_says_how_to_retry(
    loaded: Flow,
) -> None:
    loaded.delete("raw")
    before = _inodes(loaded, NEXT)
    _rebuild(loaded)
    assert "cleaned" in _replaced(loaded, before, NEXT)
    assert loaded.partition("cleaned").exists(), "what cannot be rebuilt stays"
    (reason,) = [e["reason"] for e in run_log.read() if e["task"] == "Rebuild"]
    assert reason.startswith(f"1 day failed; {DAY}: ")
    retry = f"usage-metrics rebuild --from clean --start {DAY} --stop {NEXT}"
    assert retry in reason


def test_days_that_were_never_made_are_left_to_others(loaded: Flow) -> None:
    task = Rebuild(
        start=DAY - 30 * ONE_DAY, stop=DAY, stage="clean", since=dt.datetime.now(dt.UTC)
    )
    assert task.complete()


def test_only_what_is_stale_is_made_again(loaded: Flow, settings: Settings) -> None:
    loaded.delete("geocoded", NEXT)
    loaded.delete("cleaned", NEXT)
    settings("datasette", data_request_patterns="/other")
    loaded.build(Geocode(date=NEXT))
    before, next_before = _inodes(loaded), _inodes(loaded, NEXT)
    task = _rebuild(loaded, stale=True)
    assert "cleaned" in _replaced(loaded, before)
    assert "cleaned" not in _replaced(loaded, next_before, NEXT)
    assert task.complete()


@pytest.mark.parametrize("stage", ["raw", "cleaned", "geocoded"])
def test_a_damaged_file_counts_as_stale_and_is_made_again(
    loaded: Flow, stage: str
) -> None:
    Path(loaded.partition(stage).path).write_bytes(b"PAR1 nonsense PAR1")
    next_before = _inodes(loaded, NEXT)
    task = _rebuild(loaded, stale=True)
    assert task.complete()
    assert loaded.facts(stage)["rows"] == 2
    assert _replaced(loaded, next_before, NEXT) == []


def test_it_goes_on_where_it_was_interrupted(
    loaded: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = Rebuild(start=DAY, stop=AFTER, stage="clean", since=dt.datetime.now(dt.UTC))
    made: list[tuple[str, dt.date]] = []
    clean, geocode = Clean.run, Geocode.run

    def cleaning(self: Clean) -> None:
        made.append(("clean", self.date))
        clean(self)

    def geocoding(self: Geocode) -> None:
        made.append(("geocode", self.date))
        if made.count(("geocode", NEXT)) == 1 and self.date == NEXT:
            raise RuntimeError("killed")
        geocode(self)

    monkeypatch.setattr(Clean, "run", cleaning)
    monkeypatch.setattr(Geocode, "run", geocoding)
    loaded.build(task)
    loaded.build(task)
    assert task.complete()
    assert made == [
        ("clean", DAY),
        ("geocode", DAY),
        ("clean", NEXT),
        ("geocode", NEXT),
        ("geocode", NEXT),
    ]
