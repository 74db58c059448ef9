"""Times whose parts stand at fixed places, read as the calendar has them."""

import datetime as dt

import pyarrow as pa
import pytest

from usage_metrics.logs.moments import are_common_times, common_times, day_times

START = dt.datetime(1999, 12, 31, 23, 59, 59, tzinfo=dt.UTC)
MOMENTS = [START + n * dt.timedelta(days=1, seconds=3_601) for n in range(3_000)]


def test_every_second_of_some_years_is_read_in_both_forms() -> None:
    common = pa.array([f"{moment:%d/%b/%Y:%H:%M:%S +0000}" for moment in MOMENTS])
    assert are_common_times(common).all()
    assert common_times(common).to_pylist() == MOMENTS
    dates = pa.array([f"{moment:%Y-%m-%d}" for moment in MOMENTS])
    clocks = pa.array([f"{moment:%H:%M:%S}" for moment in MOMENTS])
    assert day_times(dates, clocks).to_pylist() == MOMENTS
    leap_day = pa.array(["2024-02-29"] * len(clocks))
    on_one_day = [moment.replace(year=2024, month=2, day=29) for moment in MOMENTS]
    assert day_times(leap_day, clocks).to_pylist() == on_one_day
    no_day = pa.array(["2023-02-29"] * len(clocks))
    assert day_times(no_day, clocks).null_count == len(clocks)


@pytest.mark.parametrize(
    "text",
    [
        *("30/Feb/2026:00:00:01", "07/Fab/2026:00:00:01", "00/Feb/2026:00:00:01"),
        *("07/Feb/2026:24:00:00", "07/Feb/2026:00:60:00", "07/Feb/0000:00:00:00"),
        "29/Feb/1900:00:00:00",
    ],
)
def test_a_common_time_that_does_not_exist_is_none(text: str) -> None:
    texts = pa.array([f"{text} +0000", "29/Feb/2000:00:00:00 -0130"])
    leap_day = dt.datetime(2000, 2, 29, 1, 30, tzinfo=dt.UTC)
    assert common_times(texts).to_pylist() == [None, leap_day]


@pytest.mark.parametrize(
    ("date", "clock"),
    [
        *(("2026-02-30", "00:00:00"), ("2026-00-01", "00:00:00")),
        *(("2026-13-01", "00:00:00"), ("1899-01-01", "00:00:00")),
        *(("2026-01-01", "24:00:00"), ("2026-01-01", "00:00:60")),
        *(("2026-1-01", "00:00:00"), ("2026-01-01", None)),
        *(("2026/01/01", "00:00:00"), ("2026-01-01", "00:00:0x")),
    ],
)
def test_a_day_or_time_of_day_that_does_not_exist_is_none(
    date: str, clock: str | None
) -> None:
    found = day_times(pa.array([date, "2026-03-01"]), pa.array([clock, "23:59:59"]))
    assert found.to_pylist() == [
        None,
        dt.datetime(2026, 3, 1, 23, 59, 59, tzinfo=dt.UTC),
    ]
