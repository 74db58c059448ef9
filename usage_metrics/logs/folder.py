"""Finds JSON exports, and the day of each.

A Cloud Storage sink writes to ``run.googleapis.com/requests/2022/03/15/``; people write
a file a day and put the date in its name. Both are found at any depth. A folder is
listed once for all days and tasks, because it may hold hourly files of many years.

Logs Explorer names a download by the hour of downloading
(``downloaded-logs-20240320-205148.json``). Its days are those of its first and last
entry, which are remembered until the file changes.
"""

import contextlib
import datetime as dt
import logging
import re
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import pyarrow.fs as pafs

from usage_metrics.errors import ChangingError, ConfigError, InputError
from usage_metrics.logs.unpacking import PACKED_ENDINGS
from usage_metrics.partitions.storage import filesystem_of

log = logging.getLogger("luigi-interface")

ENDINGS = (".json", ".jsonl", ".ndjson")

ARCHIVES = (".zip", ".tar", ".tgz", ".7z", ".rar")
"""Endings of files that hold other files."""

HOW_TO_NAME = (
    f"the name of an export ends in {', '.join(ENDINGS)}, packed "
    f"({', '.join(PACKED_ENDINGS)}) or not"
)

SHOWN = 3
"""How many names of files a sentence gives."""

LISTING_SECONDS = 60.0
"""How long the listing of an object store is valid."""

CLOCK_TICK = 50_000_000
"""Nanoseconds within which two changes may give a folder the same time."""

_CREDENTIALS = {
    "s3": "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "gs": "run gcloud auth application-default login, or set "
    "GOOGLE_APPLICATION_CREDENTIALS to the path of a key file",
}
_CREDENTIALS["gcs"] = _CREDENTIALS["gs"]  # Arrow accepts both

_DOWNLOAD = re.compile(r"downloaded-logs-(?:\d{8}-)*\d{8}-\d{6}(?!\d)")

LONGEST_DOWNLOAD = dt.timedelta(366)
"""A download holds at most 10,000 entries; a wider one has a wrong date somewhere."""

_DATE = re.compile(r"(?<!\d)(\d{4})([-_/.]?)(\d{2})\2(\d{2})(?!\d)")


@dataclass(frozen=True)
class ExportFile:
    """A file, and the day in its name or its folders."""

    path: str
    name: str
    """The path relative to the folder of exports."""
    date: dt.date
    """Its day; of a download, the last."""
    size: int
    first: dt.date
    """Its day; of a download, the first."""
    changed: int | None
    """When it was last modified."""
    problem: str = ""
    """Why it is not read, if not for its name."""

    @property
    def days(self) -> Iterator[dt.date]:
        """The days that it holds."""
        return map(dt.date.fromordinal, range(self.first.toordinal(), self._end))

    def may_be_cut(self, day: dt.date) -> bool:
        """Whether it is a download that may hold a part of a day only."""
        is_download = _DOWNLOAD.match(self.name.rpartition("/")[2]) is not None
        return is_download and day in (self.first, self.date)

    @property
    def _end(self) -> int:
        return self.date.toordinal() + 1


DaysIn = Callable[[ExportFile], tuple[dt.date, dt.date] | None]
"""Finds the days of the first and the last entry of a file; None without entries."""


@dataclass(frozen=True)
class Listing:
    """The exports in a folder, oldest first, and how to tell whether it changed."""

    files: list[ExportFile]
    passed_over: list[ExportFile]
    """Files with a day's date that are no exports by their names, or no use."""
    changed: dict[str, int | None]
    """When each folder was last modified; None in an object store."""
    taken: float

    @cached_property
    def by_day(self) -> dict[dt.date, list[ExportFile]]:
        """The exports of each day; of any other day, nobody exported anything.

        An export without an entry is one, too: it says that nothing happened.
        """
        return _by_day(self.files)

    @cached_property
    def passed_over_by_day(self) -> dict[dt.date, list[ExportFile]]:
        """The files of each day that are passed over."""
        return _by_day(self.passed_over)

    def is_current(self, filesystem: pafs.FileSystem) -> bool:
        """Whether no file was added, removed or renamed since, as far as is known."""
        if not self.changed or None in self.changed.values():
            return time.monotonic() - self.taken < LISTING_SECONDS
        folders = filesystem.get_file_info(list(self.changed))
        return all(self.changed[info.path] == info.mtime_ns for info in folders)


