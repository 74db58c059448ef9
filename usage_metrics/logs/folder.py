"""Finds the files of a log, and the days of each, as their layout says.

The days of a file whose name does not say them are those of its first and last entry,
which are remembered until the file changes.
"""

import contextlib
import datetime as dt
import logging
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import pyarrow as pa
import pyarrow.fs as pafs

from usage_metrics.errors import AccessError, ChangingError, ConfigError, InputError
from usage_metrics.logs import ahead
from usage_metrics.logs.layout import Layout
from usage_metrics.logs.listing import (
    NO_ENTRIES,
    LogFile,
    Look,
    Opening,
    is_recent,
    none_found,
    remembered,
)
from usage_metrics.logs.looking_into import Found
from usage_metrics.partitions.storage import filesystem_of
from usage_metrics.units import number_of

log = logging.getLogger("luigi-interface")

CLOCK_TICK = 50_000_000
"""Nanoseconds within which two changes may give a folder the same time."""

_ACCESS = {
    "s3": "to read logs takes the permissions s3:ListBucket and s3:GetObject; if "
    "credentials are missing, set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY",
    "gs": "to read logs takes the permissions storage.objects.list and "
    "storage.objects.get, as the role Storage Object Viewer has them; if credentials "
    "are missing, run gcloud auth application-default login, or set "
    "GOOGLE_APPLICATION_CREDENTIALS to the path of a key file",
}
_ACCESS["gcs"] = _ACCESS["gs"]  # Arrow accepts both

LONGEST_SPAN = dt.timedelta(366)
"""An excerpt with entries of more days has a wrong date somewhere."""


@dataclass(frozen=True)
class Folder:
    """A folder, on a disk or in an object store, all of which is listed."""

    uri: str
    layout: Layout

    @property
    def path(self) -> str:
        """Where it is."""
        return self._folder[1]

    def listing(self, look: Look, title: str) -> "Listing":
        """The files, as they are now; of an object store, as of a moment ago.

        Raises:
            ConfigError: if the folder is missing.
            InputError: if it cannot be listed, or has no file of the layout.
        """
        filesystem, folder = self._folder
        return remembered(
            # A relative folder depends on the current one.
            (self.uri, folder, self.layout, title),
            lambda known: _is_current(known, filesystem, self.layout),
            lambda: _list(filesystem, folder, self.uri, self.layout, look),
        )

    def opened(self, files: Iterable[LogFile]) -> Iterator[tuple[LogFile, Opening]]:
        """Open files one after the other; from a store, they are fetched ahead."""
        if "://" not in self.uri:
            yield from ((file, self._opened(file)) for file in files)
            return
        sizes = ((file, file.size * self._is_small(file)) for file in files)
        yield from ahead.fetched_ahead(self._fetched, sizes)

    def _is_small(self, file: LogFile) -> bool:
        return file.size <= ahead.PIECE_BYTES

    def _fetched(self, file: LogFile) -> Opening:
        """A small file in memory; a large one is opened when its turn comes."""
        if not self._is_small(file):
            return self._opened(file)
        try:
            with self._opened(file) as raw:
                return contextlib.nullcontext(pa.BufferReader(raw.read()))
        except InputError as error:
            return _failing(error)

    @cached_property
    def _folder(self) -> tuple[pafs.FileSystem, str]:
        return open_folder(self.uri)

    @contextlib.contextmanager
    def _opened(self, file: LogFile) -> Iterator[pa.NativeFile]:
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
            raise AccessError(f"{file.path} cannot be read: {cause(error)}") from error
        if before != after and not (self.layout.grows and before <= after):
            raise ChangingError(
                f"{file.path} changed while it was read; rerun when it is complete, "
                "or write it elsewhere and rename it"
            )
        if problem is not None:
            raise problem


