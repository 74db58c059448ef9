"""Finds the days of a log in a bucket, and the objects of a day, with few requests.

A service names its files by the time: ``logs/2024-01-15-00-03-12-3C20FA…``. The names
up to the date are the same for a *series* of files: those of one bucket, of one account
and region, of one distribution. The objects of a day are listed by series and day. The
series, and the days of each, are found by jumps: what follows the last name of a year,
or of a day, is asked for next, so a million files in between cost nothing.
"""

import datetime as dt
import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from usage_metrics.dates import ONE_DAY
from usage_metrics.logs.bucket import Bucket, StoredObject
from usage_metrics.logs.layout import DateInName, Layout

SIDE_BY_SIDE = 16
"""How many requests are sent at a time."""

_AFTER_DIGITS = ":"
"""Comes behind every digit, and before letters."""
_AFTER_ASCII = "~"
"""Comes behind what services put between a date and the rest of a name."""

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True)
class Series:
    """Files of a year whose names are the same up to the date."""

    before: str
    """What stands before the year."""
    year: int
    marks: tuple[str, str]
    """What stands between year and month, and between month and day."""
    first: dt.date = field(compare=False)
    """The first day with a file."""
    may_differ: bool = field(default=False, compare=False)
    """Whether the names have a second date, which may be that of the next day."""

    @property
    def prefix(self) -> str:
        """How the names of the year begin."""
        return f"{self.before}{self.year:04}{self.marks[0]}"

    def month(self, month: int) -> str:
        """How the names of a month begin."""
        return f"{self.prefix}{month:02}{self.marks[1]}"

    def day(self, day: dt.date) -> str:
        """How the names of a day begin; of another year, too."""
        first, second = self.marks
        return f"{self.before}{day.year:04}{first}{day.month:02}{second}{day.day:02}"


@dataclass(frozen=True)
class DayPrefixes:
    """The files of a log in a bucket."""

    bucket: Bucket
    layout: Layout

    def name_of(self, stored: StoredObject) -> str:
        """The name of an object without what all have in common."""
        return stored.key.removeprefix(self.bucket.beginning)

    def day_of(self, stored: StoredObject) -> dt.date | None:
        """The date in the name of an object."""
        return self.layout.day_of(self.name_of(stored))

    @cached_property
    def series(self) -> list[Series]:
        """Each series in each of its years: a request or two for each."""
        found: list[Series] = []
        after, passed, is_more = "", "", True
        while is_more:
            page, is_more = self.bucket.page(self.bucket.beginning, max(after, passed))
            for stored in page:
                after = stored.key
                one = self._series_of(stored) if after > passed else None
                if one is not None and self.is_log(stored):
                    found.append(one)
                    passed = one.prefix + _AFTER_DIGITS
        return found

    @cached_property
    def days(self) -> list[dt.date]:
        """The days that have a file, oldest first: a request or so for each."""
        days: set[dt.date] = set()
        months = []
        first_pages = side_by_side(
            self.bucket.page, [one.prefix for one in self.series]
        )
        for one, (page, is_more) in zip(self.series, first_pages, strict=True):
            days |= self._days_on(page)
            if is_more:
                months += [one.month(month) for month in range(one.first.month, 13)]
        return sorted(days | self._days_in(months))

    @cached_property
    def oldest(self) -> dt.date:
        """The first day, if there is a series."""
        return min(one.first for one in self.series)

    @cached_property
    def newest(self) -> dt.date:
        """The last day, if there is a series."""
        last = max(one.year for one in self.series)
        of_year = [one for one in self.series if one.year == last]
        for month in range(12, 0, -1):
            if days := self._days_in([one.month(month) for one in of_year]):
                return max(days)
        return self.oldest  # somebody deleted what came after it

    def has(self, day: dt.date) -> bool:
        """Whether there is a file of a day: a request for each series."""
        has_log = functools.partial(self._has_log, day)
        return any(side_by_side(has_log, self._prefixes(day)))

    def _has_log(self, day: dt.date, prefix: str) -> bool:
        after, is_more = "", True
        while is_more:
            page, is_more = self.bucket.page(prefix, after)
            if day in self._days_on(page):
                return True
            after = page[-1].key if page else after
        return False

    def objects(self, day: dt.date) -> list[StoredObject]:
        """The objects of a day, in the order of their names."""
        prefixes = self._prefixes(day)
        new = [prefix for prefix in prefixes if prefix not in self._listed]
        listed = side_by_side(self.bucket.objects, new)
        self._listed.update(zip(new, listed, strict=True))
        found = [stored for prefix in prefixes for stored in self._listed[prefix]]
        return [stored for stored in found if self.day_of(stored) == day]

    @cached_property
    def _listed(self) -> dict[str, list[StoredObject]]:
        return {}

    def _prefixes(self, day: dt.date) -> list[str]:
        """How the names of the files of a day begin.

        ``2024/01/15/…_20240116T0000Z_…`` is of the day in its name.
        """
        prefixes = set()
        for one in self.series:
            for shift in (-1, 0, 1) if one.may_differ else (0,):
                folder = day + shift * ONE_DAY
                if folder.year == one.year:
                    prefixes.add(one.day(folder))
        return sorted(prefixes)

    def _series_of(self, stored: StoredObject) -> Series | None:
        """The series that an object belongs to; None if its name has no date."""
        dates = self.layout.dates_in(self.name_of(stored))
        if not dates:
            return None
        # ``2024/01/15/2024-01-15-…``: the folders of the day begin it.
        found = next(each for each in dates if _begins_day(each, dates[-1]))
        before = self.bucket.beginning + found.before
        may_differ = found is not dates[-1]
        return Series(before, found.day.year, found.marks, found.day, may_differ)

    def _days_in(self, prefixes: Sequence[str]) -> set[dt.date]:
        """The days of the files whose names begin in some ways."""
        each = side_by_side(self._days_below, prefixes)
        return {day for days in each for day in days}

    def _days_below(self, prefix: str) -> set[dt.date]:
        """The days of the objects whose names begin in a certain way."""
        days: set[dt.date] = set()
        after, is_more = "", True
        while is_more:
            page, is_more = self.bucket.page(prefix, after)
            days |= self._days_on(page)
            after = page[-1].key if page else after
            if page and self.day_of(page[-1]) in days:
                after = max(after, self._end_of_day(page[-1]))
        return days

    def _days_on(self, page: Iterable[StoredObject]) -> set[dt.date]:
        found = (self.day_of(stored) for stored in page if self.is_log(stored))
        return {day for day in found if day is not None}

    def is_log(self, stored: StoredObject) -> bool:
        """Whether an object is to be read, by its name."""
        return self.layout.is_log(stored.name)

    def _end_of_day(self, stored: StoredObject) -> str:
        """What comes behind the names of the day of an object; empty without a day."""
        one = self._series_of(stored)
        return one.day(one.first) + _AFTER_ASCII if one else ""


def _begins_day(date: DateInName, last: DateInName) -> bool:
    is_near = abs(date.day - last.day) <= ONE_DAY
    return date is last or (is_near and date.is_whole_folders)


def side_by_side(function: Callable[[T], U], arguments: Sequence[T]) -> Iterator[U]:
    """The results of some calls, in order."""
    if len(arguments) == 1:
        yield function(arguments[0])
        return
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        yield from pool.map(function, arguments)
