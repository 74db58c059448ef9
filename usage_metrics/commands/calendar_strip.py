"""Days as a strip of signs: a line per month or, for many years, a line of weeks."""

import datetime as dt
from collections.abc import Mapping
from typing import NamedTuple

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
    "unexported": Sign("?", "magenta", "not exported"),
    "stale": Sign("▒", "yellow", "stale"),
    "made": Sign("□", "cyan", "not loaded"),
    "lost": Sign("×", "bright_black", "lost"),
    "done": Sign("■", "green", "done"),
}
"""The states of a day, worst first; a week has the state of its worst day."""


class Line(NamedTuple):
    """A month or year with the state of each day or week; None outside the range."""

    name: str
    states: list[str | None]


def lines(states: Mapping[dt.date, str]) -> list[Line]:
    """Group consecutive days, each with its state, into lines."""
    order = list(SIGNS)
    months: dict[str, list[str | None]] = {}
    years: dict[str, list[str | None]] = {}
    for day, state in states.items():
        month = months.setdefault(f"{day:%Y-%m}", [None] * (day.day - 1))
        month.append(state)
        weeks = years.setdefault(str(day.year), [None] * 53)
        week = (day.timetuple().tm_yday - 1) // 7
        weeks[week] = min(weeks[week] or state, state, key=order.index)
    shown = months if len(months) <= MAX_MONTHS else years
    return [Line(name, of_line) for name, of_line in shown.items()]