_LISTINGS: dict[tuple[str, str], Listing] = {}

_TRUSTED: set[tuple[str, str]] | None = None
"""The folders that were looked at in a block of ``looking_once``."""

_DOWNLOADS: dict[ExportFile, ExportFile] = {}
"""The downloads that were looked into, with the days of their entries."""


def open_folder(uri: str) -> tuple[pafs.FileSystem, str]:
    """The file system of a ``logs`` setting, and the path of the folder within it.

    Raises:
        ConfigError: if the setting is empty or cannot be opened.
    """
    if not uri:
        raise ConfigError(
            "the setting logs is missing: set it in the source's section of luigi.cfg, "
            "such as [datasette] logs = data/sample_logs, or let usage-metrics init "
            "write that file"
        )
    return filesystem_of(uri)


def list_exports(
    filesystem: pafs.FileSystem, folder: str, uri: str, days_in: DaysIn
) -> Listing:
    """List the exports in a folder, unless the previous listing is still current.

    Args:
        filesystem: where the folder is.
        folder: its path there.
        uri: the ``logs`` setting, for messages.
        days_in: looks into the files whose names do not say their days.

    Raises:
        ConfigError: if the folder is missing.
        InputError: if it cannot be listed, or has no exports with a date.
    """
    place = uri, folder  # a relative one depends on the current folder
    known = _LISTINGS.get(place)
    if known is not None and _TRUSTED is not None and place in _TRUSTED:
        return known
    if known is None or not known.is_current(filesystem):
        known = _LISTINGS[place] = _list(filesystem, folder, uri, days_in)
    if _TRUSTED is not None:
        _TRUSTED.add(place)
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


def _list(
    filesystem: pafs.FileSystem, folder: str, uri: str, days_in: DaysIn
) -> Listing:
    taken, steady = time.monotonic(), time.time_ns() - CLOCK_TICK
    try:
        found = filesystem.get_file_info(pafs.FileSelector(folder, recursive=True))
        found.append(filesystem.get_file_info(folder))
    except (FileNotFoundError, NotADirectoryError):
        if filesystem.get_file_info(folder).type == pafs.FileType.File:
            raise ConfigError(
                f"logs = {uri} is a file; set logs in luigi.cfg to the folder that it "
                "is in"
            ) from None
        raise ConfigError(
            f"logs = {uri} is not a folder that exists; set logs in luigi.cfg to the "
            "folder of the exports (or to an s3://, gs:// or bigquery:// URI)"
        ) from None
    except OSError as error:
        remedy = _CREDENTIALS.get(uri.partition("://")[0])
        raise InputError(
            f"logs = {uri} cannot be listed: {cause(error)}"
            + (f"; if credentials are missing, {remedy}" if remedy else "")
        ) from error
    changed = {
        # A folder modified just now may change again within the same time.
        info.path: -1 if (info.mtime_ns or 0) > steady else info.mtime_ns
        for info in found
        if info.type == pafs.FileType.Directory
    }
    return Listing(*_dated(found, folder, uri, days_in), changed, taken)


def cause(error: OSError) -> str:
    """A file system's error message, without Google's repetition of it."""
    return str(error).partition(" error_info=")[0]


def _dated(
    found: list[pafs.FileInfo], folder: str, uri: str, days_in: DaysIn
) -> tuple[list[ExportFile], list[ExportFile]]:
    """The exports among the files that were found, and other files with a date."""
    exports: list[ExportFile] = []
    others: list[ExportFile] = []
    undated = []
    holding = {info.path.rpartition("/")[0] for info in found}
    for info in found:
        if not _is_meant(info, holding):
            continue
        name = info.path.removeprefix(folder).lstrip("/")
        date, is_export = _date_of(name), _is_export(info.base_name)
        if date is not None:
            file = ExportFile(
                info.path,
                name,
                date,
                info.size or 0,
                date,
                info.mtime_ns,
                _no_file(info),
            )
            if is_export and not file.problem and _DOWNLOAD.match(info.base_name):
                file = _looked_into(file, days_in)
            (exports if is_export and not file.problem else others).append(file)
        elif is_export:
            undated.append(name)
    if undated:
        log.warning(
            "%d files in %s have no date, such as %r, and are skipped; put it in the "
            "name (2022-03-15.jsonl.gz) or the folders (2022/03/15/)",
            len(undated),
            uri,
            undated[0],
        )
    if not exports:
        raise InputError(
            f"logs = {uri} holds no exports: {HOW_TO_NAME}, and it has a date in the "
            "name (2022-03-15.jsonl.gz) or the folders (2022/03/15/)"
            + (f"; {not_read(others, uri)}" if others else "")
        )
    return sorted(exports, key=_order), sorted(others, key=_order)


