"""UTC days and months."""

import datetime as dt
import time
from collections.abc import Iterable, Iterator

ONE_DAY = dt.timedelta(days=1)


def days_between(start: dt.date, stop: dt.date) -> list[dt.date]:
    """The days from ``start`` to the one before ``stop``."""
    return [start + number * ONE_DAY for number in range((stop - start).days)]


def months_between(start: dt.date, stop: dt.date) -> Iterator[tuple[dt.date, dt.date]]:
    """Split a range of days at the ends of months."""
    while start < stop:
        next_month = (start.replace(day=1) + dt.timedelta(days=31)).replace(day=1)
        end = min(next_month, stop)
        yield start, end
        start = end


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
