"""The figures: one function for each question, from the database to a pandas frame.

    with open_database("data/usage_metrics.db") as database:
        span = Span("datasette", dt.date(2026, 3, 2), dt.date(2026, 3, 16), "week")
        print(by_country(database, span))

A row is a period, a dataset, a class of agents, what the question is about, and how
often: ``requests``, everybody's, and ``counted``, those that count by the COUNTER
rules. Both may be added up along every column. What may not is said where it appears.
Names from the logs are as they were sent; whoever shows them has to escape them.
"""

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

from usage_metrics.report.usage_database import Database, Span, totals, with_periods

if TYPE_CHECKING:
    import pandas as pd

ALL = "all"
"""The dataset, or class of agents, of figures over all of them."""

KEYS = ["dataset", "agent_class"]
NUMBERS = ["requests", "counted"]


def by_class(database: Database, span: Span) -> "pd.DataFrame":
    """Use by class of agents, for each dataset and for all together.

    ``unique_sessions`` may be added up over periods, and over classes, since a session
    has one; not over datasets, which is why there are rows for all. ``visitor_days`` is
    the sum of each day's visitors: divided by days it says how many came on an average
    day, and how many different ones came, nobody can know.
    """
    numbers = ("unique_sessions", "unique_visitors", "bytes", "errors")
    found = database.sums("usage_by_class", KEYS, [*NUMBERS, *numbers], span)
    return found.rename(columns={"unique_visitors": "visitor_days"})


def by_dataset(database: Database, span: Span) -> "pd.DataFrame":
    """Use by dataset; none: about no dataset, unmapped: not in the registry."""
    found = by_class(database, span)
    return found[found["dataset"] != ALL].reset_index(drop=True)


def by_table(database: Database, span: Span) -> "pd.DataFrame":
    """Use by table of a dataset; null for pages of no table."""
    return _ask(database, span, "usage_daily", ("table",))


def by_format(database: Database, span: Span) -> "pd.DataFrame":
    """Use by format: html, json, csv, db; null for what is no data page."""
    return _ask(database, span, "usage_daily", ("format",))


def by_page(database: Database, span: Span) -> "pd.DataFrame":
    """Use by kind of page: table, row, query, download and others."""
    return _ask(database, span, "usage_daily", ("page",))


def by_country(database: Database, span: Span) -> "pd.DataFrame":
    """Use by country, as ISO 3166-1 alpha-2 code; null where it is not known."""
    return _ask(database, span, "usage_daily", ("country",))


def by_city(database: Database, span: Span) -> "pd.DataFrame":
    """Use by city; null for most, with a database of countries alone."""
    return _ask(database, span, "usage_by_city", ("city", "region", "country"))


def by_organization(database: Database, span: Span) -> "pd.DataFrame":
    """Use by organisation that routes the address, with the kind of its network."""
    names = ("organization", "network_class")
    return _ask(database, span, "usage_by_organization", names)


def by_referrer(database: Database, span: Span) -> "pd.DataFrame":
    """Use by the site that led here; null where none was named."""
    return _ask(database, span, "usage_by_referrer", ("referrer",))


def by_agent(database: Database, span: Span) -> "pd.DataFrame":
    """Use by program and its kind; null for those not known, and a day's rarest."""
    names = ("agent_name", "agent_kind")
    return _ask(database, span, "usage_by_agent", names)


def by_path(database: Database, span: Span) -> "pd.DataFrame":
    """Use by path; null for all beyond the thousand most asked for on a day."""
    return _ask(database, span, "usage_by_path", ("path",))


def own_hosts(database: Database, span: Span) -> list[str]:
    """The hosts that were asked: links from them lead from page to page of the site.

    Whoever asks may claim any host, so one with less than a hundredth of what counts
    is none of ours.
    """
    rows = database.rows("usage_by_path", span)
    asked = totals(rows, ["host"], ["counted"]).dropna()
    ours = asked[asked["counted"] > asked["counted"].sum() / 100]
    return sorted(host.split(":")[0].removeprefix("www.") for host in ours["host"])


def new_and_returning(database: Database, span: Span) -> "pd.DataFrame":
    """Organisations that used something in a period: how many for the first time.

    An organisation is new in the first period in which the database has a request of
    its that counts, and returning in every later one. In the first period of all,
    everybody is new; ``is_first`` says which that is. Organisations may not be added up
    over anything, so there are rows for all datasets and all classes together.
    """
    ever = replace(span, start=dt.date.min)
    seen = _seen(database, "usage_by_organization", "organization", ever)
    begin = seen["period"].min()
    everybody = _with_all(seen)
    first = everybody.groupby([*KEYS, "organization"])["period"].transform("min")
    everybody["new"] = everybody["period"] == first
    found = everybody.groupby(["period", *KEYS], as_index=False).agg(
        organizations=("new", "size"), new=("new", "sum")
    )
    found["returning"] = found["organizations"] - found["new"]
    found["is_first"] = found["period"] == begin
    return found[found["period"] >= span.period(span.start)].reset_index(drop=True)


