"""The COUNTER dataset report of a month: DataCite's JSON and the tabular form.

The standard reports months, and zeros not at all. A month of which days are missing is
reported with exception 3040 and replaced when they are there. DataCite wants its names
in small letters with hyphens, and does not accept a name of the maker with spaces.
"""

import calendar
import csv
import datetime as dt
import io
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.counting.counter import MACHINE, METRICS, REGULAR
from usage_metrics.counting.datasets import Dataset, Registry

PARTIAL_DATA = 3040
"""The exception of a month that is not complete."""

Instances = dict[tuple[str, str], dict[str | None, int]]
"""Access method and metric, and for these the count of each country."""


@dataclass(frozen=True)
class Month:
    """A month and those of its days that are counted."""

    first: dt.date
    counted: Collection[dt.date]

    @property
    def last(self) -> dt.date:
        """Its last day."""
        days = calendar.monthrange(self.first.year, self.first.month)[1]
        return self.first.replace(day=days)

    @property
    def missing(self) -> list[dt.date]:
        """Its days that are not counted."""
        days = (self.first.replace(day=n + 1) for n in range(self.last.day))
        return [day for day in days if day not in self.counted]

    def as_json(self) -> dict[str, str]:
        """As a reporting period."""
        return {
            "begin-date": self.first.isoformat(),
            "end-date": self.last.isoformat(),
        }


@dataclass(frozen=True)
class Usage:
    """The use of a dataset, or of one version of it, in a month."""

    dataset: Dataset
    version: str | None
    instances: Instances


def month_usage(
    registry: Registry, by_dataset: pa.Table, by_version: pa.Table
) -> list[Usage]:
    """Add up the days of a month.

    Args:
        registry: the datasets, in the order of the report.
        by_dataset: the ``usage_counter`` tables of the days, one behind the other.
        by_version: their ``usage_counter_versions``.

    Returns:
        For each dataset its use over all versions and, where the registry has versions
        of it, the use of each. What was not used is left out.
    """
    found = []
    seen = set()
    for dataset in registry.datasets:
        if dataset.id not in seen:
            rows = by_dataset.filter(pc.equal(by_dataset["dataset"], dataset.id))
            found.append(Usage(dataset, None, _instances(rows)))
            seen.add(dataset.id)
        if dataset.version is not None:
            is_it = pc.and_(
                pc.equal(by_version["dataset"], dataset.id),
                pc.equal(by_version["version"], dataset.version),
            )
            instances = _instances(by_version.filter(is_it))
            found.append(Usage(dataset, dataset.version, instances))
    return [usage for usage in found if usage.instances]


def _instances(rows: pa.Table) -> Instances:
    sums = rows.group_by(["access_method", "country"]).aggregate(
        [(metric, "sum") for metric in METRICS]
    )
    instances: Instances = {}
    for method in (REGULAR, MACHINE):
        for metric in METRICS:
            countries = {
                row["country"]: row[f"{metric}_sum"]
                for row in sums.sort_by("country").to_pylist()
                if row["access_method"] == method and row[f"{metric}_sum"]
            }
            if countries:
                instances[method, metric] = countries
    return instances


def as_json(
    usage: list[Usage], registry: Registry, month: Month, created: dt.date
) -> dict[str, Any]:
    """The report as DataCite takes it: a header and the datasets."""
    return {
        "report-header": _header(registry, month, created),
        "report-datasets": [_dataset(item, registry, month) for item in usage],
    }


def flat(report: dict[str, Any]) -> dict[str, Any]:
    """The same with what is in the header beside the datasets."""
    return {**report["report-header"], "report-datasets": report["report-datasets"]}


def _header(registry: Registry, month: Month, created: dt.date) -> dict[str, Any]:
    return {
        "report-name": "dataset report",
        "report-id": "dsr",
        "release": "rd1",
        "created": created.isoformat(),
        "created-by": registry.created_by,
        "reporting-period": month.as_json(),
        "report-filters": [],
        "report-attributes": [],
        "exceptions": [_partial(month)] if month.missing else [],
    }


def _partial(month: Month) -> dict[str, Any]:
    return {
        "code": PARTIAL_DATA,
        "severity": "warning",
        "message": "partial data returned",
        "help-url": "",
        "data": f"not counted: {_spans(month.missing)}",
    }


