"""The registry of the tables of figures: each is declared once, here.

What ``CountUsage`` and ``CountMonth`` write, what ``LoadUsage`` loads, what the views
describe and what the report reads all follow from it. To add a table, write its schema
and what adds it up in the module of its subject, and declare both here.
"""

import functools
import importlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from usage_metrics.warehouse.table import Table

if TYPE_CHECKING:
    from usage_metrics.counting.usage import Figures


@dataclass(frozen=True)
class FigureTable(Table):
    """A table of figures, and what adds up a partition of it."""

    made_by: str = field(kw_only=True)
    """What begins it; empty: events are added up by its columns."""

    def begin(self, of: Any) -> "Figures":
        """Begin it for a ``CountedDay``; a monthly table, for a ``CountedMonth``."""
        if self.made_by:
            begun: Figures = _declared(self.made_by)(of)
            return begun
        from usage_metrics.counting import usage

        return usage.of_day(of, self.schema)


def _declared(where: str) -> Any:
    """What a module of this wing declares, such as ``usage.USAGE_DAILY``.

    These modules import Arrow, which those who only ask for names do without.
    """
    module, _, name = where.partition(".")
    return getattr(importlib.import_module(f"{__package__}.{module}"), name)


def _table(
    name: str,
    schema: str,
    description: str,
    *facets: str,
    begin: str = "",
    time: str = "date",
    monthly: bool = False,
) -> FigureTable:
    """A table, with where its schema is declared and, if anywhere, what begins it."""
    return FigureTable(
        name,
        functools.partial(_declared, schema),
        time,
        monthly=monthly,
        description=description,
        facets=facets,
        made_by=begin,
    )


DAILY = (
    _table(
        "usage_daily",
        "usage.USAGE_DAILY",
        "Daily use in full detail: a row per dataset, table, format, kind of page, "
        "agent class, network class and country",
        *("dataset", "agent_class", "format"),
    ),
    _table(
        "usage_by_organization",
        "usage.USAGE_BY_ORGANIZATION",
        "Daily use by the organisation that routes the address",
        *("network_class", "agent_class", "dataset"),
    ),
    _table(
        "usage_by_referrer",
        "usage.USAGE_BY_REFERRER",
        "Daily use by referring site",
        *("referrer", "agent_class"),
    ),
    _table(
        "usage_counter",
        "counter.USAGE_COUNTER",
        "Daily COUNTER metrics by dataset, access method and country; may be summed "
        "over days, access methods and countries, not over datasets",
        *("dataset", "access_method"),
        begin="counter.usage_counter",
    ),
    _table(
        "usage_counter_versions",
        "counter.USAGE_COUNTER_VERSIONS",
        "Daily COUNTER metrics by version, for datasets that have versions; may not be "
        "summed over versions",
        *("dataset", "version"),
        begin="counter.usage_counter_versions",
    ),
    _table(
        "usage_concentration",
        "concentration.USAGE_CONCENTRATION",
        "Daily concentration: the largest organisation, and the figures without it",
        *("dataset", "is_concentrated"),
        begin="concentration.usage_concentration",
        time="period",
    ),
    _table(
        "usage_reconciliation",
        "reconciliation.USAGE_RECONCILIATION",
        "The log lines of a day, and what became of them",
        begin="reconciliation.Reconciliation",
    ),
    _table(
        "usage_by_class",
        "usage.USAGE_BY_CLASS",
        "Daily use by agent class; the rows of dataset all cover every request, with "
        "sessions and visitors of their own",
        *("dataset", "agent_class"),
        begin="usage.usage_by_class",
    ),
    _table(
        "usage_by_path",
        "breakdowns.USAGE_BY_PATH",
        "Daily use by path, for the most requested paths",
        *("dataset", "agent_class"),
        begin="breakdowns.usage_by_path",
    ),
    _table(
        "usage_by_city",
        "breakdowns.USAGE_BY_CITY",
        "Daily use by city, as far as the address database knows it",
        *("country", "agent_class"),
    ),
    _table(
        "usage_by_agent",
        "breakdowns.USAGE_BY_AGENT",
        "Daily use by browser, script or robot",
        *("agent_class", "agent_kind"),
        begin="breakdowns.usage_by_agent",
    ),
    _table(
        "usage_by_attribute",
        "attributes.USAGE_BY_ATTRIBUTE",
        "Daily use by what else a log says: status, paths not found, hour, weekday, "
        "latency, operating system, device, referring page, search, SQL, and first and "
        "last page of sessions; may not be summed over attributes",
        *("attribute", "dataset", "agent_class"),
        begin="attributes.UsageByAttribute",
    ),
    _table(
        "usage_combined",
        "combined.USAGE_COMBINED",
        "Daily use by all that the report ranks, together: the combinations with the "
        "most requests; usage_daily has the others too",
        *("country", "agent_class", "dataset"),
        begin="combined.UsageCombined",
    ),
)
"""Made by ``CountUsage`` from the requests of a day."""

MONTHLY = (
    _table(
        "usage_concentration_monthly",
        "concentration.USAGE_CONCENTRATION",
        "Monthly concentration: the largest organisation, and the figures without it",
        *("dataset", "is_concentrated"),
        begin="concentration.usage_concentration_monthly",
        time="period",
        monthly=True,
    ),
    _table(
        "usage_monthly",
        "monthly.USAGE_MONTHLY",
        "Monthly use by dataset and agent class",
        *("dataset", "agent_class"),
        begin="monthly.usage_monthly",
        time="month",
        monthly=True,
    ),
)
"""Made by ``CountMonth`` from the counted days of a month."""

TABLES = {table.name: table for table in (*DAILY, *MONTHLY)}
"""Every table of figures by its name, which is also that of its stage."""
