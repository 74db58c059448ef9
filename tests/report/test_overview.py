"""The publisher's page on a made-up database: in a browser, and as its tables say."""

import base64
import contextlib
import csv
import datetime as dt
import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from attacks import ATTACKS, VISITOR
from axe_core_python.selenium import Axe
from chromium import Page, needs_browser
from everywhere import COUNTERS, DATASETS, FIRST, LOGS, OF_DAYS, fill, publisher
from hypothesis import given
from hypothesis import strategies as st
from report_html import Standing

from usage_metrics.dates import ONE_DAY
from usage_metrics.report import (
    figures,
    formatting,
    overview,
    public_listings,
    quotable,
    small_charts,
)
from usage_metrics.report.labels import OTHERS
from usage_metrics.report.place_lines import STOCKS
from usage_metrics.report.publisher import Publisher
from usage_metrics.report.usage_database import Database, Span
from usage_metrics.units import rounded, size
from usage_metrics.warehouse.reading import open_tables

DAYS = 60
WRITTEN: dict[str, Callable[[float], str]] = {
    "volume": size,
    "range_downloads": rounded,
}
_NUMBER = r"\S+( [kMG]B)?"
SIZES = {"A4": (8.27, 11.69), "Letter": (8.5, 11)}


POINTED = """
const drawn = document.querySelector(".drawn"), box = drawn.getBoundingClientRect();
drawn.dispatchEvent(new PointerEvent("pointermove", {clientX: box.right - 1}));
return [...document.querySelectorAll("#tip p")].map((line) => line.textContent);
"""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("everywhere") / "usage.db"
    fill(path, DAYS)
    return path


@pytest.fixture(scope="module")
def file(database: Path) -> Path:
    release = {"pudl": [(FIRST + 33 * ONE_DAY, "v2026.2.0")]}
    found = database.with_name("index.html")
    found.write_text(overview.render(publisher(database, releases=release), "0"))
    return found


@pytest.fixture(scope="module")
def standing(file: Path) -> Standing:
    return Standing(file.read_text())


