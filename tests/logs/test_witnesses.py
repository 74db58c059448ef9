"""Which entries are the requests, and which witness a request once more."""

from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from usage_metrics.logs.cloud_logging.entry import ENTRY
from usage_metrics.logs.cloud_logging.witnesses import (
    Meant,
    log_id,
    look_at,
    named,
    nothing_meant,
    per_log,
)

CLOUD_RUN = "run.googleapis.com/requests"
OF_CLOUD_RUN = "projects/p/logs/run.googleapis.com%2Frequests"


def section(
    request_logs: str = CLOUD_RUN, services: str = "", hosts: str = ""
) -> SimpleNamespace:
    return SimpleNamespace(request_logs=request_logs, services=services, hosts=hosts)


def table(*entries: dict[str, Any]) -> pa.Table:
    rows = [
        {"logName": OF_CLOUD_RUN, "httpRequest": {"status": 200}} | e for e in entries
    ]
    found = pa.Table.from_pylist(rows, schema=ENTRY)
    at = found.column_names.index("logName")
    return found.set_column(at, "logName", found["logName"].dictionary_encode())


def meant(entries: pa.Table, settings: SimpleNamespace) -> list[bool]:
    found: list[bool] = Meant.from_settings(settings).among(entries).to_pylist()
    return found


@pytest.mark.parametrize(
    "name",
    [
        "projects/p/logs/run.googleapis.com%2Frequests",
        "projects/p/logs/run.googleapis.com%2frequests",
        "projects/p/logs/run.googleapis.com/requests",
        "organizations/1/logs/run.googleapis.com%2Frequests",
        "run.googleapis.com%2Frequests",
        CLOUD_RUN,
    ],
)
def test_a_log_is_known_by_its_id_however_it_is_written(name: str) -> None:
    assert log_id(name) == CLOUD_RUN
    assert meant(table({"logName": name}), section()) == [True]
    assert meant(table({}), section(request_logs=name)) == [True]


@pytest.mark.parametrize(
    "name",
    [
        "projects/p/logs/run.googleapis.com%2Fstdout",
        "projects/p/logs/run.googleapis.com%2Frequests2",
        "projects/p/logs/requests",  # a load balancer's
        "projects/p/logs/firebasehosting.googleapis.com%2Fwebrequests",
        "projects/p/logs/datasette",
        "projects/p/logs/x%2Flogs%2Frun.googleapis.com%2Frequests",
    ],
)
def test_other_logs_witness_requests_again_unless_they_are_named(name: str) -> None:
    entries = table({}, {"logName": name})
    assert meant(entries, section()) == [True, False]
    assert meant(entries, section(request_logs=log_id(name) or "")) == [False, True]
    assert meant(entries, section(request_logs=f"{CLOUD_RUN}, {name}")) == [True, True]
    assert meant(entries, section(request_logs="")) == [True, True]


@pytest.mark.parametrize("name", [None, ""])
def test_an_entry_that_does_not_say_its_log_is_meant(name: str | None) -> None:
    assert meant(table({"logName": name}), section()) == [True]


def test_only_the_services_that_are_named_are_meant() -> None:
    services = ["datasette", "blog", None]
    entries = table(
        *({"resource": {"labels": {"service_name": name}}} for name in services), {}
    )
    assert meant(entries, section()) == [True] * 4
    assert meant(entries, section(services="datasette")) == [True, False, False, False]
    both = section(services="blog, datasette")
    assert meant(entries, both) == [True, True, False, False]


@pytest.mark.parametrize(
    ("url", "is_meant"),
    [
        ("https://data.example.org/x", True),
        ("https://DATA.example.org:443/x", True),
        ("http://user@data.example.org", True),
        ("https://data.example.org.evil.example/", False),
        ("https://blog.example.org/data.example.org", False),
        ("/x", False),
        ("http://[::1", False),
        (None, False),
    ],
)
def test_only_the_hosts_that_are_named_are_meant(
    url: str | None, is_meant: bool
) -> None:
    entries = table({"httpRequest": {"requestUrl": url, "status": 200}})
    assert meant(entries, section(hosts="Data.example.org, [::1]")) == [is_meant]


def test_the_trace_of_a_request_proves_that_an_entry_is_that_request() -> None:
    other = {"logName": "projects/p/logs/app"}
    found = look_at(
        table(
            {"trace": "t1"},
            {"trace": "t2"},
            {"trace": None},
            other | {"trace": "t1"},
            other | {"trace": "t3"},
            other | {"trace": None},
            other | {"trace": "t2", "httpRequest": None},
        ),
        section(),
    )
    assert found == (3, {"app": 3}, 1)


def test_logs_are_counted_by_id_and_the_largest_named_first() -> None:
    names = ["projects/p/logs/a"] * 2 + [
        "projects/q/logs/a",
        "projects/p/logs/b%2Fc",
        "",
    ]
    counts = per_log(table(*({"logName": name} for name in names)))
    assert counts == {"a": 3, "b/c": 1, "": 1}
    assert named(counts) == "'a' (3), '' (1), 'b/c' (1)"
    assert named({str(n): n for n in range(9)}).endswith("'4' (4) and 4 more logs")
    assert per_log(table()) == {}


def test_a_day_whose_requests_are_all_elsewhere_is_not_one_of_no_requests() -> None:
    assert nothing_meant({"requests": 7, "app": 7}, section()) == (
        "none of 14 entries with an httpRequest is in the log that request_logs = "
        "run.googleapis.com/requests names; they are in 'app' (7), 'requests' (7). If "
        "those are the requests, name their log in request_logs"
    )
    assert nothing_meant({}, section()) is None
    of_another_service = {CLOUD_RUN: 7, "app": 7}
    assert nothing_meant(of_another_service, section(services="datasette")) is None
