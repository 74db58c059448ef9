"""What the page carries: less of it the longer the span, and never a wrong sum."""

import contextlib
import datetime as dt
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from flow import DAY, ONE_DAY

from usage_metrics.report import figures, payload
from usage_metrics.report.labels import OTHERS
from usage_metrics.report.usage_database import Database, Span
from usage_metrics.warehouse.reading import open_tables

STOP = dt.date(2026, 3, 16)
SPAN = Span("datasette", DAY, STOP)


@pytest.fixture(scope="module")
def database(sample: Path) -> Iterator[Database]:
    with open_tables(sample / "data" / "usage_metrics.db") as tables:
        yield Database(tables)


@pytest.fixture(scope="module")
def found(database: Database) -> payload.Payload:
    """All that there is of the two weeks."""
    return payload.gather(database, SPAN, {})


def test_two_weeks_are_carried_by_day(found: payload.Payload) -> None:
    assert (found.span.grain, found.names) == ("day", 60)
    assert found.size < payload.ROOM
    assert len(found.periods) == 14


@pytest.mark.parametrize(
    ("days", "grain"), [(120, "day"), (121, "week"), (1_000, "week"), (1_001, "month")]
)
def test_a_long_span_is_cut_into_longer_periods(
    database: Database, days: int, grain: str
) -> None:
    long = Span("datasette", STOP - days * ONE_DAY, STOP)
    assert payload.gather(database, long, {}).span.grain == grain


@pytest.mark.parametrize("room", [50_000, 30_000, 5_000])
def test_with_less_room_names_become_others_and_every_sum_stays(
    database: Database, found: payload.Payload, room: int
) -> None:
    less = payload.gather(database, SPAN, {}, room=room)
    assert less.size < found.size
    assert less.size <= room or (less.span.grain, less.names) == ("year", 5)
    for name, facts in less.facts.items():
        for number in ("requests", "counted"):
            all_of_it = found.facts[name].rows[number].sum()
            assert facts.rows[number].sum() == all_of_it
    assert (OTHERS,) in less.facts["paths"].names


def test_days_counted_before_there_were_attributes_are_told(
    sample: Path, tmp_path: Path
) -> None:
    file = tmp_path / "older.db"
    shutil.copy(sample / "data" / "usage_metrics.db", file)

    def without(days: str) -> payload.Payload:
        with contextlib.closing(sqlite3.connect(file)) as older:
            older.execute(f"DELETE FROM usage_by_attribute WHERE {days}")
            older.execute(
                "DELETE FROM usage_metrics_partitions "
                f"WHERE \"table\" = 'usage_by_attribute' AND {days}"
            )
            older.commit()
        with open_tables(file) as tables:
            return payload.gather(Database(tables), SPAN, {})

    found = without("date < '2026-03-04'")
    assert found.attributes_since == dt.date(2026, 3, 4)
    assert "hour" in {listing.id for listing in found.listings()}
    found = without("true")
    assert found.attributes_since is None
    assert not {"hour", "status", "entry"} & {one.id for one in found.listings()}


def test_the_names_that_are_kept_are_those_most_used(database: Database) -> None:
    less = payload.gather(database, SPAN, {}, room=20_000)
    ranked = figures.ranking(figures.by_path(database, SPAN), ["path"])
    assert [name for (name,) in less.facts["paths"].names[:5]] == ranked["path"][
        :5
    ].tolist()


def test_periods_before_the_span_come_with_it_for_comparison(
    database: Database,
) -> None:
    second_week = Span("datasette", DAY + 7 * ONE_DAY, STOP)
    found = payload.gather(database, second_week, {})
    assert (found.before, len(found.periods)) == (7, 14)
    by_week = Span("datasette", DAY + 2 * ONE_DAY, STOP, "week")
    assert [by_week.period(DAY + n * ONE_DAY) for n in (0, 6, 7)] == [
        *("2026-03-02", "2026-03-02", "2026-03-09"),
    ]


def test_days_of_a_week_that_are_before_the_span_are_not_in_it(
    database: Database,
) -> None:
    from_wednesday = Span("datasette", DAY + 2 * ONE_DAY, STOP)
    weeks = Span("datasette", from_wednesday.start, STOP, "week")
    found = payload._of_span(database, weeks)
    everything = found.by_class["requests"][found.by_class["dataset"] == 0]
    used = figures.by_dataset(database, from_wednesday)
    assert everything.sum() == used["requests"].sum()
    assert found.before == 0