def asked(database: Path, sql: str, *values: Any) -> Any:
    """The only value of a query."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        return connection.execute(sql, values).fetchone()[0]


# --- the figures ----------------------------------------------------------------------


def expected(database: Path, dataset: str, place: str, measure: str) -> str:
    """What a query says of a figure."""
    if place in LOGS:
        sql = (
            f"SELECT sum({measure}) FROM usage_counter WHERE source = ? AND dataset = ?"
        )
        found = asked(database, sql, place, dataset)
        if measure == "volume":
            return size(found)
        return rounded(found) if measure == "range_downloads" else f"{found:,}"
    number = "sum(increment)" if place in OF_DAYS and measure != "stars" else "value"
    sql = (
        f"SELECT {number} FROM snapshot_series WHERE source = ? AND metric = ? "
        "AND subject LIKE ? ORDER BY date DESC LIMIT 1"
    )
    return f"{asked(database, sql, place, measure, f'%{dataset}'):,}"


def test_every_figure_is_what_the_tables_say(
    standing: Standing, database: Path
) -> None:
    named = {
        id_.removeprefix("figure "): text for id_, text in standing.figures.items()
    }
    of_datasets = {id_: t for id_, t in named.items() if id_.split()[0] in DATASETS}
    metrics = sum(map(len, [*COUNTERS.values(), *OF_DAYS.values()]), start=1)
    of_logs = 4 * len(LOGS) + len(["whole downloads of s3"])
    assert len(of_datasets) == len(DATASETS) * (of_logs + metrics)
    assert of_datasets == {id_: expected(database, *id_.split()) for id_ in of_datasets}


def test_only_requests_of_our_logs_are_added_up(
    standing: Standing, database: Path
) -> None:
    total = asked(database, "SELECT sum(total_dataset_requests) FROM usage_counter")
    assert standing.figures["figure sum"] == f"{total:,}"


def test_requests_that_two_logs_have_are_in_the_sum_once(database: Path) -> None:
    found = publisher(database)
    hosts = {"web": "data.example.org", "datasette": "data.example.org", "s3": "other"}
    places = {
        place.name: replace(place, hosts=frozenset({hosts.get(place.name, "")}))
        for place in found.places
    }
    lines = [replace(line, place=places[line.place.name]) for line in found.lines]
    same = replace(found, places=[*places.values()], lines=lines)
    total = quotable.sum_of_requests(same)
    assert total is not None
    sql = "SELECT sum(total_dataset_requests) FROM usage_counter WHERE source != ?"
    assert total.requests == f"{asked(database, sql, 'datasette'):,}"
    assert total.places == ["Amazon S3", "Web server"]
    said = quotable.sentences(same, total)[0]
    assert "The sum is without the log of Datasette, which has requests to" in said


def test_the_list_for_phones_and_paper_has_the_numbers_of_the_table(
    standing: Standing,
) -> None:
    of_list = [row[1] for row in standing.tables["narrow"] if len(row) > 1]
    parts = [part for of_place in of_list for part in of_place.split(" · ")]
    listed = [found[0] for part in parts if (found := re.match(_NUMBER, part))]
    shown = [t for id_, t in standing.figures.items() if id_.split()[1] in DATASETS]
    assert listed == shown


def test_what_the_periods_of_a_chart_add_is_the_figure_beside_it(
    standing: Standing,
) -> None:
    for number, dataset in enumerate(DATASETS):
        heads, *rows = (
            standing.heads[f"over time {number}"],
            *standing.tables[f"over time {number}"],
        )
        assert len(rows) == DAYS
        column = heads.index("Amazon S3: requests")
        known = [
            int(row[column].replace(",", "")) for row in rows if row[column] != "–"
        ]
        figure = standing.figures[f"figure {dataset} s3 total_dataset_requests"]
        assert f"{sum(known):,}" == figure
        assert len(known) == DAYS - 2


def test_the_number_above_a_chart_is_what_its_bars_add_up_to_or_where_its_line_ends(
    database: Path,
) -> None:
    def number(text: str) -> int:
        return int(re.sub(r"[^\d−].*", "", text.lstrip("+±").replace(",", "")))

    for of_dataset in overview.content(publisher(database))["charts"]:
        for one in of_dataset.charts:
            column = int(one.columns.split()[-1])
            texts = [row[column] for row in of_dataset.rows if row[column] != "–"]
            shown = [*map(number, texts)]
            is_line = 'class="level"' in one.chart.drawing
            assert number(one.total) == (shown[-1] if is_line else sum(shown)), one


def test_the_upper_edge_of_a_chart_is_its_highest_number_also_if_none_differs(
    database: Path,
) -> None:
    found = publisher(database)
    stars = next(line for line in found.lines if line.measure.id == "stars")
    flat = replace(stars, level=np.full(DAYS, 7.0))
    of = small_charts.periods(found.span)
    assert small_charts.draw([flat], of, [], found.writing).top == "7"


def test_days_without_data_are_not_days_without_use(
    standing: Standing, file: Path
) -> None:
    assert standing.figures["figure days s3 there"] == "58"
    assert standing.figures["figure days s3 missing"] == "2"
    assert "and so are 2 days of Datasette, 2 days of Amazon S3" in file.read_text()


def test_what_a_value_is_worth_can_be_read(standing: Standing) -> None:
    def said(day: str, head: str) -> str:
        column = standing.heads["over time 0"].index(head)
        rows = {row[0]: row[column] for row in standing.tables["over time 0"]}
        return rows[day]

    assert said("31 January 2026", "Zenodo: downloads") == "0 (stood still)"
    assert said("15 January 2026", "Zenodo: downloads").endswith(" (of 3 days)")
    assert said("14 January 2026", "Zenodo: downloads") == "–"
    assert said("1 March 2026", "GitHub: views").endswith(" (may still change)")
    assert said("10 January 2026", "Amazon S3: requests") == "–"


def test_what_is_not_there_has_no_column(tmp_path: Path) -> None:
    path = tmp_path / "usage.db"
    fill(path, 3)
    found = publisher(path)
    of_datasette = [line for line in found.lines if line.place.name == "datasette"]
    alone = replace(found, places=[of_datasette[0].place], lines=of_datasette)
    page = overview.render(alone, "0")
    assert "Zenodo" not in page
    assert "Amazon S3" not in page
    assert "In the same period" not in page
    assert Standing(page).figures["figure places"] == "1"


def test_names_are_text(tmp_path: Path) -> None:
    path = tmp_path / "usage.db"
    fill(path, 3, ATTACKS)
    found = publisher(path)
    releases = {name: [(FIRST, name)] for name in ATTACKS}
    titles = {name: f"{name} {VISITOR}" for name in ATTACKS}
    page = overview.render(replace(found, releases=releases, titles=titles), "0")
    tags = [tag.lower() for tag in re.findall(r"<([a-zA-Z]+)", page)]
    assert not {*tags} & {"img", "iframe", "textarea", "onload"}
    assert tags.count("script") == 1
    assert "attacked('" not in re.sub(r"attacked\(&#39;", "", page)
    assert VISITOR not in page
    assert not [c for c in page if not c.isprintable() and c != "\n"]
    assert str(7 * 191) not in page


def test_a_year_is_small(tmp_path: Path) -> None:
    path = tmp_path / "usage.db"
    fill(path, 365, [f"dataset{number}" for number in range(12)])
    assert len(overview.render(publisher(path), "0").encode()) < 2_000_000


# --- the page -------------------------------------------------------------------------


@needs_browser
@pytest.mark.parametrize(
    ("width", "dark"), [(1280, False), (390, True)], ids=["light", "dark"]
)
def test_it_opens_quietly_is_accessible_and_fits_the_screen(
    browser: Page, file: Path, standing: Standing, width: int, dark: bool
) -> None:
    browser.show(file, width, dark=dark)
    assert browser.console() == []
    schemes = {url.partition(":")[0] for url in browser.requests()}
    assert schemes <= {"file", "data", "chrome"}
    assert browser.run("return document.documentElement.scrollWidth") <= width
    day, uses, requests = standing.tables["over time 0"][-1][:3]
    said = [f"Datasette: investigations: {uses}", f"Datasette: requests: {requests}"]
    assert browser.run(POINTED) == [day, *said]
    browser.run("document.querySelector('details').open = true;")
    browser.run(Axe().axe_script)
    browser.run("axe.run().then((results) => { window.axeResults = results; });")
    found = browser.wait_for("return window.axeResults")
    assert {problem["id"] for problem in found["violations"]} == set()


@needs_browser
def test_its_tables_are_sorted_and_saved_and_its_data_too(
    browser: Page, file: Path, standing: Standing, tmp_path: Path
) -> None:
    browser.show(file)
    browser.command(
        "Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path)
    )
    volume = "[...document.querySelectorAll('[data-table=everywhere] .sort')].find("
    browser.run(f"{volume}(head) => head.textContent === 'Data sent').click()")
    at = browser.run(
        """
        const table = document.querySelector("[data-table=everywhere]");
        table.closest(".scroll").nextElementSibling.querySelector(".csv").click();
        document.querySelector(".json").click();
        return [...table.tBodies[0].rows].map((row) => row.cells[0].textContent);
        """
    )
    table, whole = tmp_path / "everywhere.csv", tmp_path / "index.json"
    browser.until(lambda: table.exists() and whole.exists())
    with table.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [row["Dataset"] for row in rows] == at
    sent = [float(row["Datasette: Data sent"]) for row in rows]
    assert sent == sorted(sent, reverse=True)
    for row in rows:
        of = f"figure {row['Dataset'].split()[-1]} datasette volume"
        assert size(float(row["Datasette: Data sent"])) == standing.figures[of]
    found = json.loads(whole.read_text())
    of_table = {made["id"]: made for made in found["tables"]}["everywhere"]
    units = {column["name"]: column["unit"] for column in of_table["columns"]}
    assert units["Datasette: Data sent"] == "bytes"
    assert {len(row) for row in of_table["rows"]} == {len(units)}
    over_time = {made["id"]: made for made in found["tables"]}["over time 0"]
    notes = [v for row in over_time["rows"] for v in row if isinstance(v, dict)]
    assert {"value": 0, "note": "stood still"} in notes
    assert browser.console() == []


def answers(
    database: Path, queries: list[tuple[str, str]]
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The rows of each query in SQLite, which are those in DuckDB."""
    with contextlib.closing(sqlite3.connect(database)) as lite:
        lite.row_factory = sqlite3.Row
        duck = duckdb.connect()
        for name in ("usage_counter", "snapshot_series"):
            whole = lite.execute(f"SELECT * FROM {name}").fetchall()
            columns = [pa.array(column) for column in zip(*whole, strict=True)]
            duck.register(name, pa.table(columns, whole[0].keys()))
        for title, sql in queries:
            rows = lite.execute(sql).fetchall()
            assert duck.execute(sql).fetchall() == [tuple(row) for row in rows]
            yield title, [*map(dict, rows)]


