"""The query beside a table gives what the table shows, in SQLite and in DuckDB."""

import contextlib
import json
import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import duckdb
import pyarrow as pa
import pytest
from chromium import Page, needs_browser

from usage_metrics.report import payload
from usage_metrics.report.formatting import number, percent
from usage_metrics.report.labels import CLASSES, OTHERS
from usage_metrics.report.neutral import neutral
from usage_metrics.report.rankings import LISTINGS, Ranking, rankings
from usage_metrics.report.usage_database import Database, Span
from usage_metrics.units import rounded, size
from usage_metrics.warehouse.reading import open_tables

pytestmark = needs_browser

Rows = list[dict[str, Any]]
Ask = Callable[[str], Rows]

CHOICES: list[dict[str, str]] = [
    {"who": "all"},
    {"measure": "requests", "from": "2026-03-05"},
    {"who": "robot", "dataset": "pudl"},
    {"dataset": "ferc1", "to": "2026-03-09"},
    {"country": "Germany"},
    {"program": "curl", "table": "fuel_ferc1", "who": "machine", "measure": "requests"},
]
FIELDS = {"dataset", "who", "measure", "from", "to"}
"""What the filter has; all else is a name."""
ALL_LINES = """
for (;;) {
    const more = document.querySelectorAll(".next-lines");
    if (!more.length) break;
    for (const button of more) button.click();
}
"""
QUERIES = """
return Object.fromEntries([...document.querySelectorAll(".query")].map((box) =>
    [box.parentElement.previousElementSibling.querySelector("[data-table]")
        ?.dataset.table ?? box.parentElement.previousElementSibling.className,
     box.querySelector("pre").textContent]));
"""


@pytest.fixture(scope="module")
def engines(sample: Path) -> Iterator[list[Ask]]:
    """The database in SQLite, the same files in DuckDB, which has days for texts."""
    with contextlib.closing(sqlite3.connect(sample / "data/usage_metrics.db")) as lite:
        lite.row_factory = sqlite3.Row
        duck = duckdb.connect()
        for folder in (sample / "data").glob("usage_*"):
            if folder.is_dir():
                files = f"'{folder}/*/*/*.parquet'"
                duck.execute(f"CREATE VIEW {folder.name} AS FROM {files}")
        yield [lambda sql: [dict(row) for row in lite.execute(sql)], _asked(duck)]


