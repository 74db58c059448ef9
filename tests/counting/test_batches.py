"""A day that comes in batches is counted as one in a piece, to the last digit."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from little_log import CLIENTS, DAY, added_up, count_requests, counted_day, table

from usage_metrics.counting import aside
from usage_metrics.counting.datasets import Dataset, Pattern, Registry
from usage_metrics.counting.day import first_half_minute
from usage_metrics.counting.grouping import Rows
from usage_metrics.counting.tables import DAILY
from usage_metrics.sources.datasette_pages import asked_for

REGISTRY = Registry(
    (Dataset("sea", "Sea", requests=(Pattern(r"/sea/{table}\.csv"),), version="1"),)
)
PATHS = (
    *("/rivers", "/rivers.db", "/rivers/fish.csv?x=1", "/rivers/fish.csv"),
    *("/sea/a.csv", "/sea/b.csv", "/-/versions.json", "/wp-admin/setup.php"),
    *("/My+Data/t", "/robots.txt"),
)
MIDNIGHT = dt.datetime.combine(DAY, dt.time(), dt.UTC)

REQUESTS = st.lists(
    st.fixed_dictionaries(
        {
            "second": st.sampled_from([0, 1, 25, 31, 3_590, 3_600, 3_610, 86_399]),
            "who": st.sampled_from(sorted(CLIENTS)),
            "path": st.sampled_from(PATHS),
            "status": st.sampled_from([200, 200, 206, 206, 304, 404, 500]),
            "size": st.one_of(st.none(), st.integers(0, 9)),
            "latency": st.one_of(st.none(), st.sampled_from([0.1, 0.2, 0.30000000001])),
            "referer": st.sampled_from(
                [None, "https://a.example/", "https://b.example/"]
            ),
            "id": st.text("ab", max_size=3),
        }
    ),
    max_size=25,
)


def requests_of(asked: list[dict[str, Any]], day: int = 0) -> pa.Table:
    """Requests with all columns that counting reads."""
    rows = []
    for number, one in enumerate(asked):
        client = CLIENTS[one["who"]]
        rows.append(
            {
                "insert_id": f"{one['id']}{number}",
                "timestamp": MIDNIGHT + dt.timedelta(days=day, seconds=one["second"]),
                "request_method": "GET",
                "request_url": f"https://data.example.org{one['path']}",
                "status": one["status"],
                "response_size": one["size"],
                "latency": one["latency"],
                "user_agent": client.agent,
                "remote_ip": client.address,
                "agent_class": client.agent_class,
                "agent_name": client.agent[:7],
                "remote_ip_country": client.country,
                "remote_ip_org": client.organization,
                "referer": one["referer"],
            }
        )
    requests = table(rows)
    pages = asked_for(requests["request_url"].combine_chunks(), [])
    for name in ("database", "table", "format", "page"):
        requests = requests.append_column(name, pages[name])
    return requests


@contextmanager
def held_bytes(number: int) -> Iterator[None]:
    """Hold that many bytes in memory; the rest waits in files."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aside, "HELD_BYTES", number)
        patch.setattr(aside, "HELD_TABLE_BYTES", number)
        yield


def tables_of(events: pa.Table, rows_at_once: int) -> dict[str, pa.Table]:
    """Every table of figures of a day whose events come in batches."""
    day = counted_day(events, {"rows_in": events.num_rows})
    starts = range(0, events.num_rows, rows_at_once)
    batches = [Rows(events.slice(start, rows_at_once)) for start in starts]
    return {table.name: added_up(table.begin(day), *batches) for table in DAILY}


@settings(max_examples=40)
@given(REQUESTS, REQUESTS, st.integers(1, 9))
def test_wherever_a_day_is_cut_its_events_and_figures_are_equal(
    asked: list[dict[str, Any]], later: list[dict[str, Any]], rows_at_once: int
) -> None:
    today, following = requests_of(asked), requests_of(later, day=1)
    whole = count_requests(today, following, REGISTRY)
    with held_bytes(0):
        cut = count_requests(today, following, REGISTRY, rows_at_once)
        figures = tables_of(cut, rows_at_once)
    assert cut.to_pydict() == whole.to_pydict()
    for name, expected in tables_of(whole, 1 << 20).items():
        assert figures[name].equals(expected), name


@settings(max_examples=40)
@given(REQUESTS, st.integers(1, 9))
def test_what_needs_the_whole_day_is_as_a_plain_model_has_it(
    asked: list[dict[str, Any]], rows_at_once: int
) -> None:
    requests = requests_of(asked)
    with held_bytes(0):
        events = count_requests(requests, pa.table({}), REGISTRY, rows_at_once)
    rows = requests.to_pylist()
    who = [(r["remote_ip"], r["user_agent"].removesuffix(",gzip(gfe)")) for r in rows]
    hours = [(*one, row["timestamp"].hour) for one, row in zip(who, rows, strict=True)]
    assert events["visitor"].to_pylist() == numbered(who)
    assert events["session"].to_pylist() == numbered(hours)
    whole: Counter[str] = Counter()
    for row in rows:
        if row["status"] == 200:
            url = row["request_url"]
            whole[url] = max(whole[url], row["response_size"] or 0)
    assert events["object_bytes"].to_pylist() == [
        (whole[row["request_url"]] or None) if row["status"] == 206 else None
        for row in rows
    ]


def numbered(values: list[Any]) -> list[int]:
    """Values by the order in which each appeared first."""
    order = list(dict.fromkeys(values))
    return [order.index(value) for value in values]


def test_an_address_with_most_of_a_day_is_found_however_the_day_is_cut() -> None:
    asked = {"second": 0, "path": "/rivers", "status": 200, "size": 1, "id": "a"}
    asked |= {"latency": None, "referer": None}
    crowd = [asked | {"who": "ann"}] * 49 + [asked | {"who": "script"}] * 51
    events = count_requests(requests_of(crowd), pa.table({}), REGISTRY, rows_at_once=7)
    assert events["is_suspect"].to_pylist() == [False] * 49 + [True] * 51


def test_of_the_next_day_only_texts_of_its_first_half_minute_are_looked_at() -> None:
    urls = pa.array(["https://a.example/1", "https://a.example/2"]).dictionary_encode()
    times = pa.array([MIDNIGHT, MIDNIGHT + dt.timedelta(seconds=31)])
    following = pa.table({"timestamp": times, "request_url": urls})
    assert first_half_minute(following)["request_url"].to_pylist() == [urls[0].as_py()]
    assert first_half_minute(following)["request_url"].type == pa.string()
