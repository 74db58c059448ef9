"""The tables of use: by day, organisation, referrer and month, and concentration."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from little_log import (
    CLIENTS,
    counted_day,
    events_of,
    figures,
    figures_of_month,
    requests_of,
)

from usage_metrics.arrow import description
from usage_metrics.counting import breakdowns, monthly
from usage_metrics.counting.concentration import tally
from usage_metrics.counting.events import EVENTS, count_requests
from usage_metrics.counting.grouping import compact, group_rows
from usage_metrics.counting.reconciliation import reconcile
from usage_metrics.counting.tables import TABLES
from usage_metrics.errors import StorageError
from usage_metrics.tasks.datasets_registry import read_registry

SCHEMAS = (EVENTS, *(table.schema for table in TABLES.values()))

LOG = """
    12:00:00  ann     200  /pudl/plants.json  1000
    12:00:10  ann     200  /pudl/plants.json  1000
    12:30:00  ann     200  /pudl/utilities    500
    12:00:00  bob     500  /pudl/plants.json  100
    12:00:00  script  200  /pudl/plants.json  1000
    12:00:00  bot     200  /pudl/plants.json  1000
"""


def daily(log: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = figures("usage_daily", events_of(log)).to_pylist()
    return rows


def test_every_column_says_what_it_holds() -> None:
    assert all(description(field) for schema in SCHEMAS for field in schema)


def test_a_day_shows_everybody_and_how_much_of_it_counts() -> None:
    shown = ("agent_class", "country", "table", "requests", "counted", "errors")
    assert [tuple(row[name] for name in shown) for row in daily(LOG)] == [
        ("human", "DE", "plants", 1, 0, 1),
        ("human", "US", "plants", 2, 1, 0),
        ("machine", "DE", "plants", 1, 1, 0),
        ("robot", "US", "plants", 1, 0, 0),
        ("human", "US", "utilities", 1, 1, 0),
    ]


def test_a_table_that_the_site_does_not_know_is_not_named() -> None:
    (row,) = daily("12:00:00 ann 404 /pudl/made-up-to-fill-your-tables")
    assert (row["dataset"], row["table"], row["errors"]) == ("pudl", None, 1)


def test_sums_over_a_day_are_those_of_its_requests() -> None:
    rows = daily(LOG)
    assert sum(row["requests"] for row in rows) == 6
    assert sum(row["bytes"] for row in rows) == 4600


def test_unique_sessions_are_not_those_of_the_parts_added_up() -> None:
    events = events_of(LOG)
    month = figures_of_month("usage_monthly", [events]).to_pylist()
    humans = [row for row in month if row["agent_class"] == "human"]
    assert [row["unique_sessions"] for row in humans] == [2]
    parts = [r["unique_sessions"] for r in daily(LOG) if r["agent_class"] == "human"]
    assert sum(parts) == 3


@given(st.lists(st.sampled_from(list(CLIENTS)), min_size=1, max_size=30))
def test_sessions_and_visitors_may_be_added_up_over_who_asked_and_from_where(
    people: list[str],
) -> None:
    hours = range(24)
    log = "\n".join(
        f"{hour:02}:{number:02}:00 {who} 200 /pudl/plants.json"
        for number, (who, hour) in enumerate(zip(people, hours, strict=False))
    )
    events = events_of(log)
    together = len({CLIENTS[who][:2] for who in people[:24]})
    together -= {"ann", "ann-by-proxy"} <= set(people[:24])  # one and the same
    for table in (
        figures("usage_daily", events),
        figures("usage_by_organization", events),
    ):
        assert sum(table["unique_visitors"].to_pylist()) == together
        sessions = set(events["session"].to_pylist())
        assert sum(table["unique_sessions"].to_pylist()) == len(sessions)


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


def test_referrers_are_hosts_and_nothing_more() -> None:
    today, following = requests_of(
        """
        12:00:00  ann  200  /pudl/plants
        12:01:00  bob  200  /pudl/plants
        12:02:00  bob  200  /pudl/utilities
        """
    )
    referers = [
        "https://WWW.Google.com/search?q=my+illness",
        "https://name:password@google.com:443/",
        "no address",
    ]
    index = today.column_names.index("referer")
    today = today.set_column(index, "referer", pa.array(referers))
    events = count_requests(today, following, read_registry())
    rows = figures("usage_by_referrer", events).to_pylist()
    found = [(row["referrer"], row["requests"]) for row in rows]
    assert sorted(found, key=str) == [("google.com", 2), (None, 1)]


def test_organizations_are_shown_with_their_visitors() -> None:
    rows = figures("usage_by_organization", events_of(LOG)).to_pylist()
    shown = ("organization", "agent_class", "requests", "counted", "unique_visitors")
    assert [tuple(row[name] for name in shown) for row in rows] == [
        ("AS64500 Example University", "human", 3, 2, 1),
        ("AS64500 Example University", "robot", 1, 0, 1),
        ("AS64501 Hosting Co", "machine", 1, 1, 1),
        (None, "human", 1, 0, 1),
    ]


def test_visitors_of_all_datasets_together_are_counted_once() -> None:
    events = events_of(
        """
        12:00:00 ann 200 /pudl/plants
        12:01:00 ann 200 /ferc1/f1_fuel
        12:02:00 bot 200 /pudl/plants
        """
    )
    rows = figures("usage_by_class", events).to_pylist()
    shown = ("dataset", "agent_class", "requests", "unique_visitors", "unique_sessions")
    assert sorted(tuple(row[name] for name in shown) for row in rows) == [
        ("all", "human", 2, 1, 1),
        ("all", "robot", 1, 1, 1),
        ("ferc1", "human", 1, 1, 1),
        ("pudl", "human", 1, 1, 1),
        ("pudl", "robot", 1, 1, 1),
    ]


def test_a_path_is_named_without_its_query() -> None:
    today, following = requests_of(
        """
        12:00:00 ann 200 /pudl/plants?_search=my+name
        12:01:00 bob 200 /pudl/plants
        12:02:00 bob 404 /pudl/nothing
        """
    )
    events = count_requests(today, following, read_registry())
    table = figures("usage_by_path", events, today)
    shown = ("host", "path", "requests", "counted")
    assert [tuple(row[name] for name in shown) for row in table.to_pylist()] == [
        ("data.example.org", "/pudl/nothing", 1, 0),
        ("data.example.org", "/pudl/plants", 2, 2),
    ]


def test_paths_beyond_those_most_asked_for_are_one_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(breakdowns, "PATHS_A_DAY", 1)
    today, following = requests_of(
        """
        12:00:00 ann 200 /pudl/plants
        12:01:00 bob 200 /pudl/plants
        12:02:00 bob 200 /pudl/b
        12:02:00 bob 200 /pudl/c
        """
    )
    events = count_requests(today, following, read_registry())
    rows = figures("usage_by_path", events, today)
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
    events = count_requests(today, following, read_registry())
    located = today.append_column(
        "remote_ip_city", pa.array(["Lyon", None, None], pa.string())
    )
    shown = ("country", "region", "city", "requests")

    def cities(requests: pa.Table) -> list[tuple[Any, ...]]:
        table = figures("usage_by_city", events, requests)
        return [tuple(row[name] for name in shown) for row in table.to_pylist()]

    assert cities(located) == [("DE", None, None, 2), ("US", None, "Lyon", 1)]
    assert cities(today) == [("DE", None, None, 2), ("US", None, None, 1)]


def test_a_day_without_requests_has_no_paths_and_no_cities() -> None:
    today, following = requests_of("")
    events = count_requests(today, following, read_registry())
    for name in ("usage_by_class", "usage_by_path", "usage_by_city"):
        assert figures(name, events, today).num_rows == 0


def concentrated(log: str, days: int = 1) -> dict[str, dict[str, Any]]:
    today, following = requests_of(log)
    events = count_requests(today, following, read_registry())
    tallies = [tally(events, compact(today["remote_ip"]))] * days
    found = figures_of_month("usage_concentration_monthly", [], *tallies)
    return {row["dataset"]: row for row in found.to_pylist()}


FLOOD = "\n".join(
    f"{minute // 60:02d}:{minute % 60:02d}:00 script 200 /pudl/plants.json"
    for minute in range(940)
) + "\n".join(
    f"\n{minute // 60:02d}:{minute % 60:02d}:00 ann 200 /pudl/plants"
    for minute in range(60)
)


def test_use_from_one_place_is_marked_and_shown_without_it() -> None:
    row = concentrated(FLOOD)["pudl"]
    assert row["is_concentrated"]
    assert row["largest_organization"] == "AS64501 Hosting Co"
    assert row["largest_organization_share"] == 0.94
    assert row["largest_address_share"] == 0.94
    assert (row["counted"], row["counted_without_largest"]) == (1000, 60)
    assert (row["unique_sessions"], row["unique_sessions_without_largest"]) == (17, 1)


def test_an_address_with_most_of_a_day_is_suspect_and_counts_nevertheless() -> None:
    rows = {row["agent_class"]: row for row in daily(FLOOD)}
    assert rows["machine"]["suspect"] == rows["machine"]["counted"] == 940
    assert rows["human"]["suspect"] == 0


def test_a_few_requests_make_nobody_suspect() -> None:
    assert [row["suspect"] for row in daily("12:00:00 ann 200 /pudl")] == [0]


def test_half_is_not_more_than_half() -> None:
    row = concentrated(
        """
        12:00:00  ann     200  /pudl
        12:00:00  script  200  /pudl
        """
    )["pudl"]
    assert (row["largest_organization_share"], row["is_concentrated"]) == (0.5, False)
    # Of equals, the first by name.
    assert row["largest_organization"] == "AS64500 Example University"


def test_addresses_without_an_organization_are_no_organization() -> None:
    row = concentrated("12:00:00 bob 200 /pudl\n12:01:00 nobody 200 /pudl")["pudl"]
    assert (row["organizations"], row["addresses"]) == (0, 2)
    assert row["largest_organization"] is None
    assert row["requests"] == row["requests_without_largest"] == 2


def test_the_row_for_all_datasets_counts_a_session_once() -> None:
    rows = concentrated("12:00:00 ann 200 /pudl\n12:01:00 ann 200 /ferc1", days=2)
    assert {name: row["unique_sessions"] for name, row in rows.items()} == {
        "all": 2,
        "ferc1": 2,
        "pudl": 2,
    }
    assert rows["all"]["addresses"] == 1


def test_no_table_names_an_address() -> None:
    assert "203.0.113.5" not in str(concentrated(FLOOD))


FACTS = {"rows_in": 10, "duplicates": 2, "rejected": 1, "not_requests": 1}


def test_every_log_line_is_accounted_for() -> None:
    (row,) = reconcile(counted_day(events_of(LOG), None, FACTS)).to_pylist()
    apart = row["duplicates"] + row["rejected"] + row["not_requests"]
    assert row["lines"] == row["requests"] + apart == 10
    assert row["requests"] == 6
    reasons = {k: v for k, v in row.items() if k.startswith("not_counted") and v}
    assert reasons == {
        "not_counted_status": 1,
        "not_counted_double_click": 1,
        "not_counted_robot": 1,
    }
    assert row["counted"] + sum(reasons.values()) == row["requests"]


def test_a_missing_line_is_an_error_that_says_how_many() -> None:
    with pytest.raises(
        StorageError, match="11 log lines do not add up to 6 requests, 2"
    ):
        reconcile(counted_day(events_of(LOG), None, FACTS | {"rows_in": 11}))


VALUES = st.tuples(
    st.sampled_from(["a", "b", None]), st.one_of(st.none(), st.integers(0, 5))
)


@given(st.lists(VALUES, max_size=30), st.sampled_from([0.5, 0.95]))
def test_groups_agree_with_a_plain_model(
    rows: list[tuple[str | None, int | None]], share: float
) -> None:
    keys, values = [r[0] for r in rows], [r[1] for r in rows]
    table = pa.table({"key": pa.array(keys, pa.string())})
    groups = group_rows(table, ["key"])
    floats = np.array([np.nan if v is None else v for v in values], dtype=float)
    distinct = groups.distinct(np.nan_to_num(floats, nan=9).astype(int)).tolist()
    found = groups.quantile(floats, share).to_pylist()
    for number, key in enumerate(groups.keys["key"].to_pylist()):
        members = [v for k, v in rows if k == key]
        known = sorted(v for v in members if v is not None)
        enough = (v for i, v in enumerate(known, 1) if i >= share * len(known))
        assert groups.count().tolist()[number] == len(members)
        assert distinct[number] == len(set(members))
        assert found[number] == next(enough, None)