def _asked(duck: duckdb.DuckDBPyConnection) -> Ask:
    def ask(sql: str) -> Rows:
        found = duck.execute(sql)
        names = [column[0] for column in found.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        return [
            {k: str(v) if k in ("date", "ends") else v for k, v in r.items()}
            for r in rows
        ]

    return ask


@pytest.fixture(scope="module")
def ranked(database: Database, span: Span) -> dict[str, Ranking]:
    return {ranking.id: ranking for ranking in rankings(database, span, {"pudl": ""})}


def numbers(rows: list[list[str]]) -> list[list[str]]:
    """The rows in which something was counted, without their names and shares."""
    kept = [[cell for cell in row[1:] if not cell.endswith("%")] for row in rows]
    return [row for row in kept if {*row} - {"0", "–"}]


def given(rows: Rows, *names: str) -> list[list[str]]:
    """The numbers of a query, or some of them."""
    every = names or (rows[0] if rows else ())
    kept = [name for name in every if name not in ("date", "begins", "ends")]
    return [[number(row[name]) for name in kept] for row in rows]


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_a_query_gives_what_its_table_shows(
    page: Page, engines: list[Ask], ranked: dict[str, Ranking], choice: dict[str, str]
) -> None:
    if choice.keys() <= FIELDS:
        page.choose(**choice)
    else:
        page.go("location.hash = arguments[0]", urlencode(choice))
    page.run(ALL_LINES)
    asked = page.run(QUERIES)
    for ask in engines:
        found = {id_: ask(sql) for id_, sql in asked.items()}
        listings_are_those_of_the_queries(page, found, ranked)
        time_is_that_of_the_queries(page, found)
        figures_are_those_of_the_queries(page, found)
        quality_is_that_of_the_queries(page, found)


def listings_are_those_of_the_queries(
    page: Page, found: dict[str, Rows], ranked: dict[str, Ranking]
) -> None:
    for listing in LISTINGS:
        if listing.id not in found or listing.id == "cities":
            continue  # the sample has none
        ranking = ranked[listing.ranking]
        heads, names = page.heads(listing.id), page.names(listing.id)
        classes = [key for key, name in CLASSES.items() if name in heads]
        measure = "requests" if heads[1] in ("Requests", "Sessions") else "counted"
        lines = page.table(listing.id)
        if listing.in_order:  # has lines of zeros, too
            some = [at for at, line in enumerate(lines) if line[1] != "0"]
            names, lines = [names[at] for at in some], [lines[at] for at in some]
        shown = dict(zip(names, numbers(lines), strict=True))
        expected: dict[tuple[str, str], Counter[str]] = {}
        for row in found[listing.id]:
            keys = [neutral(v) if v else v for v in (row[k] for k in ranking.ask.names)]
            text, *below = ranking.shown(*keys)
            name = (text, " · ".join(filter(None, below)))
            if listing.id == "datasets":
                name = next(n for n in shown if n[1] == row["dataset"])
            name = name if name in shown else (OTHERS, "")
            sums = expected.setdefault(name, Counter())
            sums.update({key: int(row[key]) for key in (measure, *classes)})
        got = {
            name: [number(sums[key]) for key in (measure, *classes)]
            for name, sums in expected.items()
        }
        assert got == shown, listing.id


def time_is_that_of_the_queries(page: Page, found: dict[str, Rows]) -> None:
    for table in ("periods", "weeks"):
        heads = page.heads(table)[1:]
        named = {"Requests": "requests", "Counted uses": "counted"}
        named |= {name: key for key, name in CLASSES.items()}
        columns = [named[head] for head in heads if head in named]
        now = [row[: len(columns) + 1] for row in page.table(table)]
        assert given(found[table], *columns) == numbers(now), table
    split = [row for row in page.table("loyalty") if row[1] not in ("0", "–")]
    rows = given(found["loyalty"])
    assert [row[0] for row in rows] == [row[1] for row in split]
    both = [(r[1:3], s[2:4]) for r, s in zip(rows, split, strict=True) if s[2] != "–"]
    assert [r for r, _ in both] == [s for _, s in both]


def figures_are_those_of_the_queries(page: Page, found: dict[str, Rows]) -> None:
    def figure(name: str) -> str:
        return page.text(f"[data-figure='{name}']")

    [everybody] = found["strip"]
    written: dict[str, Callable[[float], str]]
    written = {"bytes": size, "visitors_per_day": rounded, "failed_requests": percent}
    called = {"visitors_per_day": "visitors", "failed_requests": "errors"}
    for row in [everybody, *found["cards"]]:
        of = row.get("agent_class", "all")
        names = row.keys() - {"agent_class", "days_with_data", "assistants"}
        if of in ("robot", "internal"):
            names -= {"counted"}
        assert {name: written.get(name, number)(row[name]) for name in names} == {
            name: figure(f"{of}.{called.get(name, name)}") for name in names
        }
    days = figure("all.days").partition(" of ")[0]
    assert number(everybody.get("days_with_data", int(days))) == days


def quality_is_that_of_the_queries(page: Page, found: dict[str, Rows]) -> None:
    shown = {row[1] for row in page.table("filtered")}
    [reasons] = found["filtered"]
    of_lines = ("duplicates", "rejected", "not_requests", "other_logs")
    why = [k for k in reasons if k in of_lines or k.startswith("not_counted")]
    assert {number(reasons[name]) for name in why if reasons[name]} == shown
    assert given(found["incomplete"]) == numbers(page.table("incomplete"))
    heads = page.heads("concentration")
    names = {"Requests": "requests", "Requests without it": "requests_without_it"}
    names |= {
        "Counted uses": "counted",
        "Counted uses without it": "counted_without_it",
    }
    for head, name in names.items():
        place = heads.index(head)
        cells = [row[place] for row in page.table("concentration")]
        assert [number(row[name]) for row in found["concentration"]] == cells


def test_a_query_is_copied(page: Page) -> None:
    page.command(
        "Browser.grantPermissions",
        permissions=["clipboardReadWrite", "clipboardSanitizedWrite"],
    )
    box = "document.querySelector('#headline .query')"
    page.run(f"{box}.open = true; {box}.querySelector('button').click()")
    said = page.wait_for(f"return {box}.querySelector('[role=status]').textContent")
    assert re.match("Copied|Selected", said)
    if said.startswith("Selected"):
        picked = page.run("return getSelection().toString()")
        assert picked.startswith("SELECT sum(requests)")


HOSTILE = 'o\'ne "two"\n\0<three> \u202e --'


@pytest.fixture(scope="module")
def renamed(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database, with a dataset that is called otherwise."""
    path = tmp_path_factory.mktemp("renamed") / "usage.db"
    shutil.copy(sample / "data/usage_metrics.db", path)
    with contextlib.closing(sqlite3.connect(path)) as lite, lite:
        for table in ("usage_by_class", "usage_daily"):
            sql = f"UPDATE {table} SET dataset = ? WHERE dataset = 'ferc1'"
            assert lite.execute(sql, (HOSTILE,)).rowcount > 0
    return path


def test_a_query_is_for_the_name_that_the_database_has(
    browser: Page, file: Path, renamed: Path, span: Span
) -> None:
    with open_tables(renamed) as tables:
        found = payload.gather(Database(tables), span, {}).as_json["raw_datasets"]
    assert found == {neutral(HOSTILE): (HOSTILE,)}
    text = file.read_text()
    names = {"ferc1": [HOSTILE]}
    assert text.count('"raw_datasets":{}') == 1
    page = text.replace('"raw_datasets":{}', f'"raw_datasets":{json.dumps(names)}')
    report = renamed.with_name("report.html")
    report.write_text(page)
    browser.open(report)
    browser.choose(dataset="ferc1")
    asked = browser.run(QUERIES)["formats"]
    with contextlib.closing(sqlite3.connect(renamed)) as lite:
        rows = lite.execute(asked).fetchall()
        duck = duckdb.connect()
        whole = lite.execute("SELECT * FROM usage_daily").fetchall()
        names_of = [row[1] for row in lite.execute("PRAGMA table_info(usage_daily)")]
    columns = [pa.array(column) for column in zip(*whole, strict=True)]
    duck.register("usage_daily", pa.table(columns, names_of))
    assert duck.execute(asked).fetchall() == rows
    assert [[number(n) for n in row[1:]] for row in rows] == numbers(
        browser.table("formats")
    )


def test_a_dataset_may_be_called_as_what_every_object_has(
    browser: Page, file: Path, tmp_path: Path
) -> None:
    report = tmp_path / "report.html"
    report.write_text(file.read_text().replace('"ferc1"', '"constructor"'))
    browser.open(report)
    before = browser.table("formats")
    browser.choose(dataset="constructor")
    assert "dataset = 'constructor'" in browser.run(QUERIES)["formats"]
    browser.reset()
    assert browser.table("formats") == before
    assert browser.console() == []
