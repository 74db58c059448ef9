"""The logs of any Datasette, with nothing said but where they are."""

import re
from typing import Any

import pytest
from flow import DAY, ONE_DAY, Flow, fill_once, request
from project import Settings
from report_html import Standing

from usage_metrics.tasks.count import CountUsage
from usage_metrics.tasks.datasets_registry import datasets_registry
from usage_metrics.tasks.report import Report

pytestmark = pytest.mark.usefixtures("quick_reports")

HOST = "https://open.example.net"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:147.0) Gecko/20100101 Firefox/147.0"
HOSTILE = "<img src=x onerror=alert(1)>'; DROP TABLE usage_daily; --"
HOSTILE_ID = "img-src-x-onerror-alert-1-drop-table-usage-daily-1ce26e"

PATHS = {
    "/": 200,
    "/-/versions.json": 200,
    "/robots.txt": 200,
    "/rivers": 200,
    "/rivers/levels": 200,
    "/rivers/levels.json?_size=max": 200,
    "/rivers.db": 304,
    "/rivers/no_such_table": 404,
    "/my+data": 200,
    "/my+data/water~20levels.csv": 200,
    "/my+data?sql=select+1": 200,
    "/_internal/catalog_tables": 200,
    "/wp-admin/setup.php": 404,
    "/~3Cimg+src~3Dx+onerror~3Dalert~281~29~3E~27~3B+DROP+TABLE+usage_daily~3B+--": 200,
}
"""What people asked the site for, and what it answered."""

DATA = {"rivers": 4, "my data": 3, HOSTILE: 1}
"""The data requests of each database."""


def asked(number: int, path: str, status: int) -> dict[str, Any]:
    http: dict[str, Any] = {"requestUrl": HOST + path, "status": status}
    http["referer"] = "https://search.example/?q=rivers"
    clock = f"{number + 1:02}:00:00"
    return request(f"{number:02}", DAY, clock, userAgent=FIREFOX, **http)


@pytest.fixture
def reported(flow: Flow, settings: Settings) -> Flow:
    """The report on a day of that site."""
    settings("datasette", start=DAY, stop=DAY + ONE_DAY)
    fill_once(flow, "own-logs", _report)
    return flow


def _report(flow: Flow) -> None:
    entries = [asked(n, path, status) for n, (path, status) in enumerate(PATHS.items())]
    # Somebody calls the site by its address, more often than all others by its name.
    mirror: dict[str, Any] = {"requestUrl": "http://192.0.2.80/.env", "status": 404}
    entries += [request(f"m{n}", clock=f"20:00:{n}", **mirror) for n in range(10, 40)]
    flow.export(DAY, *entries)
    flow.export(DAY + ONE_DAY)
    assert flow.build(Report()).scheduling_succeeded


def test_the_title_is_the_host(reported: Flow) -> None:
    text = (reported.root / "report/datasette.html").read_text()
    assert "<title>Use of open.example.net, " in text
    assert re.findall("<h1[^>]*>(.*?)</h1>", text) == ["Use of open.example.net"]
    assert "PUDL" not in text


def test_each_database_is_a_dataset_with_its_figures(reported: Flow) -> None:
    rows = reported.query(
        """
        SELECT dataset, sum(total_dataset_investigations), sum(total_dataset_requests)
        FROM usage_counter GROUP BY 1
        """
    )
    hostile = next(name for name, *_ in rows if name not in ("rivers", "my-data"))
    assert re.fullmatch(
        "img-src-x-onerror-alert-1-drop-table-usage-daily-[0-9a-f]{6}", hostile
    )
    assert rows == [(hostile, 1, 0), ("my-data", 3, 2), ("rivers", 4, 2)]
    tables = reported.query(
        """
        SELECT dataset, "table", sum(counted) FROM usage_daily
        WHERE "table" IS NOT NULL AND counted GROUP BY 1, 2
        """
    )
    assert tables == [("my-data", "water levels", 1), ("rivers", "levels", 2)]


def test_every_request_for_data_is_in_the_database(reported: Flow) -> None:
    rows = reported.query(
        'SELECT "database", count(*) FROM datasette_request_logs GROUP BY 1'
    )
    assert dict(rows) == DATA


def test_the_page_calls_a_database_by_its_name_and_runs_nothing_of_it(
    reported: Flow,
) -> None:
    page = (reported.root / "report/datasette.html").read_text()
    named = [row[0] for row in Standing(page).tables["datasets"]]
    assert named == ["rivers rivers", "my data my-data", f"{HOSTILE} {HOSTILE_ID}"]
    assert "<img src=x" not in page


@pytest.mark.parametrize(
    ("ranking", "known"),
    [
        ("tables", "levels"),
        ("formats", "Web page (html)"),
        ("pages", "Table"),
        ("countries", "United States"),
        ("top_organizations", "Google LLC"),
        ("agents", "Firefox"),
        ("referrers", "search.example"),
        ("paths", "/rivers"),
    ],
)
def test_every_ranking_is_filled(reported: Flow, ranking: str, known: str) -> None:
    page = (reported.root / "report/datasette.html").read_text()
    names = [row[0] for row in Standing(page).tables[ranking]]
    assert any(name.startswith(known) for name in names), names


def test_better_names_make_another_report_and_no_other_counts(
    reported: Flow, settings: Settings
) -> None:
    assert Report().complete()
    registry = reported.folder / "datasets.toml"
    registry.write_text(
        """
        platform = "River office"
        [[dataset]]
        id = "my-data"
        title = "Levels & tides"
        """
    )
    settings("counting", datasets=registry)
    assert CountUsage(date=DAY).complete()
    assert not Report().complete()
    assert reported.build(Report()).scheduling_succeeded
    page = (reported.root / "report/datasette.html").read_text()
    assert "<title>Use of the River office, " in page
    named = [row[0] for row in Standing(page).tables["datasets"]]
    assert named[:2] == ["rivers rivers", "Levels & tides my-data"]


def test_the_registry_of_the_sample_is_not_for_other_logs(
    flow: Flow, settings: Settings
) -> None:
    settings("counting", datasets="data/sample_logs/datasets.toml")
    assert datasets_registry().datasets == ()
    settings("datasette", logs="data/sample_logs")
    assert [dataset.id for dataset in datasets_registry().datasets] == ["pudl", "ferc1"]
