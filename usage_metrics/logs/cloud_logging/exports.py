"""Reads a day from a folder of Cloud Logging's JSON exports, local or in a store.

A Cloud Storage sink writes a file an hour, and late entries to addenda beside them;
people write a file a day. A file holds JSON lines or, from ``gcloud logging read``, a
JSON array; it may be packed. A file may also hold Pub/Sub messages or replies of the
API (:mod:`~usage_metrics.logs.cloud_logging.envelopes`).

An entry that arrived late may be in the export of a later day. So a day is read from
its own files and from those of the next ``late_days`` days; of the latter, only the
lines that contain the day's date.
"""

import contextlib
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
import pyarrow.fs as pafs

from usage_metrics.arrow import TIMESTAMP, count, kept
from usage_metrics.dates import ONE_DAY
from usage_metrics.errors import ChangingError, InputError
from usage_metrics.logs.blocks import Block, read_blocks
from usage_metrics.logs.cloud_logging.envelopes import entries_in
from usage_metrics.logs.cloud_logging.fast_path import EntryReader
from usage_metrics.logs.folder import (
    ExportFile,
    Listing,
    cause,
    list_exports,
    not_read,
    open_folder,
)
from usage_metrics.logs.unpacking import PACKED_ENDINGS

log = logging.getLogger("luigi-interface")

THREADS = 2
WAITING = 8
"""How many blocks are parsed ahead while the caller writes a row group."""