def test_a_query_gives_each_number_of_each_day(
    database: Path, standing: Standing
) -> None:
    found = overview.content(publisher(database))
    names = {m.id: m.name.lower() for of in found["groups"] for m in of.measures}
    asked = {}
    for title, rows in answers(database, found["daily_queries"]):
        place = title.removesuffix(", day by day")
        for row in rows:
            day = formatting.day(dt.date.fromisoformat(row["date"]))
            if "metric" in row:
                dataset = row["subject"].removeprefix("example/")
                level = "newest" if row["metric"] in STOCKS else "added"
                told = {row["metric"]: row[level]}
            else:
                dataset, told = row["dataset"], row
            for measure in names.keys() & told.keys():
                if (value := told[measure]) is not None:
                    text = WRITTEN.get(measure, "{:,}".format)(value)
                    asked[day, dataset, f"{place}: {names[measure]}"] = text
    for number, dataset in enumerate(DATASETS):
        for day, *texts in standing.tables[f"over time {number}"]:
            heads = standing.heads[f"over time {number}"][1:]
            for head, text in zip(heads, texts, strict=True):
                expected = text.partition(" (")[0]
                assert asked.get((day, dataset, head), "–") == expected, (day, head)


def test_a_query_gives_each_number_of_its_place(
    database: Path, standing: Standing
) -> None:
    found = overview.content(publisher(database))
    places = {group.place.title: group.place.name for group in found["groups"]}
    expected = {
        id_.removeprefix("figure "): text
        for id_, text in standing.figures.items()
        if id_.split()[1] in DATASETS
    }
    asked = {}
    for title, rows in answers(database, found["queries"]):
        for row in rows:
            if title not in places:
                asked["sum"] = f"{row['requests']:,}"
            elif "dataset" in row:
                of = f"{row.pop('dataset')} {places[title]}"
                for measure, value in row.items():
                    write = WRITTEN.get(measure, "{:,}".format)
                    asked[f"{of} {measure}"] = write(value)
            else:
                dataset = row["subject"].removeprefix("example/")
                of = f"{dataset} {places[title]} {row['metric']}"
                is_level = f"{row['newest']:,}" == expected[of]
                shown = row["newest"] if is_level else row["added"]
                asked[of] = f"{shown:,}"
    assert asked.pop("sum") == standing.figures["figure sum"]
    assert {id_: asked[id_] for id_ in expected} == expected


