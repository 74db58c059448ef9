"""What stands on the page when it is opened: every table and headline figure.

They are the sums that the page's script makes when nothing is chosen, from the same
payload, so that the page can be read, printed and quoted where no script runs. A test
compares the two.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from usage_metrics.report import formatting
from usage_metrics.report.charts import CLASSES
from usage_metrics.report.payload import Payload
from usage_metrics.report.rankings import LISTINGS, OTHERS, Listing, Ranking

if TYPE_CHECKING:
    import pandas as pd

LINES = 25
"""A table names so many, and adds up all others in a last line."""

COLUMNS = ("human", "machine", "robot")
"""The classes that have a column and a card of their own."""
BY_CLASS = (*(CLASSES[name] for name in COLUMNS), "Other")

CARDS = {
    "human": "Web browsers: people who look around, search and download.",
    "machine": "Scripts and data clients that people run: curl, pandas, notebooks.",
    "robot": "Crawlers of search engines, AI companies and scanners. Never counted.",
    "internal": "Our own monitors and checkers. Never counted.",
    "unknown": "No list says what it is, or it did not say.",
}

TEXTS = {
    "before": "Change: against the {count} {unit} before, by the average day.",
    "halves": "Change: the last {count} {unit} against the {count} before, by the "
    "average day.",
    "nothing_to_compare": "There is nothing before these days to compare them with.",
    "empty": "Nothing in this selection.",
    "see_table": "The table below has all figures.",
}
"""What the page says, beside figures; the script says the same."""


@dataclass(frozen=True)
class Table:
    """A table as it stands."""

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
    """Whether it is shown when nobody is chosen."""
    figures: list[Figure] = field(default_factory=list)


def listing_table(payload: Payload, ranking: Ranking, listing: Listing) -> Table:
    """The table of a listing, ranked by counted uses."""
    facts = payload.facts[ranking.id]
    rows = facts.rows
    total = int(rows["counted"].sum())
    by = rows.pivot_table(
        index="name", columns="agent_class", values="counted", aggfunc="sum"
    ).reindex(columns=range(len(CLASSES)))
    by = by.fillna(0).astype(int)
    by = by[by.sum(axis=1) > 0]
    order = by.sum(axis=1).sort_values(ascending=False, kind="stable").index
    shown: list[int] = []
    rest: list[int] = []
    for name in order:
        if facts.names[name][0] == OTHERS:
            rest += [] if listing.among else [name]
        elif all(facts.names[name][n] in kept for n, kept in listing.among.items()):
            (shown if len(shown) < LINES else rest).append(name)
    lines = [_line(facts.names[name], by.loc[[name]], total) for name in shown]
    if rest:
        empty = [""] * (len(ranking.columns) - 1)
        lines.append(_line((OTHERS, *empty), by.loc[rest], total))
    return Table(
        id=listing.id,
        heads=(*ranking.columns, "Total", "Share", *BY_CLASS),
        rows=lines,
        texts=len(ranking.columns),
        title=listing.title,
        chart=listing.chart,
    )


def _line(name: tuple[str, ...], by: "pd.DataFrame", total: int) -> tuple[str, ...]:
    sums = by.sum().tolist()
    share = formatting.percent(sum(sums) / max(1, total))
    return (*name, formatting.number(sum(sums)), share, *_spread(sums))


def _spread(sums: list[int]) -> list[str]:
    """The classes that have a column, and the others together."""
    own = [sums[list(CLASSES).index(name)] for name in COLUMNS]
    return [formatting.number(count) for count in (*own, sum(sums) - sum(own))]


def listing_tables(payload: Payload, rankings: tuple[Ranking, ...]) -> dict[str, Table]:
    """The tables of all listings, by id."""
    by_id = {ranking.id: ranking for ranking in rankings}
    return {
        listing.id: listing_table(payload, by_id[listing.ranking], listing)
        for listing in LISTINGS
    }


def time_tables(payload: Payload) -> dict[str, Table]:
    """Requests of each period and week, and new and returning organisations."""
    span = payload.periods.iloc[payload.before :]
    return {
        "periods": _over_time("periods", payload, span, payload.by_class),
        "weeks": _over_time("weeks", payload, payload.weeks, payload.by_week),
        "loyalty": _loyalty(payload),
    }


def _over_time(
    id_: str, payload: Payload, periods: "pd.DataFrame", used: "pd.DataFrame"
) -> Table:
    everything = used[used["dataset"] == 0]
    labels = payload.labels[id_]
    rows = []
    for period in periods.index:
        of_period = everything[everything["period"] == period]
        sums = of_period.groupby("agent_class")["requests"].sum()
        sums = sums.reindex(range(len(CLASSES)), fill_value=0).tolist()
        counted = int(of_period["counted"].sum())
        numbers = (formatting.number(sum(sums)), formatting.number(counted))
        rows.append((labels[period][2], *_spread(sums), *numbers))
    head = "Week" if id_ == "weeks" else "Period"
    return Table(id_, (head, *BY_CLASS, "All requests", "Counted uses"), rows)


def _loyalty(payload: Payload) -> Table:
    found = payload.loyalty
    found = found[(found["dataset"] == 0) & (found["agent_class"] == len(CLASSES))]
    rows = []
    for row in found.sort_values("period").itertuples():
        total = row.new + row.returning
        split = ["–"] * 3
        if not row.is_first:
            share = formatting.percent(row.returning / max(1, total))
            split = [
                formatting.number(row.new),
                formatting.number(row.returning),
                share,
            ]
        label = payload.labels["periods"][row.period][2]
        rows.append((label, formatting.number(total), *split))
    heads = ("Period", "Organisations", "New", "Returning", "Share returning")
    return Table("loyalty", heads, rows)


@dataclass(frozen=True)
class Comparison:
    """Two stretches of periods of one length, by number, first and last."""

    now: tuple[int, int]
    then: tuple[int, int]
    is_half: bool
    """Whether both are in the span, for want of figures before it."""


def comparison(payload: Payload) -> Comparison | None:
    """What the span is compared with: what was before, or its own first half."""
    first, last = payload.before, len(payload.periods) - 1
    length = last - first + 1
    half = length // 2
    if first >= length:
        found = Comparison((first, last), (first - length, first - 1), is_half=False)
    else:
        now, then = (last - half + 1, last), (last - 2 * half + 1, last - half)
        found = Comparison(now, then, is_half=True)
    if found.now[1] < found.now[0]:
        return None
    then_days = payload.periods.iloc[found.then[0] : found.then[1] + 1]
    is_known = 2 * then_days["days_counted"].sum() >= then_days["days"].sum()
    return found if is_known and _days(payload, found.now) else None


def compared(payload: Payload) -> str:
    """Say in a sentence what the changes are against."""
    found = comparison(payload)
    if found is None:
        return TEXTS["nothing_to_compare"]
    count = found.now[1] - found.now[0] + 1
    unit = payload.span.grain + ("" if count == 1 else "s")
    return TEXTS["halves" if found.is_half else "before"].format(count=count, unit=unit)


def headline(payload: Payload) -> dict[str, Any]:
    """The headline figures: of everybody, and of each class."""
    reach = payload.reach
    reach = reach[(reach["dataset"] == 0) & (reach["agent_class"] == len(CLASSES))]
    days = payload.periods.iloc[payload.before :]
    names = {
        "requests": "Requests",
        "counted": "Counted uses",
        "bytes": "Data sent",
    }
    strip = [
        Figure(f"all.{figure.id}", names[figure.id], figure.value, figure.change)
        for figure in _figures(payload, None)
        if figure.id in names
    ]
    for name, text in (("organizations", "Organisations"), ("countries", "Countries")):
        count = int(reach[name].sum())
        strip.append(Figure(f"all.{name}", text, formatting.number(count)))
    counted, of = (int(days[name].sum()) for name in ("days_counted", "days"))
    strip.append(Figure("all.days", "Days with data", f"{counted:,} of {of:,}"))
    there = set(payload.by_class["agent_class"])
    cards = [
        Card(
            *(name, CLASSES[name], what, name in COLUMNS),
            figures=_of_card(name, _figures(payload, number)),
        )
        for number, (name, what) in enumerate(CARDS.items())
        if name in COLUMNS or number in there
    ]
    return {"strip": strip, "cards": cards, "compared": compared(payload)}


def _of_card(name: str, figures: list[Figure]) -> list[Figure]:
    return [Figure(f"{name}.{f.id}", f.name, f.value, f.change) for f in figures]


def _figures(payload: Payload, agent_class: int | None) -> list[Figure]:
    found = comparison(payload)
    span = (payload.before, len(payload.periods) - 1)
    sums = _sums(payload, agent_class, span)
    now = _sums(payload, agent_class, found.now) if found else {}
    then = _sums(payload, agent_class, found.then) if found else {}
    return [
        Figure(id_, name, written, _change(id_, now, then))
        for id_, name, written in (
            ("requests", "Requests", formatting.number(sums["requests"])),
            ("counted", "Counted uses", formatting.number(sums["counted"])),
            ("sessions", "Sessions", formatting.number(sums["unique_sessions"])),
            (
                "visitors",
                "Visitors a day",
                formatting.rounded(_compared("visitors", sums)),
            ),
            ("bytes", "Data sent", formatting.size(sums["bytes"])),
            (
                "errors",
                "Failed requests",
                formatting.percent(_compared("errors", sums)),
            ),
        )
    ]


_PER_DAY = {
    "sessions": "unique_sessions",
    "visitors": "visitor_days",
}
"""The sums behind those figures that have another name."""


def _compared(id_: str, sums: dict[str, int]) -> float:
    """What of a figure is compared: the average day, or of failures the share."""
    if id_ == "errors":
        return sums["errors"] / max(1, sums["requests"])
    return sums[_PER_DAY.get(id_, id_)] / sums["days"] if sums["days"] else 0.0


def _change(id_: str, now: dict[str, int], then: dict[str, int]) -> str:
    before = _compared(id_, then) if then else 0.0
    return formatting.change(_compared(id_, now) / before - 1 if before > 0 else None)


def _sums(
    payload: Payload, agent_class: int | None, among: tuple[int, int]
) -> dict[str, int]:
    used = payload.by_class
    chosen = (used["dataset"] == 0) & used["period"].between(*among)
    if agent_class is not None:
        chosen &= used["agent_class"] == agent_class
    names = ("requests", "counted", "unique_sessions", "visitor_days")
    sums = {name: int(used.loc[chosen, name].sum()) for name in names}
    for name in ("bytes", "errors"):
        sums[name] = int(used.loc[chosen, name].sum())
    return {**sums, "days": _days(payload, among)}


def _days(payload: Payload, among: tuple[int, int]) -> int:
    return int(payload.periods["days_counted"].iloc[among[0] : among[1] + 1].sum())