@dataclass(frozen=True)
class ExportedLogs:
    """The log entries in a folder of JSON exports."""

    uri: str
    """A local folder, or one in an object store (``s3://``, ``gs://``)."""
    late_days: int
    """How many days late an entry may be exported."""

    def describe(self) -> str:
        """Say how many exports there are, and of which days."""
        files, days = self._files(), self._listing().by_day
        cut = [day for day, own in days.items() if all(f.may_be_cut(day) for f in own)]
        return (
            f"{len(files):,} JSON exports in {self.uri}, from {min(days)} to "
            f"{max(days)}"
            + (f"; downloads may hold a part only of {len(cut):,} days" if cut else "")
        )

    def days(self) -> list[dt.date]:
        """The days that have an export, oldest first."""
        return sorted(self._listing().by_day)

    def unavailable(self, day: dt.date) -> str | None:
        """Say why a day is not exported; None if an export holds it."""
        listing = self._listing()
        if day in listing.by_day:
            return None
        if unread := listing.passed_over_by_day.get(day):
            return f"{day} is not exported: {self._not_read(unread)}"
        oldest, newest = min(listing.by_day), max(listing.by_day)
        if day > newest:
            why = f"not exported yet: the newest export in {self.uri} is of {newest}"
        elif day < oldest:
            why = f"not exported: the oldest export in {self.uri} is of {oldest}"
            why += "; start there"
        else:
            why = (
                f"not exported: {self.uri} holds exports of days before and after, but "
                "none of that day; if nothing happened, an empty file named by the day "
                "says so"
            )
        return f"{day} is {why}"

    def read(self, day: dt.date) -> Iterator[pa.RecordBatch]:
        """Read the entries of a day, and the unreadable lines in its own files.

        Raises:
            ConfigError: if the folder is missing.
            InputError: if it has no exports, or one of them cannot be read.
        """
        late = dt.timedelta(self.late_days)
        files = [f for f in self._files() if f.first - late <= day <= f.date]
        listing = self._listing()
        own = listing.by_day.get(day, [])
        if not own:
            log.warning("%s: no export of that day in %s", day, self.uri)
        elif all(file.may_be_cut(day) for file in own):
            log.warning(
                "%s: %r is a download, which may hold a part of that day only",
                day,
                own[0].name,
            )
        if unread := listing.passed_over_by_day.get(day):
            log.warning("%s: %s", day, self._not_read(unread))
        stray: Counter[str] = Counter()
        for file, table in self._tables(files, day):
            if _is_all_of(table, day):
                yield from table.to_batches()
                continue
            is_own = file.date == day
            if is_own:
                within_reach = _between(table, file.first - late, day)
                stray[file.name] += count(pc.invert(within_reach))
            wanted = pc.fill_null(_between(table, day, day), is_own)
            yield from kept(table, wanted).to_batches()
        for name, entries in (+stray).items():
            log.warning(
                "%r holds %d entries that no day reads: they are of a later day than "
                "the file, or more than late_days = %d days older; name the file by "
                "its UTC day, or raise late_days in luigi.cfg",
                name,
                entries,
                self.late_days,
            )

    def passed_over(self) -> dict[dt.date, str]:
        """The days with files that are not read, and a sentence about each."""
        days = self._listing().passed_over_by_day
        return {day: self._not_read(files) for day, files in days.items()}

    def _not_read(self, files: list[ExportFile]) -> str:
        return not_read(files, self.uri)

    @cached_property
    def _folder(self) -> tuple[pafs.FileSystem, str]:
        return open_folder(self.uri)

    def _listing(self) -> Listing:
        return list_exports(*self._folder, self.uri, self._days_in)

    def _days_in(self, file: ExportFile) -> tuple[dt.date, dt.date] | None:
        """The days of the first and the last entry of a file; None without entries."""
        reader, days = EntryReader(), set[dt.date]()
        with self._reading(file) as raw:
            for block in entries_in(read_blocks(raw, file.name)):
                times = pc.min_max(reader.read(block)["timestamp"])
                days |= {time.date() for time in times.as_py().values() if time}
        return (min(days), max(days)) if days else None

    def _files(self) -> list[ExportFile]:
        return self._listing().files

    def _tables(
        self, files: list[ExportFile], day: dt.date
    ) -> Iterator[tuple[ExportFile, pa.Table]]:
        """Parse the blocks of files in order, some in parallel."""
        waiting: deque[tuple[ExportFile, Future[pa.Table]]] = deque()
        reader = EntryReader()
        with ThreadPoolExecutor(THREADS) as pool:
            for file in files:
                for block in self._blocks(file, day):
                    waiting.append((file, pool.submit(reader.read, block)))
                    if len(waiting) > WAITING:
                        first, table = waiting.popleft()
                        yield first, table.result()
            for file, table in waiting:
                yield file, table.result()

    def _blocks(self, file: ExportFile, day: dt.date) -> Iterator[Block]:
        """The lines of a file that may be of a day: in the day's own file, all."""
        mention = day.isoformat().encode()
        packing = PACKED_ENDINGS.get(PurePosixPath(file.name).suffix.lower())
        if not file.size and packing:
            raise InputError(
                f"{file.path} is empty, and no {packing} file is: it was cut off; "
                "export it again, or delete it"
            )
        if not file.size:
            log.warning("%r is empty", file.name)
        with self._reading(file) as raw:
            for block in entries_in(read_blocks(raw, file.name)):
                wanted = block if file.date == day else block.mentioning(mention)
                if len(wanted):
                    yield wanted

    @contextlib.contextmanager
    def _reading(self, file: ExportFile) -> Iterator[pa.NativeFile]:
        """Open a file; that it changed is reported before what is wrong in it."""
        filesystem, _ = self._folder
        problem: InputError | None = None
        try:
            before = _state(filesystem, file)
            with filesystem.open_input_stream(file.path, compression=None) as raw:
                try:
                    yield raw
                except InputError as error:
                    problem = error
            after = _state(filesystem, file)
        except OSError as error:
            raise InputError(f"{file.path} cannot be read: {cause(error)}") from error
        if before != after:
            raise ChangingError(
                f"{file.path} changed while it was read; rerun when it is complete, "
                "or write it elsewhere and rename it"
            )
        if problem is not None:
            raise problem


def _state(filesystem: pafs.FileSystem, file: ExportFile) -> tuple[int, int]:
    """What changes with the file."""
    info = filesystem.get_file_info(file.path)
    return info.size, info.mtime_ns


def _is_all_of(table: pa.Table, day: dt.date) -> bool:
    """Whether every row has a time, and one of a UTC day."""
    ends = pc.min_max(table["timestamp"], skip_nulls=False).as_py().values()
    return all(time is not None and time.date() == day for time in ends)


def _between(table: pa.Table, first: dt.date, last: dt.date) -> pa.ChunkedArray:
    """Which rows have a time from the first UTC day to the last; null without time."""
    start = dt.datetime.combine(first, dt.time(), dt.UTC)
    end = dt.datetime.combine(last + ONE_DAY, dt.time(), dt.UTC)
    times = table["timestamp"]
    return pc.and_(
        pc.greater_equal(times, pa.scalar(start, TIMESTAMP)),
        pc.less(times, pa.scalar(end, TIMESTAMP)),
    )
