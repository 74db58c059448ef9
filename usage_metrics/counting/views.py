"""Views for the questions of every day, over the usage tables of the database.

Each is made when the tables are there that it reads, and described in
``usage_metrics_columns`` like a table. What must not be added up, no view adds up:
sessions over datasets, visitors over days.
"""

from collections.abc import Iterable

import pyarrow as pa

from usage_metrics.agents.rules import CLASSES
from usage_metrics.arrow import INTEGER, NUMBER, STRING, column
from usage_metrics.counting.tables import TABLES
from usage_metrics.warehouse.views import View

_EACH_CLASS = ", ".join(
    f"sum(iif(agent_class = '{name}', requests, 0)) AS {name}" for name in CLASSES
)
_COUNTED_CLASSES = ", ".join(
    f"sum(iif(agent_class = '{name}', counted, 0)) AS counted_{name}"
    for name in ("human", "machine", "unknown")
)
_MONTH = "substr(date, 1, 7) AS month"
_PEOPLE = "agent_class NOT IN ('robot', 'internal')"
"""Robots and ourselves are no visitors."""

_NEW = {
    field.name: field
    for field in (
        column("week", STRING, "The Monday that the week begins with, YYYY-MM-DD"),
        column("month", STRING, "The UTC month, YYYY-MM"),
        column("days", INTEGER, "Days with requests", "days"),
        column("human", INTEGER, "Requests of people's browsers and apps"),
        column("machine", INTEGER, "Requests of scripts and data clients"),
        column("robot", INTEGER, "Requests of crawlers, monitors and scrapers"),
        column("internal", INTEGER, "Requests of our own monitors and networks"),
        column("unknown", INTEGER, "Requests of unknown agents"),
        column("counted_human", INTEGER, "Counted requests of people"),
        column("counted_machine", INTEGER, "Counted requests of scripts"),
        column("counted_unknown", INTEGER, "Counted requests of unknown agents"),
        column(
            "sessions",
            INTEGER,
            "Different sessions (visitor and UTC hour), without robots and ourselves",
        ),
        column(
            "visitors",
            INTEGER,
            "Different visitors of the day, without robots and ourselves; not to be "
            "summed over days",
        ),
        column("first_date", STRING, "The first day on which it was requested"),
        column("last_date", STRING, "The last day on which it was requested"),
        column("rejected_percent", NUMBER, "Share of lines rejected", "percent"),
        column("unexplained", INTEGER, "Lines without an explanation; always 0"),
    )
}
"""The columns of views that their tables do not have."""


def _view(
    name: str,
    description: str,
    reads: str,
    columns: Iterable[str],
    sql: str,
    order: str,
    facets: tuple[str, ...] = (),
) -> View:
    """A view whose columns are new ones, or those of its table as they are there."""
    table = TABLES[reads].schema
    fields = [_NEW[n] if n in _NEW else table.field(n) for n in columns]
    return View(name, description, reads, pa.schema(fields), sql, order, facets)


def _by(
    name: str,
    description: str,
    reads: str,
    keys: tuple[str, ...],
    figures: dict[str, str],
    facets: tuple[str, ...] = ("month",),
) -> View:
    """A view of a month at a time, by some keys."""
    listed = ", ".join(f'"{key}"' for key in keys)
    sums = ", ".join(f"{sql} AS {figure}" for figure, sql in figures.items())
    return _view(
        name,
        description,
        reads,
        ("month", "source", *keys, *figures),
        f"SELECT {_MONTH}, source, {listed}, {sums} FROM {reads} "  # noqa: S608
        f"GROUP BY 1, 2, {listed}",
        order="counted",
        facets=facets,
    )


_REQUESTS = {"requests": "sum(requests)", "counted": "sum(counted)"}
_ALL = "FROM usage_by_class WHERE dataset = 'all'"
_SUMS = f"sum(requests) AS requests, {_EACH_CLASS}, sum(counted) AS counted"
_SESSIONS = f"sum(iif({_PEOPLE}, unique_sessions, 0)) AS sessions"

