"""Use by path, city and agent."""

from typing import Any

import pyarrow as pa
import pytest
from little_log import count_requests, figures, requests_of, sample_registry

from usage_metrics.counting import breakdowns
from usage_metrics.counting.naming import FREQUENT


def test_a_path_is_named_without_its_query() -> None:
    today, following = requests_of(
        """
        12:00:00 ann 200 /pudl/plants?_search=my+name
        12:01:00 bob 200 /pudl/plants
        12:02:00 bob 404 /pudl/nothing
        """
    )
    events = count_requests(today, following, sample_registry())
    table = figures("usage_by_path", events)
    shown = ("host", "path", "requests", "counted")
    assert [tuple(row[name] for name in shown) for row in table.to_pylist()] == [
        ("data.example.org", "/pudl/nothing", 1, 0),
        ("data.example.org", "/pudl/plants", 2, 2),
    ]


def test_paths_beyond_those_most_asked_for_are_one_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(FREQUENT, "path", 1)
    today, following = requests_of(
        """
        12:00:00 ann 200 /pudl/plants
        12:01:00 bob 200 /pudl/plants
        12:02:00 bob 200 /pudl/b
        12:02:00 bob 200 /pudl/c
        """
    )
    events = count_requests(today, following, sample_registry())
    rows = figures("usage_by_path", events)
    found = [(row["path"], row["requests"]) for row in rows.to_pylist()]
    assert found == [("/pudl/plants", 2), (None, 2)]


def test_cities_are_added_up_and_null_where_none_are_known() -> None:
    today, following = requests_of(
        """
        12:00:00 ann 200 /pudl/plants
        12:01:00 bob 200 /pudl/plants
        12:02:00 bob 200 /pudl/b
        """
    )
    located = today.append_column(
        "remote_ip_city", pa.array(["Lyon", None, None], pa.string())
    )
    shown = ("country", "region", "city", "requests")

    def cities(requests: pa.Table) -> list[tuple[Any, ...]]:
        events = count_requests(requests, following, sample_registry())
        table = figures("usage_by_city", events)
        return [tuple(row[name] for name in shown) for row in table.to_pylist()]

    assert cities(located) == [("DE", None, None, 2), ("US", None, "Lyon", 1)]
    assert cities(today) == [("DE", None, None, 2), ("US", None, None, 1)]


def test_a_day_without_requests_has_no_paths_and_no_cities() -> None:
    today, following = requests_of("")
    events = count_requests(today, following, sample_registry())
    for name in ("usage_by_class", "usage_by_path", "usage_by_city"):
        assert figures(name, events).num_rows == 0


def asked_at(hosts: dict[str | None, tuple[int, int]]) -> pa.Table:
    """Rows of ``usage_by_path``: counted and all requests of each host."""
    return pa.table(
        {
            "host": pa.array(hosts, pa.string()),
            "counted": [counted for counted, _ in hosts.values()],
            "requests": [requests for _, requests in hosts.values()],
        }
    )


@pytest.mark.parametrize(
    ("hosts", "host"),
    [
        ({"data.example.org": (5, 9), "192.0.2.1": (1, 900)}, "data.example.org"),
        ({"a.example": (0, 5), "b.example": (0, 9)}, "b.example"),
        ({"b.example": (1, 1), "a.example": (1, 1)}, "a.example"),
        ({"data.example.org:443": (1, 1)}, "data.example.org"),
        ({"localhost:8001": (1, 1)}, "localhost:8001"),
        ({None: (9, 9), "a.example": (1, 1)}, "a.example"),
        ({None: (9, 9)}, None),
        ({}, None),
    ],
)
def test_the_host_of_the_site_is_that_of_most_counted_requests(
    hosts: dict[str | None, tuple[int, int]], host: str | None
) -> None:
    rows = asked_at(hosts)
    encoded = rows.set_column(0, "host", rows["host"].dictionary_encode())
    assert breakdowns.host_of_site(rows) == host
    assert breakdowns.host_of_site(encoded) == host
