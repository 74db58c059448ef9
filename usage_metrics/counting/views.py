"""Views for everyday questions, over the usage tables of the database.

Each is created when the table that it reads exists, and described in
``usage_metrics_columns`` like a table. No view sums what may not be summed: sessions
over datasets, visitors over days.
"""

import pyarrow as pa

from usage_metrics.agents.rules import CLASSES
from usage_metrics.arrow import INTEGER, NUMBER, STRING, column
from usage_metrics.counting.columns import SHARED
from usage_metrics.counting.tables import TABLES
from usage_metrics.warehouse.views import View

_NEW = {
    field.name: field
    for field in (
        column("week", STRING, "Monday that begins the week, YYYY-MM-DD"),
        SHARED["month"],
        column(
            "days", INTEGER, "Days that are there; no sum has a missing day", "days"
        ),
        column("human", INTEGER, "Requests of people's browsers and apps"),
        column("machine", INTEGER, "Requests of scripts and data clients"),
        column("robot", INTEGER, "Requests of crawlers, monitors and scrapers"),
        SHARED["assistants"],
        column("internal", INTEGER, "Requests of our own monitors and networks"),
        column("unknown", INTEGER, "Requests of unknown agents"),
        column("counted_human", INTEGER, "Counted requests of people"),
        column("counted_machine", INTEGER, "Counted requests of scripts"),
        column("counted_unknown", INTEGER, "Counted requests of unknown agents"),
        column(
            "sessions",
            INTEGER,
            "Unique sessions (visitor and UTC hour), without robots and ourselves",
        ),
        column(
            "visitors",
            INTEGER,
            "Unique visitors of the day, without robots and ourselves; may not be "
            "summed over days",
        ),
        column("first_date", STRING, "First day with requests"),
        column("last_date", STRING, "Last day with requests"),
        column("rejected_percent", NUMBER, "Share of the lines rejected", "percent"),
        column("unexplained", INTEGER, "Lines not accounted for; always 0"),
    )
}
"""The columns of views that their tables do not have."""

_VISITS = "agent_class NOT IN ('robot', 'internal')"
_SQL = {
    "month": "substr(date, 1, 7)",
    "week": "date(date, '-6 days', 'weekday 1')",
    **{name: f"sum({name})" for name in ("requests", "counted", "bytes", "errors")},
    "assistants": "sum(assistants)",
    **{name: f"sum(iif(agent_class = '{name}', requests, 0))" for name in CLASSES},
    **{
        f"counted_{name}": f"sum(iif(agent_class = '{name}', counted, 0))"
        for name in ("human", "machine", "unknown")
    },
    "sessions": f"sum(iif({_VISITS}, unique_sessions, 0))",
    "visitors": f"sum(iif({_VISITS}, unique_visitors, 0))",
    "first_date": "min(date)",
    "last_date": "max(date)",
}
"""What is selected for a column, unless that is a column of the table."""


def _schema(reads: str, names: tuple[str, ...]) -> pa.Schema:
    """The columns of a view: new ones, or those of its table."""
    table = TABLES[reads].schema
    return pa.schema([_NEW[n] if n in _NEW else table.field(n) for n in names])


def _view(
    name: str,
    description: str,
    reads: str,
    keys: tuple[str, ...],
    figures: tuple[str, ...],
    *facets: str,
    order: str = "counted",
    where: str = "true",
    rows: str = "",
    days: str = "",
) -> View:
    """A view that adds up figures of a table by some keys.

    Args:
        name: its name.
        description: what it answers.
        reads: the table.
        keys: what it groups by.
        figures: what it adds up.
        facets: the columns by which to browse it.
        order: the column whose greatest value people want first.
        where: the rows that are added up.
        rows: what to select from, if it is more than the table.
        days: how to find the number of days.
    """
    columns = {n: _SQL.get(n, f'"{n}"') for n in (*keys, *figures)}
    if days:
        columns["days"] = days
    selected = ", ".join(f'{sql} AS "{name}"' for name, sql in columns.items())
    sql = (
        f"SELECT {selected} FROM {rows or reads} WHERE {where} "  # noqa: S608 - our own names
        f"GROUP BY {', '.join(str(n + 1) for n in range(len(keys)))}"
    )
    schema = _schema(reads, tuple(columns))
    return View(name, description, reads, schema, sql, order, facets)


