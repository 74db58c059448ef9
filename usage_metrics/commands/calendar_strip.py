"""Days as a strip of signs: a line per month or, for many years, a line of weeks."""

import datetime as dt
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from usage_metrics.dates import ONE_DAY, days_between, months_between

MAX_MONTHS = 13
"""If there are more months, a sign stands for a week."""


class Sign(NamedTuple):
    """How a state is shown in a terminal, and what it is called."""

    text: str
    colour: str
    meaning: str


SIGNS = {
    "failed": Sign("✗", "red", "failed"),
    "missing": Sign("·", "bright_black", "missing"),
    "stale": Sign("▒", "yellow", "stale"),
    "made": Sign("□", "cyan", "not loaded"),
    "done": Sign("■", "green", "done"),
}
"""The states of a day, worst first; a week has the state of its worst day."""


class Line(NamedTuple):
    """A month or year with the state of each day or week; None outside the range."""

    name: str
    states: list[str | None]


def lines(days: Sequence[dt.date], state: Callable[[dt.date], str]) -> Iterator[Line]:
    """Group consecutive days into lines."""
    months = list(months_between(days[0], days[-1] + ONE_DAY)) if days else []
    if len(months) > MAX_MONTHS:
        yield from _years(days, state)
        return
    for start, stop in months:
        before: list[str | None] = [None] * (start.day - 1)
        yield Line(f"{start:%Y-%m}", [*before, *map(state, days_between(start, stop))])


def _years(days: Sequence[dt.date], state: Callable[[dt.date], str]) -> Iterator[Line]:
    order = list(SIGNS)
    for year, days_of_year in itertools.groupby(days, lambda day: day.year):
        weeks: list[str | None] = [None] * 53
        for week, group in itertools.groupby(
            days_of_year, lambda day: (day.timetuple().tm_yday - 1) // 7
        ):
            weeks[week] = min(map(state, group), key=order.index)
        yield Line(str(year), weeks)
