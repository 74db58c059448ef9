"""The registry of the tables of figures: each is stated once, here.

What ``CountUsage`` and ``CountMonth`` write, what ``LoadUsage`` loads, what the views
describe and what the report reads all follow from it. To add a table, write its schema
and the function that makes it in the module of its subject, and name both here.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from usage_metrics.counting import (
    breakdowns,
    concentration,
    counter,
    monthly,
    reconciliation,
    usage,
)
from usage_metrics.counting.usage import CountedDay
from usage_metrics.warehouse.table import Table


@dataclass(frozen=True)
class FigureTable(Table):
    """A table of figures, and the function that makes a partition of it."""

    make: Callable[[Any], pa.Table] = field(kw_only=True)
    """Makes the rows of a ``CountedDay`` or, of a monthly table, a ``CountedMonth``."""


def _summed(
    name: str, schema: pa.Schema, description: str, facets: tuple[str, ...]
) -> FigureTable:
    """A table that adds up the events of a day by the columns of its schema."""

    def make(day: CountedDay) -> pa.Table:
        return usage.summarise(day.events, schema, date=day.date, source=day.source)

    return FigureTable(
        name, schema, "date", description=description, facets=facets, make=make
    )


DAILY = (
    _summed(
        "usage_daily",
        usage.USAGE_DAILY,
        "Use of a day in full detail: a row per dataset, table, format, kind of page, "
        "class, network and country",
        ("dataset", "agent_class", "format"),
    ),
    _summed(
        "usage_by_organization",
        usage.USAGE_BY_ORGANIZATION,
        "Use of a day by the organisation that routes the address",
        ("network_class", "agent_class", "dataset"),
    ),
    _summed(
        "usage_by_referrer",
        usage.USAGE_BY_REFERRER,
        "Use of a day by the site that linked here",
        ("referrer", "agent_class"),
    ),
    FigureTable(
        "usage_counter",
        counter.USAGE_COUNTER,
        "date",
        make=counter.usage_counter,
        description="COUNTER metrics of a day by dataset, access method and country; "
        "may be summed over all of these except datasets",
        facets=("dataset", "access_method"),
    ),
    FigureTable(
        "usage_counter_versions",
        counter.USAGE_COUNTER_VERSIONS,
        "date",
        make=counter.usage_counter_versions,
        description="COUNTER metrics by version, for datasets that have versions; not "
        "to be summed over versions",
        facets=("dataset", "version"),
    ),
    FigureTable(
        "usage_concentration",
        concentration.USAGE_CONCENTRATION,
        "period",
        make=concentration.usage_concentration,
        description="How much of a day's use came from one place, and what is left "
        "without the largest organisation",
        facets=("dataset", "is_concentrated"),
    ),
    FigureTable(
        "usage_reconciliation",
        reconciliation.USAGE_RECONCILIATION,
        "date",
        make=reconciliation.reconcile,
        description="The log lines of a day, and what became of them",
    ),
    FigureTable(
        "usage_by_class",
        usage.USAGE_BY_CLASS,
        "date",
        make=usage.usage_by_class,
        description="Use of a day by who asked; the rows of the dataset all cover all "
        "datasets, with their own sessions and visitors",
        facets=("dataset", "agent_class"),
    ),
    FigureTable(
        "usage_by_path",
        breakdowns.USAGE_BY_PATH,
        "date",
        make=breakdowns.usage_by_path,
        description="Use of a day by path, for the paths requested most",
        facets=("dataset", "agent_class"),
    ),
    FigureTable(
        "usage_by_city",
        breakdowns.USAGE_BY_CITY,
        "date",
        make=breakdowns.usage_by_city,
        description="Use of a day by city, as far as the address database knows",
        facets=("country", "agent_class"),
    ),
    FigureTable(
        "usage_by_agent",
        breakdowns.USAGE_BY_AGENT,
        "date",
        make=breakdowns.usage_by_agent,
        description="Use of a day by the browser, script or robot that asked",
        facets=("agent_class", "agent_kind"),
    ),
)
"""Made by ``CountUsage`` from the requests of a day."""

MONTHLY = (
    FigureTable(
        "usage_concentration_monthly",
        concentration.USAGE_CONCENTRATION,
        "period",
        monthly=True,
        make=concentration.usage_concentration_monthly,
        description="How much of a month's use came from one place, and what is left "
        "without the largest organisation",
        facets=("dataset", "is_concentrated"),
    ),
    FigureTable(
        "usage_monthly",
        monthly.USAGE_MONTHLY,
        "month",
        monthly=True,
        make=monthly.usage_monthly,
        description="Use of a month by dataset and who asked",
        facets=("dataset", "agent_class"),
    ),
)
"""Made by ``CountMonth`` from the counted days of a month."""

TABLES = {table.name: table for table in (*DAILY, *MONTHLY)}
"""Every table of figures by its name, which is also that of its stage."""