_KEYS = ("date", "source", "dataset", "agent_class")
_SUMS = [name for name in TABLES["usage_by_class"].schema.names if name not in _KEYS]
_AND_DAYS_WITHOUT_USE = (
    f"(SELECT {', '.join((*_KEYS, *_SUMS))} FROM usage_by_class UNION ALL "  # noqa: S608 - our own names
    f"SELECT date, source, 'all', 'human', {', '.join('0' for _ in _SUMS)} "
    "FROM usage_reconciliation)"
)
"""The use by class, with a row of zeros for each day that is there.

Without it, a day without a request would be as absent as one that is missing.
"""
_DAYS_OF_MONTH = (
    "(SELECT count(*) FROM usage_reconciliation AS d "
    "WHERE d.source = usage_by_class.source AND d.date BETWEEN "
    "substr(usage_by_class.date, 1, 7) || '-01' "
    "AND substr(usage_by_class.date, 1, 7) || '-31')"
)

_REQUESTS = ("requests", "counted")
_BY_CLASS = ("requests", *CLASSES, "assistants", "counted", "sessions")
_ALL = "dataset = 'all'"
_QUALITY = (
    *("date", "source", "lines", "requests", "duplicates", "not_requests"),
    *("other_logs", "rejected", "rejected_percent", "unexplained"),
)

VIEWS = (
    _view(
        "use_per_day",
        "Each day: requests by agent class, counted requests, sessions and visitors",
        "usage_by_class",
        ("date", "source"),
        (*_BY_CLASS, "visitors", "bytes", "errors"),
        order="date",
        where=_ALL,
        rows=_AND_DAYS_WITHOUT_USE,
    ),
    _view(
        "use_per_week",
        "Each week from Monday: requests by agent class, counted requests, sessions",
        "usage_by_class",
        ("week", "source"),
        ("days", *_BY_CLASS, "bytes", "errors"),
        order="week",
        where=_ALL,
        rows=_AND_DAYS_WITHOUT_USE,
        days="count(DISTINCT date)",
    ),
    _view(
        "use_per_month",
        "Each month and dataset: requests by agent class, counted requests, sessions",
        "usage_by_class",
        ("month", "source", "dataset"),
        ("days", *_BY_CLASS, "bytes", "errors"),
        *("dataset", "month"),
        order="month",
        days=_DAYS_OF_MONTH,
    ),
    _view(
        "use_by_table",
        "Each table of a dataset: how often it was requested, by whom, and when",
        "usage_daily",
        ("source", "dataset", "table"),
        (
            *("requests", "counted", "counted_human", "counted_machine"),
            *("counted_unknown", "bytes", "errors", "first_date", "last_date"),
        ),
        "dataset",
        where='"table" IS NOT NULL',
    ),
    _view(
        "use_by_format",
        "Each month: formats and kinds of page",
        "usage_daily",
        ("month", "source", "dataset", "format", "page"),
        (*_REQUESTS, "bytes"),
        *("month", "dataset", "format"),
    ),
    _view(
        "use_by_country",
        "Each month: countries",
        "usage_daily",
        ("month", "source", "country"),
        (*_REQUESTS, "bytes"),
        "month",
    ),
    _view(
        "use_by_organization",
        "Each month: organisations that route the addresses, and their kinds",
        "usage_by_organization",
        ("month", "source", "organization", "network_class"),
        (*_REQUESTS, "bytes"),
        *("month", "network_class"),
    ),
    _view(
        "use_by_referrer",
        "Each month: referring sites",
        "usage_by_referrer",
        ("month", "source", "referrer"),
        _REQUESTS,
        "month",
    ),
    _view(
        "use_by_agent",
        "Each month: browsers, scripts and robots by name",
        "usage_by_agent",
        ("month", "source", "agent_class", "agent_kind", "agent_name"),
        _REQUESTS,
        *("month", "agent_class", "agent_kind"),
    ),
    _view(
        "use_by_attribute",
        "Each month: status, hour, latency, device, search and what else a log says; "
        "may not be summed over attributes",
        "usage_by_attribute",
        ("month", "source", "attribute", "value"),
        _REQUESTS,
        *("month", "attribute"),
    ),
    View(
        "quality_per_day",
        "Each day: what became of its log lines",
        "usage_reconciliation",
        _schema("usage_reconciliation", _QUALITY),
        "SELECT date, source, lines, requests, duplicates, not_requests, other_logs, "
        "rejected, "
        "round(100.0 * rejected / max(lines, 1), 2) AS rejected_percent, "
        "lines - requests - duplicates - not_requests - other_logs - rejected "
        "AS unexplained "
        "FROM usage_reconciliation",
        order="date",
    ),
)
"""Every view."""
