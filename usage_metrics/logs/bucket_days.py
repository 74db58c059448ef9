"""The files of a log in a bucket that may hold millions: listed by the day."""

import contextlib
import datetime as dt
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from usage_metrics.dates import ONE_DAY
from usage_metrics.logs.bucket import Bucket, StoredObject
from usage_metrics.logs.day_prefixes import DayPrefixes
from usage_metrics.logs.fetching import fetched
from usage_metrics.logs.layout import Layout
from usage_metrics.logs.listing import (
    LogFile,
    Look,
    Opening,
    is_recent,
    none_found,
    remembered,
)


@dataclass(frozen=True)
class BucketDays:
    """A bucket, of which the days in question are listed."""

    uri: str
    layout: Layout

    @property
    def path(self) -> str:
        """Where it is."""
        return self._bucket.place

    def listing(self, look: Look, title: str) -> "BucketListing":
        """The files, as they were a moment ago; none is looked into."""
        return remembered(
            (self.uri, self.layout, title),
            lambda known: is_recent(known.taken),
            lambda: BucketListing(self._bucket, self.layout),
        )

    def opened(self, files: Iterable[LogFile]) -> Iterator[tuple[LogFile, Opening]]:
        """Fetch files side by side, and open them one after the other."""
        files = list(files)
        stored = [_stored(self._bucket.key_of(file.path), file) for file in files]
        for file, raw in zip(files, fetched(self._bucket, stored), strict=True):
            yield file, contextlib.nullcontext(raw)

    @cached_property
    def _bucket(self) -> Bucket:
        return Bucket(self.uri)


class BucketListing:
    """What is known of the files in a bucket since it was first asked."""

    count = None
    """They are not counted: there may be millions."""

    def __init__(self, bucket: Bucket, layout: Layout) -> None:
        """Find the series of files.

        Raises:
            UsageMetricsError: if the bucket cannot be listed, or there are none.
        """
        self.taken = time.monotonic()
        self.passed_over_by_day: dict[dt.date, list[LogFile]] = {}
        self._of_day: dict[dt.date, list[LogFile]] = {}
        self._has: dict[dt.date, bool] = {}
        self._bucket, self._layout = bucket, layout
        self._prefixes = DayPrefixes(bucket, layout)
        if not self._prefixes.series:
            raise none_found([], bucket.place, layout)

    @property
    def days(self) -> list[dt.date]:
        """The days with a file, oldest first."""
        return self._prefixes.days

    @property
    def oldest(self) -> dt.date:
        """The first of the days."""
        return self._prefixes.oldest

    @property
    def newest(self) -> dt.date:
        """The last of the days."""
        return self._prefixes.newest

    def has(self, day: dt.date) -> bool:
        """Whether there is a file of a day."""
        if day in self._of_day:
            return bool(self._of_day[day])
        if day not in self._has:
            self._has[day] = self._prefixes.has(day)
        return self._has[day]

    def holding(self, first: dt.date, last: dt.date) -> list[LogFile]:
        """The files of some days, in the order in which they are read."""
        days = range((last - first).days + 1)
        return [file for n in days for file in self.of_day(first + n * ONE_DAY)]

    def of_day(self, day: dt.date) -> list[LogFile]:
        """The files of a day."""
        if day not in self._of_day:
            logs, others = self._list(day)
            self._of_day[day] = logs
            if others:
                self.passed_over_by_day[day] = others
        return self._of_day[day]

    def _list(self, day: dt.date) -> tuple[list[LogFile], list[LogFile]]:
        """The files of a day that are read, and those that are not."""
        logs: list[LogFile] = []
        others: list[LogFile] = []
        for stored in self._prefixes.objects(day):
            last = stored.name
            if last.startswith((".", "_")) or self._layout.is_other(last):
                continue
            path = f"{self._bucket.name}/{stored.key}"
            name = self._prefixes.name_of(stored)
            file = LogFile(
                *(path, name, day, stored.size, day, stored.changed),
                version=stored.version,
            )
            (logs if self._layout.is_log(last) else others).append(file)
        return logs, others


def _stored(key: str, file: LogFile) -> StoredObject:
    return StoredObject(key, file.size, file.changed or 0, file.version)
