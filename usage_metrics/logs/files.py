"""Reads a day from a folder of log files, local or in a store.

An entry that arrived late may be in the file of a later day. So a day is read from its
own files and from those of the next ``late_days`` days; of the latter, only the lines
that may be of the day.
"""

import datetime as dt
import logging
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import TIMESTAMP, count, kept
from usage_metrics.dates import ONE_DAY
from usage_metrics.errors import (
    AccessError,
    ChangingError,
    ConfigError,
    FetchError,
    InputError,
)
from usage_metrics.logs.blocks import Block
from usage_metrics.logs.folder import Folder
from usage_metrics.logs.format import Format
from usage_metrics.logs.joining import joined
from usage_metrics.logs.layout import Layout
from usage_metrics.logs.listing import (
    NO_ENTRIES,
    SHOWN,
    Listed,
    LogFile,
    Opening,
    Place,
    not_read,
)
from usage_metrics.logs.looking_into import Found, Look, Memory
from usage_metrics.logs.unpacking import PACKED_ENDINGS
from usage_metrics.logs.unread import Unread, noted_of
from usage_metrics.partitions.storage import refuse_key

log = logging.getLogger("luigi-interface")

THREADS = 2
WAITING = 8
"""How many blocks are parsed ahead while the caller writes a row group."""


MOST_NOTED = 20
"""How many files that a day was read without are noted; a change of any is enough."""


