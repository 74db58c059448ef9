"""The database as people open it: views, questions, and a real Datasette over HTTP."""

import contextlib
import datetime as dt
import json
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from flow import DAY, ONE_DAY, Flow, request
from project import Settings

from usage_metrics.agents.rules import CLASSES
from usage_metrics.counting.questions import QUESTIONS
from usage_metrics.counting.tables import TABLES
from usage_metrics.counting.views import VIEWS
from usage_metrics.tasks.load_usage import LoadUsage
from usage_metrics.warehouse.metadata import of_database, path_of
from usage_metrics.warehouse.views import Question, View

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:147.0) Gecko/20100101 Firefox/147.0"
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the database of two days, as a run of its own makes it."""
    flow = Flow(tmp_path_factory.mktemp("opened"))
    flow.logs.mkdir()
    person: dict[str, Any] = {
        "userAgent": FIREFOX,
        "referer": "https://example.org/page",
    }
    flow.export(
        DAY,
        request("a", **person),
        request("b", clock="13:00:00", userAgent="curl/8.10.1", responseSize="1000"),
        request("c", clock="14:00:00", userAgent=GOOGLEBOT),
        request("d", clock="15:00:00", userAgent=SCRIPT, status=500),
    )
    flow.export(
        DAY + ONE_DAY,
        request("e", DAY + ONE_DAY, **person | {"remoteIp": "128.32.0.1"}),
    )
    flow.export(DAY + 2 * ONE_DAY)
    (flow.folder / "luigi.cfg").write_text(
        f"[paths]\nroot = {flow.root}\n[database]\npath = {flow.database}\n"
        f"[datasette]\nlogs = {flow.logs}\n"
        f"start = {DAY}\nstop = {DAY + 2 * ONE_DAY}\n"
    )
    command = ["-m", "luigi", "--module", "usage_metrics", "LoadUsage"]
    subprocess.run(
        [sys.executable, *command, "--local-scheduler", "--no-lock"],
        cwd=flow.folder,
        env={"LUIGI_CONFIG_PATH": str(flow.folder / "luigi.cfg")},
        check=True,
        capture_output=True,
    )
    return flow.folder


def query(folder: Path, sql: str, **values: str) -> list[dict[str, Any]]:
    database = sqlite3.connect(folder / "usage.db")
    database.row_factory = sqlite3.Row
    with contextlib.closing(database):
        return [dict(row) for row in database.execute(sql, values)]


def parameters(question: Question) -> dict[str, str]:
    return dict.fromkeys(re.findall(r":(\w+)", question.sql), "")


# --- the database by itself


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_each_view_has_rows_and_the_columns_that_are_described(
    made: Path, view: View
) -> None:
    rows = query(made, f'SELECT * FROM "{view.name}"')
    described = query(
        made,
        'SELECT name, description FROM usage_metrics_columns WHERE "table" = :view',
        view=view.name,
    )

    assert list(rows[0]) == view.columns().names
    assert {row["name"] for row in described} == set(view.columns().names)
    assert all(row["description"] for row in described)
    assert view.order in view.columns().names
    assert set(view.facets) <= set(view.columns().names)


def test_a_day_shows_who_asked_what_counts_and_how_many_they_were(made: Path) -> None:
    first, second = query(made, "SELECT * FROM use_per_day ORDER BY date")

    assert {name: first[name] for name in CLASSES} == {
        "human": 1,
        "machine": 1,
        "robot": 2,  # a script in a user agent is an attack
        "internal": 0,
        "unknown": 0,
    }
    assert (first["requests"], first["counted"], first["errors"]) == (4, 2, 1)
    assert (first["sessions"], first["visitors"]) == (2, 2)
    assert (second["requests"], second["visitors"]) == (1, 1)


def test_a_week_begins_on_monday_and_a_month_adds_up_its_days(made: Path) -> None:
    assert DAY.weekday() == 0
    (week,) = query(made, "SELECT * FROM use_per_week")
    month = query(made, "SELECT * FROM use_per_month WHERE dataset = 'all'")[0]

    assert week["week"] == DAY.isoformat()
    for row in (week, month):
        assert (row["days"], row["requests"], row["counted"]) == (2, 5, 3)


def test_a_day_without_a_request_is_there_and_a_missing_day_is_not(
    flow: Flow, settings: Settings
) -> None:
    settings("datasette", start=DAY, stop=DAY + 4 * ONE_DAY)
    for number, entries in enumerate(([request("a")], [], None, [])):
        if entries is not None:
            flow.export(DAY + number * ONE_DAY, *entries)
    flow.build(LoadUsage())
    there = [str(DAY + number * ONE_DAY) for number in (0, 1, 3)]
    sql = "SELECT date, requests, visitors FROM use_per_day ORDER BY date"
    assert flow.query(sql) == list(zip(there, (1, 0, 0), (1, 0, 0), strict=True))
    assert flow.query("SELECT days, requests FROM use_per_week") == [(3, 1)]
    assert set(flow.query("SELECT days, requests FROM use_per_month")) == {(3, 1)}


def test_months_are_compared_by_their_average_day(
    flow: Flow, settings: Settings
) -> None:
    first = dt.date(2026, 2, 27)
    settings("datasette", start=first, stop=first + 4 * ONE_DAY)
    for number, clicks in ((0, 4), (1, 4), (3, 6)):
        day = first + number * ONE_DAY
        asked = [request(str(n), day, f"12:{n}0:00") for n in range(clicks)]
        flow.export(day, *asked)
    flow.build(LoadUsage())
    (headline,) = (q for q in QUESTIONS if q.name == "headline")
    march, february = flow.query(headline.sql)
    assert february[:4] == ("2026-02", "datasette", 2, 8)
    # Of the two days of March one is missing: six a day after four a day.
    assert march[:4] == ("2026-03", "datasette", 1, 6)
    assert (march[-2], march[-1], february[-1]) == (6.0, 50.0, None)


def test_views_add_up_to_the_day_whatever_they_group_by(made: Path) -> None:
    grouped = [v.name for v in VIEWS if "counted" in v.columns().names]
    once = {
        "use_per_month": " WHERE dataset = 'all'",
        "use_by_attribute": " WHERE attribute = 'status'",
    }
    sums = {
        name: query(
            made,
            f"SELECT sum(requests) AS requests, sum(counted) AS counted FROM {name}"
            + once.get(name, ""),
        )[0]
        for name in grouped
    }

    assert len(sums) == len(VIEWS) - 1
    assert set(map(str, sums.values())) == {"{'requests': 5, 'counted': 3}"}


def test_every_line_has_an_explanation(made: Path) -> None:
    days = query(made, "SELECT lines, unexplained FROM quality_per_day ORDER BY date")

    assert days == [{"lines": 4, "unexplained": 0}, {"lines": 1, "unexplained": 0}]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_every_question_has_an_answer(made: Path, question: Question) -> None:
    given = parameters(question)
    if "date" in given:
        given["date"] = DAY.isoformat()

    assert query(made, question.sql, **given)


NOT_ADDED = re.compile("unique_|sessions|visitors|percent|share|_a_day|days|largest")
"""The columns whose numbers may not be added up over sources."""


@pytest.fixture(scope="module")
def made_of_two(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, as if another source had been used just as much by the same people."""
    folder = tmp_path_factory.mktemp("two-sources")
    shutil.copy(made / "usage.db", folder)
    with contextlib.closing(sqlite3.connect(folder / "usage.db")) as connection:
        for table in TABLES.values():
            columns = ", ".join(f'"{name}"' for name in table.schema.names)
            others = columns.replace('"source"', "'other'")
            connection.execute(
                f"INSERT INTO {table.name} ({columns}) "
                f"SELECT {others} FROM {table.name}"
            )
        connection.commit()
    return folder


