"""Cloud Logging's JSON exports: a folder of files, local or in an object store.

Two layouts are common and any nesting of either is read: a Cloud Storage sink's hourly
files (``run.googleapis.com/requests/2022/03/15/08:00:00_08:59:59_S0.json``, late
entries beside them in ``A0``, ``A1`` …) and a file a day (``2022-03-15.jsonl.gz``).
A file holds JSON lines or, from ``gcloud logging read``, one JSON array; it may be
gzipped. Its date stands in its name or, failing that, in its folders.

An entry may lie in the export of a later day when it arrived late. So a day is read
from its own files and from those of the next ``late_days``; of the latter only the
lines in which the day's date occurs are looked at.
"""

import datetime as dt
import gzip
import logging
import re
import time
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePosixPath

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pafs

from usage_metrics.columns import TIMESTAMP
from usage_metrics.errors import ConfigError, InputError
from usage_metrics.logs.blocks import Block, read_blocks
from usage_metrics.logs.entry_json import entries_from_lines

log = logging.getLogger("luigi-interface")

SUFFIXES = (".json", ".jsonl", ".ndjson")
LISTING_SECONDS = 60.0
THREADS = 2

_DATE = re.compile(r"(?<!\d)(\d{4})([-_/.]?)(\d{2})\2(\d{2})(?!\d)")
_LISTINGS: dict[str, tuple[float, list["ExportFile"]]] = {}


@dataclass(frozen=True)
class ExportFile:
    """An export and the day that its name or its folder says it is of."""

    path: str
    date: dt.date
    size: int

    @property
    def name(self) -> str:
        """The last part of the path."""
        return PurePosixPath(self.path).name


class ExportedLogs:
    """The log entries in a folder of JSON exports."""

    def __init__(self, uri: str, late_days: int) -> None:
        """Name the folder; nothing is opened yet.

        Args:
            uri: a local folder, or one in an object store (``s3://``, ``gs://``).
            late_days: for how many days after its own an export may bring entries.

        Raises:
            ConfigError: if there is no such folder or store.
        """
        if not uri:
            raise ConfigError(
                "no logs are named: set logs in the source's section of luigi.cfg, "
                "such as [datasette] logs = data/sample_logs"
            )
        self.uri = uri
        self.late = dt.timedelta(days=late_days)
        self._filesystem, self._folder = _open_folder(uri)

    def unavailable(self, day: dt.date) -> str | None:
        """Say why a day is not exported; None when it is.

        A day between two exports is a day without requests, not a missing one.
        """
        dates = [file.date for file in self._files()]
        if day > max(dates):
            return (
                f"{day} is not exported yet: the newest export in {self.uri} is of "
                f"{max(dates)}"
            )
        if day < min(dates):
            return (
                f"{day} is not exported: the oldest export in {self.uri} is of "
                f"{min(dates)}; start there"
            )
        return None

    def read(self, day: dt.date) -> Iterator[pa.RecordBatch]:
        """Give the entries of a day, and the unreadable lines of its own files."""
        last = day + self.late
        files = [file for file in self._files() if day <= file.date <= last]
        if not any(file.date == day for file in files):
            log.warning("%s: no export of that day in %s", day, self.uri)
        for file in files:
            yield from self._read_file(file, day)

    def _files(self) -> list[ExportFile]:
        """Every export, by date; listed once a minute for all days and tasks."""
        listed, files = _LISTINGS.get(self.uri, (0.0, []))
        if not files or time.monotonic() - listed > LISTING_SECONDS:
            files = _list_exports(self._filesystem, self._folder, self.uri)
            _LISTINGS[self.uri] = (time.monotonic(), files)
        return files

    def _read_file(self, file: ExportFile, day: dt.date) -> Iterator[pa.RecordBatch]:
        mention = None if file.date == day else day.isoformat().encode()
        stray = 0
        for table in _tables(self._blocks(file), file.name, mention):
            wanted = _of_day(table, day, unreadable=mention is None)
            if mention is None:
                stray += _count_out_of_reach(table, day, self.late)
            yield from table.filter(wanted).to_batches()
        if stray:
            log.warning(
                "%s holds %d entries that no day reads: they are of a later day than "
                "the file, or older than late_days = %d reaches; name the file by UTC "
                "days, or raise late_days in luigi.cfg",
                file.path,
                stray,
                self.late.days,
            )

    def _blocks(self, file: ExportFile) -> Iterator[Block]:
        if not file.size:
            log.warning("%s is empty", file.path)
        try:
            with self._filesystem.open_input_stream(file.path, None) as raw:
                yield from read_blocks(raw, file.path)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise InputError(
                f"{file.path} is a damaged or cut off gzip file ({error}); export or "
                "copy it again, then rerun"
            ) from error
        except OSError as error:
            raise InputError(f"{file.path} cannot be read: {error}") from error