def _spans(days: list[dt.date]) -> str:
    """Days in words: those that follow each other as one span."""
    spans: list[list[dt.date]] = []
    for day in days:
        if spans and (day - spans[-1][-1]).days == 1:
            spans[-1].append(day)
        else:
            spans.append([day])
    return ", ".join(
        f"{span[0]} to {span[-1]}" if len(span) > 1 else f"{span[0]}" for span in spans
    )


def _dataset(usage: Usage, registry: Registry, month: Month) -> dict[str, Any]:
    dataset = usage.dataset
    about: dict[str, Any] = {
        "dataset-title": dataset.title,
        "dataset-id": [_identifier(dataset)],
        "platform": registry.platform,
        "publisher": dataset.publisher,
        "publisher-id": [dataset.publisher_id],
        "data-type": "dataset",
        "yop": dataset.yop,
    }
    if dataset.creators:
        about["dataset-contributors"] = [
            {"type": "name", "value": name} for name in dataset.creators
        ]
    if dataset.published:
        about["dataset-dates"] = [{"type": "pub-date", "value": dataset.published}]
    if usage.version:
        version = {"type": "dataset-version", "value": usage.version}
        about["dataset-attributes"] = [version]
    if dataset.uri:
        about["uri"] = dataset.uri
    instances = [
        _instance(*key, countries) for key, countries in usage.instances.items()
    ]
    about["performance"] = [{"period": month.as_json(), "instance": instances}]
    return about


def _identifier(dataset: Dataset) -> dict[str, str]:
    if dataset.doi:
        return {"type": "doi", "value": dataset.doi}
    return {"type": "uri", "value": str(dataset.uri)}


def _instance(
    method: str, metric: str, countries: dict[str | None, int]
) -> dict[str, Any]:
    instance: dict[str, Any] = {
        "metric-type": metric.replace("_", "-"),
        "access-method": method,
        "count": sum(countries.values()),
    }
    known = {code.lower(): count for code, count in countries.items() if code}
    return instance | ({"country-counts": known} if known else {})


def as_csv(
    usage: list[Usage], registry: Registry, month: Month, created: dt.date
) -> str:
    """The report in its tabular form."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows(_heading(registry, month, created))
    writer.writerow([])
    writer.writerow([*_COLUMNS, f"{month.first:%b-%Y}"])
    for item in usage:
        writer.writerows(_rows(item))
    return text.getvalue()


_COLUMNS = (
    *("Dataset_Title", "Publisher", "Publisher_ID", "Creators", "Publication_Date"),
    *("Dataset_Version", "DOI", "URI", "YOP", "Access_Method", "Metric_Type"),
    "Reporting_Period_Total",
)


def _heading(
    registry: Registry, month: Month, created: dt.date
) -> Iterator[tuple[str, str]]:
    partial = f"{PARTIAL_DATA}: {_partial(month)['data']}" if month.missing else ""
    yield "Report_Name", "Dataset Master Report"
    yield "Report_ID", "DSR"
    yield "Release", "RD1"
    yield "Metric_Types", "; ".join(metric.title() for metric in METRICS)
    yield "Report_Filters", ""
    yield "Report_Attributes", ""
    yield "Exceptions", partial
    yield "Reporting_Period", f"{month.first} to {month.last}"
    yield "Created", created.isoformat()
    yield "Created_By", registry.created_by


def _publisher_id(dataset: Dataset) -> str:
    """Kind and value; a URN says its kind itself."""
    kind, value = dataset.publisher_id["type"], dataset.publisher_id["value"]
    return value if value.startswith(f"{kind}:") else f"{kind}:{value}"


def _rows(usage: Usage) -> Iterator[tuple[str | int, ...]]:
    dataset = usage.dataset
    for (method, metric), countries in usage.instances.items():
        count = sum(countries.values())
        yield (
            dataset.title,
            dataset.publisher,
            _publisher_id(dataset),
            "; ".join(dataset.creators),
            dataset.published or "",
            usage.version or "",
            dataset.doi or "",
            dataset.uri or "",
            dataset.yop,
            method.title(),
            metric.title(),
            count,
            count,
        )
