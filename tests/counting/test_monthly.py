"""Use of a month, from its days."""

import pyarrow as pa
from little_log import LOG, events_of, figures, figures_of_month

from usage_metrics.counting import monthly
from usage_metrics.counting.grouping import encoded


def test_unique_sessions_are_not_those_of_the_parts_added_up() -> None:
    events = events_of(LOG)
    month = figures_of_month("usage_monthly", [events]).to_pylist()
    humans = [row for row in month if row["agent_class"] == "human"]
    assert [row["unique_sessions"] for row in humans] == [2]
    day = figures("usage_daily", events).to_pylist()
    parts = [r["unique_sessions"] for r in day if r["agent_class"] == "human"]
    assert sum(parts) == 3


def test_a_month_adds_up_the_sessions_of_its_days() -> None:
    day = events_of(LOG)
    empty = day.slice(0, 0)
    rows = figures_of_month("usage_monthly", [day, empty, day]).to_pylist()
    shown = ("month", "dataset", "agent_class", "days", "requests", "unique_sessions")
    assert [tuple(row[name] for name in shown) for row in rows] == [
        ("2022-02", "pudl", "human", 3, 8, 4),
        ("2022-02", "pudl", "machine", 3, 2, 2),
        ("2022-02", "pudl", "robot", 3, 2, 2),
    ]


def test_a_month_without_a_counted_day_is_empty() -> None:
    found = figures_of_month("usage_monthly", [])
    assert found.schema == monthly.USAGE_MONTHLY
    assert found.num_rows == 0


def test_a_month_may_have_more_datasets_than_the_codes_of_a_day_can_number() -> None:
    day = events_of("\n".join(["12:00:00 ann 200 /pudl"] * 150))
    index = day.column_names.index("dataset")
    days = []
    for first, number in ((0, 100), (100, 100), (0, 150)):
        ids = pa.array([f"dataset {first + n % number:03d}" for n in range(150)])
        names = encoded(pa.chunked_array([ids]))
        days.append(day.set_column(index, "dataset", names))
    rows = figures_of_month("usage_monthly", days)
    assert rows["dataset"].to_pylist() == [f"dataset {n:03d}" for n in range(200)]
    assert sum(rows["requests"].to_pylist()) == 450