@dataclass(frozen=True)
class LogFiles:
    """The log entries in the files of a folder."""

    uri: str
    """A local folder, or one in an object store (``s3://``, ``gs://``)."""
    late_days: int
    """How many days late an entry may arrive."""
    layout: Layout
    """How the files are named."""
    format: Format
    """What is in them."""
    none_if_quiet: bool = False
    """Whether a day without files, between others, is one on which nothing happened."""

    def describe(self) -> str:
        """Say how many files there are, and of which days."""
        listing, uri, file = self._listing(), self.uri, self.layout.file
        count = "" if listing.count is None else f"{listing.count:,} "
        days = listing.days if self.layout.is_excerpt else []
        cut = [day for day in days if self._is_cut(listing.of_day(day), day)]
        file += "s" * (listing.count != 1)
        return f"{count}{file} in {uri}, from {listing.oldest} to {listing.newest}" + (
            f"; downloads may hold a part only of {len(cut):,} days" if cut else ""
        )

    def days(self) -> list[dt.date]:
        """The days that have a file, oldest first."""
        return self._listing().days

    def unavailable(self, day: dt.date) -> str | None:
        """Say why there are no logs of a day; None if a file holds it."""
        listing = self._listing()
        if listing.has(day) or self._is_delivered_late(listing, day):
            return None
        if unread := listing.passed_over_by_day.get(day):
            return f"{day} is not exported: {self._not_read(unread)}"
        file, where = self.layout.file, f"in {self.uri}"
        of_any_day = self._of_any_day(listing)
        if day < listing.oldest:
            why = f"not exported: the oldest {file} {where} is of {listing.oldest}"
            why += "" if of_any_day else "; start there"
        elif day > listing.newest:
            why = f"not exported yet: the newest {file} {where} is of {listing.newest}"
        elif self.none_if_quiet:
            return None
        else:
            why = (
                f"not exported: {self.uri} holds {file}s of days before and after, but "
                "none in between; if nothing happened, " + self.layout.nothing_happened
            )
        if of_any_day:
            why += f"; it may be in a file that is there: {self._not_read(of_any_day)}"
        return f"{day} is {why}"

    def _of_any_day(self, listing: Listed) -> list[LogFile]:
        """The files that cannot be read, and whose names do not say their days."""
        return [
            file
            for files in listing.passed_over_by_day.values()
            for file in files
            if file.problem not in ("", NO_ENTRIES)
            and not file.by_entries
            and self.layout.day_of(file.name) is None
        ]

    def _is_delivered_late(self, listing: Listed, day: dt.date) -> bool:
        """Whether there is only a later file, in which entries of the day may be."""
        if not self.layout.is_delivery or day <= listing.oldest:
            return False
        return any(listing.has(day + n * ONE_DAY) for n in range(1, self.late_days + 1))

    def _is_cut(self, files: list[LogFile], day: dt.date) -> bool:
        """Whether files may hold a part of a day only, and no other the rest."""
        return self.layout.is_excerpt and all(
            file.by_entries and day in (file.first, file.date) for file in files
        )

    def read(self, day: dt.date) -> Iterator[pa.RecordBatch]:
        """Read the entries of a day, and the unreadable lines in its own files.

        Raises:
            ConfigError: if the folder is missing.
            InputError: if it has no logs, or one of its files cannot be read.
        """
        late, listing = dt.timedelta(self.late_days), self._listing()
        files = listing.holding(day, day + late)
        self._warn(listing, day)
        self._unread.pop(day, None)
        stray: Counter[str] = Counter()
        times = _Times(self.format.time)
        for file, table in self._tables(files, day):
            own_times = times.of(file, table) if file.by_entries else None
            if _is_all_of(table[self.format.time], day):
                yield from table.to_batches()
                continue
            if own_times is not None:
                yield from kept(table, _between(own_times, day, day)).to_batches()
                continue
            found, is_own = table[self.format.time], file.date == day
            if is_own:
                within_reach = _between(found, file.first - late, day)
                stray[file.name] += count(pc.invert(within_reach))
            wanted = pc.fill_null(_between(found, day, day), is_own)
            yield from kept(table, wanted).to_batches()
        self._warn_of_strays(+stray)

    def _warn_of_strays(self, entries: Counter[str]) -> None:
        """Name some files with entries that are too old for any day, or too new."""
        for name, number in entries.most_common(SHOWN):
            log.warning(
                "%r holds %d entries that no day reads: they are of a later day than "
                "the file, or more than late_days = %d days older; name the file by "
                "its UTC day, or raise late_days in luigi.cfg",
                *(name, number, self.late_days),
            )
        if len(entries) > SHOWN:
            log.warning("so do %d more files or groups of them", len(entries) - SHOWN)

    def _warn(self, listing: Listed, day: dt.date) -> None:
        """Say what is unusual about the files of a day."""
        own = listing.of_day(day)
        is_quiet = self.none_if_quiet or self._is_delivered_late(listing, day)
        if not own and not is_quiet:
            log.warning("%s: no %s of that day in %s", day, self.layout.file, self.uri)
        elif own and self._is_cut(own, day):
            log.warning(
                "%s: %r is a download, which may hold a part of that day only",
                day,
                own[0].name,
            )
        of_any_day, unread = self._of_any_day(listing), listing.passed_over_by_day
        if of_day := [file for file in unread.get(day, ()) if file not in of_any_day]:
            log.warning("%s: %s", day, self._not_read(of_day))
        if of_any_day and not self._warned:
            self._warned.append(self._not_read(of_any_day))
            log.warning("%s; requests in it are in no figure", self._warned[0])

    def passed_over(self) -> dict[dt.date, str]:
        """The days with files that are not read, and a sentence about each."""
        days = self._listing().passed_over_by_day
        return {day: self._not_read(files) for day, files in days.items()}

    def unread(self, day: dt.date) -> list[Unread]:
        """The later files that the last reading of a day went on without."""
        return self._unread.get(day, [])[:MOST_NOTED]

    def has_changed(self, unread: list[Unread]) -> bool:
        """Whether some of those files may be readable by now, or are gone."""
        listing = self._listing()
        days = {dt.date.fromisoformat(noted["date"]) for noted in unread}
        now = [noted_of(file, "") for day in days for file in listing.of_day(day)]
        return any({**noted, "why": ""} not in now for noted in unread)

    @cached_property
    def _warned(self) -> list[str]:
        return []

    @cached_property
    def _unread(self) -> dict[dt.date, list[Unread]]:
        return {}

    def _go_on_without(self, file: LogFile, day: dt.date, error: InputError) -> None:
        """Note that a later file was not read, in which late entries may be.

        Raises:
            InputError: if the day has no file of its own.
        """
        if not self._listing().of_day(day):
            raise error
        noted = self._unread.setdefault(day, [])
        noted.append(noted_of(file, str(error)))
        if isinstance(error, AccessError):  # which changes while the file does not
            noted[-1]["size"] = None
        if len(noted) <= SHOWN:
            log.warning(
                "%s: late entries of that day in %r, if there are any, are not read: "
                "%s; once that file has changed or is gone, the next run reads the day "
                "again",
                *(day, file.name, error),
            )

    def _not_read(self, files: list[LogFile]) -> str:
        return not_read(files, self.uri, self.layout)

    @cached_property
    def _place(self) -> Place:
        return _place_of(self.uri, self.layout)

    def _listing(self) -> Listed:
        listing = self._place.listing(self._found_in, self.format.title)
        self._memory.keep()
        return listing

    @cached_property
    def _memory(self) -> Memory:
        return Memory(self.format, self._place.path)

    def _found_in(self, file: LogFile) -> Found | None:
        """What was found in a file, when it was looked into."""
        key = file.path, file.size, file.changed or 0
        return self._memory.of(key, lambda: self._look(file))

    def _look(self, file: LogFile) -> Found | None:
        """Read all of a file for its days."""
        look = Look(self.format)
        for _, opening in self._place.opened([file]):
            with opening as raw:
                for block in self.format.blocks(raw, file.name):
                    look.at(block)
        return look.found()

    def _tables(
        self, files: list[LogFile], day: dt.date
    ) -> Iterator[tuple[LogFile, pa.Table]]:
        """Parse the blocks of files in order, some in parallel."""
        waiting: deque[tuple[LogFile, Future[pa.Table]]] = deque()
        with ThreadPoolExecutor(THREADS) as pool:
            for file, block in joined(self._blocks(files, day)):
                waiting.append((file, pool.submit(self.format.read, block)))
                if len(waiting) > WAITING:
                    first, table = waiting.popleft()
                    yield first, table.result()
            for file, table in waiting:
                yield file, table.result()

    def _blocks(
        self, files: list[LogFile], day: dt.date
    ) -> Iterator[tuple[LogFile, Block]]:
        """What may be of a day in some files, as far as they can be read."""
        for file, opening in self._place.opened(files):
            try:
                for block in self._blocks_of(file, opening, day):
                    yield file, block
            except (ChangingError, FetchError):
                raise
            except InputError as error:
                if file.by_entries or file.date == day:
                    raise
                self._go_on_without(file, day, error)

    def _blocks_of(
        self, file: LogFile, opening: Opening, day: dt.date
    ) -> Iterator[Block]:
        """The lines of a file that may be of a day: in the day's own file, all."""
        mention = self.format.mention(day)
        if file.by_entries or file.date == day:
            mention = None
        packing = PACKED_ENDINGS.get(PurePosixPath(file.name).suffix.lower())
        if not file.size and packing:
            raise InputError(
                f"{file.path} is empty, and no {packing} file is: it was cut off; "
                "export it again, or delete it"
            )
        if not file.size:
            log.warning("%r is empty", file.name)
        with opening as raw:
            for block in self.format.blocks(raw, file.name):
                wanted = block if mention is None else block.mentioning(mention)
                if len(wanted):
                    yield wanted