@dataclass(frozen=True)
class Listing:
    """The files of a log, oldest first, and how to tell whether its folder changed."""

    files: list[LogFile]
    passed_over: list[LogFile]
    """Files with a day's date that are none by their names, or no use."""
    changed: dict[str, int | None]
    """When each folder was last modified; None in an object store."""
    taken: float

    @property
    def count(self) -> int:
        """How many files there are."""
        return len(self.files)

    @cached_property
    def days(self) -> list[dt.date]:
        """The days with a file, oldest first."""
        return sorted(self._by_day)

    @property
    def oldest(self) -> dt.date:
        """The first of the days."""
        return self.days[0]

    @property
    def newest(self) -> dt.date:
        """The last of the days."""
        return self.days[-1]

    def has(self, day: dt.date) -> bool:
        """Whether there is a file of a day."""
        return day in self._by_day

    def of_day(self, day: dt.date) -> list[LogFile]:
        """The files of a day."""
        return self._by_day.get(day, [])

    def holding(self, first: dt.date, last: dt.date) -> list[LogFile]:
        """The files of some days, in the order in which they are read."""
        return [
            file for file in self.files if file.first <= last and first <= file.date
        ]

    @cached_property
    def _by_day(self) -> dict[dt.date, list[LogFile]]:
        return _by_day(self.files)

    @cached_property
    def passed_over_by_day(self) -> dict[dt.date, list[LogFile]]:
        """The files of each day that are passed over."""
        return _by_day(self.passed_over)

    def is_current(self, filesystem: pafs.FileSystem) -> bool:
        """Whether no file was added, removed or renamed since, as far as is known."""
        if not self.changed or None in self.changed.values():
            return is_recent(self.taken)
        folders = filesystem.get_file_info(list(self.changed))
        return all(self.changed[info.path] == info.mtime_ns for info in folders)


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


def _is_current(listing: Listing, filesystem: pafs.FileSystem, layout: Layout) -> bool:
    """Whether a listing still holds; a file that grows does not change its folder."""
    if layout.grows and not is_recent(listing.taken):
        return False
    return listing.is_current(filesystem)


def _list(
    filesystem: pafs.FileSystem,
    folder: str,
    uri: str,
    layout: Layout,
    look: Look,
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
            "folder of the logs (or to an s3://, gs:// or bigquery:// URI)"
        ) from None
    except OSError as error:
        remedy = _ACCESS.get(uri.partition("://")[0])
        raise InputError(
            f"logs = {uri} cannot be listed: {cause(error)}"
            + (f"; {remedy}" if remedy else "")
        ) from error
    changed = {
        # A folder modified just now may change again within the same time.
        info.path: -1 if (info.mtime_ns or 0) > steady else info.mtime_ns
        for info in found
        if info.type == pafs.FileType.Directory
    }
    return Listing(*_dated(found, folder, uri, layout, look), changed, taken)


def cause(error: OSError) -> str:
    """A file system's error message, without Google's repetition of it."""
    return str(error).partition(" error_info=")[0]


def _dated(
    found: list[pafs.FileInfo],
    folder: str,
    uri: str,
    layout: Layout,
    look: Look,
) -> tuple[list[LogFile], list[LogFile]]:
    """The files of the log among those that were found, and others with a date."""
    logs: list[LogFile] = []
    others: list[LogFile] = []
    undated: list[str] = []
    inside: dict[LogFile, Found] = {}
    holding = {info.path.rpartition("/")[0] for info in found}
    for info in found:
        if not _is_meant(info, holding, layout):
            continue
        name = info.path.removeprefix(folder).lstrip("/")
        is_log = layout.is_log(info.base_name)
        date = layout.day_of(name)
        by_entries = date is None and layout.undated_by_entries
        looked_into = is_log and (by_entries or layout.is_looked_into(info.base_name))
        date = date or (_changed(info) if looked_into else None)
        if date is None:
            undated += [name] if is_log else []
            continue
        file = LogFile(
            *(info.path, name, date, info.size or 0, date, info.mtime_ns),
            problem=_no_file(info, layout),
        )
        if looked_into and not file.problem:
            file = _looked_into(file, layout, look, inside)
        (logs if is_log and not file.problem else others).append(file)
    copies = _copies(inside)
    others += copies
    passed_over = {copy.path for copy in copies}
    logs = [file for file in logs if file.path not in passed_over]
    if undated:
        log.warning(
            "skipped %s in %s without a date, such as %r; put one in %s",
            *(number_of(len(undated), "file"), uri, undated[0], layout.dated),
        )
    if not logs:
        raise none_found(others, uri, layout)
    return sorted(logs, key=_order), sorted(others, key=_order)


