"""Aggregators fetch the written reports by SUSHI, as JSON or TSV."""

import contextlib
import csv
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import uvicorn
from counter_documents import dataset, report
from hub_flow import HubFlow

from usage_metrics.commands import main
from usage_metrics.hub.sushi import Office, application

LAKES = "10.5072/lakes"


def of_month(number: int, *datasets: dict[str, Any]) -> dict[str, Any]:
    """The report of a month of 2026."""
    period = {"begin-date": f"2026-{number:02}-01", "end-date": f"2026-{number:02}-28"}
    for item in datasets:
        item["performance"][0]["period"] = period
    header = {"reporting-period": period, "report-filters": []}
    return report(*datasets, **header)


ASSISTANTS = {"type": "proprietary", "value": "ai-assistant-requests:4"}
VERSION = {"type": "dataset-version", "value": "v1"}

REPORTS = {
    1: of_month(
        1,
        dataset() | {"dataset-attributes": [ASSISTANTS]},
        dataset(LAKES) | {"dataset-title": "Lakes"},
    ),
    2: of_month(
        2,
        dataset()
        | {"dataset-title": "Rivers and streams"}
        | {"dataset-attributes": [VERSION, ASSISTANTS]},
    ),
}


@contextlib.contextmanager
def serving(app: Any) -> Iterator[str]:
    """The URL at which an application answers while the block runs."""
    with socket.create_server(("127.0.0.1", 0)) as place:
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))
        thread = threading.Thread(target=server.run, args=([place],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{place.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A service with the reports of January and February."""
    office = Office("Our office", "Our data")
    with serving(application(lambda month: REPORTS.get(month.month), office)) as found:
        yield found


def fetched(url: str, query: str) -> dict[str, Any]:
    answer = requests.get(f"{url}/reports/dsr?{query}", timeout=30)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def titles(found: dict[str, Any]) -> list[str]:
    return [item["dataset-title"] for item in found["report-datasets"]]


def exceptions(found: dict[str, Any]) -> list[tuple[int, str]]:
    return [(e["code"], e["message"]) for e in found["report-header"]["exceptions"]]


def test_the_paths_of_the_standard_say_who_reports_and_what(url: str) -> None:
    (status,) = requests.get(f"{url}/status", timeout=30).json()
    assert status["serviceactive"]
    (member,) = requests.get(f"{url}/members", timeout=30).json()
    assert member["name"] == "Our office"
    (listed,) = requests.get(f"{url}/reports", timeout=30).json()
    assert (listed["report-id"], listed["path"]) == ("dsr", "/reports/dsr")


def test_a_period_has_each_dataset_once_with_its_months(url: str) -> None:
    found = fetched(url, "begin_date=2026-01&end_date=2026-02-28&customer_id=x")
    assert found["report-header"]["reporting-period"] == {
        "begin-date": "2026-01-01",
        "end-date": "2026-02-28",
    }
    assert titles(found) == ["Rivers and streams", "Lakes"]
    assert [len(item["performance"]) for item in found["report-datasets"]] == [2, 1]
    both = ASSISTANTS | {"value": "ai-assistant-requests:8"}
    attributes = [item.get("dataset-attributes") for item in found["report-datasets"]]
    assert attributes == [[VERSION, both], None], "those of all months"
    assert exceptions(found) == []


def test_a_month_without_a_report_is_named_and_a_period_without_any_is_not_ready(
    url: str,
) -> None:
    found = fetched(url, "begin_date=2026-02&end_date=2026-04")
    assert exceptions(found) == [(3040, "Partial Data Returned")]
    (exception,) = found["report-header"]["exceptions"]
    assert exception["data"] == "no report of 2026-03, 2026-04"
    found = fetched(url, "begin_date=2026-07&end_date=2026-07")
    assert titles(found) == []
    assert exceptions(found) == [(3031, "Usage Not Ready for Requested Dates")]


def test_datasets_and_platforms_can_be_chosen(url: str) -> None:
    period = "begin_date=2026-01&end_date=2026-01"
    found = fetched(url, f"{period}&dataset_id={LAKES.upper()}&platform=our+data")
    assert titles(found) == ["Lakes"]
    assert found["report-header"]["report-filters"] == [
        {"name": "platform", "value": "our data"},
        {"name": "dataset-id", "value": LAKES.upper()},
    ]
    found = fetched(url, f"{period}&platform=other&colour=red")
    assert exceptions(found) == [
        (3030, "No Usage Available for Requested Dates"),
        (3050, "Parameter Not Recognized in this Context"),
    ]


def test_the_tabular_form_has_a_column_a_month_unless_they_are_excluded(
    url: str,
) -> None:
    query = f"{url}/reports/DSR?begin_date=2026-01&end_date=2026-02"
    accept = {"Accept": "text/tab-separated-values"}
    shown = requests.get(query, headers=accept, timeout=30)
    assert shown.headers["Content-Type"].startswith(accept["Accept"])
    lines = [*csv.reader(shown.text.splitlines(), delimiter="\t")]
    rows = [dict(zip(lines[11], line, strict=True)) for line in lines[12:]]
    counts = ("Reporting_Period_Total", "Jan-2026", "Feb-2026")
    assert [[row[name] for name in counts] for row in rows] == [
        ["6", "3", "3"],
        ["3", "3", "0"],
    ]
    shown = requests.get(f"{query}&exclude_monthly_details=True&format=tsv", timeout=30)
    lines = [*csv.reader(shown.text.splitlines(), delimiter="\t")]
    assert ["Report_Attributes", "Exclude_Monthly_Details=True"] in lines
    assert lines[11][-1] == "Reporting_Period_Total"
    assert [line[-1] for line in lines[12:]] == ["6", "3"]
    assert not [name for line in lines for name in line if "Feb" in name]


@pytest.mark.parametrize(
    ("query", "code", "about"),
    [
        ("begin_date=2026-01", 3070, "end_date is missing"),
        ("begin_date=soon&end_date=2026-01", 3020, "begin_date is not a month"),
        ("begin_date=2026-02&end_date=2026-01", 3020, "not before end_date"),
        ("begin_date=0001-01&end_date=9999-11", 3020, "120 months at most"),
        ("begin_date=2026-01&end_date=9999-12", 3020, "end_date is not a month"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_the_words_of_the_standard(
    url: str, query: str, code: int, about: str
) -> None:
    answer = requests.get(f"{url}/reports/dsr?{query}", timeout=30)
    assert answer.status_code == 400
    assert answer.json()["code"] == code
    assert about in answer.json()["data"]


def test_the_command_serves_what_is_written_to_this_computer_only(
    office: HubFlow, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answers = []

    def run(app: Any, host: str, **_: Any) -> None:
        assert host == "127.0.0.1"
        query = "/reports/dsr?begin_date=2026-03&end_date=2026-03"
        with serving(app) as url:
            answers.append(requests.get(url + query, timeout=30))
            file.write_text("{")
            answers.append(requests.get(url + query, timeout=30))

    file = office.flow.root / "counter/datasette/2026-03.json"
    written = json.loads(file.read_text())
    monkeypatch.setattr(uvicorn, "run", run)
    assert main(["counter", "serve"]) == 0
    good, damaged = answers
    assert good.json()["report-datasets"] == written["report-datasets"]
    assert damaged.status_code == 503
    assert "cannot be read; tell its publisher" in damaged.json()["data"]
    assert str(office.flow.folder) not in damaged.text
    assert f"{file} is damaged; usage-metrics counter --month 2026-03" in caplog.text
