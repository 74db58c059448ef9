"""A database of a publisher whose datasets are used in many places."""

import contextlib
import datetime as dt
import math
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from usage_metrics.counting.tables import TABLES
from usage_metrics.dates import ONE_DAY
from usage_metrics.platforms import get_platform
from usage_metrics.platforms.snapshot_tables import IN_SERIES
from usage_metrics.report import place_lines
from usage_metrics.report.labels import SOURCES
from usage_metrics.report.place_lines import Days, Line, Place, Subject
from usage_metrics.report.publisher import Publisher
from usage_metrics.report.usage_database import Database, Span
from usage_metrics.warehouse.reading import open_tables
from usage_metrics.warehouse.sqlite import Warehouse

FIRST = dt.date(2026, 1, 1)


def _subject(platform: str, dataset: str) -> str:
    return f"example/{dataset}" if platform != "pypi" else dataset


DATASETS = ("pudl", "ferc1", "eia923")

LOGS = {"datasette": 40, "s3": 400, "web": 90}
"""The sources, each with the requests of a usual day."""
COUNTERS = {
    "zenodo": {"downloads": 21, "views": 55},
    "huggingface": {"downloads": 12, "likes": 1},
    "kaggle": {"downloads": 6, "views": 31, "votes": 1},
    "datacite": {"citations": 1},
}
"""The platforms that tell running totals, each with what a day adds."""
OF_DAYS = {"github": {"views": 35, "clones": 14}, "pypi": {"downloads": 120}}
"""The platforms that tell what each day added."""

SUBJECTS = {f"example/{name}": [Subject(name, is_shared=False)] for name in DATASETS}

Rows = list[tuple[Any, ...]]


def fill(path: Path, days: int, datasets: Sequence[str] = DATASETS) -> None:
    """Write a database: a gap in each place, a frozen counter, one that falls."""
    warehouse = Warehouse(str(path), 30.0)
    warehouse.create(TABLES["usage_counter"])
    warehouse.create(IN_SERIES)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        for source, usual in LOGS.items():
            _insert(
                connection,
                "usage_counter",
                source,
                [*_log(source, usual, days, datasets)],
            )
        for platform in (*COUNTERS, *OF_DAYS):
            _insert(
                connection,
                IN_SERIES.name,
                platform,
                [*_series(platform, days, datasets)],
            )


def _insert(
    connection: sqlite3.Connection, table: str, source: str, rows: Rows
) -> None:
    marks = ", ".join("?" * len(rows[0]))
    connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
    for day in sorted({row[0] for row in rows}):
        of = (table, source, day, "", "", f"{source} {day}", 1, 1, "")
        connection.execute(
            "INSERT INTO usage_metrics_partitions VALUES (?,?,?,?,?,?,?,?,?)", of
        )


def _wave(day: int, of: int) -> float:
    """More in the week than at its end, and slowly growing."""
    return (1 + 0.4 * math.sin(day / 7 * 2 * math.pi + of)) * (1 + day / 200)


def _log(source: str, usual: int, days: int, datasets: Sequence[str]) -> Iterator[Any]:
    for number in range(days):
        if number % 40 == 9:
            continue  # nobody exported it
        for of, dataset in enumerate(datasets):
            for method in ("regular", "machine"):
                requests = int(usual / 2 ** (of + 1) * _wave(number, of))
                yield (
                    *(str(FIRST + number * ONE_DAY), source, dataset, method, "DE"),
                    *(requests + requests // 3, requests // 4, requests),
                    *(requests // 5, 1_500_000 * requests, 0),
                    requests / 8 if source == "s3" else 0.0,
                )


def _series(platform: str, days: int, datasets: Sequence[str]) -> Iterator[Any]:
    for of, dataset in enumerate(datasets):
        subject = _subject(platform, dataset)
        for metric, usual in COUNTERS.get(platform, {}).items():
            yield from _counter(platform, subject, metric, usual, days, of)
        for metric, usual in OF_DAYS.get(platform, {}).items():
            for number in range(days):
                value = int(usual / 2**of * _wave(number, of))
                quality = "final" if number < days - 2 else "provisional"
                known: tuple[Any, ...] = (value, value, 1, quality)
                if 20 <= number % 60 < 24:
                    known = (None, None, None, "missing")
                yield _row(number, platform, subject, metric, known)
        if platform == "github":
            yield from _counter(platform, subject, "stars", 1, days, of)


def _counter(
    platform: str, subject: str, metric: str, usual: int, days: int, of: int
) -> Iterator[Any]:
    """A running total: frozen for some days, missed for two, fallen on one."""
    level, before = 100 * usual, None
    for number in range(days):
        frozen = platform == "zenodo" and metric == "downloads" and 30 <= number < 36
        added = 0 if frozen else int(usual * _wave(number, of))
        quality, told = ("frozen" if frozen else "final"), added
        level += added
        if number in (12, 13):
            yield _row(number, platform, subject, metric, (None, None, None, "missing"))
            continue
        if before is None:
            known: tuple[Any, ...] = (level, None, None, "final")
        elif number == 14:
            known = (level, level - before, 3, "spread")
        elif platform == "huggingface" and number == 40:
            level -= 50
            known = (level, None, 1, "fell")
        else:
            known = (level, told, 1, quality)
        before = level
        yield _row(number, platform, subject, metric, known)


def _row(
    number: int, platform: str, subject: str, metric: str, known: Sequence[Any]
) -> Any:
    day = str(FIRST + number * ONE_DAY)
    return (day, platform, subject, metric, "total", *known)


def publisher(path: Path, span: Span | None = None, **other: Any) -> Publisher:
    """What the page on such a database is made of."""
    with open_tables(path) as tables:
        found = [
            *(_source(tables.contents("usage_counter", n), n) for n in LOGS),
            *(_platform(tables, n) for n in (*OF_DAYS, *COUNTERS)),
        ]
        there = [day for place in found for day in place.days.there]
        span = span or Span("", min(there), max(there) + ONE_DAY)
        found = [place.within(span) for place in found]
        database = Database(tables)
        lines: list[Line] = []
        for place in found:
            if place.is_log:
                lines += place_lines.of_log(place, database, span)
            else:
                series = place_lines.series_of(place.name, tables)
                lines += place_lines.of_platform(place, series, span, SUBJECTS)
    facts = {"title": "Use of our open data", "titles": {"pudl": "PUDL"}} | other
    return Publisher(span=span, places=found, lines=lines, made_on=span.stop, **facts)


def _source(contents: dict[dt.date, str], name: str) -> Place:
    there = [*contents]
    days = {there[0] + n * ONE_DAY for n in range((there[-1] - there[0]).days)}
    gone = sorted(days - {*there})
    return Place(name, SOURCES[name], Days(there, gone), report=f"{name}.html")


def _platform(tables: Any, name: str) -> Place:
    platform = get_platform(name)
    there = place_lines.days_of(place_lines.series_of(name, tables))
    return Place(name, platform.title, Days(there), platform.robots, platform.metrics)