def _open_folder(uri: str) -> tuple[pafs.FileSystem, str]:
    try:
        filesystem, folder = (
            pafs.FileSystem.from_uri(uri)
            if "://" in uri
            else (
                pafs.LocalFileSystem(),
                uri,
            )
        )
        kind = filesystem.get_file_info(folder).type
    except (pa.ArrowInvalid, OSError) as error:
        raise ConfigError(f"logs = {uri} cannot be opened: {error}") from error
    if kind != pafs.FileType.Directory:
        raise ConfigError(
            f"logs = {uri} is not a folder that exists; set logs in luigi.cfg to the "
            "folder of the exports"
        )
    return filesystem, folder


def _list_exports(
    filesystem: pafs.FileSystem, folder: str, uri: str
) -> list[ExportFile]:
    """List the exports below a folder, oldest first.

    Raises:
        InputError: if there is none, or none whose date can be told.
    """
    try:
        found = filesystem.get_file_info(pafs.FileSelector(folder, recursive=True))
    except OSError as error:
        raise InputError(f"logs = {uri} cannot be listed: {error}") from error
    exports = [info for info in found if _is_export(info)]
    if not exports:
        raise InputError(
            f"logs = {uri} holds no exports; they end in {', '.join(SUFFIXES)}, "
            "gzipped or not"
        )
    files, undated = [], []
    for info in exports:
        date = _date_of(info.path.removeprefix(folder))
        if date is None:
            undated.append(info.path)
        else:
            files.append(ExportFile(info.path, date, info.size))
    if undated:
        message = (
            f"{len(undated)} files in {uri} carry no date, such as {undated[0]}; put "
            "it in the name (2022-03-15.jsonl.gz) or the folders (2022/03/15/)"
        )
        if not files:
            raise InputError(message)
        log.warning("%s; they are not read", message)
    return sorted(files, key=lambda file: (file.date, file.path))


def _is_export(info: pafs.FileInfo) -> bool:
    name = info.base_name.lower().removesuffix(".gz")
    return (
        info.type == pafs.FileType.File
        and name.endswith(SUFFIXES)
        and not name.startswith((".", "_"))
    )


def _date_of(path: str) -> dt.date | None:
    """The date in a file's name or, failing that, the last one in its folders."""
    folders, _, name = path.rpartition("/")
    for text in (name, folders):
        for match in reversed(list(_DATE.finditer(text))):
            try:
                return dt.date(int(match[1]), int(match[3]), int(match[4]))
            except ValueError:
                continue
    return None


def _tables(
    blocks: Iterable[Block], name: str, mention: bytes | None
) -> Iterator[pa.Table]:
    """Parse blocks into tables of ``ENTRY``, a few at a time, in their order."""
    waiting: deque[Future[pa.Table]] = deque()
    with ThreadPoolExecutor(THREADS) as pool:
        for block in blocks:
            wanted = block if mention is None else block.mentioning(mention)
            if wanted.numbers:
                waiting.append(
                    pool.submit(entries_from_lines, wanted.text, wanted.numbers, name)
                )
            if len(waiting) > THREADS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


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
