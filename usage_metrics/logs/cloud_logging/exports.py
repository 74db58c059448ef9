"""Cloud Logging's JSON exports: a folder of files, local or in an object store.

A Cloud Storage sink writes a file an hour, and what comes late into addenda beside
them; people write a file a day. A file holds JSON lines or, from ``gcloud logging
read``, one JSON array; it may be gzipped.

An entry may lie in the export of a later day when it arrived late. So a day is read
from its own files and from those of the next ``late_days``; of the latter only the
lines in which the day's date occurs are looked at.
"""

import contextlib
import datetime as dt
import gzip
import logging
import zlib
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pafs

from usage_metrics.arrow import TIMESTAMP
from usage_metrics.errors import ChangingError, InputError
from usage_metrics.logs.blocks import Block, read_blocks
from usage_metrics.logs.cloud_logging.fast_path import EntryReader
from usage_metrics.logs.folder import (
    ExportFile,
    cause,
    list_exports,
    open_folder,
)

log = logging.getLogger("luigi-interface")

THREADS = 2
WAITING = 8
"""So many blocks are parsed ahead, while a row group of the last ones is written."""


class ExportedLogs:
    """The log entries in a folder of JSON exports."""

    def __init__(self, uri: str, late_days: int) -> None:
        """Name the folder; nothing is opened yet.

        Args:
            uri: a local folder, or one in an object store (``s3://``, ``gs://``).
            late_days: for how many days after its own an export may bring entries.
        """
        self.uri = uri
        self.late = dt.timedelta(days=late_days)

    def describe(self) -> str:
        """Say how many exports there are and of which days.

        Raises:
            UsageMetricsError: as for :meth:`read`.
        """
        files = self._files()
        return (
            f"{len(files):,} JSON exports in {self.uri}, from {files[0].date} to "
            f"{files[-1].date}"
        )

    def unavailable(self, day: dt.date) -> str | None:
        """Say why a day is not exported; None when it is.

        A day between two exports is a day without requests, not a missing one.

        Raises:
            UsageMetricsError: as for :meth:`read`.
        """
        files = self._files()
        oldest, newest = files[0].date, files[-1].date
        if day > newest:
            return (
                f"{day} is not exported yet: the newest export in {self.uri} is of "
                f"{newest}"
            )
        if day < oldest:
            return (
                f"{day} is not exported: the oldest export in {self.uri} is of "
                f"{oldest}; start there"
            )
        return None

    def read(self, day: dt.date) -> Iterator[pa.RecordBatch]:
        """Give the entries of a day, and the unreadable lines of its own files.

        Raises:
            ConfigError: if there is no such folder.
            InputError: if it has no exports, or one of them cannot be read.
        """
        files = [f for f in self._files() if day <= f.date <= day + self.late]
        if not any(file.date == day for file in files):
            log.warning("%s: no export of that day in %s", day, self.uri)
        stray: Counter[str] = Counter()
        for file, table in self._tables(files, day):
            own = file.date == day
            if own:
                stray[file.name] += _count_out_of_reach(table, day, self.late)
            wanted = _of_day(table, day, unreadable=own)
            if not pc.all(wanted).as_py():
                table = table.filter(wanted)
            yield from table.to_batches()
        for name, entries in (+stray).items():
            log.warning(
                "%r holds %d entries that no day reads: they are of a later day than "
                "the file, or older than late_days = %d reaches; name the file by UTC "
                "days, or raise late_days in luigi.cfg",
                name,
                entries,
                self.late.days,
            )

    @cached_property
    def _folder(self) -> tuple[pafs.FileSystem, str]:
        return open_folder(self.uri)

    def _files(self) -> list[ExportFile]:
        return list_exports(*self._folder, self.uri).files

    def _tables(
        self, files: list[ExportFile], day: dt.date
    ) -> Iterator[tuple[ExportFile, pa.Table]]:
        """Parse files, some blocks at a time, in their order."""
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
        """The lines of a file that may be of a day: all, if it is the file's own."""
        mention = day.isoformat().encode()
        if not file.size and file.name.endswith(".gz"):
            raise InputError(
                f"{file.path} is empty, and no gzip file is: it was cut off; export it "
                "again, or delete it"
            )
        if not file.size:
            log.warning("%r is empty", file.name)
        with self._reading(file) as raw:
            for block in read_blocks(raw, file.name):
                wanted = block if file.date == day else block.mentioning(mention)
                if len(wanted):
                    yield wanted

    @contextlib.contextmanager
    def _reading(self, file: ExportFile) -> Iterator[pa.NativeFile]:
        """Open a file.

        Raises:
            ChangingError: if it was another file at the end.
            InputError: if it cannot be read or unpacked.
        """
        filesystem, _ = self._folder
        problem: InputError | None = None
        try:
            before = _state(filesystem, file)
            with filesystem.open_input_stream(file.path, compression=None) as raw:
                try:
                    yield raw
                except InputError as error:
                    problem = error
                except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                    problem = InputError(
                        f"{file.path} is a damaged or cut off gzip file ({error}); "
                        "export or copy it again, then rerun"
                    )
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
    """What changes when a file does."""
    info = filesystem.get_file_info(file.path)
    return info.size, info.mtime_ns


def _day_bounds(day: dt.date) -> tuple[pa.Scalar, pa.Scalar]:
    start = dt.datetime.combine(day, dt.time(), dt.UTC)
    return (
        pa.scalar(start, TIMESTAMP),
        pa.scalar(start + dt.timedelta(days=1), TIMESTAMP),
    )


def _of_day(table: pa.Table, day: dt.date, *, unreadable: bool) -> pa.Array:
    """Which rows are of a day; ``unreadable`` lines are of their file's."""
    start, end = _day_bounds(day)
    times = table["timestamp"]
    of_day = pc.and_(pc.greater_equal(times, start), pc.less(times, end))
    return pc.fill_null(of_day, unreadable)


def _count_out_of_reach(table: pa.Table, day: dt.date, late: dt.timedelta) -> int:
    """How many entries of a file of ``day`` no reading of any day will find."""
    times = table["timestamp"]
    _, end = _day_bounds(day)
    oldest, _ = _day_bounds(day - late)
    stray = pc.or_(pc.greater_equal(times, end), pc.less(times, oldest))
    return int(pc.sum(stray, min_count=0).as_py())
