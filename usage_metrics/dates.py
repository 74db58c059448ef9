"""UTC days and months."""

import datetime as dt
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

ONE_DAY = dt.timedelta(days=1)


def days_between(start: dt.date, stop: dt.date) -> list[dt.date]:
    """The days from ``start`` to the one before ``stop``."""
    return [start + number * ONE_DAY for number in range((stop - start).days)]


def month_after(day: dt.date) -> dt.date:
    """The first day of the month after that of a day."""
    return (day.replace(day=1) + 31 * ONE_DAY).replace(day=1)


def month_before(day: dt.date) -> dt.date:
    """The first day of the month before that of a day."""
    return (day.replace(day=1) - ONE_DAY).replace(day=1)


def months_between(start: dt.date, stop: dt.date) -> Iterator[tuple[dt.date, dt.date]]:
    """Split a range of days at the ends of months."""
    while start < stop:
        end = min(month_after(start), stop)
        yield start, end
        start = end


class Gap(NamedTuple):
    """Consecutive days that are not available, all for one reason."""

    first: dt.date
    last: dt.date
    why: str
    """The reason for the first day, in a sentence."""

    def __str__(self) -> str:
        """The reason for all of them, in a sentence."""
        if self.first == self.last:
            return self.why
        rest = self.why.removeprefix(f"{self.first} is ")
        joint = ":" if rest == self.why else " are"
        return f"{self.first} to {self.last}{joint} {rest}"


def gaps(reasons: Mapping[dt.date, str]) -> list[Gap]:
    """Group days that follow each other and are missing for the same reason.

    Args:
        reasons: for each day, a sentence that begins with the day, as
            "2026-03-08 is not exported".
    """
    by_reason: dict[str, list[dt.date]] = {}
    for day in sorted(reasons):
        by_reason.setdefault(reasons[day].removeprefix(f"{day} "), []).append(day)
    return sorted(
        Gap(first, last, reasons[first])
        for days in by_reason.values()
        for first, last in consecutive(days)
    )


def consecutive(days: Iterable[dt.date]) -> list[tuple[dt.date, dt.date]]:
    """Group sorted days that follow each other; give the first and last of each."""
    found: list[tuple[dt.date, dt.date]] = []
    for day in days:
        if found and day - found[-1][1] == ONE_DAY:
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found


def utc_now() -> dt.datetime:
    """The time, by the clock that Luigi's ranges use."""
    return dt.datetime.fromtimestamp(time.time(), dt.UTC)
