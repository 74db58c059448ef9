"""What the figures of the page are compared with when it is opened: the time before.

The page's script does the same, and can compare with the year before, too.
"""

import datetime as dt
from typing import NamedTuple

from usage_metrics.report import formatting
from usage_metrics.report.payload import Payload
from usage_metrics.report.periods import Period

TEXTS = {
    "before": "Changes compare the daily average with the {count} {unit} before.",
    "halves": "Changes compare the daily average of the last {count} {unit} with the "
    "{count} before.",
    "year": "Changes compare the daily average with the year before, {then}.",
    "last_year": "Changes compare the daily average of {now} with the year before, "
    "{then}.",
    "there": "Of these {days} days, the {counted} that are there are compared; missing "
    "days are in no average.",
    "nothing_to_compare": "There is no earlier data to compare with.",
    "no_year_before": "There is too little data of the year before to compare with.",
    "no_names_before": "The chosen names are not known of the time before this report.",
    "line": "Requests before: {then}",
}
"""Sentences that the page's script writes."""
HEADS = {"requests": "Requests before", "counted": "Counted uses before"}
"""The heads of what is compared in a table."""


class Comparison(NamedTuple):
    """Two ranges of periods of one length, by their first and last."""

    now: tuple[int, int]
    then: tuple[int, int]
    is_half: bool
    """Whether both are in the span, as there are no figures before it."""


def choices(payload: Payload) -> list[tuple[str, str]]:
    """What a reader can compare with."""
    year_before = payload.span.year_before().stop.isoformat()
    has_year = any(of.days_counted and of.first < year_before for of in payload.periods)
    return [
        ("before", "The time before"),
        *([("year", "The year before")] if has_year else []),
        ("none", "Nothing"),
    ]


def comparison(payload: Payload) -> Comparison | None:
    """What the span is compared with: the time before, or its own first half."""
    first, last = payload.before, len(payload.periods) - 1
    length = last - first + 1
    is_half = not _follow_each_other(payload, first - length, last)
    length = length // 2 if is_half else length
    now, then = (last - length + 1, last), (last - 2 * length + 1, last - length)
    is_known = 2 * days(payload, *then) >= all_days(payload, *then)
    if not length or not is_known or not days(payload, *now):
        return None
    return Comparison(now, then, is_half)


def _follow_each_other(payload: Payload, first: int, last: int) -> bool:
    """Whether there is no day between some periods that is in none of them."""
    if first < 0:
        return False
    ends = payload.periods[first].first, payload.periods[last].last
    start, end = map(dt.date.fromisoformat, ends)
    return (end - start).days + 1 == all_days(payload, first, last)


def compared(payload: Payload, found: Comparison | None) -> str:
    """What the changes compare."""
    if found is None:
        return TEXTS["nothing_to_compare"]
    count = found.now[1] - found.now[0] + 1
    unit = payload.span.grain + ("" if count == 1 else "s")
    said = TEXTS["halves" if found.is_half else "before"].format(count=count, unit=unit)
    first, last = found.then[0], found.now[1]
    counted, total = days(payload, first, last), all_days(payload, first, last)
    if counted == total:
        return said
    return f"{said} {TEXTS['there'].format(days=total, counted=counted)}"


def days(payload: Payload, first: int, last: int) -> int:
    """How many days of some periods are there."""
    return sum(of.days_counted for of in payload.periods[first : last + 1])


def all_days(payload: Payload, first: int, last: int) -> int:
    """How many days some periods have."""
    return sum(of.days for of in payload.periods[first : last + 1])


def days_before(payload: Payload, found: Comparison) -> str:
    """The days that are compared with, as a text."""
    first, last = (payload.periods[period] for period in found.then)
    return formatting.days(*map(dt.date.fromisoformat, (first.first, last.last)))


def comparable(now: Period, then: Period) -> bool:
    """Whether there is something to compare a period with that is as long."""
    is_alike = 10 * abs(now.days - then.days) <= max(now.days, then.days)
    return is_alike and then.days_counted > 0
