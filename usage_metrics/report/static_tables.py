"""The headline figures and tables as they are when the page is opened.

The page's script makes the same from the same payload when the filter changes, so the
page can also be read, printed and quoted where no script runs. A test compares the two.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from usage_metrics.report.formatting import change, number, percent
from usage_metrics.report.labels import CLASSES, OTHERS
from usage_metrics.report.payload import Facts, Payload
from usage_metrics.report.rankings import LISTINGS, NETWORK, Listing
from usage_metrics.units import rounded, size

if TYPE_CHECKING:
    import pandas as pd

LINES = 25
"""The most names in a table; a last row adds up all others."""
BARS = 12
"""The most bars in a chart of names."""

COLUMNS = ("human", "machine", "robot")
"""The classes that have a column of their own, and always a card."""
BY_CLASS = (*(CLASSES[name] for name in COLUMNS), "Other")

CARDS = {
    "human": "People who explore, search and download in a web browser.",
    "machine": "Scripts and data clients that people run: curl, pandas, notebooks.",
    "robot": "Search-engine and AI crawlers, and scanners. Never counted as use.",
    "internal": "Our own monitors and checkers. Never counted as use.",
    "unknown": "The user agent is missing, or no list knows it.",
}
"""What each class of agents is, in the order of ``CLASSES``."""

TEXTS = {
    "before": "Changes compare the daily average with the {count} {unit} before.",
    "halves": "Changes compare the daily average of the last {count} {unit} with the "
    "{count} before.",
    "nothing_to_compare": "There is no earlier data to compare with.",
    "empty": "Nothing in this selection.",
    "see_table": "The table below has all figures.",
}
"""Sentences that the page's script writes too."""


@dataclass(frozen=True)
class Table:
    """A table of the page."""

    id: str
    heads: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    texts: int = 1
    """How many columns, from the first, are not numbers."""
    title: str = ""
    chart: str | None = None


@dataclass(frozen=True)
class Figure:
    """A headline figure."""

    id: str
    name: str
    value: str
    change: str = ""


@dataclass(frozen=True)
class Card:
    """The headline figures of a class of agents."""

    id: str
    name: str
    what: str
    is_main: bool
    """Whether it is shown when no class is chosen."""
    figures: list[Figure]


def listing_tables(payload: Payload) -> dict[str, Table]:
    """The tables of all listings, by id."""
    return {
        listing.id: _listing_table(payload.facts[listing.ranking], listing)
        for listing in LISTINGS
    }


def _listing_table(facts: Facts, listing: Listing) -> Table:
    """The table of a listing, ranked by counted uses."""
    by = _by_class(facts.rows, "name", "counted")
    totals = by.sum(axis=1).sort_values(ascending=False, kind="stable")
    total = int(totals.sum())
    listed = [
        position
        for position in totals[totals > 0].index
        if not listing.networks or facts.names[position][NETWORK] in listing.networks
    ]
    named = [position for position in listed if facts.names[position][0] != OTHERS]
    rest = [position for position in listed if position not in named[:LINES]]
    lines = [(facts.names[position], [position]) for position in named[:LINES]]
    if rest:
        lines.append(((OTHERS, *[""] * (len(facts.columns) - 1)), rest))
    rows = []
    for name, positions in lines:
        sums = by.loc[positions].sum().tolist()
        share = percent(sum(sums) / max(1, total))
        rows.append((*name, number(sum(sums)), share, *_spread(sums)))
    return Table(
        id=listing.id,
        heads=(*facts.columns, "Total", "Share", *BY_CLASS),
        rows=rows,
        texts=len(facts.columns),
        title=listing.title,
        chart=listing.chart,
    )


def _by_class(rows: "pd.DataFrame", key: str, values: str) -> "pd.DataFrame":
    """Add up by key and class of agents, with a column for each class."""
    sums = rows.groupby([key, "agent_class"])[values].sum().unstack(fill_value=0)
    return sums.reindex(columns=range(len(CLASSES)), fill_value=0)


def _spread(sums: list[int]) -> list[str]:
    """The sums of the classes that have a column, and that of all others."""
    own = [sums[list(CLASSES).index(name)] for name in COLUMNS]
    return [number(count) for count in (*own, sum(sums) - sum(own))]


def time_tables(payload: Payload) -> dict[str, Table]:
    """Requests of each period and week, and new and returning organisations."""
    return {
        "periods": _over_time("periods", payload, payload.by_class, payload.before),
        "weeks": _over_time("weeks", payload, payload.by_week, 0),
        "loyalty": _loyalty(payload),
    }


def _over_time(id_: str, payload: Payload, used: "pd.DataFrame", first: int) -> Table:
    labels = payload.labels[id_]
    used = used[used["dataset"] == 0]
    by = _by_class(used, "period", "requests")
    by = by.reindex(range(len(labels)), fill_value=0)
    counted = used.groupby("period")["counted"].sum()
    rows = []
    for period, (_, _, label, *_) in enumerate(labels[first:], start=first):
        sums = by.loc[period].tolist()
        numbers = (number(sum(sums)), number(counted.get(period, 0)))
        rows.append((label, *_spread(sums), *numbers))
    head = "Week" if id_ == "weeks" else "Period"
    return Table(id_, (head, *BY_CLASS, "All requests", "Counted uses"), rows)


