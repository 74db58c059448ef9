"""The tables of use of a day."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from little_log import (
    CLIENTS,
    LOG,
    count_requests,
    events_of,
    figures,
    requests_of,
    sample_registry,
)


def daily(log: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = figures("usage_daily", events_of(log)).to_pylist()
    return rows


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


@pytest.mark.parametrize("status", [400, 404])
def test_nor_is_a_format_or_a_table_that_the_source_read_in_such_a_path(
    status: int,
) -> None:
    today, following = requests_of(
        f"""
        12:00:00 ann {status} /pudl/made-up/1.made_up
        12:00:01 ann 500 /pudl/plants.parquet
        """
    )
    today = today.append_column("table", pa.array(["made-up", "plants"]))
    today = today.append_column("format", pa.array(["made_up", "parquet"]))
    events = count_requests(today, following, sample_registry())
    assert events["table"].to_pylist() == [None, "plants"]
    assert events["format"].to_pylist() == [None, "parquet"]


def test_sums_over_a_day_are_those_of_its_requests() -> None:
    rows = daily(LOG)
    assert sum(row["requests"] for row in rows) == 6
    assert sum(row["bytes"] for row in rows) == 4600


def test_requests_of_ai_assistants_are_robots_and_a_figure_of_their_own() -> None:
    today, following = requests_of(
        """
        12:00:00 bot 200 /pudl/plants
        12:00:10 bot 404 /pudl/plants
        12:00:20 bot 200 /pudl/plants
        12:00:30 ann 200 /pudl/plants
        """
    )
    kinds = ["AI assistant", "AI assistant", "AI training", "browser"]
    today = today.append_column("agent_kind", pa.array(kinds))
    events = count_requests(today, following, sample_registry())
    shown = ("dataset", "agent_class", "requests", "assistants", "counted")
    rows = figures("usage_by_class", events).select(shown).to_pylist()

    assert {tuple(row.values()) for row in rows} == {
        ("pudl", "robot", 3, 2, 0),
        ("pudl", "human", 1, 0, 1),
        ("all", "robot", 3, 2, 0),
        ("all", "human", 1, 0, 1),
    }
    assert sum(r["assistants"] for r in figures("usage_daily", events).to_pylist()) == 2


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
    events = count_requests(today, following, sample_registry())
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