def _looked_into(download: ExportFile, days_in: DaysIn) -> ExportFile:
    """A download with the days of its entries, or with what is wrong with it."""
    if download in _DOWNLOADS:
        return _DOWNLOADS[download]
    try:
        days = days_in(download)
    except ChangingError as error:  # look again
        return replace(download, problem=str(error))
    except InputError as error:
        found = replace(download, problem=str(error))
    else:
        if days is None:
            found = replace(download, problem="it holds no entries")
        elif days[1] - days[0] > LONGEST_DOWNLOAD:
            problem = f"its entries are of {days[0]} to {days[1]}"
            found = replace(download, problem=problem)
        else:
            found = replace(download, first=days[0], date=days[1])
    _DOWNLOADS[download] = found
    return found


def _by_day(files: list[ExportFile]) -> dict[dt.date, list[ExportFile]]:
    days: dict[dt.date, list[ExportFile]] = {}
    for file in files:
        for day in file.days:
            days.setdefault(day, []).append(file)
    return days


def not_read(files: list[ExportFile], uri: str) -> str:
    """Say which files are not read, and why."""
    if file := next((file for file in files if file.problem), None):
        return f"{file.name!r} in {uri} is not read: {file.problem}"
    names = ", ".join(repr(file.name) for file in files[:SHOWN])
    more = f" and {len(files) - SHOWN:,} more" if len(files) > SHOWN else ""
    is_archive = [_unpacked(file.name).endswith(ARCHIVES) for file in files]
    remedies = ["export the day as such", "rename what is"][: 2 - all(is_archive)]
    if any(is_archive):
        remedies.insert(0, "unpack it" if len(files) == 1 else "unpack the archives")
    return (
        f"{names}{more} in {uri} {'is' if len(files) == 1 else 'are'} not read: "
        f"{HOW_TO_NAME}; {', or '.join(remedies)}"
    )


def _order(file: ExportFile) -> tuple[dt.date, str]:
    return file.date, file.name


def _is_meant(info: pafs.FileInfo, holding: Collection[str]) -> bool:
    """Whether it is not hidden, and no folder but an empty one in place of a file."""
    if info.base_name.startswith((".", "_")) or info.type == pafs.FileType.NotFound:
        return False
    is_folder = info.type == pafs.FileType.Directory
    return not is_folder or (info.path not in holding and _is_export(info.base_name))


def _no_file(info: pafs.FileInfo) -> str:
    """Why something in place of a file is not read; empty if it is one."""
    if info.type == pafs.FileType.File:
        return ""
    is_folder = info.type == pafs.FileType.Directory
    what = "an empty folder" if is_folder else "a FIFO, a socket or a device"
    return f"it is {what} in place of a file; export the day again"


def _is_export(name: str) -> bool:
    return _unpacked(name).endswith(ENDINGS)


def _unpacked(name: str) -> str:
    """The name of a file in lower case, without the ending of its compression."""
    name = name.lower()
    packing = next((end for end in PACKED_ENDINGS if name.endswith(end)), "")
    return name.removesuffix(packing)


def _date_of(name: str) -> dt.date | None:
    """The date in a file's name or, if there is none, the last one in its folders."""
    folders, _, last = name.rpartition("/")
    for match in reversed([*_DATE.finditer(folders), *_DATE.finditer(last)]):
        with contextlib.suppress(ValueError):  # no such day
            return dt.date(int(match[1]), int(match[3]), int(match[4]))
    return None
