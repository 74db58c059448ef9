"""The COUNTER dataset report in its tabular form, which is TSV."""

import csv
import datetime as dt
import io
import re
from collections.abc import Iterable, Iterator
from typing import Any

from usage_metrics.counting.counter_names import METRICS
from usage_metrics.dates import month_after
from usage_metrics.spreadsheet import as_text

Cells = tuple[str | int | None, ...]

EXCLUDE_MONTHS = "exclude-monthly-details"
"""The attribute of a report without a column for each month."""

_COLUMNS = (
    *("Dataset_Title", "Publisher", "Publisher_ID", "Creators", "Publication_Date"),
    *("Dataset_Version", "DOI", "URI", "YOP", "Access_Method", "Metric_Type"),
    "Reporting_Period_Total",
)


def as_tsv(report: dict[str, Any]) -> str:
    """A report, with tabs between the columns.

    Args:
        report: as JSON has it, of one month or of several.
    """
    header = report["report-header"]
    period, attributes = header["reporting-period"], header["report-attributes"]
    is_total = any(item["name"] == EXCLUDE_MONTHS for item in attributes)
    months = [] if is_total else [*_months(period)]
    heading = {
        "Report_Name": "Dataset Master Report",
        "Report_ID": "DSR",
        "Release": "RD1",
        "Metric_Types": "; ".join(metric.title() for metric in METRICS),
        "Report_Filters": _pairs(header["report-filters"]),
        "Report_Attributes": _pairs(attributes),
        "Exceptions": "; ".join(map(_exception, header["exceptions"])),
        "Reporting_Period": f"{period['begin-date']} to {period['end-date']}",
        "Created": header["created"],
        "Created_By": header["created-by"],
    }
    rows: list[Iterable[str | int | None]] = [*heading.items(), ()]
    rows.append((*_COLUMNS, *(f"{month:%b-%Y}" for month in months)))
    for dataset in report["report-datasets"]:
        rows += _rows(dataset, [month.isoformat() for month in months])
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerows(map(_cell, row) for row in rows)
    return text.getvalue()


def _months(period: dict[str, str]) -> Iterator[dt.date]:
    """The first days of the months of a period."""
    month = dt.date.fromisoformat(period["begin-date"])
    while month.isoformat() <= period["end-date"]:
        yield month
        month = month_after(month)


def _pairs(items: Iterable[dict[str, str]]) -> str:
    """Filters or attributes, as ``Name=value``."""
    return "; ".join(f"{_title(item['name'])}={item['value']}" for item in items)


def _exception(item: dict[str, Any]) -> str:
    about = f" ({item['data']})" if item.get("data") else ""
    return f"{item['code']}: {item['message']}{about}"


def _title(name: str) -> str:
    return name.replace("-", "_").title()


def _cell(value: str | int | None) -> str | int | None:
    """A text in one line and no formula to a spreadsheet; a number as it is."""
    if not isinstance(value, str):
        return value
    return as_text(re.sub(r"[\t\r\n]+", " ", value).strip())


def _rows(dataset: dict[str, Any], months: list[str]) -> Iterator[Cells]:
    """A row for each access method and metric, with the months that are named."""
    about = _about(dataset)
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for part in dataset["performance"]:
        for instance in part["instance"]:
            key = instance["access-method"], instance["metric-type"]
            of_months = counts.setdefault(key, {})
            begin = part["period"]["begin-date"]
            of_months[begin] = of_months.get(begin, 0) + instance["count"]
    for (method, metric), of_months in counts.items():
        columns = [of_months.get(month, 0) for month in months]
        total = sum(of_months.values())
        yield (*about, method.title(), _title(metric), total, *columns)


def _about(dataset: dict[str, Any]) -> Cells:
    publisher = dataset["publisher-id"][0]
    kind, value = publisher["type"], publisher["value"]
    creators = [item["value"] for item in dataset.get("dataset-contributors", ())]
    return (
        dataset["dataset-title"],
        dataset["publisher"],
        # A URN states its type itself.
        value if value.startswith(f"{kind}:") else f"{kind}:{value}",
        "; ".join(creators),
        _value(dataset, "dataset-dates", "pub-date"),
        _value(dataset, "dataset-attributes", "dataset-version"),
        _value(dataset, "dataset-id", "doi"),
        dataset.get("uri"),
        dataset.get("yop"),
    )


def _value(dataset: dict[str, Any], name: str, kind: str) -> str | None:
    found = (item["value"] for item in dataset.get(name, ()) if item["type"] == kind)
    return next(found, None)
