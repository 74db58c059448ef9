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
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.counting import breakdowns
from usage_metrics.counting.grouping import any_of, holds
from usage_metrics.dates import days_between
from usage_metrics.report import numbered
from usage_metrics.report.usage_database import Database, Span, totals

if TYPE_CHECKING:
    import pandas as pd

ALL = "all"
"""The dataset or class of agents of figures over all of them."""

ATTRIBUTES = "usage_by_attribute"
"""The table of what else a log says."""

KEYS = ["dataset", "agent_class"]
NUMBERS = ["requests", "counted"]


def by_class(database: Database, span: Span) -> "pd.DataFrame":
    """Use by class of agents, for each dataset and for all together.

    ``unique_sessions`` may be added up over periods and over classes, as a session has
    one class, but not over datasets; hence the rows for all. ``visitor_days`` is the
    sum of each day's visitors: divided by the days, it is the visitors of an average
    day. The number of different visitors of several days is unknown by design.
    """
    numbers = (*NUMBERS, "assistants", "unique_sessions", "unique_visitors")
    numbers = (*numbers, "bytes", "errors")
    found = database.sums("usage_by_class", KEYS, numbers, span)
    return found.rename(columns={"unique_visitors": "visitor_days"})


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
    asked = totals(_hosts(database, span), ["host"], ["counted"]).dropna()
    ours = asked[asked["counted"] > asked["counted"].sum() / 100]
    return sorted(host.split(":")[0].removeprefix("www.") for host in ours["host"])


def new_and_returning(database: Database, span: Span) -> "pd.DataFrame":
    """Organisations with counted uses in each period: new and returning ones.

    An organisation is new in the first period for which the database has a counted use
    of it, and returning in every later one. In the first period of the database every
    organisation is new; ``is_first`` marks it. Organisations may not be added up over
    anything, so there are also rows for all datasets and for all classes.
    """
    import pandas as pd

    ever = replace(span, start=dt.date.min)
    rows = by_organization.encoded(database, ever)
    seen = _Used.of(rows, "organization", "counted")
    parts = []
    for dataset, agent_class in seen.each_and_all():
        keys, names, periods = numbered.distinct(
            seen.pair(dataset, agent_class), seen.names, seen.periods
        )
        # Sorted by all three, the first row of a name is in its first period.
        is_new = numbered.groups(keys, names).first
        found = numbered.groups(periods, keys)
        new = np.zeros(len(keys), dtype=np.int64)
        new[is_new] = 1
        parts.append(
            pd.DataFrame(
                {
                    "period": _texts(seen.all_periods, periods[found.first]),
                    **seen.keys(keys[found.first]),
                    "organizations": found.sums(np.ones(len(keys))),
                    "new": found.sums(new),
                }
            )
        )
    found = pd.concat(parts).sort_values(["period", *KEYS], ignore_index=True)
    found["returning"] = found["organizations"] - found["new"]
    found["is_first"] = found["period"] == found["period"].min()
    return found[found["period"] >= span.period(span.start)].reset_index(drop=True)


def reach(database: Database, span: Span) -> "pd.DataFrame":
    """How many organisations and countries there are in the whole span.

    ``_requests``: with requests; ``_counted``: with counted uses. For each dataset,
    each class and each pair of them, and for all; none of these numbers may be added
    up.
    """
    import pandas as pd

    named = {
        "organizations": (by_organization, "organization"),
        "countries": (by_country, "country"),
    }
    counts = {}
    for name, (question, column) in named.items():
        rows = question.encoded(database, span)
        for number in NUMBERS:
            used = _Used.of(rows, column, number).ever()
            counts[f"{name}_{number}"] = pd.concat(
                [_how_many(used, *pair) for pair in used.each_and_all()]
            )
    found = pd.concat(counts, axis=1).sort_index()
    return found.fillna(0).astype(int).reset_index()


