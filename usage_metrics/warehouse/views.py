"""Views for the questions of every day, over the usage tables of the database.

Each is made when the tables are there that it reads, and described in
``usage_metrics_columns`` like a table. What must not be added up, no view adds up:
sessions over datasets, visitors over days.
"""

from dataclasses import dataclass

CLASSES = ("human", "machine", "robot", "internal", "unknown")
"""Who asked, as the views name it."""

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

MEANINGS = {
    "date": ("TEXT", "", "The UTC day, YYYY-MM-DD"),
    "week": ("TEXT", "", "The Monday that the week begins with, YYYY-MM-DD"),
    "month": ("TEXT", "", "The UTC month, YYYY-MM"),
    "source": ("TEXT", "", "The kind of log"),
    "dataset": (
        "TEXT",
        "",
        "Id in the registry; unmapped: no pattern matches; none: about no dataset; "
        "all: whatever was asked for, which is not to be added to the others",
    ),
    "table": ("TEXT", "", "Table of the dataset; null for what is no table's"),
    "format": ("TEXT", "", "html, json, csv, db, …"),
    "page": ("TEXT", "", "Kind of page: index, database, table, row, query, …"),
    "country": ("TEXT", "", "Of the address, ISO 3166-1 alpha-2; null: unknown"),
    "organization": ("TEXT", "", "AS number and name that route the address"),
    "network_class": ("TEXT", "", "hosting, education, government, …"),
    "referrer": ("TEXT", "", "Host of the page that led here; null: none was named"),
    "agent_class": ("TEXT", "", "human, machine, robot, internal or unknown"),
    "agent_kind": ("TEXT", "", "browser, library, data client, search, …"),
    "agent_name": ("TEXT", "", "What asked: curl, DuckDB, Googlebot, Chrome"),
    "days": ("INTEGER", "days", "Days with requests"),
    "requests": ("INTEGER", "", "All requests, whoever made them"),
    "human": ("INTEGER", "", "Requests of people's browsers and apps"),
    "machine": ("INTEGER", "", "Requests of scripts and data clients"),
    "robot": ("INTEGER", "", "Requests of crawlers, monitors and scrapers"),
    "internal": ("INTEGER", "", "Requests of our own monitors and networks"),
    "unknown": ("INTEGER", "", "Requests of which cannot be told who made them"),
    "counted": ("INTEGER", "", "Requests that count by the COUNTER rules"),
    "counted_human": ("INTEGER", "", "Those of them that people made"),
    "counted_machine": ("INTEGER", "", "Those of them that scripts made"),
    "counted_unknown": ("INTEGER", "", "Those of them of unknown makers"),
    "sessions": (
        "INTEGER",
        "",
        "Different sessions, visitor and UTC hour, without robots and ourselves",
    ),
    "visitors": (
        "INTEGER",
        "",
        "Different visitors of the day, without robots and ourselves; not to be added "
        "up over days",
    ),
    "bytes": ("INTEGER", "bytes", "Sizes of the responses with their headers"),
    "errors": ("INTEGER", "", "Responses with a status from 400 on"),
    "first_date": ("TEXT", "", "The first day on which it was asked for"),
    "last_date": ("TEXT", "", "The last day on which it was asked for"),
    "lines": ("INTEGER", "", "Log lines of the day"),
    "rejected": ("INTEGER", "", "Lines that could not be understood"),
    "duplicates": ("INTEGER", "", "Lines that another line repeats"),
    "not_requests": ("INTEGER", "", "Lines that are no requests"),
    "rejected_percent": ("REAL", "percent", "Share of the lines that were rejected"),
    "unexplained": ("INTEGER", "", "Lines without an explanation; always 0"),
}
"""The columns of all views: type, unit, and what they hold."""


@dataclass(frozen=True)
class View:
    """A view."""

    name: str
    description: str
    reads: str
    """The table that it is made from."""
    columns: tuple[str, ...]
    sql: str
    order: str
    """The column that people want the greatest of first."""
    facets: tuple[str, ...] = ()

    @property
    def statement(self) -> str:
        """The statement that makes it."""
        return f'CREATE VIEW "{self.name}" AS {self.sql}'


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
    return View(
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
    View(
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
    View(
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
    View(
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
    View(
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
    View(
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
