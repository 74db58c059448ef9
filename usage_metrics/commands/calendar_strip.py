"""Days as a strip of signs: a month a line or, for many years, a year of weeks."""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from usage_metrics.dates import ONE_DAY

MOST_MONTHS = 13
"""Of more months than that, a sign stands for a week."""


class Sign(NamedTuple):
    """How a state looks, in a terminal and on a page."""

    text: str
    colour: str
    meaning: str


SIGNS = {
    "failed": Sign("✗", "red", "failed"),
    "missing": Sign("·", "bright_black", "missing"),
    "stale": Sign("▒", "yellow", "stale"),
    "made": Sign("□", "cyan", "made, not loaded"),
    "done": Sign("■", "green", "done"),
}
"""The states of a day, the worst first; a week is as bad as its worst day."""


class Line(NamedTuple):
    """A month or year, and the state of each of its days or weeks; None outside."""

    name: str
    states: list[str | None]


def lines(days: Sequence[dt.date], state: Callable[[dt.date], str]) -> Iterator[Line]:
    """Cut days into lines."""
    if not days:
        return
    first, last = days[0], days[-1]
    months = (last.year - first.year) * 12 + last.month - first.month + 1
    yield from (_months if months <= MOST_MONTHS else _years)(first, last, state)


def _months(
    first: dt.date, last: dt.date, state: Callable[[dt.date], str]
) -> Iterator[Line]:
    month = first.replace(day=1)
    while month <= last:
        following = (month + 31 * ONE_DAY).replace(day=1)
        days = [month + n * ONE_DAY for n in range((following - month).days)]
        states = [state(day) if first <= day <= last else None for day in days]
        yield Line(f"{month:%Y-%m}", states)
        month = following


def _years(
    first: dt.date, last: dt.date, state: Callable[[dt.date], str]
) -> Iterator[Line]:
    order = list(SIGNS)
    for year in range(first.year, last.year + 1):
        weeks: list[str | None] = []
        day = dt.date(year, 1, 1)
        while day.year == year:
            week = [day + n * ONE_DAY for n in range(7)]
            inside = [d for d in week if first <= d <= last and d.year == year]
            states = [state(d) for d in inside]
            weeks.append(min(states, key=order.index) if states else None)
            day += 7 * ONE_DAY
        yield Line(str(year), weeks)
