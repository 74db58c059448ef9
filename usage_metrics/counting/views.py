"""Views for everyday questions, over the usage tables of the database.

Each is created when the table that it reads exists, and described in
``usage_metrics_columns`` like a table. No view sums what may not be summed: sessions
over datasets, visitors over days.
"""

import functools
from typing import TYPE_CHECKING

from usage_metrics.agents.rules import CLASSES
from usage_metrics.counting.figure_names import BY_CLASS, BY_CLASS_KEYS
from usage_metrics.counting.tables import TABLES
from usage_metrics.warehouse.views import View

if TYPE_CHECKING:
    import pyarrow as pa

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


def _schema(reads: str, names: tuple[str, ...]) -> "pa.Schema":
    """The columns of a view: new ones, or those of its table."""
    from usage_metrics.counting.view_columns import schema_of_view

    return schema_of_view(TABLES[reads].schema, names)


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
    schema = functools.partial(_schema, reads, tuple(columns))
    return View(name, description, reads, schema, sql, order, facets)


_AND_DAYS_WITHOUT_USE = (
    f"(SELECT {', '.join((*BY_CLASS_KEYS, *BY_CLASS))} FROM usage_by_class UNION ALL "  # noqa: S608 - our own names
    f"SELECT date, source, 'all', 'human', {', '.join('0' for _ in BY_CLASS)} "
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
        functools.partial(_schema, "usage_reconciliation", _QUALITY),
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