def _place_of(uri: str, layout: Layout) -> Place:
    """Where the files of a ``logs`` setting are.

    Raises:
        ConfigError: if the setting is empty or cannot be opened, or what it needs is
            not installed.
    """
    if not (layout.is_together and uri.startswith("s3://")):
        return Folder(uri, layout)
    refuse_key(uri)
    try:
        from usage_metrics.logs.bucket_days import BucketDays
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] not in ("boto3", "botocore"):
            raise
        raise ConfigError(
            f"logs = {uri}: AWS's library is not installed; run "
            "pip install 'usage_metrics[s3]'"
        ) from None
    return BucketDays(uri, layout)


class _Times:
    """The times of entries; an unreadable line has that of the entry before it."""

    def __init__(self, column: str) -> None:
        self._column = column
        self._last: dict[str, pa.Scalar] = {}

    def of(self, file: LogFile, table: pa.Table) -> pa.ChunkedArray:
        """The times of the next rows of a file."""
        found = table[self._column]
        start = dt.datetime.combine(file.first, dt.time(), dt.UTC)
        last = self._last.get(file.name, pa.scalar(start, TIMESTAMP))
        known = pa.chunked_array([pa.array([last.as_py()], TIMESTAMP), *found.chunks])
        filled = pc.fill_null_forward(known)
        self._last[file.name] = filled[-1]
        return filled[1:]


def _is_all_of(times: pa.ChunkedArray, day: dt.date) -> bool:
    """Whether every row has a time, and one of a UTC day."""
    ends = pc.min_max(times, skip_nulls=False).as_py().values()
    return all(time is not None and time.date() == day for time in ends)


def _between(times: pa.ChunkedArray, first: dt.date, last: dt.date) -> pa.ChunkedArray:
    """Which rows have a time from the first UTC day to the last; null without time."""
    start = dt.datetime.combine(first, dt.time(), dt.UTC)
    end = dt.datetime.combine(last + ONE_DAY, dt.time(), dt.UTC)
    return pc.and_(
        pc.greater_equal(times, pa.scalar(start, TIMESTAMP)),
        pc.less(times, pa.scalar(end, TIMESTAMP)),
    )
