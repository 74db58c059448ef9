"""The figures: a pandas frame from the database for each question.

    with open_tables("data/usage_metrics.db") as tables:
        database = Database(tables)
        span = Span("datasette", dt.date(2026, 3, 2), dt.date(2026, 3, 16), "week")
        print(by_country(database, span))

A row holds a period, a dataset, a class of agents, what the question is about, and two
numbers: all ``requests``, and those ``counted`` under the COUNTER rules. Both may be
added up over every column; a column that may not says so. Names from the logs have no
markup, control characters or formulas; see :mod:`.neutral`.
"""

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa

from usage_metrics.counting import breakdowns
from usage_metrics.counting.grouping import any_of, holds
from usage_metrics.report import reached
from usage_metrics.report.concentrated import Concentrated, concentrated
from usage_metrics.report.periods import Period
from usage_metrics.report.periods import periods as periods_of
from usage_metrics.report.usage_database import (
    ALL,
    KEYS,
    NUMBERS,
    Database,
    Span,
    frame,
    much_used,
)

if TYPE_CHECKING:
    import pandas as pd

ATTRIBUTES = "usage_by_attribute"
"""The table of what else a log says."""


def by_class(database: Database, span: Span) -> "pd.DataFrame":
    """Use by class of agents, for each dataset and for all together.

    ``unique_sessions`` may be added up over periods and over classes, as a session has
    one class, but not over datasets; hence the rows for all. ``visitor_days`` is the
    sum of each day's visitors: divided by the days, it is the visitors of an average
    day. The number of different visitors of several days is unknown by design.
    """
    return frame(class_sums(database, span))


def class_sums(database: Database, span: Span) -> pa.Table:
    """The same as an Arrow table."""
    numbers = (*NUMBERS, "assistants", "unique_sessions", "unique_visitors")
    numbers = (*numbers, "bytes", "errors")
    found = database.encoded_sums("usage_by_class", KEYS, numbers, span)
    names = [{"unique_visitors": "visitor_days"}.get(n, n) for n in found.column_names]
    return found.rename_columns(names)


def by_dataset(database: Database, span: Span) -> "pd.DataFrame":
    """Use by dataset; ``none``: about no dataset, ``unmapped``: not known."""
    found = by_class(database, span)
    return found[found["dataset"] != ALL].reset_index(drop=True)


@dataclass(frozen=True)
class Question:
    """Use by some columns: ``by_country(database, span)`` gives a frame."""

    table: str
    names: tuple[str, ...]
    attribute: str | None = None
    """Of ``usage_by_attribute``, the attribute that is asked about."""

    def __call__(self, database: Database, span: Span) -> "pd.DataFrame":
        """Add up the table by period, dataset, class and these columns."""
        found = database.sums(self.table, self._keys, NUMBERS, span)
        if self.attribute is None:
            return found
        rows = found[found["attribute"] == self.attribute]
        return rows.drop(columns="attribute").reset_index(drop=True)

    def encoded(self, database: Database, span: Span) -> "pa.Table":
        """The same as an Arrow table, with each text stated once."""
        found = database.encoded_sums(self.table, self._keys, NUMBERS, span)
        if self.attribute is None:
            return found
        is_asked = holds(found["attribute"], any_of(self.attribute))
        return found.filter(pa.array(is_asked)).drop_columns(["attribute"])

    @property
    def _keys(self) -> list[str]:
        attribute = [] if self.attribute is None else ["attribute"]
        return list(dict.fromkeys([*KEYS, *attribute, *self.names]))


by_table = Question("usage_daily", ("dataset", "table"))
"""Use by table of a dataset; null for pages without one."""
by_format = Question("usage_daily", ("format",))
"""Use by format: html, json, csv, db; null for what is not a data page."""
by_page = Question("usage_daily", ("page",))
"""Use by kind of page: table, row, query, download and others."""
by_country = Question("usage_daily", ("country",))
"""Use by country, as ISO 3166-1 alpha-2 code; null if unknown."""
by_city = Question("usage_by_city", ("city", "region", "country"))
"""Use by city; null if unknown, as always with a database of countries only."""
by_organization = Question("usage_by_organization", ("organization", "network_class"))
"""Use by the organisation that routes the address, and the kind of its network."""
by_referrer = Question("usage_by_referrer", ("referrer",))
"""Use by referring site; null if there was none."""
by_agent = Question("usage_by_agent", ("agent_name", "agent_kind"))
"""Use by program and its kind; null for unknown ones and the rarest of each day."""
by_path = Question("usage_by_path", ("path",))
"""Use by path; null for all but the thousand most requested of each day."""


