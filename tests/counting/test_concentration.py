"""How much of the use comes from one place."""

from typing import Any

from little_log import (
    count_requests,
    events_of,
    figures,
    figures_of_month,
    requests_of,
    sample_registry,
)


def concentrated(log: str, days: int = 1) -> dict[str, dict[str, Any]]:
    today, following = requests_of(log)
    events = count_requests(today, following, sample_registry())
    found = figures_of_month(
        "usage_concentration_monthly", [events] * days, today["remote_ip"]
    )
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
    rows = {
        row["agent_class"]: row
        for row in figures("usage_daily", events_of(FLOOD)).to_pylist()
    }
    assert rows["machine"]["suspect"] == rows["machine"]["counted"] == 940
    assert rows["human"]["suspect"] == 0


def test_a_few_requests_make_nobody_suspect() -> None:
    rows = figures("usage_daily", events_of("12:00:00 ann 200 /pudl")).to_pylist()
    assert [row["suspect"] for row in rows] == [0]


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
