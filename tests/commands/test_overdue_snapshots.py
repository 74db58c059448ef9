"""What doctor, check and status say of snapshots, before a day is lost."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from flow import ONE_DAY, Flow
from github_replies import serve
from platform_server import PlatformServer, json_of
from project import Settings
from snapshot_flow import Days

from usage_metrics.commands import main
from usage_metrics.tasks.snapshot_copies import Snapshots
from usage_metrics.tasks.snapshots import LoadSnapshots, MissedSnapshot, TakeSnapshot

FIRST = dt.date(2026, 3, 2)
TRUTH = {FIRST + n * ONE_DAY: (10, 3) for n in range(-20, 40)}

Output = pytest.CaptureFixture[str]


@pytest.fixture
def taken(
    flow: Flow, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Days]:
    """Snapshots of a repository on days 0, 1 and 4."""
    settings("datasette", logs="")
    monkeypatch.setenv("GITHUB_TOKEN", "token-for-tests")
    with PlatformServer() as server:
        settings("github", repositories="example/data", endpoint=server.url, attempts=1)
        days = Days(flow, server, monkeypatch)
        for number in (0, 1, 4):
            now(days, number)
            serve(server, FIRST + number * ONE_DAY, TRUTH)
            assert days.run().scheduling_succeeded
        yield days


def now(days: Days, number: int) -> None:
    """Have it be some day after the first."""
    day = FIRST + number * ONE_DAY
    days.on(day)
    later = dt.datetime.combine(day, dt.time(21), dt.UTC)
    days.patch.setattr("usage_metrics.tasks.snapshot_days.utc_now", lambda: later)


def said(capsys: Output) -> str:
    return " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (12, "let usage-metrics run by 2026-03-20"),
        (30, "let usage-metrics run now: days are lost"),
    ],
)
def test_a_snapshot_is_overdue_at_half_of_what_the_platform_looks_back(
    taken: Days, capsys: Output, number: int, text: str
) -> None:
    now(taken, 11)
    main(["doctor", "--json"])
    (fine,) = github_findings(capsys)
    assert fine["state"] == "ok"
    assert main(["check"]) == 0
    capsys.readouterr()

    now(taken, number)
    assert main(["doctor", "--json"]) == 1
    (finding,) = github_findings(capsys)
    assert finding["state"] == "BAD"
    assert text in finding["found"]
    assert main(["check"]) == 1
    assert f"github 2026-03-06: the newest snapshot is {number - 4}" in said(capsys)


def test_from_its_stop_on_a_platform_is_not_asked_and_nothing_is_overdue(
    taken: Days, settings: Settings, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = FIRST + 5 * ONE_DAY
    settings("github", stop=stop)
    monkeypatch.delenv("GITHUB_TOKEN")
    asked = len(taken.server.asked)
    now(taken, 30)
    assert taken.run().scheduling_succeeded
    assert len(taken.server.asked) == asked
    assert len(taken.series("views")) == 19, "the fourteen days before, and five"
    task = TakeSnapshot(date=stop, source="github")
    assert MissedSnapshot(date=stop, source="github") in task.requires()
    said_of = MissedSnapshot(date=stop, source="github").unavailable()
    assert said_of == f"luigi.cfg: from [github] stop = {stop} on, nobody is asked"

    assert main(["doctor", "--json"]) == 0
    (finding,) = github_findings(capsys)
    assert finding["found"].endswith(
        f"2 filled from later ones · not asked since {stop}"
    )
    assert main(["check"]) == 0


def test_a_platform_that_was_never_asked_may_have_a_stop(
    flow: Flow, settings: Settings
) -> None:
    settings("github", repositories="example/data", stop=FIRST)
    assert flow.build(Snapshots()).scheduling_succeeded
    assert LoadSnapshots(source="github").complete()


def github_findings(capsys: Output) -> list[dict[str, str]]:
    found = json.loads(capsys.readouterr().out)
    of_github = [finding for finding in found if finding["what"] == "[github]"]
    return [finding for finding in of_github if finding["state"] != "note"]


def test_a_token_that_cannot_be_one_is_bad(
    taken: Days, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "two words")
    assert main(["doctor", "--json"]) == 1
    (finding,) = github_findings(capsys)
    assert "GITHUB_TOKEN holds characters that no token has" in finding["found"]
    assert "two words" not in finding["found"]


def test_status_says_which_days_are_filled_and_which_are_lost(
    taken: Days, capsys: Output
) -> None:
    now(taken, 6)
    assert main(["status"]) == 0
    assert said(capsys).startswith(
        "github: 3 snapshots, 2026-03-02 to 2026-03-06 · 2 filled from later ones · "
        "1 to be filled by the next until 2026-03-20"
    )
    now(taken, 25)
    main(["status"])
    assert "· 7 without one" in said(capsys)


def test_missing_parts_of_the_newest_snapshot_are_a_finding(
    taken: Days, capsys: Output
) -> None:
    now(taken, 5)
    refused = json_of({"message": "Must have push access"}, status=403)
    taken.server.answers["/repos/example/data/traffic/views"] = refused
    taken.run()
    assert main(["check"]) == 1
    assert "parts of the newest snapshot are missing" in said(capsys)


def test_damage_to_a_snapshot_says_that_none_is_taken_twice(
    taken: Days, capsys: Output
) -> None:
    path = Path(taken.raw(FIRST).path)
    path.write_bytes(path.read_bytes()[:-9])
    assert main(["check"]) == 1
    assert "no snapshot is taken twice: restore the file" in said(capsys)


def test_retain_takes_no_snapshot(
    taken: Days, settings: Settings, capsys: Output
) -> None:
    settings("privacy", raw_days=1, geocoded_days=1)
    stages = ("raw", "observations", "series")
    before = [
        f for stage in stages for f in (taken.flow.root / stage).rglob("*.parquet")
    ]
    assert len(before) > 6
    assert main(["retain", "--from-today"]) == 0
    assert all(file.exists() for file in before)
