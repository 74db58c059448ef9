"""What is known of the files of a log, and for how long that holds.

A folder is listed once for all days and tasks, because it may hold hourly files of many
years.
"""

import contextlib
import datetime as dt
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import pyarrow as pa

from usage_metrics.errors import InputError
from usage_metrics.logs.layout import Layout, unpacked_name
from usage_metrics.logs.looking_into import Found

ARCHIVES = (".zip", ".tar", ".tgz", ".7z", ".rar")
"""Endings of files that hold other files."""

NO_ENTRIES = "it holds no entries"

SHOWN = 3
"""How many names of files a sentence gives."""

LISTING_SECONDS = 60.0
"""How long the listing of an object store is valid."""


@dataclass(frozen=True)
class LogFile:
    """A file, and its day: that in its name or folders, or those of its entries."""

    path: str
    name: str
    """The path relative to the folder of the log."""
    date: dt.date
    """Its day; of a file that was looked into, the last."""
    size: int
    first: dt.date
    """Its day; of a file that was looked into, the first."""
    changed: int | None
    """When it was last modified."""
    version: str = ""
    """What changes with the content, in an object store."""
    by_entries: bool = False
    """Whether its days are those of its entries, not the one in its name."""
    problem: str = ""
    """Why it is not read, if not for its name."""

    @property
    def days(self) -> Iterator[dt.date]:
        """The days that it holds."""
        return map(dt.date.fromordinal, range(self.first.toordinal(), self._end))

    @property
    def _end(self) -> int:
        return self.date.toordinal() + 1


class Listed(Protocol):
    """The files of a log, by their days.

    A file without an entry is one, too: it says that nothing happened.
    """

    @property
    def count(self) -> int | None:
        """How many files there are; None if they were not counted."""

    @property
    def days(self) -> list[dt.date]:
        """The days with a file, oldest first; on no other day is anything known."""

    @property
    def oldest(self) -> dt.date:
        """The first of the days."""

    @property
    def newest(self) -> dt.date:
        """The last of the days."""

    def has(self, day: dt.date) -> bool:
        """Whether there is a file of a day."""

    def of_day(self, day: dt.date) -> list[LogFile]:
        """The files of a day."""

    def holding(self, first: dt.date, last: dt.date) -> list[LogFile]:
        """The files of some days, in the order in which they are read."""

    @property
    def passed_over_by_day(self) -> Mapping[dt.date, list[LogFile]]:
        """The files of each day that are not read, as far as they were listed."""


Opening = AbstractContextManager[pa.NativeFile]
"""Opens a file for a block."""

Look = Callable[[LogFile], Found | None]
"""Looks into a file: its days, and how it begins; None if it is empty."""


class Place(Protocol):
    """Lists and opens the files of a log."""

    @property
    def path(self) -> str:
        """Where it is."""

    def listing(self, look: Look, title: str) -> Listed:
        """The files, as they are now or were a moment ago.

        Args:
            look: looks into the files whose names do not say their days.
            title: of the format by which it does.

        Raises:
            UsageMetricsError: if the files cannot be listed, or there are none.
        """

    def opened(self, files: Iterable[LogFile]) -> Iterator[tuple[LogFile, Opening]]:
        """Open files, each before the next one is asked for.

        A file that is replaced while it is read is a ``ChangingError``.
        """


def is_recent(taken: float) -> bool:
    """Whether what was listed at a moment may be taken for what is there."""
    return time.monotonic() - taken < LISTING_SECONDS


_Where = Hashable
"""Where the files are, and what is looked for there."""

_LISTINGS: dict[_Where, Any] = {}

_TRUSTED: set[_Where] | None = None
"""The places that were looked at in a block of ``looking_once``."""

L = TypeVar("L", bound=Listed)


def remembered(
    where: _Where, is_current: Callable[[L], bool], make: Callable[[], L]
) -> L:
    """The listing of a place, unless the previous one is still current."""
    known: L | None = _LISTINGS.get(where)
    if known is not None and _TRUSTED is not None and where in _TRUSTED:
        return known
    if known is None or not is_current(known):
        known = _LISTINGS[where] = make()
    if _TRUSTED is not None:
        _TRUSTED.add(where)
    return known


@contextlib.contextmanager
def looking_once() -> Iterator[None]:
    """Within the block, look once whether a folder changed, not for each question.

    A sink makes a folder a day. To look at thousands of them takes longer than to
    answer, and many days may be asked about.
    """
    global _TRUSTED
    before, _TRUSTED = _TRUSTED, set()
    try:
        yield
    finally:
        _TRUSTED = before


def none_found(others: list[LogFile], uri: str, layout: Layout) -> InputError:
    """Say that there are no files of a log, but others."""
    return InputError(
        f"logs = {uri} holds no {layout.file}s: {layout.named}"
        + (f", and it has a date in {layout.dated}" if layout.dated else "")
        + (f"; {not_read(others, uri, layout)}" if others else "")
    )


def not_read(files: list[LogFile], uri: str, layout: Layout) -> str:
    """Say which files are not read, and why."""
    if file := next((file for file in files if file.problem), None):
        return f"{file.name!r} in {uri} is not read: {file.problem}"
    names = ", ".join(repr(file.name) for file in files[:SHOWN])
    more = f" and {len(files) - SHOWN:,} more" if len(files) > SHOWN else ""
    is_archive = [unpacked_name(file.name).endswith(ARCHIVES) for file in files]
    remedies = ["export the day as such", "rename what is"][: 2 - all(is_archive)]
    if any(is_archive):
        remedies.insert(0, "unpack it" if len(files) == 1 else "unpack the archives")
    return (
        f"{names}{more} in {uri} {'is' if len(files) == 1 else 'are'} not read: "
        f"{layout.named}; {', or '.join(remedies)}"
    )