@needs_browser
@pytest.mark.parametrize("paper", SIZES)
def test_its_first_printed_page_is_the_summary(
    browser: Page, file: Path, paper: str
) -> None:
    browser.show(file)
    after = "main > section:not(#everywhere), footer"
    browser.run(f"for (const e of document.querySelectorAll('{after}')) e.remove();")
    width, height = SIZES[paper]
    printed = browser.command(
        "Page.printToPDF", paperWidth=width, paperHeight=height, printBackground=True
    )
    pdf = base64.b64decode(printed["data"])
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1


# --- for the public -------------------------------------------------------------------


def public_page(folder: Path, *changes: str) -> str:
    """The page for the public on a database that was changed."""
    path = folder / "usage.db"
    path.unlink(missing_ok=True)
    fill(path, DAYS)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        for sql in changes:
            assert connection.execute(sql).rowcount > 0
    return overview.render(publisher(path, is_public=True), "0")


def _few(few: int, other: int) -> list[str]:
    """Few requests of a dataset at the web server, and of another on two days."""
    web = "source = 'web' AND dataset = 'ferc1' AND access_method = 'regular'"
    of_pudl = "UPDATE usage_counter SET total_dataset_requests"
    s3 = "source = 's3' AND dataset = 'pudl' AND access_method = 'regular'"
    return [
        "DELETE FROM usage_counter WHERE source = 'web' AND dataset = 'ferc1' "
        "AND (access_method = 'machine' OR date > '2026-01-01')",
        "UPDATE usage_counter SET total_dataset_requests = 1, volume = "
        f"{few}, total_dataset_investigations = {few}, "
        f"unique_dataset_investigations = 1 WHERE {web}",
        f"{of_pudl} = {few} - 4 WHERE {s3} AND date = '2026-01-05'",
        f"{of_pudl} = {other} - 4 WHERE {s3} AND date = '2026-01-06'",
        "UPDATE usage_counter SET total_dataset_requests = 4 "
        "WHERE source = 's3' AND dataset = 'pudl' AND access_method = 'machine' "
        "AND date IN ('2026-01-05', '2026-01-06')",
        "UPDATE usage_counter SET range_downloads = 0 WHERE dataset = 'eia923'",
        f"UPDATE usage_counter SET range_downloads = {few} WHERE source = 's3' "
        "AND dataset = 'eia923' AND date = '2026-01-05' AND access_method = 'machine'",
        f"UPDATE snapshot_series SET increment = {few} WHERE source = 'github' "
        "AND subject = 'example/eia923' AND metric = 'clones' AND date = '2026-01-03'",
        f"UPDATE snapshot_series SET increment = {other} WHERE source = 'github' "
        "AND subject = 'example/eia923' AND metric = 'clones' AND date = '2026-01-04'",
    ]


