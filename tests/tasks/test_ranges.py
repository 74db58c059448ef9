"""Which UTC days are over, and ranges of them."""

import datetime as dt
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest
from flow import DAY, Flow
from project import Settings

from usage_metrics import dates, sources
from usage_metrics.errors import ConfigError
from usage_metrics.sources import Source
from usage_metrics.tasks import availability
from usage_metrics.tasks.availability import first_running_day, unavailable_reason
from usage_metrics.tasks.load import LoadSQLite
from usage_metrics.tasks.ranges import RangeDaily
from usage_metrics.tasks.stages import Geocode

ZONES = ["UTC", "America/Los_Angeles", "Asia/Tokyo", "Pacific/Kiritimati"]


@pytest.fixture(params=ZONES)
def zone(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = request.param
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """It is 2026-03-05, 12:00 UTC."""
    _set_clock(monkeypatch, "2026-03-05T12:00:00+00:00")
    yield
    monkeypatch.undo()


def _set_clock(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    now = dt.datetime.fromisoformat(text).timestamp()
    monkeypatch.setattr(time, "time", lambda: now)


@pytest.mark.parametrize(
    ("now", "settle_hours", "expected"),
    [
        ("2026-03-04T23:30:00-08:00", 3, "2026-03-05"),  # 07:30 UTC
        ("2026-03-05T16:30:00+09:00", 3, "2026-03-05"),  # the same moment
        ("2026-03-06T00:30:00+09:00", 3, "2026-03-05"),  # 15:30 UTC
        ("2026-03-05T00:30:00+00:00", 3, "2026-03-04"),  # the 4th still settles
        ("2026-03-05T02:59:59+00:00", 3, "2026-03-04"),
        ("2026-03-05T03:00:00+00:00", 3, "2026-03-05"),
        ("2026-03-05T00:00:00+00:00", 0, "2026-03-05"),
        ("2026-03-05T12:00:00+00:00", 48, "2026-03-03"),
        ("2024-03-01T01:00:00+00:00", 3, "2024-02-29"),
    ],
)
def test_which_days_are_over_does_not_depend_on_the_zone_of_the_clock(
    zone: None,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    now: str,
    settle_hours: int,
    expected: str,
) -> None:
    settings("datasette", settle_hours=settle_hours)
    _set_clock(monkeypatch, now)
    found = first_running_day("datasette")
    monkeypatch.undo()
    assert found == dt.date.fromisoformat(expected)


def test_a_day_that_is_not_over_says_so_and_names_the_setting(
    flow: Flow, clock: None
) -> None:
    flow.export_days(9)
    why = unavailable_reason("datasette", dt.date(2026, 3, 5))
    assert why is not None
    assert "2026-03-05 is not over" in why
    assert "[datasette] settle_hours" in why
    assert unavailable_reason("datasette", dt.date(2026, 3, 4)) is None


def test_a_reader_is_opened_once_for_all_days(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow.export_days(5)
    opened = []

    def get_source(name: str) -> Source:
        opened.append(name)
        return sources.get_source(name)

    monkeypatch.setattr(availability, "get_source", get_source)
    for number in range(5):
        assert unavailable_reason("datasette", DAY + number * dates.ONE_DAY) is None
    assert opened == ["datasette"]


def test_a_reader_is_not_kept_for_longer_than_a_minute(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow.export_days(1)
    assert unavailable_reason("datasette", DAY + dates.ONE_DAY) is not None
    flow.export_days(2)
    later = time.monotonic() + 2 * availability.READER_SECONDS
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert unavailable_reason("datasette", DAY + dates.ONE_DAY) is None
    monkeypatch.undo()


# --- ranges ---------------------------------------------------------------------------


def _dates(**texts: str | None) -> dict[str, Any]:
    return {name: text and dt.date.fromisoformat(text) for name, text in texts.items()}


def _range(**texts: str) -> RangeDaily:
    return RangeDaily(of=Geocode, **_dates(**texts))


def _days_of(task: Any) -> list[str]:
    return [str(day.date) for day in task.requires()]


def test_a_range_is_all_its_days_oldest_first(flow: Flow) -> None:
    found = _days_of(_range(start="2022-01-31", stop="2026-03-02"))
    assert len(found) == 1491
    assert found == sorted(found)
    assert (found[0], found[-1]) == ("2022-01-31", "2026-03-01")


def test_a_range_without_an_end_ends_before_today(flow: Flow, clock: None) -> None:
    assert _days_of(_range(start="2026-03-03")) == ["2026-03-03", "2026-03-04"]


def test_a_range_into_the_future_ends_before_today(flow: Flow, clock: None) -> None:
    found = _days_of(_range(start="2026-03-04", stop="2026-03-09"))
    assert found == ["2026-03-04"]


@pytest.mark.parametrize(
    ("dates", "message"),
    [
        ({}, "RangeDaily needs a start: give --start YYYY-MM-DD"),
        (
            {"start": "2026-03-03", "stop": "2026-03-03"},
            "stop = 2026-03-03 is not after start = 2026-03-03",
        ),
        ({"start": "2026-03-03", "stop": "2026-03-02"}, "is not after start"),
        ({"start": "2026-03-05"}, "no day from start = 2026-03-05 on is over"),
        ({"start": "2027-01-01"}, "the first that is not is 2026-03-05, in UTC"),
    ],
)
def test_a_range_without_a_day_that_is_over_is_refused(
    flow: Flow, clock: None, dates: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        _range(**dates).requires()


@pytest.mark.parametrize(
    ("stop", "end"),
    [
        (None, "2026-03-05"),
        ("2026-03-04", "2026-03-04"),
        ("2026-03-05", "2026-03-05"),
        ("2026-12-31", "2026-03-05"),
    ],
)
def test_the_database_is_of_the_days_before_today(
    flow: Flow, clock: None, stop: str | None, end: str
) -> None:
    task = LoadSQLite(start=DAY, **_dates(stop=stop))
    assert task.span.end == dt.date.fromisoformat(end)


def test_the_database_waits_for_yesterday_to_settle(
    flow: Flow, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _set_clock(monkeypatch, "2026-03-05T01:00:00+00:00")
    settings("datasette", stop="")
    assert LoadSQLite(start=DAY, **_dates(stop=None)).span.end == dt.date(2026, 3, 4)
    # Who asks for yesterday is told that it is not to be had yet.
    asked = LoadSQLite(start=DAY, stop=dt.date(2026, 3, 5))
    assert asked.span.end == dt.date(2026, 3, 5)
    assert "not over" in str(unavailable_reason("datasette", dt.date(2026, 3, 4)))
    monkeypatch.undo()


@pytest.mark.parametrize(
    ("start", "stop", "message"),
    [
        ("2026-03-05", None, "LoadSQLite: no day from start = 2026-03-05 on is over"),
        ("2027-03-05", "2027-03-06", "no day from start = 2027-03-05 on is over"),
        ("2026-03-04", "2026-03-03", "stop = 2026-03-03 is not after start"),
    ],
)
def test_a_database_of_no_day_is_refused(
    flow: Flow, clock: None, start: str, stop: str | None, message: str
) -> None:
    task = LoadSQLite(**_dates(start=start, stop=stop))
    with pytest.raises(ConfigError, match=message):
        task.complete()