def by_attribute(attribute: str) -> Question:
    """Use by an attribute of ``usage_by_attribute``, such as ``status``.

    Null for what is not named. The numbers of ``entry`` and ``exit`` are sessions.
    """
    return Question(ATTRIBUTES, ("value",), attribute)


def attributes_since(database: Database, span: Span) -> dt.date | None:
    """The first day whose attributes are known, if earlier days are counted."""
    known, counted = (
        database.first_day(table, span)
        for table in (ATTRIBUTES, "usage_reconciliation")
    )
    return known if known and counted and known > counted else None


def host_of_site(database: Database, span: Span) -> str | None:
    """The host of the site, after which it is called until somebody names it."""
    return breakdowns.host_of_site(_hosts(database, span))


def own_hosts(database: Database, span: Span) -> list[str]:
    """The site's own hosts: links from them lead from one of its pages to another.

    A client may claim any host, so a host needs more than 1 % of the counted uses.
    """
    ours = much_used(_hosts(database, span), "host", "counted")
    return sorted(host.split(":")[0].removeprefix("www.") for host in ours)


def new_and_returning(database: Database, span: Span) -> "pd.DataFrame":
    """Organisations with counted uses in each period: new and returning ones.

    An organisation is new in the first period for which the database has a counted use
    of it, and returning in every later one. In the first period of the database every
    organisation is new; ``is_first`` marks it. Organisations may not be added up over
    anything, so there are also rows for all datasets and for all classes.
    """
    return loyalty(database, span).to_pandas()


def loyalty(database: Database, span: Span) -> pa.Table:
    """The same as an Arrow table."""
    rows = by_organization.encoded(database, replace(span, start=dt.date.min))
    return reached.new_and_returning(rows, "organization", span.period(span.start))


def reach(database: Database, span: Span) -> "pd.DataFrame":
    """How many organisations and countries there are in the whole span.

    ``_requests``: with requests; ``_counted``: with counted uses. For each dataset,
    each class and each pair of them, and for all; none of these numbers may be added
    up.
    """
    return reach_of(database, span).to_pandas()


def reach_of(database: Database, span: Span) -> pa.Table:
    """The same as an Arrow table."""
    return reached.reach(
        {
            "organizations": (by_organization.encoded(database, span), "organization"),
            "countries": (by_country.encoded(database, span), "country"),
        }
    )


def concentration(database: Database, span: Span) -> "pd.DataFrame":
    """The organisation with most requests, and every figure without it.

    A row for each dataset and one for all together. ``days_concentrated`` counts the
    days on which one organisation, or one address, made more than half of the requests.
    """
    import pandas as pd

    return pd.DataFrame(concentration_of(database, span), columns=Concentrated._fields)


def concentration_of(database: Database, span: Span) -> list[Concentrated]:
    """The same, in tuples."""
    rows = by_organization.encoded(database, span)
    return concentrated(rows, database.rows("usage_concentration", span))


def requests_per_week(database: Database, span: Span) -> "pd.DataFrame":
    """Requests per week, with a column for each class of agents."""
    weekly = by_class(database, replace(span, grain="week"))
    weekly = weekly[weekly["dataset"] == ALL]
    return weekly.pivot_table(
        index="period", columns="agent_class", values="requests", fill_value=0
    ).astype(int)


def ranking(
    frame: "pd.DataFrame", names: list[str], by: str = "counted"
) -> "pd.DataFrame":
    """Add up a frame by some of its columns, the largest first.

    Args:
        frame: what one of the functions above returns.
        names: the columns to keep; null is a name like any other.
        by: ``requests`` or ``counted``.

    Returns:
        The names, ``requests``, ``counted``, and ``share``, the share of ``by``.
    """
    sums = frame.groupby(names, as_index=False, dropna=False)[NUMBERS].sum()
    sums["share"] = sums[by] / max(1, sums[by].sum())
    order = [False, *(True for _ in names)]
    return sums.sort_values(
        [by, *names], ascending=order, kind="stable", ignore_index=True
    )


def periods(database: Database, span: Span) -> "pd.DataFrame":
    """The periods of a span: first and last day, number of days, and days with data."""
    import pandas as pd

    return pd.DataFrame(periods_of(database, span), columns=Period._fields)


def _hosts(database: Database, span: Span) -> "pa.Table":
    """Use by the host that was asked."""
    return database.encoded_sums("usage_by_path", ["host"], NUMBERS, span)
