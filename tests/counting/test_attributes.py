"""Use by attribute: what else a log says of a request."""

from collections.abc import Sequence

import pyarrow as pa
import pytest
from little_log import (
    added_up,
    count_requests,
    counted_day,
    figures,
    requests_of,
    sample_registry,
)

from usage_metrics.agents.devices import devices_of
from usage_metrics.counting import asked_texts
from usage_metrics.counting.grouping import Rows
from usage_metrics.counting.naming import FREQUENT
from usage_metrics.counting.tables import TABLES

NAME = "usage_by_attribute"

Kinds = dict[str, Sequence[object]]


def events_of(log: str, **columns: Sequence[object]) -> pa.Table:
    """The events of a log, with columns in place of those that it has or lacks."""
    today, following = requests_of(log)
    for name, values in columns.items():
        if name in today.column_names:
            today = today.drop_columns([name])
        today = today.append_column(name, pa.array(values))
    return count_requests(today, following, sample_registry())


def found(table: pa.Table, attribute: str) -> dict[str | None, tuple[int, int]]:
    """The requests and the counted ones by value, over datasets and classes."""
    sums: dict[str | None, tuple[int, int]] = {}
    for row in table.to_pylist():
        if row["attribute"] == attribute:
            before = sums.get(row["value"], (0, 0))
            sums[row["value"]] = (
                before[0] + row["requests"],
                before[1] + row["counted"],
            )
    return sums


def test_numbers_are_put_in_classes_that_may_be_added_up() -> None:
    table = figures(
        NAME,
        events_of(
            """
            00:00:00 ann 200 /pudl/plants
            23:59:59 ann 404 /pudl/nothing
            23:00:00 bob 200 /pudl/plants
            """,
            latency=[0.0999, 0.1, None],
        ),
    )
    assert found(table, "hour") == {"00": (1, 1), "23": (2, 1)}
    assert found(table, "weekday") == {"Tue": (3, 2)}
    assert found(table, "status") == {"200": (2, 2), "404": (1, 0)}
    assert found(table, "latency") == {"under 0.1 s": (1, 1), "0.1 to 0.3 s": (1, 0)}


def test_what_a_log_does_not_say_is_in_no_row() -> None:
    log = "12:00:00 ann 200 /pudl/plants"
    table = figures(NAME, events_of(log, latency=pa.nulls(1, pa.float64())))
    said = set(table["attribute"].to_pylist())
    assert said == {"hour", "weekday", "status"}


