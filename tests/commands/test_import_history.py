"""``usage-metrics import``: what others have archived becomes replies of those days."""

import datetime as dt
import json
from pathlib import Path

import pytest
from flow import ONE_DAY, Flow
from github_replies import traffic
from project import Settings
from snapshot_flow import Days

from usage_metrics.commands import main

FIRST = dt.date(2025, 10, 1)
TRUTH = {
    FIRST + n * ONE_DAY: (0 if n == 9 else 20 + 3 * n, 2 + n % 5) for n in range(50)
}

Output = pytest.CaptureFixture[str]


@pytest.fixture
def archive(flow: Flow, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Days:
    """Settings that name one repository, and a folder for an archive."""
    settings("datasette", logs="")
    settings("github", repositories="example/data")
    (flow.folder / "archive").mkdir()
    return Days(flow, None, monkeypatch)  # type: ignore[arg-type]


def put(archive: Days, name: str, body: object) -> Path:
    file = archive.flow.folder / "archive" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(body if isinstance(body, str) else json.dumps(body))
    return file


def take_over(archive: Days, platform: str = "github", *options: str) -> int:
    folder = str(archive.flow.folder / "archive")
    return main(["import", platform, folder, *options])


def final(archive: Days, metric: str) -> dict[str, int]:
    found = archive.series(metric).items()
    return {day: row[0] for day, row in found if row[3] == "final"}


@pytest.mark.parametrize(
    "name", ["github/{kind}/{day}.json", "api/{day}_{kind}.json"], ids=str
)
def test_windows_of_some_days_merge_to_the_truth(archive: Days, name: str) -> None:
    """The last days of each window had not been counted to their end."""
    last = FIRST + 40 * ONE_DAY
    for number in (7, 14, 27, 40):
        day = FIRST + number * ONE_DAY
        for kind in ("views", "clones"):
            put(archive, name.format(kind=kind, day=day), traffic(kind, TRUTH, day))
    assert take_over(archive) == 0
    wanted = {str(d): n for d, (n, _) in TRUTH.items() if d <= last - 2 * ONE_DAY}
    for metric in ("views", "clones"):
        found = final(archive, metric)
        assert {d: n for d, n in found.items() if d >= str(FIRST)} == wanted


def test_what_was_taken_over_is_not_again(archive: Days, capsys: Output) -> None:
    put(
        archive, "views/2025-10-20.json", traffic("views", TRUTH, dt.date(2025, 10, 20))
    )
    assert take_over(archive) == 0
    assert "1 reply; 1 new or fuller day" in capsys.readouterr().out
    assert take_over(archive) == 0
    assert "1 reply; 0 new or fuller days" in capsys.readouterr().out


def test_the_tables_of_github_repo_stats_are_read(archive: Days) -> None:
    put(
        archive,
        "ghrs/2025-10-20_231820_top_referrers_snapshot.csv",
        "referrer,views_total,views_unique\nGoogle,92,34\ngithub.com,68,22\n",
    )
    rows = [f"{d} 00:00:00+00:00,4,3,{n},{u}" for d, (n, u) in TRUTH.items()]
    head = "time_iso8601,clones_total,clones_unique,views_total,views_unique"
    put(archive, "ghrs/views_clones_aggregate.csv", "\n".join([head, *rows]))
    assert take_over(archive) == 0
    found = archive.series("views")
    assert {day: row[0] for day, row in found.items()} == {
        str(day): n for day, (n, _) in TRUTH.items()
    }
    names = archive.flow.query(
        "SELECT name, value FROM snapshot_observations WHERE metric = 'referrer_views' "
        "AND measure = 'total' ORDER BY value DESC"
    )
    assert names == [("Google", 92), ("github.com", 68)]


def test_errors_and_torn_files_are_named_and_the_others_taken(
    archive: Days, capsys: Output
) -> None:
    """An archive once kept GitHub's error messages as data."""
    good = traffic("views", TRUTH, dt.date(2025, 10, 20))
    put(archive, "views/2025-10-20.json", good)
    put(archive, "views/2025-10-21.json", {"message": "Bad credentials"})
    put(archive, "views/2025-10-22.json", json.dumps(good)[:40])
    put(archive, "views/2025-02-30.json", good)
    put(archive, "views/2025-10-23.json", good | {"views": "none"})
    put(archive, "2025-10-23_120000_top_paths_snapshot.csv", "path,n,u\n/a,1\n")
    wide = "x" * 200_000
    put(archive, "2025-10-24_120000_top_paths_snapshot.csv", f"path,n,u\n{wide},1,1\n")
    columns = "time_iso8601,views_total,views_unique,clones_total,clones_unique"
    put(archive, "views_clones.csv", f"{columns}\n2025-10-01,inf,1,1,1\n")
    put(archive, "views_clones_2.csv", f"{columns}\nno day,1,1,1,1\n2025-10-01,1,1,1,1")
    put(archive, "notes.txt", "hello")
    assert take_over(archive) == 1
    said = capsys.readouterr()
    assert said.err.count("is not taken") == 8
    assert "views/2025-10-21.json is not taken: it has no views" in said.err
    assert "not read, by their names: notes.txt" in said.err
    assert "1 reply" in said.out
    assert final(archive, "views")


def test_records_of_zenodo_are_named_by_their_files(archive: Days) -> None:
    names = ("downloads", "unique_downloads", "views", "unique_views")
    for number, value in enumerate((100, 104)):
        stats = dict.fromkeys([*names, *(f"version_{n}" for n in names)], value)
        hit = {"id": 1002, "conceptrecid": "1001", "stats": stats}
        day = FIRST + number * ONE_DAY
        put(archive, f"zenodo/{day}-1001.json", {"hits": {"hits": [hit], "total": 1}})
    assert take_over(archive, "zenodo") == 0
    archive.source = "zenodo"
    assert archive.series("downloads")["2025-10-02"] == (104, 4, 1, "final")


def test_a_dataset_of_kaggle_is_named_by_the_option(archive: Days) -> None:
    flat = {"totalDownloads": 17, "totalViews": 152, "totalVotes": 3}
    put(archive, "kaggle/2025-10-02.json", json.dumps(flat))
    assert take_over(archive, "kaggle") == 2, "of what is it?"
    assert main(["import", "kaggle", "nowhere"]) == 2
    assert take_over(archive, "kaggle", "--subject", "example/data") == 0
    archive.source = "kaggle"
    assert archive.series("views")["2025-10-02"][0] == 152


def test_a_file_of_a_day_before_any_platform_counted_is_not_taken(
    archive: Days, capsys: Output
) -> None:
    """A series has a row, and a file, for each day since the first."""
    flat = {"totalDownloads": 17, "totalViews": 152, "totalVotes": 3}
    put(archive, "kaggle/0001-01-01.json", json.dumps(flat))
    assert take_over(archive, "kaggle", "--subject", "example/data") == 1
    assert "it is of 0001-01-01, before any platform counted" in capsys.readouterr().err


def test_no_history_replaces_what_was_taken_or_stands_for_today(
    archive: Days, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = dt.datetime(2025, 10, 20, 12, tzinfo=dt.UTC)
    monkeypatch.setattr("usage_metrics.commands.import_history.utc_now", lambda: today)
    put(archive, "views/2025-10-20.json", traffic("views", TRUTH, today.date()))
    assert take_over(archive) == 0
    assert "0 new or fuller days" in capsys.readouterr().out
    day = dt.date(2025, 10, 19)
    file = put(archive, f"views/{day}.json", traffic("views", TRUTH, day))
    assert take_over(archive) == 0
    before = archive.replies(day)
    other = {d: (n + 100, u) for d, (n, u) in TRUTH.items()}
    file.write_text(json.dumps(traffic("views", other, day)))
    assert take_over(archive) == 0
    assert archive.replies(day) == before
