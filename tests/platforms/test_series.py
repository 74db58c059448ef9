"""What each value of a series is worth."""

import datetime as dt
from typing import Any

import pytest
from project import ROOT

from usage_metrics.platforms import PLATFORMS, Figure, Platform, Reply, get_platform
from usage_metrics.platforms.observing import observations
from usage_metrics.platforms.series import series

FIRST = dt.date(2026, 4, 16)

Told = dict[int, list[Figure]]
"""What each snapshot says, by the number of its day."""


def told(snapshots: Told, settled: int = 0) -> list[dict[str, Any]]:
    """The rows of the series of a platform that says this."""
    observed = []
    for number, figures in snapshots.items():
        day = FIRST + dt.timedelta(number)
        moment = dt.datetime.combine(day, dt.time(20), dt.UTC)
        reply = Reply(moment, "1001", "all", "", 200, None, "{}", complete=True)
        observed.append(observations(_saying(figures), [reply], {}))
    rows: list[dict[str, Any]]
    rows = series(observed, dt.timedelta(settled)).to_pylist()
    return rows


def _saying(figures: list[Figure]) -> Platform:
    return Platform(
        *("toy", "Toy", "http://toy"),
        subjects=lambda _: ["1001"],
        requests=lambda *_: [],
        read=lambda *_: figures,
        metrics={},
    )


def counters(**values: int) -> list[Figure]:
    return [Figure(metric, value, "cumulative") for metric, value in values.items()]


def of(rows: list[dict[str, Any]], metric: str) -> dict[int, tuple[Any, ...]]:
    """By number of the day: value, increment, days, quality."""
    return {
        (dt.date.fromisoformat(row["date"]) - FIRST).days: (
            *(row["value"], row["increment"], row["days"], row["quality"]),
        )
        for row in rows
        if row["metric"] == metric
    }


def test_a_counter_freezes_jumps_after_a_missed_day_and_falls() -> None:
    rows = told(
        {
            0: counters(downloads=100, views=400),
            1: counters(downloads=104, views=410),
            2: counters(downloads=104, views=421),
            4: counters(downloads=171, views=452),
            5: counters(downloads=169, views=463),
            6: counters(downloads=175, views=470),
        }
    )
    assert of(rows, "downloads") == {
        0: (100, None, None, "final"),
        1: (104, 4, 1, "final"),
        2: (104, 0, 1, "frozen"),
        3: (None, None, None, "missing"),
        4: (171, 67, 2, "spread"),
        5: (169, None, 1, "fell"),
        6: (175, 6, 1, "final"),
    }


def test_a_quiet_day_is_not_frozen_if_nothing_else_moved() -> None:
    rows = told({n: counters(downloads=5, views=9) for n in range(2)})
    assert of(rows, "downloads")[1] == (5, 0, 1, "final")


def test_a_counter_that_falls_to_nearly_nothing_was_reset() -> None:
    rows = told({0: counters(downloads=1000), 1: counters(downloads=3)})
    assert of(rows, "downloads")[1] == (3, None, 1, "reset")


def test_a_level_may_fall() -> None:
    rows = told({n: [Figure("stars", 30 - n, "level")] for n in range(2)})
    assert of(rows, "stars")[1] == (29, -1, 1, "final")


def test_a_window_is_never_added_up() -> None:
    rows = told({n: [Figure("views_14_days", 30 + n, "window")] for n in range(2)})
    assert of(rows, "views_14_days")[1] == (31, None, None, "final")


def test_the_newest_snapshot_is_right_about_a_day_until_it_is_settled() -> None:
    def views(number: int) -> list[Figure]:
        days = (FIRST + dt.timedelta(n) for n in range(number + 1))
        return [Figure("views", 10 + number, "day", about=str(d)) for d in days]

    rows = of(told({n: views(n) for n in range(3)}, settled=2), "views")
    assert rows == {
        0: (12, 12, 1, "final"),
        1: (12, 12, 1, "provisional"),
        2: (12, 12, 1, "provisional"),
    }


@pytest.mark.parametrize(
    ("day", "quality"), [(14, "provisional"), (15, "final")], ids=["30 April", "1 May"]
)
def test_a_month_is_final_when_it_is_over(day: int, quality: str) -> None:
    rows = told({day: [Figure("views", 7, "month", about="2026-04")]}, settled=1)
    assert of(rows, "views") == {-15: (7, 7, 30, quality)}


def test_events_are_those_that_the_newest_snapshot_still_tells() -> None:
    def stars(*days: int) -> list[Figure]:
        named = (str(FIRST + dt.timedelta(n)) for n in days)
        return [Figure("stars_given", 1, "event", about=day) for day in named]

    rows = of(told({0: stars(-9, -5), 1: stars(-9, 1)}, settled=2), "stars_given")
    assert rows == {-9: (1, 1, 1, "final"), 1: (1, 1, 1, "provisional")}


def test_a_year_is_final_when_it_is_over() -> None:
    years = [Figure("citations", 7, "year", about=y) for y in ("2025", "2026")]
    found = told({0: years}, settled=31)
    assert [(r["date"], r["days"], r["quality"]) for r in found] == [
        ("2025-01-01", 365, "final"),
        ("2026-01-01", 365, "provisional"),
    ]


def test_parts_of_a_subject_have_observations_but_no_series() -> None:
    parts = [
        Figure("downloads", 9, "cumulative"),
        Figure("downloads", 5, "cumulative", version="1002"),
        Figure("downloads", 4, "cumulative", name="data.zip"),
    ]
    assert of(told({0: parts}), "downloads") == {0: (9, None, None, "final")}


def test_without_snapshots_there_is_no_series() -> None:
    assert told({}) == []


@pytest.mark.parametrize("name", PLATFORMS)
def test_every_platform_says_what_its_metrics_are(name: str) -> None:
    page = (ROOT / "docs" / "platforms.md").read_text()
    for metric, text in get_platform(name).metrics.items():
        assert text[0].isupper()
        assert f"`{metric}`" in page
