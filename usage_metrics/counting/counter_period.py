"""One COUNTER report of several months, of some datasets, or without the months."""

import calendar
import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from usage_metrics.counting.counter_report import (
    PARTIAL_DATA,
    assistants_of,
    with_assistants,
)
from usage_metrics.counting.counter_tsv import EXCLUDE_MONTHS

Report = dict[str, Any]

REPORT = {"report-name": "dataset report", "report-id": "dsr", "release": "rd1"}

MOST_MONTHS = 120
"""Of a report."""

NO_USAGE = (3030, "No Usage Available for Requested Dates")
NOT_READY = (3031, "Usage Not Ready for Requested Dates")
UNKNOWN_PARAMETER = (3050, "Parameter Not Recognized in this Context")

FILTERS = ("platform", "dataset-id")
"""What a report may be limited to."""


def exception(kind: tuple[int, str], about: str = "") -> dict[str, Any]:
    """An exception, in the words of the standard."""
    code, message = kind
    found: dict[str, Any] = {"code": code, "severity": "warning", "message": message}
    return found | ({"data": about} if about else {})


def months_between(first: dt.date, last: dt.date) -> list[dt.date]:
    """The first days of the months of a period.

    There are none if it ends before it begins, or has more than ``MOST_MONTHS``.
    """
    begin, end = (day.year * 12 + day.month - 1 for day in (first, last))
    if end - begin >= MOST_MONTHS:
        return []
    return [dt.date(n // 12, n % 12 + 1, 1) for n in range(begin, end + 1)]


def joined(
    reports: Mapping[dt.date, Report],
    months: Iterable[dt.date],
    created: dt.date,
    created_by: str | None,
    filters: Mapping[str, str],
    *,
    without_months: bool,
) -> Report:
    """The reports of several months in one.

    Args:
        reports: those that there are, by the first days of their months.
        months: the first days of all months of the period, in order.
        created: today.
        created_by: who reports.
        filters: of ``FILTERS``, the only value that is wanted.
        without_months: whether the counts of all months are added up.
    """
    wanted = [*months]
    absent = [f"{month:%Y-%m}" for month in wanted if month not in reports]
    parts = [reports[month] for month in wanted if month in reports]
    found = [e for part in parts for e in part["report-header"]["exceptions"]]
    period = _period(wanted[0], wanted[-1])
    datasets = _datasets(parts, filters)
    if without_months:
        datasets = [item | {"performance": [_total(item, period)]} for item in datasets]
    if not datasets:
        found = [exception(NO_USAGE if parts else NOT_READY)]
    elif absent:
        found.append(exception(PARTIAL_DATA, f"no report of {', '.join(absent)}"))
    attributes = [{"name": EXCLUDE_MONTHS, "value": "True"}] if without_months else []
    header = {
        "created": created.isoformat(),
        "created-by": created_by,
        "reporting-period": period,
        "report-filters": [{"name": n, "value": v} for n, v in filters.items()],
        "report-attributes": attributes,
        "exceptions": found,
    }
    return {"report-header": REPORT | header, "report-datasets": datasets}


def _period(first: dt.date, last: dt.date) -> dict[str, str]:
    end = last.replace(day=calendar.monthrange(last.year, last.month)[1])
    return {"begin-date": f"{first}", "end-date": f"{end}"}


def _datasets(parts: Iterable[Report], filters: Mapping[str, str]) -> list[Report]:
    """Each dataset once, described as the last month does, with all its months."""
    found: dict[str, Report] = {}
    assistants: Counter[str] = Counter()
    for part in parts:
        for dataset in part["report-datasets"]:
            if not _is_wanted(dataset, filters):
                continue
            key = str(dataset["dataset-id"]).lower()
            before = found.get(key, {}).get("performance", [])
            performance = [*before, *dataset["performance"]]
            found[key] = dataset | {"performance": performance}
            assistants[key] += assistants_of(dataset)
    return [with_assistants(item, assistants[key]) for key, item in found.items()]


def _is_wanted(dataset: Report, filters: Mapping[str, str]) -> bool:
    platform = str(dataset["platform"]).lower()
    ids = {str(item["value"]).lower() for item in dataset["dataset-id"]}
    return (
        filters.get("platform", platform).lower() == platform
        and filters.get("dataset-id", next(iter(ids))).lower() in ids
    )


def _total(dataset: Report, period: dict[str, str]) -> Report:
    """The counts of all months: sessions end with their hour, so they may be added."""
    sums: dict[tuple[str, str], Report] = {}
    for part in dataset["performance"]:
        for instance in part["instance"]:
            key = instance["access-method"], instance["metric-type"]
            added = sums.setdefault(key, instance | {"count": 0, "country-counts": {}})
            added["count"] += instance["count"]
            of_country = added["country-counts"]
            for code, count in instance.get("country-counts", {}).items():
                of_country[code] = of_country.get(code, 0) + count
    for added in sums.values():
        if not added["country-counts"]:
            del added["country-counts"]
    return {"period": period, "instance": [*sums.values()]}
