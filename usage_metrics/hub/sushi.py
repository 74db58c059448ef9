"""Answers aggregators that fetch COUNTER reports by SUSHI, from the written reports."""

import datetime as dt
import json
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from usage_metrics.counting.counter_period import (
    FILTERS,
    MOST_MONTHS,
    REPORT,
    UNKNOWN_PARAMETER,
    exception,
    joined,
    months_between,
)
from usage_metrics.counting.counter_tsv import EXCLUDE_MONTHS, as_tsv
from usage_metrics.dates import month_after, utc_now
from usage_metrics.errors import StorageError

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

_logger = logging.getLogger("luigi-interface")

Report = dict[str, Any]
Read = Callable[[dt.date], Report | None]
"""Reads the report of a month; None if it is not written."""

NO_SERVICE = (1000, "Service Not Available")
INVALID_DATES = (3020, "Invalid Date Arguments")
MISSING_FILTER = (3070, "Required ReportFilter Missing")

TSV = "text/tab-separated-values"

_WHO_ASKS = ("customer-id", "requestor-id", "api-key")
"""Parameters of the standard that make no difference: the reports are for everybody."""


class Office(NamedTuple):
    """Who reports."""

    name: str | None
    platform: str | None


class _RefusedError(Exception):
    """A request that cannot be answered."""

    def __init__(self, kind: tuple[int, str], about: str, status: int = 400) -> None:
        super().__init__(about)
        self.status = status
        self.body = exception(kind, about) | {"severity": "error"}


def application(read: Read, office: Office) -> "Starlette":
    """The service, as an ASGI application."""
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    def status(_: "Request") -> JSONResponse:
        about = f"COUNTER reports on the datasets of {office.name}"
        active = {"description": about, "serviceactive": True, "alerts": []}
        return JSONResponse([active])

    def members(_: "Request") -> JSONResponse:
        return JSONResponse([{"name": office.name, "customer-id": office.platform}])

    def reports(_: "Request") -> JSONResponse:
        what = {"report-description": "Use of datasets", "path": "/reports/dsr"}
        return JSONResponse([REPORT | what])

    def dataset_report(request: "Request") -> "Response":
        return _answer(request, read, office)

    paths = {
        "/status": status,
        "/members": members,
        "/reports": reports,
        "/reports/dsr": dataset_report,
        "/reports/DSR": dataset_report,
    }
    return Starlette(routes=[Route(path, answer) for path, answer in paths.items()])


def _answer(request: "Request", read: Read, office: Office) -> "Response":
    from starlette.responses import Response

    asked = {k.replace("_", "-").lower(): v for k, v in request.query_params.items()}
    wants_tsv = TSV in request.headers.get("accept", "") or asked.get("format") == "tsv"
    try:
        report = _dataset_report(asked, read, office)
    except _RefusedError as refused:
        body, media = json.dumps(refused.body), "application/json"
        return Response(body, refused.status, media_type=media)
    if wants_tsv:
        return Response(as_tsv(report), media_type=TSV)
    return Response(json.dumps(report), media_type="application/json")


def _dataset_report(asked: Mapping[str, str], read: Read, office: Office) -> Report:
    """The report that is asked for.

    Raises:
        _RefusedError: if the parameters, or the files, cannot be used. Why files cannot
            is logged: their paths are no business of who asks.
    """
    months = _months(asked)
    filters = {name: asked[name] for name in FILTERS if name in asked}
    without_months = asked.get(EXCLUDE_MONTHS, "").lower() == "true"
    try:
        found = {month: report for month in months if (report := read(month))}
    except StorageError as error:
        _logger.error("%s", error)
        why = "a report of these months cannot be read; tell its publisher"
        raise _RefusedError(NO_SERVICE, why, 503) from error
    today = utc_now().date()
    report = joined(
        found, months, today, office.name, filters, without_months=without_months
    )
    known = {*FILTERS, *_WHO_ASKS, "begin-date", "end-date", EXCLUDE_MONTHS, "format"}
    if unknown := asked.keys() - known:
        about = ", ".join(sorted(name.replace("-", "_") for name in unknown))
        report["report-header"]["exceptions"].append(
            exception(UNKNOWN_PARAMETER, about)
        )
    return report


def _months(asked: Mapping[str, str]) -> list[dt.date]:
    """The first days of the months that are asked for."""
    ends = []
    for name in ("begin-date", "end-date"):
        shown = name.replace("-", "_")
        if name not in asked:
            raise _RefusedError(MISSING_FILTER, f"{shown} is missing: write YYYY-MM")
        try:
            ends.append(dt.date.fromisoformat(f"{asked[name][:7]}-01"))
            month_after(ends[-1])  # the last of all dates has none, nor an end
        except (ValueError, OverflowError):
            why = f"{shown} is not a month: write YYYY-MM"
            raise _RefusedError(INVALID_DATES, why) from None
    if not (months := months_between(*ends)):
        why = f"begin_date is not before end_date, by {MOST_MONTHS} months at most"
        raise _RefusedError(INVALID_DATES, why)
    return months