VIEWS = (
    _view(
        "use_per_day",
        "Each day: requests by who made them, what counts, sessions and visitors",
        "usage_by_class",
        (
            *("date", "source", "requests", *CLASSES, "counted"),
            *("sessions", "visitors", "bytes", "errors"),
        ),
        f"SELECT date, source, {_SUMS}, {_SESSIONS}, "
        f"sum(iif({_PEOPLE}, unique_visitors, 0)) AS visitors, "
        f"sum(bytes) AS bytes, sum(errors) AS errors {_ALL} GROUP BY 1, 2",
        order="date",
    ),
    _view(
        "use_per_week",
        "Each week, from Monday on: requests by who made them, what counts, sessions",
        "usage_by_class",
        (
            *("week", "source", "days", "requests", *CLASSES, "counted"),
            *("sessions", "bytes", "errors"),
        ),
        "SELECT date(date, '-6 days', 'weekday 1') AS week, source, "
        f"count(DISTINCT date) AS days, {_SUMS}, {_SESSIONS}, "
        f"sum(bytes) AS bytes, sum(errors) AS errors {_ALL} GROUP BY 1, 2",
        order="week",
    ),
    _view(
        "use_per_month",
        "Each month and dataset: requests by who made them, what counts, sessions",
        "usage_by_class",
        (
            *("month", "source", "dataset", "days", "requests", *CLASSES),
            *("counted", "sessions", "bytes", "errors"),
        ),
        f"SELECT {_MONTH}, source, dataset, count(DISTINCT date) AS days, "  # noqa: S608
        f"{_SUMS}, {_SESSIONS}, sum(bytes) AS bytes, sum(errors) AS errors "
        "FROM usage_by_class GROUP BY 1, 2, 3",
        order="month",
        facets=("dataset", "month"),
    ),
    _view(
        "use_by_table",
        "Each table of a dataset: how often it was asked for, by whom, and until when",
        "usage_daily",
        (
            *("source", "dataset", "table", "requests", "counted", "counted_human"),
            *("counted_machine", "counted_unknown", "bytes", "errors"),
            *("first_date", "last_date"),
        ),
        'SELECT source, dataset, "table", sum(requests) AS requests, '  # noqa: S608
        f"sum(counted) AS counted, {_COUNTED_CLASSES}, sum(bytes) AS bytes, "
        "sum(errors) AS errors, min(date) AS first_date, max(date) AS last_date "
        'FROM usage_daily WHERE "table" IS NOT NULL GROUP BY 1, 2, 3',
        order="counted",
        facets=("dataset",),
    ),
    _by(
        "use_by_format",
        "Each month: formats and kinds of page",
        "usage_daily",
        ("dataset", "format", "page"),
        _REQUESTS | {"bytes": "sum(bytes)"},
        ("month", "dataset", "format"),
    ),
    _by(
        "use_by_country",
        "Each month: countries",
        "usage_daily",
        ("country",),
        _REQUESTS | {"bytes": "sum(bytes)"},
    ),
    _by(
        "use_by_organization",
        "Each month: organisations that route the addresses, and what kind they are",
        "usage_by_organization",
        ("organization", "network_class"),
        _REQUESTS | {"bytes": "sum(bytes)"},
        ("month", "network_class"),
    ),
    _by(
        "use_by_referrer",
        "Each month: sites that led here",
        "usage_by_referrer",
        ("referrer",),
        _REQUESTS,
    ),
    _by(
        "use_by_agent",
        "Each month: browsers, scripts and robots by name",
        "usage_by_agent",
        ("agent_class", "agent_kind", "agent_name"),
        _REQUESTS,
        ("month", "agent_class", "agent_kind"),
    ),
    _view(
        "quality_per_day",
        "Each day: what became of its log lines",
        "usage_reconciliation",
        (
            *("date", "source", "lines", "requests", "duplicates", "not_requests"),
            *("rejected", "rejected_percent", "unexplained"),
        ),
        "SELECT date, source, lines, requests, duplicates, not_requests, rejected, "
        "round(100.0 * rejected / max(lines, 1), 2) AS rejected_percent, "
        "lines - requests - duplicates - not_requests - rejected AS unexplained "
        "FROM usage_reconciliation",
        order="date",
    ),
)
"""Every view."""
