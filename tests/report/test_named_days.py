"""Which ranges of days a report offers by name."""

import datetime as dt

import pytest

from usage_metrics.report.named_days import named_days
from usage_metrics.report.usage_database import Span


def names(start: str, stop: str, grain: str = "day") -> dict[str, str]:
    first, end = map(dt.date.fromisoformat, (start, stop))
    found = named_days(Span("datasette", first, end, grain))
    assert len({range_ for range_, _ in found}) == len(found)
    return {name: range_ for range_, name in found}


def test_the_last_of_each_is_that_of_the_last_day_and_ends_with_it() -> None:
    assert names("2025-01-01", "2026-03-16") == {
        "All days": "2025-01-01/2026-03-15",
        "Last 30 days": "2026-02-14/2026-03-15",
        "March 2026": "2026-03-01/2026-03-15",
        "February 2026": "2026-02-01/2026-02-28",
        "Q1 2026": "2026-01-01/2026-03-15",
        "Q4 2025": "2025-10-01/2025-12-31",
        "2025": "2025-01-01/2025-12-31",
    }


def test_after_a_month_that_is_whole_it_is_the_last_one() -> None:
    found = names("2026-01-10", "2026-04-01")
    assert found["March 2026"] == "2026-03-01/2026-03-31"
    assert found["February 2026"] == "2026-02-01/2026-02-28"
    assert "Q1 2026" not in found, "the report has not all of it"


def test_what_is_all_of_the_report_is_offered_once() -> None:
    assert list(names("2026-03-02", "2026-03-16")) == ["All days"]
    assert list(names("2026-03-01", "2026-03-16")) == ["All days"]


@pytest.mark.parametrize(
    ("grain", "shortest"),
    [("week", "Last 30 days"), ("month", "March 2026"), ("quarter", "Q1 2026")],
)
def test_nothing_is_offered_that_is_shorter_than_a_period(
    grain: str, shortest: str
) -> None:
    assert list(names("2019-06-01", "2026-03-16", grain))[1] == shortest