@pytest.mark.parametrize("asked", [*VIEWS, *QUESTIONS], ids=lambda asked: asked.name)
def test_what_may_not_be_added_over_sources_is_not(
    made: Path, made_of_two: Path, asked: View | Question
) -> None:
    sql, given = f'SELECT * FROM "{asked.name}"', {}
    if isinstance(asked, Question):
        sql, given = asked.sql, parameters(asked)
    one, two = (query(folder, sql, **given) for folder in (made, made_of_two))
    assert one or "date" in given
    for name in filter(NOT_ADDED.search, one[0] if one else ()):
        assert {row[name] for row in two} == {row[name] for row in one}, name


def test_times_sort_and_work_with_the_functions_of_sqlite(made: Path) -> None:
    (row,) = query(
        made,
        "SELECT date(timestamp) AS date, strftime('%H', timestamp) AS hour, "
        "datetime(timestamp, '+1 hour') AS later, "
        "round((julianday(timestamp) - julianday(:day)) * 24) AS hours "
        "FROM datasette_request_logs WHERE insert_id = 'b'",
        day=DAY.isoformat(),
    )
    in_order = query(
        made, "SELECT insert_id FROM datasette_request_logs ORDER BY timestamp"
    )

    assert row == {
        "date": DAY.isoformat(),
        "hour": "13",
        "later": f"{DAY} 14:00:00",
        "hours": 13,
    }
    assert [r["insert_id"] for r in in_order] == ["a", "b", "c", "d", "e"]


def test_the_planner_knows_the_tables(made: Path) -> None:
    known = query(made, "SELECT DISTINCT tbl FROM sqlite_stat1")

    assert {"datasette_request_logs", "usage_daily"} <= {row["tbl"] for row in known}


def test_views_are_made_anew_when_they_are_others(
    flow: Flow, settings: Settings
) -> None:
    settings("datasette", start=DAY, stop=DAY + ONE_DAY)
    flow.export_days(3)
    flow.build(LoadUsage())
    with contextlib.closing(sqlite3.connect(flow.database)) as connection:
        connection.executescript(
            "DROP VIEW use_per_day; CREATE VIEW use_per_day AS SELECT 1 AS old"
        )
    path_of(str(flow.database)).unlink()
    settings("datasette", stop=DAY + 2 * ONE_DAY)
    flow.build(LoadUsage())

    assert flow.query("SELECT requests FROM use_per_day") == [(2,), (2,)]
    assert path_of(str(flow.database)).exists()


