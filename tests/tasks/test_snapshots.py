"""Snapshots of platforms: taken once a day, read from all days, loaded, never lost."""

import datetime as dt
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flow import Flow
from github_replies import serve
from luigi.execution_summary import LuigiStatusCode
from platform_server import Answer, PlatformServer, json_of
from project import Settings
from snapshot_flow import Days

from usage_metrics.tasks.snapshot_copies import Snapshots
from usage_metrics.tasks.snapshots import TakeSnapshot

FIRST = dt.date(2026, 3, 2)
ONE_DAY = dt.timedelta(days=1)
TOKEN = "token-for-tests-0123456789"

TRUTH = {FIRST + n * ONE_DAY: (10 + 7 * n % 11, 1 + n % 4) for n in range(-14, 40)}
"""Views of each day, and by how many."""
TRUTH |= {FIRST + 3 * ONE_DAY: (0, 0)}

DATA = "/repos/example/data"


@pytest.fixture
def days(
    flow: Flow, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Days]:
    """A repository on GitHub, of whose views the truth is known."""
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    with PlatformServer() as server:
        server.tokens = {TOKEN}
        settings("github", repositories="example/data", endpoint=server.url, attempts=2)
        yield Days(flow, server, monkeypatch)


def take(days: Days, day: dt.date, clock: str = "20:00") -> bool:
    days.on(day, clock)
    serve(days.server, day, TRUTH)
    succeeded: bool = days.run().scheduling_succeeded
    return succeeded


# --- a snapshot -----------------------------------------------------------------------


def test_a_snapshot_is_taken_once_a_day_and_is_in_the_database(days: Days) -> None:
    assert take(days, FIRST)
    asked = len(days.server.asked)
    assert asked == 7
    assert take(days, FIRST)
    assert len(days.server.asked) == asked, "the second run asks nobody"
    rows = days.flow.query("SELECT DISTINCT source, subject FROM snapshot_observations")
    assert rows == [("github", "example/data")]
    assert days.series("stars") == {"2026-03-02": (30, None, None, "final")}
    assert days.series("release_downloads")["2026-03-02"][0] == 12


def test_the_reply_is_kept_as_received_with_its_status_etag_and_time(
    days: Days,
) -> None:
    take(days, FIRST)
    views = days.replies(FIRST)["example/data", "views"]
    assert views.body == days.server.answers[f"{DATA}/traffic/views"].body
    assert (views.status, views.complete) == (200, True)
    assert views.url == f"{days.server.url}{DATA}/traffic/views"
    assert views.taken_at == dt.datetime(2026, 3, 2, 20, tzinfo=dt.UTC)
    assert views.etag


def test_no_token_and_no_login_is_in_any_file(days: Days) -> None:
    take(days, FIRST)
    days.server.once(f"{DATA}", json_of({"message": TOKEN}, status=403))
    take(days, FIRST + ONE_DAY)
    files = [f.read_bytes() for f in days.flow.folder.rglob("*") if f.is_file()]
    assert not [True for content in files if TOKEN.encode() in content]
    bodies = "".join(reply.body for reply in days.replies(FIRST).values())
    assert "download_count" in bodies
    assert "somebody" not in bodies


def test_of_what_did_not_change_only_that_is_said(days: Days) -> None:
    take(days, FIRST)
    take(days, FIRST + ONE_DAY)
    assert len(days.server.conditional) == 7
    replies = days.replies(FIRST + ONE_DAY)
    same, changed = (replies["example/data", kind] for kind in ("paths", "views"))
    assert (same.status, changed.status) == (304, 200)
    assert same.body == days.replies(FIRST)["example/data", "paths"].body
    assert days.series("stars")["2026-03-03"] == (30, 0, 1, "final")


def test_another_day_than_today_is_missing_and_never_tried(days: Days) -> None:
    take(days, FIRST)
    asked = len(days.server.asked)
    missed = FIRST - ONE_DAY
    result = days.run(TakeSnapshot(date=missed, source="github"))
    assert result.status == LuigiStatusCode.MISSING_EXT
    assert len(days.server.asked) == asked
    assert TakeSnapshot(date=FIRST, source="github").complete()