def reach(database: Database, span: Span) -> "pd.DataFrame":
    """How many organisations and countries used something in the whole span.

    For all datasets and classes, for each, and for each two; not to be added up.
    """
    import pandas as pd

    counts = []
    for table, column in (
        ("usage_by_organization", "organization"),
        ("usage_daily", "country"),
    ):
        everybody = _with_all(_seen(database, table, column, span))
        counts.append(everybody.groupby(KEYS)[column].nunique())
    found = pd.concat(counts, axis=1, keys=["organizations", "countries"])
    return found.fillna(0).astype(int).reset_index()


def concentration(database: Database, span: Span) -> "pd.DataFrame":
    """The organisation with most requests, and every figure without it.

    A row for each dataset and one for all together. ``days_concentrated`` is the number
    of days on which one organisation, or one address, made more than half.
    """
    import pandas as pd

    used = by_organization(database, span)
    used = pd.concat([used.assign(dataset=ALL), used])
    everything = used.groupby("dataset")[NUMBERS].sum()
    each = used.groupby(["dataset", "organization"], as_index=False)[NUMBERS].sum()
    each = each.sort_values(
        ["requests", "organization"], ascending=[False, True], kind="stable"
    )
    largest = each.drop_duplicates("dataset").set_index("dataset")
    largest = largest.rename(columns={name: f"{name}_of_largest" for name in NUMBERS})
    marked = database.rows("usage_concentration", span)
    days = totals(marked, ["dataset"], ["is_concentrated"]).set_index("dataset")
    days = days.rename(columns={"is_concentrated": "days_concentrated"})
    found = everything.join(largest).join(days)
    for name in NUMBERS:
        made = found[f"{name}_of_largest"].fillna(0).astype(int)
        found[f"{name}_of_largest"] = made
        found[f"{name}_without_largest"] = found[name] - made
    found["largest_share"] = found["requests_of_largest"] / found["requests"]
    found["days_concentrated"] = found["days_concentrated"].fillna(0).astype(int)
    found = found.reset_index()
    order = found["requests"].where(found["dataset"] != ALL, float("inf"))
    return found.loc[order.sort_values(ascending=False, kind="stable").index]


def requests_per_week(database: Database, span: Span) -> "pd.DataFrame":
    """Requests of each week, a column for each class of agents."""
    weekly = by_class(database, replace(span, grain="week"))
    weekly = weekly[weekly["dataset"] == ALL]
    return weekly.pivot_table(
        index="period", columns="agent_class", values="requests", fill_value=0
    ).astype(int)


def ranking(
    frame: "pd.DataFrame", names: list[str], by: str = "counted"
) -> "pd.DataFrame":
    """Add up a frame by some of its columns, most first.

    Args:
        frame: of one of the functions above.
        names: the columns to keep; null is a name like any other.
        by: ``requests`` or ``counted``.

    Returns:
        The names, ``requests``, ``counted`` and ``share``, the part of all that ``by``
        counts.
    """
    sums = frame.groupby(names, as_index=False, dropna=False)[NUMBERS].sum()
    sums["share"] = sums[by] / max(1, sums[by].sum())
    return sums.sort_values(
        [by, *names], ascending=[False, *(True for _ in names)], kind="stable"
    ).reset_index(drop=True)


def periods(database: Database, span: Span) -> "pd.DataFrame":
    """The periods of a span: first day, day after the last, days, and days counted."""
    import pandas as pd

    counted = set(database.rows("usage_reconciliation", span)["date"].to_pylist())
    days = pd.date_range(span.start, span.stop, inclusive="left")
    frame = pd.DataFrame(
        {
            "period": [span.period(day.date()) for day in days],
            "day": days.strftime("%Y-%m-%d"),
        }
    )
    frame["is_counted"] = frame["day"].isin(counted)
    found = frame.groupby("period", as_index=False).agg(
        first=("day", "min"),
        last=("day", "max"),
        days=("day", "size"),
        days_counted=("is_counted", "sum"),
    )
    return found.astype({"days_counted": int})


def _ask(
    database: Database, span: Span, table: str, names: tuple[str, ...]
) -> "pd.DataFrame":
    return database.sums(table, [*KEYS, *names], NUMBERS, span)


def _seen(database: Database, table: str, name: str, span: Span) -> "pd.DataFrame":
    """Who or what is named in a period, dataset and class with something counted."""
    import pyarrow.compute as pc

    rows = database.rows(table, span)
    used = pc.and_(pc.greater(rows["counted"], 0), pc.is_valid(rows[name]))
    rows = rows.filter(used).select(["date", *KEYS, name])
    return totals(with_periods(rows, span), ["period", *KEYS, name], [])


def _with_all(seen: "pd.DataFrame") -> "pd.DataFrame":
    """The same for all datasets together, for all classes, and for both."""
    import pandas as pd

    everywhere = seen.assign(dataset=ALL)
    both = [seen, everywhere]
    whoever = [rows.assign(agent_class=ALL) for rows in both]
    return pd.concat([*both, *whoever]).drop_duplicates()