def test_the_metadata_names_only_what_is_there(flow: Flow) -> None:
    flow.export_days(1)
    flow.load(1)
    said = of_database(str(flow.database), QUESTIONS)["databases"]["usage"]

    assert "datasette_request_logs" in said["tables"]
    assert "use_per_day" not in said["tables"]
    assert set(said["queries"]) == {"requests_of_a_day", "hours_of_the_day"}


# --- Datasette


class Site:
    """A running Datasette."""

    def __init__(self, address: str) -> None:
        self.address = address

    def text(self, path: str) -> str:
        reply = requests.get(f"{self.address}{path}", timeout=120)
        reply.raise_for_status()
        return reply.text

    def json(self, path: str) -> Any:
        return json.loads(self.text(path))


@pytest.fixture(scope="module")
def site(made: Path) -> Iterator[Site]:
    """The command that docs/results.md shows, on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        *(sys.executable, "-m", "datasette", "usage.db"),
        *("--metadata", "usage.metadata.json"),
        *("--setting", "facet_time_limit_ms", "5000", "--port", str(port)),
    ]
    process = subprocess.Popen(
        command, cwd=made, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    site = Site(f"http://127.0.0.1:{port}")
    try:
        for _ in range(1200):
            with contextlib.suppress(requests.ConnectionError):
                site.text("/-/versions.json")
                break
            assert process.poll() is None, process.stdout and process.stdout.read()
            time.sleep(0.1)
        yield site
    finally:
        process.terminate()
        process.communicate(timeout=120)


def test_datasette_shows_what_each_table_and_view_holds(site: Site) -> None:
    page = site.text("/usage")

    assert "Use of our open data" in site.text("/")
    assert all(question.title in page for question in QUESTIONS)
    for view in VIEWS:
        assert view.description in site.text(f"/usage/{view.name}")


def test_datasette_shows_what_each_column_holds_with_its_unit(site: Site) -> None:
    page = site.text("/usage/usage_daily")

    assert "Sizes of the responses, headers included (bytes)" in page
    assert "Median response time (seconds)" in page
    tables = site.json("/-/metadata.json")["databases"]["usage"]["tables"]
    undescribed = [
        (name, column)
        for name, table in tables.items()
        if not name.startswith("usage_metrics_")
        for column in site.json(f"/usage/{name}.json?_size=0")["columns"]
        if column != "rowid" and not table["columns"].get(column)
    ]
    assert undescribed == []
    assert all(table["description"] for table in tables.values())


def test_datasette_counts_by_the_facets_and_shows_the_latest_first(site: Site) -> None:
    shown = site.json("/usage/usage_daily.json?_shape=objects")
    classes = shown["facet_results"]["agent_class"]["results"]

    assert {facet["value"] for facet in classes} == {"human", "machine", "robot"}
    dates = [row["date"] for row in shown["rows"]]
    assert dates == sorted(dates, reverse=True)
    assert shown["rows"][0]["date"] == (DAY + ONE_DAY).isoformat()
    for view in VIEWS:
        facets = site.json(f"/usage/{view.name}.json")["facet_results"]
        assert set(facets) == set(view.facets), view.name


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_every_question_runs_in_datasette(site: Site, question: Question) -> None:
    given = urllib.parse.urlencode(parameters(question) | {"_shape": "objects"})
    answer = site.json(f"/usage/{question.name}.json?{given}")

    assert answer["ok"], answer
    assert question.title in site.text(f"/usage/{question.name}")


def test_what_a_request_says_is_text_to_datasette(site: Site) -> None:
    page = site.text("/usage/datasette_request_logs?insert_id=d")

    assert SCRIPT not in page
    assert "&lt;script&gt;alert(1)" in page


def test_rows_are_read_without_address_space_for_more_than_there_are(
    made: Path,
) -> None:
    """A process with too much of it cannot fork, as Luigi's workers do."""
    reading = """
import datetime as dt, resource, sys
from usage_metrics.report.usage_database import columns_of
from usage_metrics.warehouse.reading import open_tables
with open_tables(sys.argv[1]) as tables:
    size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + 2**31, size + 2**31))
    day, names = dt.date.fromisoformat(sys.argv[2]), columns_of("usage_daily")
    rows = tables.rows("usage_daily", names, "datasette", day, day + dt.timedelta(1))
    print(rows.column("requests").to_pylist())
"""
    command = [sys.executable, "-c", reading, str(made / "usage.db"), str(DAY)]
    read = subprocess.run(command, check=False, text=True, capture_output=True)
    assert read.returncode == 0, read.stderr
    rows = query(made, f"SELECT requests FROM usage_daily WHERE date = '{DAY}'")
    assert sorted(json.loads(read.stdout)) == sorted(row["requests"] for row in rows)