def test_paths_not_found_are_those_of_most_requests(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(FREQUENT, "not_found", 1)
    table = figures(
        NAME,
        events_of(
            """
            12:00:00 ann 404 /pudl/gone?a=1
            12:01:00 bot 410 /pudl/gone
            12:02:00 bob 404 /probe
            12:03:00 bob 200 /pudl/plants
            """
        ),
    )
    assert found(table, "not_found") == {"/pudl/gone": (2, 0), None: (1, 0)}


def test_a_search_is_named_if_three_visitors_had_it_whatever_robots_do() -> None:
    table = figures(
        NAME,
        events_of(
            """
            12:00:00 ann         200 /pudl/plants?_search=Big++Coal
            12:01:00 bob         200 /pudl/plants?_search=big%20coal&_size=max
            12:02:00 ann-at-work 200 /pudl?q=big+coal
            12:03:00 bot         200 /pudl/plants?_search_name=big+coal
            12:00:00 ann         200 /pudl/plants?_search=my+name
            12:10:00 ann         200 /pudl/plants?_search=my+name
            12:20:00 bob         200 /pudl/plants?_search=my+name
            12:20:00 bot         200 /pudl/plants?_search=my+name
            12:30:00 bob         500 /pudl/plants?_search=broken
            """
        ),
    )
    assert found(table, "search") == {"big coal": (4, 3), None: (4, 3)}


def test_sql_is_one_line_without_addresses_and_of_a_bounded_length() -> None:
    long = "x" * 2_000
    targets = pa.array(
        [
            "/pudl?sql=select+1%0A++from%20plants",
            "/pudl/-/query?a=b&sql=select+'192.0.2.7'&c=d",
            f"/pudl?sql={long}",
            "/pudl?nosql=1",
        ]
    )
    one, masked, cut, none = asked_texts.statements(targets).to_pylist()
    assert (one, masked, none) == (
        "select 1 from plants",
        "select 'address-removed'",
        None,
    )
    assert cut == "x" * asked_texts.LONGEST_SQL + "…"


@pytest.mark.parametrize(
    ("referer", "page"),
    [
        ("https://www.Blog.example/2026/coal?utm=1#top", "blog.example/2026/coal"),
        ("http://me:secret@blog.example:8080/a;jsessionid=1", "blog.example/a"),
        ("https://docs.example/d/1a2B3c4D5e6F7g8H9i0J1k/edit", "docs.example/d/…"),
        ("https://a.example/users/ann@uni.example/links", "a.example/users/…"),
        ("https://a.example/f/0b7c2f9e-11aa-4c1d-9d2e-aa/x", "a.example/f/…"),
        ("https://blog.example/", None),
        ("https://192.0.2.7/page", None),
        ("https://[2001:db8::1]/page", None),
        ("http://wiki/page", None),
        ("http://wiki.internal/page", None),
        ("android-app://com.example/a", None),
        (None, None),
    ],
)
def test_a_referring_page_says_no_more_than_a_public_page(
    referer: str | None, page: str | None
) -> None:
    assert asked_texts.pages(pa.array([referer], pa.string()))["page"][0].as_py() == (
        page
    )


def test_referring_pages_are_those_of_other_sites() -> None:
    log = """
        12:00:00 ann         200 /pudl/plants
        12:01:00 bob         200 /pudl/plants
        12:02:00 ann-at-work 200 /pudl/plants
    """
    ours = "https://data.example.org/pudl"
    others = "https://blog.example/coal"
    assert not found(figures(NAME, events_of(log, referer=[ours] * 3)), "referrer_page")
    table = figures(NAME, events_of(log, referer=[others] * 3))
    assert found(table, "referrer_page") == {"blog.example/coal": (3, 3)}


PAGES = """
    12:00:00 ann 200 /
    12:10:00 ann 200 /pudl/plants
    12:00:30 ann 200 /-/static/app.css
    12:20:00 ann 200 /pudl
    12:20:01 ann 404 /pudl/nothing
    13:00:00 ann 200 /pudl
    12:30:00 bot 200 /pudl
"""
KINDS: Kinds = {
    "page": ["index", "table", "static", "database", "table", "database", "database"],
    "format": [None, "html", None, "html", "html", "html", "html"],
}


def test_a_session_enters_and_leaves_once_an_hour_by_pages_that_are_there() -> None:
    table = figures(NAME, events_of(PAGES, **KINDS))
    # The robot's session has no use.
    assert found(table, "entry") == {"/": (1, 1), "/pudl": (2, 1)}
    assert found(table, "exit") == {"/pudl": (3, 2)}


def test_first_and_last_pages_are_the_same_in_whatever_batches() -> None:
    events = events_of(PAGES, **KINDS)
    whole = figures(NAME, events)
    singly = [Rows(events.slice(row, 1)) for row in range(events.num_rows)]
    for batches in (singly, singly[::-1]):
        encoded = [Rows(batch.table.unify_dictionaries()) for batch in batches]
        assert added_up(TABLES[NAME].begin(counted_day(events)), *encoded) == whole


def test_data_that_scripts_fetch_are_no_pages() -> None:
    kinds: Kinds = {"page": ["table", "object"], "format": ["json", "csv"]}
    log = "12:00:00 ann 200 /pudl/plants.json\n12:10:00 ann 200 /pudl/plants.csv"
    assert not found(figures(NAME, events_of(log, **kinds)), "entry")


@pytest.mark.parametrize(
    ("agent", "system", "device"),
    [
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Firefox/147.0",
            "Windows",
            "desktop",
        ),
        (
            "Mozilla/5.0 (Windows NT 6.1; Trident/7.0; Tablet PC 2.0)",
            "Windows",
            "desktop",
        ),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)", "macOS", "desktop"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_2 like Mac OS X)", "iOS", "phone"),
        ("Mozilla/5.0 (iPad; CPU OS 12_2 like Mac OS X) Mobile/1", "iOS", "tablet"),
        ("Mozilla/5.0 (Linux; Android 14; K) Mobile Safari/537", "Android", "phone"),
        ("Mozilla/5.0 (Linux; Android 14; K) Safari/537", "Android", "tablet"),
        ("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0)", "ChromeOS", "desktop"),
        ("Mozilla/5.0 (X11; Ubuntu; Linux x86_64)", "Linux", "desktop"),
        ("Mozilla/5.0 (Web0S; Linux/SmartTV)", "Linux", "television or console"),
        ("duckdb/v1.4.3(linux_amd64) cpp", "Linux", None),
        ("python-requests/2.32", None, None),
        (None, None, None),
    ],
)
def test_a_user_agent_names_system_and_device(
    agent: str | None, system: str | None, device: str | None
) -> None:
    said = devices_of(pa.array([agent], pa.string()))
    named = [said[name].to_pylist() for name in ("operating_system", "device")]
    assert named == [[system], [device]]