def _loyalty(payload: Payload) -> Table:
    found = payload.loyalty
    found = found[(found["dataset"] == 0) & (found["agent_class"] == len(CLASSES))]
    rows = []
    for row in found.sort_values("period").itertuples():
        total = row.new + row.returning
        share = percent(row.returning / max(1, total))
        split = (number(row.new), number(row.returning), share)
        label = payload.labels["periods"][row.period][2]
        rows.append((label, number(total), *(("–",) * 3 if row.is_first else split)))
    heads = ("Period", "Organisations", "New", "Returning", "Share returning")
    return Table("loyalty", heads, rows)


class Comparison(NamedTuple):
    """Two ranges of periods of one length, by their first and last."""

    now: tuple[int, int]
    then: tuple[int, int]
    is_half: bool
    """Whether both are in the span, as there are no figures before it."""


def _comparison(payload: Payload) -> Comparison | None:
    """What the span is compared with: the time before, or its own first half."""
    first, last = payload.before, len(payload.periods) - 1
    is_half = first < last - first + 1
    length = (last - first + 1) // 2 if is_half else last - first + 1
    now, then = (last - length + 1, last), (last - 2 * length + 1, last - length)
    days = payload.periods.iloc[then[0] : then[1] + 1]
    is_known = 2 * days["days_counted"].sum() >= days["days"].sum()
    if not length or not is_known or not _days(payload, *now):
        return None
    return Comparison(now, then, is_half)


def _compared(payload: Payload, found: Comparison | None) -> str:
    """What the changes compare."""
    if found is None:
        return TEXTS["nothing_to_compare"]
    count = found.now[1] - found.now[0] + 1
    unit = payload.span.grain + ("" if count == 1 else "s")
    return TEXTS["halves" if found.is_half else "before"].format(count=count, unit=unit)


class Measure(NamedTuple):
    """A kind of headline figure."""

    id: str
    name: str
    column: str
    """What is added up."""
    write: Callable[[float], str]
    per: str = "days"
    """The sum it is divided by where selections are compared."""
    is_ratio: bool = False
    """Whether the figure itself is divided, too."""

    def ratio(self, sums: dict[str, int]) -> float:
        """The number that is compared."""
        return sums[self.column] / sums[self.per] if sums[self.per] else 0.0


MEASURES = (
    Measure("requests", "Requests", "requests", number),
    Measure("counted", "Counted uses", "counted", number),
    Measure("sessions", "Sessions", "unique_sessions", number),
    Measure("visitors", "Visitors per day", "visitor_days", rounded, is_ratio=True),
    Measure("bytes", "Data sent", "bytes", size),
    Measure("errors", "Failed requests", "errors", percent, "requests", is_ratio=True),
)
"""The figures of a card."""
STRIP = ("requests", "counted", "bytes")
"""Those that are shown for everybody."""


def headline(payload: Payload) -> dict[str, Any]:
    """The headline figures: of everybody, and of each class."""
    found = _comparison(payload)
    names = list(CARDS)
    shown = {*COLUMNS, *(names[n] for n in set(payload.by_class["agent_class"]))}
    cards = [
        Card(
            *(name, CLASSES[name], what, name in COLUMNS),
            figures=_figures(payload, found, name, [position]),
        )
        for position, (name, what) in enumerate(CARDS.items())
        if name in shown
    ]
    everybody = _figures(payload, found, "all", list(range(len(CLASSES))))
    strip = [figure for figure in everybody if figure.id.removeprefix("all.") in STRIP]
    reach = payload.reach
    reach = reach[(reach["dataset"] == 0) & (reach["agent_class"] == len(CLASSES))]
    for name, text in (("organizations", "Organisations"), ("countries", "Countries")):
        strip.append(Figure(f"all.{name}", text, number(reach[name].sum())))
    days = payload.periods[["days_counted", "days"]].iloc[payload.before :].sum()
    strip.append(Figure("all.days", "Days with data", "{:,} of {:,}".format(*days)))
    return {"strip": strip, "cards": cards, "compared": _compared(payload, found)}


def _figures(
    payload: Payload, found: Comparison | None, prefix: str, classes: list[int]
) -> list[Figure]:
    def sums(first: int, last: int) -> dict[str, int]:
        used = payload.classes(first, last).loc[classes].sum()
        return {**used.to_dict(), "days": _days(payload, first, last)}

    span = sums(payload.before, len(payload.periods) - 1)
    now, then = (sums(*found.now), sums(*found.then)) if found else (span, None)
    figures = []
    for measure in MEASURES:
        value = measure.ratio(span) if measure.is_ratio else span[measure.column]
        before = measure.ratio(then) if then else 0.0
        ratio = measure.ratio(now) / before - 1 if before > 0 else None
        id_, text = f"{prefix}.{measure.id}", measure.write(value)
        figures.append(Figure(id_, measure.name, text, change(ratio)))
    return figures


def _days(payload: Payload, first: int, last: int) -> int:
    return int(payload.periods["days_counted"].iloc[first : last + 1].sum())
