"""The headline figures and tables as they are when the page is opened.

The page's script makes the same from the same payload when the filter changes, so the
page can also be read, printed and quoted where no script runs. A test compares the two.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from usage_metrics.report import earlier, numbered
from usage_metrics.report.earlier import Comparison
from usage_metrics.report.formatting import change, number, percent
from usage_metrics.report.labels import CLASSES, NEVER_COUNTED, OTHERS
from usage_metrics.report.payload import Facts, Payload
from usage_metrics.report.rankings import NETWORK, Listing, Named
from usage_metrics.units import rounded, size

NONE = "–"
"""Stands for a number that is not known."""
LINES = 25
"""The most lines in a table at first; a last one adds up the next."""
BARS = 12
"""The most bars in a chart of names."""

MAIN = ("human", "machine", "robot")
"""The classes that have a card and a chart when none is chosen."""
NOUNS = {"counted": "counted uses", "requests": "requests"}
"""What is ranked."""

CARDS = {
    "human": "People who explore, search and download in a web browser.",
    "machine": "Scripts and data clients that people run: curl, pandas, notebooks.",
    "robot": "Search-engine and AI crawlers, and scanners. Never counted as use.",
    "internal": "Our own monitors and checkers. Never counted as use.",
    "unknown": "The user agent is missing, or no list knows it.",
}
"""What each class of agents is, in the order of ``CLASSES``."""

TEXTS = {
    **earlier.TEXTS,
    "empty": "Nothing in this selection.",
    "see_table": "The table below has all figures.",
    "reach": "with {noun}",
    "reach_of_all_days": "with {noun}, on any day of the report",
    "share": "Share of {noun}",
    "swapped": "From is after To: the days between them are shown.",
    "outside": "The report has no other days.",
    "incomplete": "Lower because days are missing: {periods}.",
    "whole": "In whole {unit}s.",
    "not_here": "Not in this report: {names}.",
    "without_names": "Of {share} of the {noun}, this page does not know the names that "
    "are chosen: they are left out.",
    "no_visitors": "Sessions, visitors, organisations and countries are not counted by "
    "the chosen names.",
    "not_by_name": "The chosen names do not change this section.",
    "not_this_by_name": "The chosen names do not change this.",
}
"""Sentences that the page's script writes too."""


Cell: TypeAlias = str | Named
"""A text, or a name and what is said below it in small letters."""


@dataclass(frozen=True)
class Table:
    """A table of the page."""

    id: str
    heads: tuple[Cell, ...]
    rows: Sequence[tuple[Cell, ...]]
    texts: int = 1
    """How many columns, from the first, are not numbers."""
    title: str = ""
    chart: str | None = None
    foot: Sequence[tuple[Cell, ...]] = ()
    """The lines that stay last, however the others are sorted."""
    noun: str = ""
    """What a listing ranks by."""
    is_by_name: bool = True
    """Whether names that are chosen change it."""


@dataclass(frozen=True)
class Figure:
    """A headline figure."""

    id: str
    name: str
    value: str
    change: str = ""
    note: str = ""
    """What it is about, if its name does not say."""


@dataclass(frozen=True)
class Card:
    """The headline figures of a class of agents."""

    id: str
    name: str
    what: str
    is_main: bool
    """Whether it is shown when no class is chosen."""
    figures: list[Figure]


def without_zeros(table: Table) -> Table:
    """Leave out the columns that hold nothing but zeros."""
    kept = [
        column
        for column in range(len(table.heads))
        if column < table.texts or any(row[column] != "0" for row in table.rows)
    ]
    heads, *rows = (
        tuple(row[column] for column in kept) for row in (table.heads, *table.rows)
    )
    return replace(table, heads=heads, rows=rows)


def listing_tables(payload: Payload) -> dict[str, Table]:
    """The tables of all listings, by id."""
    return {
        listing.id: _listing_table(payload.facts[listing.ranking], listing)
        for listing in payload.listings()
    }


def _listing_table(facts: Facts, listing: Listing) -> Table:
    """The table of a listing, ranked by counted uses or by its own measure."""
    measure = listing.measure or "counted"
    by = np.zeros((len(facts.names), len(CLASSES)), np.int64)
    np.add.at(by, (facts.rows["name"], facts.rows["agent_class"]), facts.rows[measure])
    total = int(by.sum())
    listed = _listed(facts, listing, by.sum(axis=1))
    named = [position for position in listed if facts.names[position][0] != OTHERS]
    rest = [position for position in listed if facts.names[position][0] == OTHERS]
    shown = not_zero(by[listed].tolist())

    def line(name: Cell, positions: Sequence[int]) -> tuple[Cell, ...]:
        sums = by[positions].sum(axis=0)
        share = percent(sums.sum() / max(1, total))
        return (name, number(sums.sum()), share, *(number(sums[n]) for n in shown))

    foot = [(f"{len(named) - LINES} more", named[LINES:]), (OTHERS, rest)]
    noun = listing.nouns.get(measure, NOUNS[measure])
    return Table(
        id=listing.id,
        heads=(
            *(facts.columns, noun.capitalize(), TEXTS["share"].format(noun=noun)),
            *(list(CLASSES.values())[position] for position in shown),
        ),
        rows=[line(facts.names[position], [position]) for position in named[:LINES]],
        title=listing.title,
        chart=listing.chart,
        foot=[line(name, positions) for name, positions in foot if positions],
        noun=noun,
        is_by_name=bool(facts.word),
    )


