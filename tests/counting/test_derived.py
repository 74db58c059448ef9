"""Datasets that nobody has named: what a request on any Datasette is about."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from little_log import count_requests, requests_of, sample_registry

from usage_metrics.counting.datasets import ID, RESERVED, Dataset, Pattern, Registry
from usage_metrics.counting.derived import DatabaseNames, dataset_id
from usage_metrics.counting.grouping import Rows
from usage_metrics.sources.datasette_pages import asked_for
from usage_metrics.tasks.datasets_registry import read_registry

PLAIN = read_registry()


def seen(log: str) -> pa.Table:
    """The requests of a little log with the columns that cleaning adds."""
    requests, _ = requests_of(log)
    asked = asked_for(requests["request_url"].combine_chunks(), [])
    for name in ("database", "table", "format", "page"):
        requests = requests.append_column(name, asked[name])
    return requests


def about(log: str, registry: Registry = PLAIN) -> list[tuple[Any, ...]]:
    """Dataset, kind and table of each request."""
    requests = seen(log)
    events = count_requests(requests, pa.table({}), registry)
    names = ("dataset", "kind", "table")
    return list(zip(*(events[name].to_pylist() for name in names), strict=True))


ON_ANY_SITE = [
    ("/rivers", "rivers", "investigation", None),
    ("/rivers/levels", "rivers", "investigation", "levels"),
    ("/rivers/levels/3", "rivers", "investigation", "levels"),
    ("/rivers/-/query", "rivers", "investigation", None),
    ("/rivers.json", "rivers", "request", None),
    ("/rivers.db", "rivers", "request", None),
    ("/rivers/levels.csv?_size=max", "rivers", "request", "levels"),
    ("/rivers/levels/3.json", "rivers", "request", "levels"),
    ("/rivers/levels?_format=json", "rivers", "request", "levels"),
    ("/rivers?sql=select+1", "rivers", "request", None),
    ("/rivers/-/query?sql=select+1", "rivers", "request", None),
    ("/my+data/water~20levels.json", "my-data", "request", "water levels"),
    ("/my%20data", "my-data", "investigation", None),
    ("/", "none", None, None),
    ("/-/versions.json", "none", None, None),
    ("/-/static/app.css", "none", None, None),
    ("/favicon.ico", "none", None, None),
    ("/robots.txt", "none", None, None),
    ("/_internal/databases.json", "none", None, "databases"),
    ("/_memory?sql=select+1", "none", None, None),
    ("/:memory:", "none", None, None),
]


@pytest.mark.parametrize(("path", "dataset", "kind", "table"), ON_ANY_SITE)
def test_the_database_is_the_dataset_data_is_a_request_and_a_page_is_none(
    path: str, dataset: str, kind: str | None, table: str | None
) -> None:
    assert about(f"12:00  ann  200  {path}") == [(dataset, kind, table)]


@pytest.mark.parametrize("status", [200, 204, 206, 304])
def test_a_database_is_a_dataset_if_the_site_answered_for_a_page_of_it(
    status: int,
) -> None:
    log = f"""
    11:00  bot   {status}  /rivers/levels.json
    12:00  ann   404  /rivers/no_such_table
    12:00  ann   500  /rivers/levels
    12:00  ann   404  /wp-admin/setup.php
    12:00  ann   403  /wp-admin
    12:00  ann   302  /wp-admin/
    """
    assert [dataset for dataset, *_ in about(log)] == [
        *("rivers", "rivers", "rivers"),
        *("unmapped", "unmapped", "unmapped"),
    ]


def test_an_answer_to_options_shows_no_database() -> None:
    requests = seen("12:00  ann  200  /wp-admin/setup")
    index = requests.column_names.index("request_method")
    for method, expected in (("OPTIONS", "unmapped"), ("GET", "wp-admin")):
        asked = requests.set_column(index, "request_method", pa.array([method]))
        events = count_requests(asked, pa.table({}), PLAIN)
        assert events["dataset"].to_pylist() == [expected]


def test_a_file_at_the_top_of_the_site_shows_no_database() -> None:
    assert [dataset for dataset, *_ in about("12:00 ann 200 /ads.txt")] == ["unmapped"]


def test_the_first_requests_of_the_next_day_make_no_dataset_of_this_day() -> None:
    log = "12:00  ann  500  /rivers"
    _, following = requests_of("+00:00:01  ann  200  /rivers")
    asked = asked_for(following["request_url"].combine_chunks(), [])
    for name in ("database", "table", "format", "page"):
        following = following.append_column(name, asked[name])
    events = count_requests(seen(log), following, PLAIN)
    assert events["dataset"].to_pylist() == ["unmapped"]


def test_a_database_that_the_registry_names_is_left_to_its_patterns() -> None:
    registry = Registry(
        (
            Dataset("levels", "Levels", requests=(Pattern(r"/rivers/levels\.csv"),)),
            Dataset("lakes", "Lakes", requests=(Pattern(r"/lakes\.db"),)),
            Dataset("sea", "Sea", investigations=(Pattern(r"/oceans"),)),
        )
    )
    log = """
    12:00  ann  200  /rivers/levels.csv
    12:00  ann  200  /rivers/fish.csv
    12:00  ann  200  /lakes/depths
    12:00  ann  200  /oceans
    12:00  ann  200  /oceans/tides
    12:00  ann  200  /woods
    """
    assert about(log, registry) == [
        ("levels", "request", "levels"),
        ("rivers", "request", "fish"),
        ("unmapped", None, "depths"),
        ("sea", "investigation", None),
        ("unmapped", None, "tides"),
        ("woods", "investigation", None),
    ]


def test_an_entry_without_patterns_names_the_database_of_its_id() -> None:
    registry = Registry((Dataset("rivers", "Rivers and their levels"),))
    log = "12:00  ann  200  /rivers/levels.csv"
    assert about(log, registry) == [("rivers", "request", "levels")]


def test_a_source_without_databases_has_no_derived_datasets() -> None:
    requests, following = requests_of("12:00  ann  200  /rivers")
    events = count_requests(requests, following, PLAIN)
    assert events["dataset"].to_pylist() == ["unmapped"]


def test_of_the_sample_they_are_what_its_registry_says_by_patterns(
    sample: Path,
) -> None:
    days = sorted(sample.glob("data/geocoded/datasette/*/part-0.parquet"))
    assert len(days) >= 13
    for day in days:
        requests = pq.ParquetFile(day).read()
        by_patterns = count_requests(requests, pa.table({}), sample_registry())
        derived = count_requests(requests, pa.table({}), PLAIN)
        for name in ("dataset", "kind", "table", "outcome"):
            assert derived[name].to_pylist() == by_patterns[name].to_pylist(), day


# --- ids ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("database", "id_"),
    [
        ("rivers", "rivers"),
        ("rivers_2.1-b", "rivers_2.1-b"),
        ("My Data", "my-data"),
        ("café", "cafe-07f4df"),
        ("база", "database-2735aa"),
        ("all", "all-3fa27f"),
        ("unmapped", "unmapped-082e5d"),
        ("<script>alert(1)</script>", "script-alert-1-script-738fc0"),
        ("x'; DROP TABLE y; --", "x-drop-table-y-24b88d"),
        ("\x1b[31mred", "31mred-e3fac1"),
        ("x" * 300, "x" * 60 + "-c5dfe9"),
    ],
)
def test_an_id_is_the_name_as_far_as_a_name_can_be_one(database: str, id_: str) -> None:
    assert dataset_id(database) == id_


@given(st.text(min_size=1))
def test_every_name_gives_an_id_that_a_registry_could_name(database: str) -> None:
    found = dataset_id(database)
    Pattern(found)
    assert pa.compute.match_substring_regex(pa.array([found]), f"^{ID}$")[0].as_py()
    assert found not in RESERVED
    assert len(found) <= 70


def test_the_names_of_databases_are_kept_where_ids_differ() -> None:
    requests = seen(
        """
        12:00  ann  200  /my+data
        12:00  ann  200  /rivers
        12:00  bob  404  /my-data
        12:00  bob  404  /MY+DATA
        12:00  bob  404  /A+B
        """
    )
    events = count_requests(requests, pa.table({}), PLAIN)
    names = DatabaseNames()
    names.add(Rows(events))
    assert names.found() == {"my-data": "my data"}
