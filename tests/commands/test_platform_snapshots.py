"""``usage-metrics run`` with platforms: logs and snapshots end in one database."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from flow import DAY, ONE_DAY, Flow
from github_replies import serve
from platform_server import PlatformServer, json_of
from project import Settings
from report_html import Standing
from snapshot_flow import Days
from webhook_server import serving

from usage_metrics.commands import main

pytestmark = pytest.mark.usefixtures("quick_reports")

TODAY = dt.date(2026, 3, 20)
TRUTH = {TODAY - n * ONE_DAY: (10 + n, 3) for n in range(30)}


@pytest.fixture
def both(
    flow: Flow, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Days]:
    """A day of logs, and a repository on GitHub."""
    settings("datasette", start=DAY, stop=DAY + ONE_DAY)
    flow.export_days(1)
    monkeypatch.setenv("GITHUB_TOKEN", "token-for-tests")
    with PlatformServer() as server:
        settings("github", repositories="example/data", endpoint=server.url, attempts=1)
        serve(server, TODAY, TRUTH)
        days = Days(flow, server, monkeypatch)
        days.on(TODAY)
        yield days


def test_a_run_ends_in_one_database_and_a_second_asks_nobody(
    both: Days, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run"]) == 0
    assert "github: 7 replies of today" in capsys.readouterr().out
    assert both.flow.loaded_days() == {str(DAY): 2}
    assert both.series("views")[str(TODAY - 2 * ONE_DAY)] == (12, 12, 1, "final")
    yesterday = str(TODAY - ONE_DAY)
    together = both.flow.query(
        "SELECT source, coalesce(subject, dataset), metric, unit, basis, value, "
        "quality FROM usage_by_source_daily WHERE date IN (?, ?) "
        "ORDER BY source, metric",
        *(str(DAY), yesterday),
    )
    assert ("datasette", "pudl", "counted_requests", "requests", "log", 1, "final") in (
        together
    )
    views = ("github", "example/data", "views", "views", "platform", 11, "provisional")
    assert views in together
    page = Standing((both.flow.root / "report" / "index.html").read_text()).figures
    assert page["figure pudl datasette total_dataset_investigations"] == "1"
    assert page["figure example/data github stars"] == "30"
    asked = len(both.server.asked)
    assert main(["run"]) == 0
    assert len(both.server.asked) == asked
    assert "Nothing to do" in capsys.readouterr().out


def test_a_part_that_fails_is_told_and_keeps_nothing_else_from_the_database(
    both: Days, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = json_of({"message": "Must have push access"}, status=403)
    both.server.answers["/repos/example/data/traffic/views"] = refused
    with serving() as chat:
        monkeypatch.setenv("USAGE_METRICS_WEBHOOK", chat.url)
        assert main(["run"]) == 30
    told = chat.posts[0]["text"]
    assert "example/data views: GitHub answered HTTP 403" in told
    assert "Must have push access" in capsys.readouterr().err
    assert both.flow.loaded_days() == {str(DAY): 2}
    assert both.series("clones")
    assert not both.series("views")


def test_every_platform_that_fails_is_told(
    both: Days, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """They fail on one day in one task, each for a reason of its own."""
    both.server.answers["/repos/example/data/traffic/views"] = json_of([], status=403)
    for name in ("kaggle", "huggingface"):
        url = both.server.url
        settings(name, datasets="example/missing", endpoint=url, attempts=1)
    assert main(["run"]) == 30
    said = capsys.readouterr().err
    for title in ("GitHub answered HTTP 403", "Kaggle answered", "Hugging Face ans"):
        assert title in " ".join(said.split())


def test_logs_that_fail_keep_no_snapshot_from_being_taken(both: Days) -> None:
    both.flow.export(DAY, "nonsense")
    assert main(["run"]) == 30
    assert both.series("views")


def test_without_logs_there_are_snapshots_all_the_same(
    both: Days, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings("datasette", logs="")
    assert main(["run"]) == 0
    assert both.series("views")
    assert main(["report"]) == 0
    page = (both.flow.root / "report" / "index.html").read_text()
    assert "GitHub counted" in page
    assert ">Datasette<" not in page
    capsys.readouterr()
    main(["doctor"])
    assert "note logs: no source is on" in capsys.readouterr().out


def test_without_logs_inspect_says_what_platforms_replied_on_a_day(
    both: Days, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    def inspected(day: dt.date, code: int) -> str:
        capsys.readouterr()
        assert main(["inspect", str(day)]) == code
        return " ".join(capsys.readouterr().out.split())

    settings("datasette", logs="")
    settings("kaggle", datasets="example/data", endpoint=both.server.url, attempts=1)
    assert f"github: {TODAY} has no snapshot yet" in inspected(TODAY, 1)
    assert main(["run"]) == 30
    said = inspected(TODAY, 0)
    assert "github: 7 replies kaggle: 1 reply · 1 part is missing" in said
    said = inspected(TODAY - ONE_DAY, 1)
    assert "GitHub was not asked on that day: the snapshots until 2026-04-01" in said
    Path(both.raw(TODAY).path).write_bytes(b"PAR1 nonsense PAR1")
    assert main(["inspect", str(TODAY), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["snapshots"]
    assert "cannot be read" in found["github"]["problem"]
    assert found["kaggle"] == {"replies": 1, "unanswered": 1}


REGISTRY = """
[[dataset]]
id = "power"
version = "2026"
[dataset.at.datasette]
databases = ["pudl"]
tables = ["plants*"]

[[dataset]]
id = "power"
title = "Power plants' \\u0022data\\u0022"
[dataset.at.github]
repositories = ["example/old-name"]
shared = true

[[dataset]]
id = "grid"
[dataset.at.github]
repositories = ["Example/Old-Name"]
shared = true
"""


def test_a_registry_says_of_which_dataset_requests_and_counters_are(
    both: Days, settings: Settings
) -> None:
    registry = both.flow.folder / "datasets.toml"
    registry.write_text(REGISTRY)
    settings("counting", datasets=str(registry))
    settings("github", repositories="")
    serve(both.server, TODAY, TRUTH, name="example/old-name", full_name="example/data")
    assert main(["run"]) == 0
    found = both.flow.query(
        "SELECT source, dataset, version, subject, metric, value, is_shared "
        "FROM usage_by_source_daily WHERE date = ? OR (date = ? AND metric = 'views') "
        "ORDER BY source, dataset, version",
        *(str(DAY), str(TODAY - ONE_DAY)),
    )
    assert found == [
        ("datasette", "power", None, None, "counted_requests", 1, 0),
        ("datasette", "power", "2026", None, "counted_requests", 1, 0),
        ("github", "grid", None, "example/data", "views", 11, 1),
        ("github", "power", None, "example/data", "views", 11, 1),
    ]
    titles = both.flow.query("SELECT title FROM datasets WHERE version IS NULL")
    assert titles == [('Power plants\' "data"',), ("grid",)]
    asked = len(both.server.asked)
    assert main(["run"]) == 0
    assert len(both.server.asked) == asked

    settings("github", repositories="example/old-name")
    registry.write_text(REGISTRY[: REGISTRY.index('id = "power"\ntitle')] + 'id = "b"')
    assert main(["run"]) == 0
    named = "SELECT DISTINCT dataset, subject FROM usage_by_source_daily "
    assert both.flow.query(f"{named} WHERE source = 'github'") == [
        ("unmapped", "example/data")
    ]
