"""Kept sums give the report that the database alone gives, whatever has changed."""

import contextlib
import datetime as dt
import random
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from benchmarks.report import DIFFERENT, ROWS, made_up
from flow import ONE_DAY

from usage_metrics.counting.tables import TABLES
from usage_metrics.dates import days_between
from usage_metrics.report import figures, payload, recipe
from usage_metrics.report.kept_sums import KeptSums, Sums, encoded
from usage_metrics.report.usage_database import Database, Span
from usage_metrics.warehouse.reading import TableReader, open_tables
from usage_metrics.warehouse.sqlite import Warehouse

START = dt.date(2025, 1, 1)
STOP = dt.date(2025, 5, 15)
SPAN = Span("datasette", START, STOP)
"""Long enough to be cut into weeks, of which the first and the last are not whole."""
ALL_DAYS = days_between(START, STOP)


class Days:
    """A database in which days come, change and go, each in one transaction."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.versions = 0
        warehouse = Warehouse(str(path), busy_seconds=10)
        for table in TABLES.values():
            warehouse.create(table)

    def put(self, day: dt.date) -> None:
        """Give a day rows that it did not have before."""
        self.versions += 1
        rng = np.random.default_rng(self.versions)
        with self._changing(day) as connection:
            for name in ROWS:
                rows = made_up(TABLES[name].schema, day, 12, rng)
                if name == "usage_by_class":
                    rows = rows.set_column(
                        rows.column_names.index("dataset"),
                        rows.schema.field("dataset"),
                        pa.array(["all", *DIFFERENT["dataset"] * 3][:12]),
                    )
                marks = ",".join("?" * rows.num_columns)
                values = zip(*rows.to_pydict().values(), strict=True)
                connection.executemany(f"INSERT INTO {name} VALUES ({marks})", values)
                connection.execute(
                    "INSERT INTO usage_metrics_partitions VALUES (?,?,?,?,?,?,?,?,?)",
                    (name, "datasette", str(day), "", "", str(self.versions), 1, 1, ""),
                )

    def drop(self, day: dt.date) -> None:
        """Delete a day."""
        with self._changing(day):
            pass

    @contextlib.contextmanager
    def _changing(self, day: dt.date) -> Iterator[sqlite3.Connection]:
        with contextlib.closing(sqlite3.connect(self.path)) as connection, connection:
            for name in ROWS:
                time = TABLES[name].schema.names[0]
                connection.execute(f"DELETE FROM {name} WHERE {time} = ?", [str(day)])
                connection.execute(
                    'DELETE FROM usage_metrics_partitions WHERE "table" = ? '
                    "AND date = ?",
                    [name, str(day)],
                )
            yield connection


@pytest.fixture
def days(tmp_path: Path) -> Days:
    """Some weeks, two days of each, and a gap of three weeks."""
    found = Days(tmp_path / "usage.db")
    for day in ALL_DAYS[::4]:
        if not 30 <= (day - START).days < 51:
            found.put(day)
    return found


def report(days: Days, kept: KeptSums | None) -> list[Any]:
    """All that a report takes from the database."""
    with open_tables(days.path) as tables:
        database = Database(tables, kept)
        found = payload.gather(database, SPAN, {})
        concentrated = figures.concentration(database, found.span)
        host = figures.host_of_site(database, found.span)
    return [found.as_json, concentrated.to_dict("records"), host]


def next_report(days: Days, content: bytes | None) -> tuple[list[Any], bytes]:
    """A report from what the one before has kept, and what it keeps itself."""
    kept = KeptSums.parse(content)
    return report(days, kept), kept.content()


@pytest.mark.parametrize("seed", range(2))
def test_after_any_changes_kept_sums_give_the_report_of_a_fresh_start(
    days: Days, seed: int
) -> None:
    chance = random.Random(seed)
    content: bytes | None = None
    for _ in range(5):
        found, content = next_report(days, content)
        assert found == report(days, None)
        for _ in range(chance.randrange(4)):
            change = chance.choice((days.put, days.put, days.drop))
            change(chance.choice(ALL_DAYS))


def test_without_any_day_there_are_no_sums(days: Days) -> None:
    _, content = next_report(days, None)
    for day in ALL_DAYS:
        days.drop(day)
    days.put(STOP - ONE_DAY)
    found, _ = next_report(days, content)
    assert found == report(days, None)


class Reading(TableReader):
    """A reader that notes of which days it reads rows."""

    asked: list[tuple[str, dt.date, dt.date]]

    def rows(
        self,
        table: str,
        columns: Sequence[str],
        source: str,
        start: dt.date,
        stop: dt.date,
    ) -> pa.Table:
        """Read, and note it."""
        self.asked.append((table, start, stop))
        return super().rows(table, columns, source, start, stop)


@pytest.mark.parametrize("day", [STOP - ONE_DAY, START + 70 * ONE_DAY])
def test_only_the_week_of_a_new_or_changed_day_is_read_again(
    days: Days, day: dt.date
) -> None:
    _, content = next_report(days, None)
    days.put(day)
    with open_tables(days.path) as tables:
        reader = Reading(tables._connection)
        reader.asked = []
        kept = KeptSums.parse(content)
        payload.gather(Database(reader, kept), SPAN, {})
    monday = day - day.weekday() * ONE_DAY
    large = {"usage_daily", "usage_by_path", "usage_by_organization", "usage_by_city"}
    large.add("usage_combined")
    read = [asked for asked in reader.asked if asked[0] in large]
    assert {table for table, *_ in read} == large
    stop_of_week = monday + 7 * ONE_DAY
    assert all(monday <= start < stop <= stop_of_week for _, start, stop in read)
    as_before = [q for q, of in kept.now.items() if of is kept.earlier.get(q)]
    assert any("usage_combined" in question for question in as_before), "a quarter"


def test_combinations_of_a_quarter_are_numbered_once_whatever_has_most_use(
    days: Days,
) -> None:
    before, content = next_report(days, None)
    with contextlib.closing(sqlite3.connect(days.path)) as connection, connection:
        for change in (
            "usage_daily SET country = 'US' WHERE country = 'SG'",
            "usage_metrics_partitions SET content_id = 'another' WHERE true",
        ):
            connection.execute(f"UPDATE {change} AND date >= '2025-04-01'")
    kept = KeptSums.parse(content)
    after = report(days, kept)
    assert after == report(days, None)
    most_used = [of["facts"]["countries"]["names"][0] for of, *_ in (before, after)]
    assert most_used == [("Singapore", "SG"), ("United States", "US")]
    of_quarters = {
        question for question in kept.earlier if "usage_combined" in question
    }
    assert of_quarters == {q for q in kept.now if "usage_combined" in q}
    as_before = {q for q in of_quarters if kept.now[q] is kept.earlier[q]}
    assert len(as_before) == len(of_quarters) / 2, "of two quarters, one"


def test_names_of_days_that_are_gone_are_not_kept(days: Days) -> None:
    days.put(START)
    with sqlite3.connect(days.path) as connection:
        connection.execute(
            "UPDATE usage_by_path SET path = '/private' WHERE date = ?", [str(START)]
        )
    connection.close()
    _, content = next_report(days, None)
    assert "/private" in names(content)
    days.put(START)
    _, content = next_report(days, content)
    assert "/private" not in names(content)


def names(content: bytes) -> set[str]:
    """Every path in kept sums, even if it is in no row."""
    kept = KeptSums.parse(content)
    return {
        text
        for sums in map(kept.of, kept.earlier)
        if sums and "path" in sums.rows.column_names
        for chunk in sums.rows["path"].chunks
        for text in chunk.dictionary.to_pylist()
    }


def test_a_day_that_is_loaded_while_a_report_reads_is_in_the_next_one(
    days: Days,
) -> None:
    new = START + 40 * ONE_DAY
    span = Span("datasette", new, new + ONE_DAY)
    # Otherwise the writer, who sees no reader in its own process, ends the log.
    held = sqlite3.connect(days.path)
    held.execute("SELECT count(*) FROM usage_daily").fetchall()
    with open_tables(days.path) as tables, contextlib.closing(held):
        assert new not in tables.contents("usage_daily", "datasette")
        days.put(new)
        assert Database(tables).rows("usage_daily", span).num_rows == 0
    with open_tables(days.path) as tables:
        assert new in tables.contents("usage_daily", "datasette")
        assert Database(tables).rows("usage_daily", span).num_rows == 12


def test_what_is_kept_outlives_a_change_of_the_page_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = ((), recipe.SUMS, recipe.PARTS)
    before = [recipe.recipe(*files) for files in kept]
    part = recipe.part
    for file, is_other in ("page.css", [True, False, False]), ("labels.py", [True] * 3):
        texts = {file: f"{part(file)} "}
        monkeypatch.setattr(
            recipe, "part", lambda n, texts=texts: texts.get(n, part(n))
        )
        after = [recipe.recipe.__wrapped__(*files) for files in kept]
        assert [*map(str.__ne__, before, after)] == is_other


@pytest.mark.parametrize("now", [{"2026-03": "another"}, {}])
def test_of_sums_whose_days_have_all_changed_none_is_kept(now: dict[str, str]) -> None:
    rows = encoded(pa.table({"period": ["2026-03"], "requests": [7]}))
    kept = Sums(rows, {"2026-03": "one"}).still_right(now)
    assert kept.rows.num_rows == 0
    assert kept.made_from == {}