def _changed(info: pafs.FileInfo) -> dt.date:
    """The UTC day on which a file was last modified."""
    return dt.datetime.fromtimestamp((info.mtime_ns or 0) / 1e9, dt.UTC).date()


def _looked_into(
    file: LogFile, layout: Layout, look: Look, inside: dict[LogFile, Found]
) -> LogFile:
    """A file with the days of its entries, or with what is wrong with it."""
    try:
        found = look(file)
    except InputError as error:
        return replace(file, problem=str(error))
    if found is None:
        return replace(file, problem=NO_ENTRIES)
    if layout.is_excerpt and found.last - found.first > LONGEST_SPAN:
        return replace(
            file, problem=f"its entries are of {found.first} to {found.last}"
        )
    file = replace(file, first=found.first, date=found.last, by_entries=True)
    if not layout.is_excerpt:  # its entries have ids
        inside[file] = found
    return file


def _copies(inside: Mapping[LogFile, Found]) -> list[LogFile]:
    """The files whose lines are all in another file, with that one's name."""
    copies = []
    by_line: dict[int, list[LogFile]] = {}
    for file in sorted(inside, key=lambda file: (-inside[file].lines, file.name)):
        known = by_line.setdefault(inside[file].begins[0], [])
        for other in known:
            if inside[file].is_in(inside[other]):
                problem = f"it begins as {other.name!r} does, which holds all of it"
                copies.append(replace(file, problem=f"{problem}; delete one of them"))
                break
        else:
            known.append(file)
    return copies


def _by_day(files: list[LogFile]) -> dict[dt.date, list[LogFile]]:
    days: dict[dt.date, list[LogFile]] = {}
    for file in files:
        for day in file.days:
            days.setdefault(day, []).append(file)
    return days


def _order(file: LogFile) -> tuple[dt.date, str]:
    return file.date, file.name


def _is_meant(info: pafs.FileInfo, holding: Collection[str], layout: Layout) -> bool:
    """Whether it is not hidden, and no folder but an empty one in place of a file."""
    if info.base_name.startswith((".", "_")) or info.type == pafs.FileType.NotFound:
        return False
    if layout.is_other(info.base_name):
        return False
    is_folder = info.type == pafs.FileType.Directory
    is_log = layout.names and layout.is_log(info.base_name)
    return not is_folder or bool(info.path not in holding and is_log)


def _no_file(info: pafs.FileInfo, layout: Layout) -> str:
    """Why something in place of a file is not read; empty if it is one."""
    if info.type == pafs.FileType.File:
        return ""
    is_folder = info.type == pafs.FileType.Directory
    what = "an empty folder" if is_folder else "a FIFO, a socket or a device"
    remedy = "export the day again" if layout.dated else "move it elsewhere"
    return f"it is {what} in place of a file; {remedy}"


@contextlib.contextmanager
def _failing(error: InputError) -> Iterator[pa.NativeFile]:
    """What was wrong with a file when it was fetched, said when it is to be read."""
    raise error
    yield


def _state(filesystem: pafs.FileSystem, file: LogFile) -> tuple[int, int]:
    """What changes with the file."""
    info = filesystem.get_file_info(file.path)
    return info.size, info.mtime_ns
