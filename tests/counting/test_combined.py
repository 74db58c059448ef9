"""Use of a day by all that the report ranks, together."""

import pytest
from little_log import events_of, figures

from usage_metrics.counting import combined

LOG = """
12:00:00 ann 200 /pudl/plants?_search=my+name
12:01:00 bob 200 /pudl/plants
12:02:00 bob 404 /pudl/nothing
12:03:00 ann 200 /pudl/plants.csv
12:04:00 ann 200 /pudl/plants?_search=other
"""


def rows(log: str) -> list[tuple[str | None, str | None, int, int, int]]:
    """Country and path of each combination, and how much use it had."""
    shown = ("country", "path", "requests", "counted", "errors")
    table = figures("usage_combined", events_of(log)).to_pylist()
    return [tuple(row[name] for name in shown) for row in table]


def test_each_combination_of_a_day_has_a_row() -> None:
    assert sorted(rows(LOG), key=str) == [
        ("DE", "/pudl/nothing", 1, 0, 1),
        ("DE", "/pudl/plants", 1, 1, 0),
        ("US", "/pudl/plants", 2, 2, 0),
        ("US", "/pudl/plants.csv", 1, 1, 0),
    ]


@pytest.mark.parametrize(("most", "kept"), [(4, 4), (3, 1), (1, 1), (0, 0)])
def test_of_too_many_the_most_frequent_are_kept_and_of_equal_ones_all_or_none(
    monkeypatch: pytest.MonkeyPatch, most: int, kept: int
) -> None:
    monkeypatch.setattr(combined, "COMBINATIONS_A_DAY", most)
    found = rows(LOG)
    assert len(found) == kept
    assert kept != 1 or found == [("US", "/pudl/plants", 2, 2, 0)]


def test_a_day_without_requests_has_none() -> None:
    assert rows("") == []