def test_pages_for_the_public_do_not_tell_few_from_fewer(tmp_path: Path) -> None:
    """What is hidden is nowhere in the file: not in a tooltip, a bar or a sum."""
    page = public_page(tmp_path, *_few(4, 9))
    assert page == public_page(tmp_path, *_few(8, 5))
    shown = Standing(page)
    assert shown.figures["figure ferc1 web total_dataset_requests"] == "fewer than 10"
    assert shown.figures["figure ferc1 web volume"] == "hidden"
    numbers = [*shown.figures.items()]
    few = {id_ for id_, text in numbers if re.fullmatch("[1-9]", text)}
    assert few <= {"figure datasets", "figure places"} | {
        id_ for id_, _ in numbers if id_.startswith("figure days ")
    }


def test_a_number_that_is_hidden_is_not_what_is_left_of_a_sum(tmp_path: Path) -> None:
    few = "UPDATE snapshot_series SET increment = 3 WHERE source = 'pypi' "
    page = public_page(tmp_path, f"{few} AND subject = 'pudl' AND date = '2026-01-04'")
    table = Standing(page)
    column = table.heads["over time 0"].index("PyPI: downloads")
    texts = [row[column] for row in table.tables["over time 0"]]
    assert texts.count("fewer than 10") == 1
    assert texts.count("hidden") == 1


NAMES = st.dictionaries(
    st.tuples(st.sampled_from("abcdefghij")), st.integers(0, 40), max_size=8
)


@given(NAMES)
def test_names_with_few_uses_are_among_all_others(
    sums: dict[tuple[str, ...], int],
) -> None:
    shown = dict(public_listings.without_few(sums))
    assert all(number >= 10 for number in shown.values())
    assert all(sums[name] == n for name, n in shown.items() if name != (OTHERS,))
    total = sum(sums.values())
    assert sum(shown.values()) == total if total >= 10 else not shown


def test_the_public_learns_of_no_organization_with_few_uses(sample: Path) -> None:
    with open_tables(sample / "data" / "usage_metrics.db") as tables:
        database = Database(tables)
        span = Span("datasette", dt.date(2026, 3, 2), dt.date(2026, 3, 16))
        used = figures.ranking(
            figures.by_organization(database, span), ["organization"]
        ).set_index("organization")["counted"]
        found = public_listings.public_listings(
            "datasette", "Datasette", database, span, {}
        )
        page = overview.render(
            Publisher(
                *("Use", span, [], [], {}, span.stop),
                is_public=True,
                listings=[*found],
            ),
            "0",
        )
    used = used[[isinstance(name, str) for name in used.index]]
    names = {few: {_name(n) for n in used[(used < 10) == few].index} for few in (0, 1)}
    named = {name for name in names[0] - names[1] if f"{name} <small>" in page}
    assert min(len(names[1]), len(named)) > 5
    assert {name for name in names[1] - names[0] if f"{name} <small>" in page} == set()


def _name(organization: str) -> str:
    """An organisation without its number."""
    return organization.partition(" ")[2]