def concentration(database: Database, span: Span) -> "pd.DataFrame":
    """The organisation with most requests, and every figure without it.

    A row for each dataset and one for all together. ``days_concentrated`` counts the
    days on which one organisation, or one address, made more than half of the requests.
    """
    import pandas as pd

    rows = by_organization.encoded(database, span)
    used = totals(rows, ["dataset", "organization"], NUMBERS)
    used = pd.concat([used.assign(dataset=ALL), used])
    each = used.groupby(["dataset", "organization"], as_index=False)[NUMBERS].sum()
    each = each.sort_values(
        ["requests", "organization"], ascending=[False, True], kind="stable"
    )
    largest = each.drop_duplicates("dataset").set_index("dataset")
    marked = database.rows("usage_concentration", span)
    days = totals(marked, ["dataset"], ["is_concentrated"]).set_index("dataset")
    found = used.groupby("dataset")[NUMBERS].sum()
    found = found.merge(
        largest, how="left", on="dataset", suffixes=("", "_of_largest")
    ).join(days)
    found = found.rename(columns={"is_concentrated": "days_concentrated"})
    # A dataset of which no request has an organisation has no largest one.
    counts = ["requests_of_largest", "counted_of_largest", "days_concentrated"]
    found[counts] = found[counts].fillna(0).astype(int)
    for name in NUMBERS:
        found[f"{name}_without_largest"] = found[name] - found[f"{name}_of_largest"]
    found["largest_share"] = found["requests_of_largest"] / found["requests"]
    found = found.reset_index()
    order = found["requests"].astype(float).where(found["dataset"] != ALL, np.inf)
    return found.loc[order.sort_values(ascending=False, kind="stable").index]


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

    counted = set(database.rows("usage_reconciliation", span)["date"].to_pylist())
    days = days_between(span.start, span.stop)
    frame = pd.DataFrame({"day": [day.isoformat() for day in days]})
    frame["is_counted"] = frame["day"].isin(counted).astype(int)
    return (
        frame.groupby([span.period(day) for day in days])
        .agg(
            first=("day", "min"),
            last=("day", "max"),
            days=("day", "size"),
            days_counted=("is_counted", "sum"),
        )
        .reset_index(names="period")
    )


def _hosts(database: Database, span: Span) -> "pa.Table":
    """Use by the host that was asked."""
    return database.encoded_sums("usage_by_path", ["host"], NUMBERS, span)


class _Used(NamedTuple):
    """The names with counted uses or requests, by period, dataset and class."""

    datasets: numbered.Numbers
    all_datasets: list[str]
    """The last is for all together; likewise of classes."""
    classes: numbered.Numbers
    all_classes: list[str]
    names: numbered.Numbers
    periods: numbered.Numbers
    all_periods: list[str]

    @classmethod
    def of(cls, rows: "pa.Table", name: str, number: str) -> "_Used":
        """Number the rows with at least one of a number."""
        used = pc.and_(pc.greater(rows[number], 0), pc.is_valid(rows[name]))
        rows = rows.filter(used)
        dataset, agent_class = (numbered.column(rows[key]) for key in KEYS)
        period = numbered.column(rows["period"])
        return cls(
            *(dataset.numbers, [*dataset.values, ALL]),
            *(agent_class.numbers, [*agent_class.values, ALL]),
            numbered.column(rows[name]).numbers,
            *(period.numbers, period.values),
        )

    def ever(self) -> "_Used":
        """Each name of a dataset and class once, with one of its periods."""
        rows = numbered.groups(self.datasets, self.classes, self.names).first
        return self._replace(
            datasets=self.datasets[rows],
            classes=self.classes[rows],
            names=self.names[rows],
            periods=self.periods[rows],
        )

    def each_and_all(self) -> Iterator[tuple[numbered.Numbers, numbered.Numbers]]:
        """Datasets and classes; with all together in place of one, and of both."""
        for dataset in (self.datasets, np.full_like(self.datasets, -1)):
            for agent_class in (self.classes, np.full_like(self.classes, -1)):
                yield dataset, agent_class

    def pair(
        self, dataset: numbered.Numbers, agent_class: numbered.Numbers
    ) -> numbered.Numbers:
        """A number for each pair; -1 is the last dataset or class."""
        number = len(self.all_classes)
        return dataset % len(self.all_datasets) * number + agent_class % number

    def keys(self, pairs: numbered.Numbers) -> dict[str, Any]:
        """The dataset and the class of each pair."""
        datasets, classes = np.divmod(pairs, len(self.all_classes))
        found = (self.all_datasets, datasets), (self.all_classes, classes)
        return {key: _texts(*of_key) for key, of_key in zip(KEYS, found, strict=True)}


def _texts(values: list[str], numbers: numbered.Numbers) -> Any:
    """The text of each number; there may be no numbers."""
    return np.array(values, dtype=object)[numbers]


def _how_many(
    used: _Used, dataset: numbered.Numbers, agent_class: numbered.Numbers
) -> "pd.Series[int]":
    """The number of names of each dataset and class."""
    import pandas as pd

    pairs, _ = numbered.distinct(used.pair(dataset, agent_class), used.names)
    different, counts = np.unique(pairs, return_counts=True)
    keys = used.keys(different)
    return pd.Series(counts, pd.MultiIndex.from_arrays([*keys.values()], names=KEYS))