# --- parts that fail ------------------------------------------------------------------


def test_a_part_that_failed_loses_no_other_and_is_asked_for_again(days: Days) -> None:
    days.server.once(
        f"{DATA}/traffic/views", json_of({"message": "Must have push"}, status=403)
    )
    assert not take(days, FIRST)
    days.load_what_is_there()
    assert days.series("stars"), "what came is in the database"
    assert not days.series("views")
    refused = days.replies(FIRST)["example/data", "views"]
    assert (refused.status, refused.complete) == (403, False)

    days.server.asked.clear()
    assert take(days, FIRST)
    assert days.server.asked == [f"{DATA}/traffic/views"]
    assert days.series("views")


def test_a_vanished_repository_fails_and_no_other(
    days: Days, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings("github", repositories="example/gone, example/data")
    assert not take(days, FIRST)
    assert "example/gone views: GitHub answered HTTP 404" in caplog.text
    days.load_what_is_there()
    assert days.series("views")


def test_a_poorer_reply_replaces_no_fuller_one(days: Days, settings: Settings) -> None:
    """A part is asked for again if the settings name more; the others stay."""
    take(days, FIRST)
    before = days.replies(FIRST)
    settings("github", repositories="example/data, example/gone")
    assert not take(days, FIRST)
    after = days.replies(FIRST)
    assert {part: after[part] for part in before} == before
    content = days.raw(FIRST).content_id()
    assert not take(days, FIRST, "21:00")
    assert days.raw(FIRST).content_id() != content, "the newer refusal is kept"
    assert {part: days.replies(FIRST)[part] for part in before} == before


# --- all days -------------------------------------------------------------------------


def test_days_without_a_snapshot_are_filled_from_later_ones(days: Days) -> None:
    """GitHub's window has 14 days; days of no views are left out of it."""
    for number in (0, 1, 4, 9, 22):
        assert take(days, FIRST + number * ONE_DAY)
    found = days.series("views")
    last = FIRST + 22 * ONE_DAY
    for day, (count, _) in TRUTH.items():
        if day < FIRST - 14 * ONE_DAY or day > last:
            assert str(day) not in found
        elif day <= last - 2 * ONE_DAY:
            assert found[str(day)] == (count, count, 1, "final"), day
    assert found[str(last)][3] == found[str(last - ONE_DAY)][3] == "provisional"
    assert found["2026-03-05"][0] == 0, "a day that the window leaves out"


def test_a_gap_longer_than_the_window_is_missing_not_nothing(days: Days) -> None:
    assert take(days, FIRST)
    assert take(days, FIRST + 20 * ONE_DAY)
    found = days.series("views")
    lost = {day for day, row in found.items() if row[3] == "missing"}
    assert lost == {str(FIRST + n * ONE_DAY) for n in range(1, 6)}
    assert found[str(FIRST)][3] == "provisional", "half of a day, and nothing later"
    assert found["2026-03-03"] == (None, None, None, "missing")
    assert days.series("stars")["2026-03-22"] == (30, 0, 20, "spread")


def test_uniques_are_never_added_up(days: Days) -> None:
    take(days, FIRST + 5 * ONE_DAY)
    rows = days.series("views", "unique").values()
    assert {row[1] for row in rows} == {None}
    assert all(row[0] is not None for row in rows)


def test_a_renamed_repository_is_one_under_its_present_name(days: Days) -> None:
    take(days, FIRST)
    day = FIRST + ONE_DAY
    days.on(day)
    serve(days.server, day, TRUTH, name="example/renamed")
    for path in [*days.server.answers]:
        if path.startswith("/repos/example/renamed"):
            old = path.replace("renamed", "data")
            days.server.answers[old] = Answer(
                status=301, headers={"Location": f"{days.server.url}{path}"}
            )
    assert days.run().scheduling_succeeded
    for table in ("snapshot_series", "snapshot_observations"):
        rows = days.flow.query(f"SELECT DISTINCT subject FROM {table}")
        assert rows == [("example/renamed",)]
    assert days.series("stars")["2026-03-03"] == (30, 0, 1, "final")


def test_what_is_read_is_made_again_from_raw(days: Days, tmp_path: Path) -> None:
    for number in range(3):
        take(days, FIRST + number * ONE_DAY)
    query = "SELECT * FROM snapshot_series ORDER BY 1, 2, 3, 4, 5"
    before = days.flow.query(query)
    days.flow.database.unlink()
    for stage in ("observations", "series"):
        for file in (days.flow.root / stage).rglob("*.parquet"):
            file.unlink()
    asked = len(days.server.asked)
    assert days.run().scheduling_succeeded
    assert days.flow.query(query) == before
    assert len(days.server.asked) == asked


def test_a_damaged_raw_file_is_named_and_the_other_days_are_read(days: Days) -> None:
    take(days, FIRST)
    path = Path(days.raw(FIRST).path)
    path.write_bytes(path.read_bytes()[:-9])
    (days.flow.root / "observations" / "github" / f"date={FIRST}").rename(
        days.flow.folder / "aside"
    )
    assert not take(days, FIRST + ONE_DAY)
    assert "2026-03-03" in {f.parent.name[5:] for f in files(days, "observations")}


def files(days: Days, stage: str) -> list[Path]:
    return sorted((days.flow.root / stage).rglob("*.parquet"))


def test_nothing_is_asked_without_a_section(flow: Flow, settings: Settings) -> None:
    settings("github", repositories="")
    assert Snapshots().requires() == []


# --- pages ----------------------------------------------------------------------------

VERSIONS = "/api/records/1001/versions?size=25&page=1&sort=newest"
MORE = "/api/records/1001/versions?size=25&page=2&sort=newest"


@pytest.fixture
def zenodo(days: Days, settings: Settings) -> Days:
    """A record on Zenodo, whose versions take several pages."""
    days.server.tokens = set()
    settings("github", repositories="")
    settings("zenodo", records="1001", endpoint=days.server.url, attempts=1)
    days.source = "zenodo"
    return days


def record(day: dt.date, versions: int, downloads: int, server: PlatformServer) -> None:
    """Serve a record, 25 versions a page."""
    names = ("downloads", "unique_downloads", "views", "unique_views")
    counts = dict.fromkeys(names, downloads)
    counts |= {f"version_{name}": 1 for name in names}
    hits = [
        {"id": 2000 + number, "conceptrecid": "1001", "stats": counts}
        for number in range(versions)
    ]
    for number, path in enumerate((VERSIONS, MORE)):
        some = hits[25 * number : 25 * number + 25]
        following = (
            {"next": f"{server.url}{MORE}"} if number == 0 and versions > 25 else {}
        )
        server.give(
            path, {"hits": {"hits": some, "total": versions}, "links": following}
        )


def take_record(days: Days, number: int, versions: int, downloads: int) -> bool:
    day = FIRST + number * ONE_DAY
    days.on(day)
    record(day, versions, downloads, days.server)
    succeeded: bool = days.run().scheduling_succeeded
    return succeeded


def test_pages_are_followed_to_the_end(zenodo: Days) -> None:
    assert take_record(zenodo, 0, 30, 100)
    assert zenodo.server.asked == [VERSIONS, MORE]
    rows = zenodo.flow.query(
        "SELECT count(DISTINCT version) FROM snapshot_observations WHERE subject = 1001"
    )
    assert rows == [(30,)]


def test_pages_that_did_not_change_are_followed_as_before(zenodo: Days) -> None:
    """A 304 names no next page."""
    assert take_record(zenodo, 0, 30, 100)
    assert take_record(zenodo, 1, 30, 100)
    assert zenodo.server.conditional == [VERSIONS, MORE]
    assert zenodo.series("downloads")["2026-03-03"] == (100, 0, 1, "final")


def test_the_first_page_alone_is_no_snapshot(
    zenodo: Days, caplog: pytest.LogCaptureFixture
) -> None:
    record(FIRST, 30, 100, zenodo.server)
    page = zenodo.server.answers[VERSIONS]
    zenodo.server.once(VERSIONS, Answer(page.body.replace(MORE, VERSIONS)))
    zenodo.on(FIRST)
    assert not zenodo.run().scheduling_succeeded
    assert "its pages do not end" in caplog.text
    assert not zenodo.replies(FIRST)["1001", "versions"].complete


def test_a_next_page_elsewhere_is_not_asked_for(
    zenodo: Days, caplog: pytest.LogCaptureFixture
) -> None:
    record(FIRST, 30, 100, zenodo.server)
    body = zenodo.server.answers[VERSIONS].body
    elsewhere = body.replace(zenodo.server.url, "https://elsewhere.example")
    zenodo.server.answers[VERSIONS] = Answer(elsewhere)
    zenodo.on(FIRST)
    assert not zenodo.run().scheduling_succeeded
    assert "names a next page at elsewhere.example" in caplog.text


def test_records_that_vanish_fail_for_a_day(
    zenodo: Days, caplog: pytest.LogCaptureFixture
) -> None:
    """Whether they were deleted or left out, nobody can tell on the first day."""
    assert take_record(zenodo, 0, 27, 100)
    assert not take_record(zenodo, 1, 25, 110)
    assert "2 of 27 records that the snapshot before had are missing" in caplog.text
    assert take_record(zenodo, 2, 25, 120)
    assert zenodo.series("downloads")["2026-03-03"][3] == "missing"
    assert zenodo.series("downloads")["2026-03-04"] == (120, 20, 2, "spread")


def test_a_week_with_two_missed_days_is_spread_for_a_running_total(
    zenodo: Days,
) -> None:
    for number in (0, 1, 4, 5, 6):
        assert take_record(zenodo, number, 1, 100 + 3 * number)
    found = zenodo.series("downloads")
    assert [row[3] for row in found.values()] == [
        *("final", "final", "missing", "missing", "spread", "final", "final"),
    ]
    assert found["2026-03-06"][1:3] == (9, 3)
    assert sum(row[1] or 0 for row in found.values()) == 18


# --- kills, and two at once -----------------------------------------------------------


def test_two_runs_at_once_ask_once(days: Days) -> None:
    """The second waits for the first, and finds nothing missing."""
    days.on(FIRST)
    serve(days.server, FIRST, TRUTH)
    snapshot = TakeSnapshot(date=FIRST, source="github")
    with ThreadPoolExecutor(2) as both:
        for run in [both.submit(snapshot.run) for _ in range(2)]:
            run.result()
    assert len(days.server.asked) == 7
    assert snapshot.complete()


def test_after_a_kill_the_snapshot_is_taken_as_if_it_had_not_begun(
    days: Days, tmp_path: Path
) -> None:
    serve(days.server, dt.datetime.now(dt.UTC).date(), TRUTH)
    days.server.once(f"{DATA}/traffic/clones", Answer(slow=True))
    (tmp_path / "luigi.cfg").write_text(
        f"[github]\nrepositories = example/data\nendpoint = {days.server.url}\n"
    )
    command = [sys.executable, "-c", "from usage_metrics.commands import main; main()"]
    with subprocess.Popen([*command, "run"], cwd=tmp_path) as run:
        while f"{DATA}/traffic/clones" not in days.server.asked:
            assert run.poll() is None
            time.sleep(0.05)
        run.kill()
    assert not [*tmp_path.rglob("*.parquet")]
    code = "import sys; from usage_metrics.commands import main; sys.exit(main())"
    subprocess.run([sys.executable, "-c", code, "run"], cwd=tmp_path, check=True)
    assert [*(tmp_path / "data" / "series").rglob("*.parquet")]