def _listed(facts: Facts, listing: Listing, totals: numbered.Numbers) -> list[int]:
    """The positions of the names of a listing, as they stand in it."""
    if listing.in_order:
        names = [n for n, (name, *_) in enumerate(facts.names) if name != OTHERS]
        return names if totals.any() else []
    most = np.argsort(-totals, kind="stable")
    return [
        position
        for position in most[totals[most] > 0].tolist()
        if not listing.networks or facts.names[position][NETWORK] in listing.networks
    ]


def not_zero(lines: Sequence[Sequence[int]]) -> list[int]:
    """The columns that are not zero in every line."""
    return [n for n, column in enumerate(zip(*lines, strict=True)) if any(column)]


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
    better: str = "+"
    """The sign of a change for the better, where people use the site."""

    def value(self, sums: dict[str, int]) -> str:
        """The figure, unless there is no day with data, or nothing to divide by."""
        if not sums["days"] or (self.is_ratio and not sums[self.per]):
            return NONE
        return self.write(self.ratio(sums) if self.is_ratio else sums[self.column])

    def ratio(self, sums: dict[str, int]) -> float:
        """The number that is compared."""
        return sums[self.column] / sums[self.per] if sums[self.per] else 0.0


MEASURES = (
    Measure("requests", "Requests", "requests", number),
    Measure("counted", "Counted uses", "counted", number),
    Measure("sessions", "Sessions", "unique_sessions", number),
    Measure("visitors", "Visitors per day", "visitor_days", rounded, is_ratio=True),
    Measure("assistants", "For people by AI assistants", "assistants", number),
    Measure("bytes", "Data sent", "bytes", size),
    Measure(
        *("errors", "Failed requests", "errors", percent, "requests"),
        is_ratio=True,
        better="−",
    ),
)
"""The figures of a card."""
STRIP = ("requests", "counted", "assistants", "bytes")
"""Those that are shown for everybody."""


def headline(payload: Payload) -> dict[str, Any]:
    """The headline figures: of everybody, and of each class."""
    found = earlier.comparison(payload)
    names = list(CARDS)
    shown = {*MAIN, *(names[n] for n in np.unique(payload.by_class["agent_class"]))}
    cards = [
        Card(
            *(name, CLASSES[name], what, name in MAIN),
            figures=_figures(payload, found, name, [position]),
        )
        for position, (name, what) in enumerate(CARDS.items())
        if name in shown
    ]
    everybody = _figures(payload, found, "all", list(range(len(CLASSES))))
    strip = [figure for figure in everybody if figure.id.removeprefix("all.") in STRIP]
    reach = payload.reach
    of_all = (reach["dataset"] == 0) & (reach["agent_class"] == len(CLASSES))
    note = TEXTS["reach"].format(noun=NOUNS["counted"])
    for name, text in (("organizations", "Organisations"), ("countries", "Countries")):
        reached = number(reach[f"{name}_counted"][of_all].sum())
        strip.append(Figure(f"all.{name}", text, reached, note=note))
    ends = payload.before, len(payload.periods) - 1
    days, all_days = earlier.days(payload, *ends), earlier.all_days(payload, *ends)
    strip.append(Figure("all.days", "Days with data", f"{days:,} of {all_days:,}"))
    return {
        "strip": strip,
        "cards": cards,
        "compared": earlier.compared(payload, found),
    }


def _figures(
    payload: Payload, found: Comparison | None, prefix: str, classes: list[int]
) -> list[Figure]:
    def sums(first: int, last: int) -> dict[str, int]:
        used = payload.classes(first, last)
        of_classes = {name: int(by[classes].sum()) for name, by in used.items()}
        return {**of_classes, "days": earlier.days(payload, first, last)}

    span = sums(payload.before, len(payload.periods) - 1)
    now, then = (sums(*found.now), sums(*found.then)) if found else (span, None)
    figures = []
    for measure in MEASURES:
        if measure.id == "counted" and prefix in NEVER_COUNTED:
            continue
        if measure.id == "assistants" and not _shows_assistants(payload, prefix):
            continue
        value = measure.value(span)
        before = measure.ratio(then) if then else 0.0
        ratio = measure.ratio(now) / before - 1 if before > 0 else None
        id_ = f"{prefix}.{measure.id}"
        figures.append(Figure(id_, measure.name, value, change(ratio)))
    return figures


def _shows_assistants(payload: Payload, prefix: str) -> bool:
    """Whether there are requests of AI assistants, all of which are robots."""
    return prefix in ("all", "robot") and bool(payload.by_class["assistants"].any())
