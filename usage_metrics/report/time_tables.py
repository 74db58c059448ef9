"""The tables of use over time as they are when the page is opened.

As with :mod:`.static_tables`, the page's script makes the same.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from usage_metrics.report import earlier
from usage_metrics.report.earlier import Comparison
from usage_metrics.report.formatting import number, percent
from usage_metrics.report.labels import CLASSES
from usage_metrics.report.payload import Payload
from usage_metrics.report.periods import Period, together
from usage_metrics.report.static_tables import NONE, NOUNS, Table, not_zero
from usage_metrics.report.usage_database import Span

LOYALTY = ("Period", "Organisations", "New", "Returning", "Share returning")


class Use(NamedTuple):
    """The use of a period, and of what it is compared with."""

    period: Period
    numbers: tuple[int, ...]
    """Requests, counted uses, and requests of each class."""
    before: "Use | None" = None


def time_tables(payload: Payload) -> dict[str, Table]:
    """Requests of each period and week, and new and returning organisations."""
    found = earlier.comparison(payload)
    over_time = _over_time(payload, found)
    grain = payload.span.grain
    weeks = _in_weeks(over_time, payload.span) if grain == "day" else over_time
    cut = {"periods": (over_time, grain), "weeks": (weeks, coarse(grain))}
    tables = {name: _time_table(name, *used) for name, used in cut.items()}
    if found:
        then = earlier.days_before(payload, found)
        tables = {
            n: _with_before(tables[n], used, then) for n, (used, _) in cut.items()
        }
    return {**tables, "loyalty": _loyalty(payload)}


def coarse(grain: str) -> str:
    """The grain of the chart of all classes: days are put together in weeks."""
    return "week" if grain == "day" else grain


def _over_time(payload: Payload, found: Comparison | None) -> list[Use]:
    """The use of the periods of the span, and of what they are compared with."""
    used = payload.by_class
    is_all = used["dataset"] == 0
    period, requests = used["period"][is_all], used["requests"][is_all]
    sums = np.zeros((len(payload.periods), 2 + len(CLASSES)), np.int64)
    np.add.at(sums, (period, 0), requests)
    np.add.at(sums, (period, 1), used["counted"][is_all])
    np.add.at(sums, (period, 2 + used["agent_class"][is_all]), requests)
    uses = [*map(Use, payload.periods, map(tuple, sums.tolist()))]
    if found:
        length = found.now[0] - found.then[0]
        for place in range(found.now[0], len(uses)):
            uses[place] = uses[place]._replace(before=uses[place - length])
    return uses[payload.before :]


def _in_weeks(days: Sequence[Use], span: Span) -> list[Use]:
    weekly = replace(span, grain="week")
    weeks: dict[str, list[Use]] = {}
    for use in days:
        week = weekly.period(dt.date.fromisoformat(use.period.first))
        weeks.setdefault(week, []).append(use)
    return [_together(week, uses) for week, uses in weeks.items()]


def _together(period: str, parts: Sequence[Use]) -> Use:
    before = [use.before for use in parts if use.before]
    return Use(
        together(period, (use.period for use in parts)),
        tuple(map(sum, zip(*(use.numbers for use in parts), strict=True))),
        _together(before[0].period.period, before) if before else None,
    )


def _time_table(id_: str, uses: Sequence[Use], grain: str) -> Table:
    """The table of requests over time; a period without data has no numbers."""
    heads = [NOUNS["requests"], NOUNS["counted"]]
    heads = [*map(str.capitalize, heads), *CLASSES.values()]
    shown = sorted({0, *not_zero([use.numbers for use in uses])})
    rows = [
        (
            use.period.label(grain),
            *(
                number(use.numbers[position]) if use.period.days_counted else NONE
                for position in shown
            ),
        )
        for use in uses
    ]
    return Table(id_, ("Period", *(heads[position] for position in shown)), rows)


def _with_before(table: Table, uses: Sequence[Use], then: str) -> Table:
    """Add what each period of a table is compared with.

    Args:
        table: what :func:`_time_table` returns.
        uses: what it was made of.
        then: the days that are compared with.
    """
    heads, rows = table.heads, table.rows
    for place, (name, head) in enumerate(earlier.HEADS.items()):
        values = [
            use.before.numbers[place]
            if use.before and earlier.comparable(use.period, use.before.period)
            else None
            for use in uses
        ]
        if name == "requests" or any(values):
            cells = [NONE if value is None else number(value) for value in values]
            heads = (*heads, (head, then))
            rows = [(*row, cell) for row, cell in zip(rows, cells, strict=True)]
    return replace(table, heads=heads, rows=rows)


def _loyalty(payload: Payload) -> Table:
    found = payload.loyalty
    of_all = (found["dataset"] == 0) & (found["agent_class"] == len(CLASSES))
    names = ("new", "returning", "is_first")
    numbers = zip(*(found[name][of_all].tolist() for name in names), strict=True)
    known = dict(zip(found["period"][of_all].tolist(), numbers, strict=True))
    rows = []
    for period, (_, _, label, _, counted) in enumerate(payload.labels):
        new, returning, is_first = known.get(period, (0, 0, True))
        total = new + returning
        split = (number(new), number(returning), percent(returning / max(1, total)))
        if not total or is_first:
            split = (NONE,) * 3
        rows.append((label, number(total) if counted else NONE, *split))
    return Table("loyalty", LOYALTY, rows[payload.before :] if known else ())
