"""Finds JSON exports, and the day of each.

A Cloud Storage sink writes to ``run.googleapis.com/requests/2022/03/15/``; people write
a file a day and put the date in its name. Both are found at any depth. A folder is
listed once for all days and tasks, because it may hold hourly files of many years.
"""

import contextlib
import datetime as dt
import logging
import re
import time
from dataclasses import dataclass

import pyarrow.fs as pafs

from usage_metrics.errors import ConfigError, InputError
from usage_metrics.partitions.storage import filesystem_of

log = logging.getLogger("luigi-interface")

SUFFIXES = (".json", ".jsonl", ".ndjson")

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

_DATE = re.compile(r"(?<!\d)(\d{4})([-_/.]?)(\d{2})\2(\d{2})(?!\d)")


@dataclass(frozen=True)
class ExportFile:
    """An export, and the day in its name or its folders."""

    path: str
    name: str
    """The path relative to the folder of exports."""
    date: dt.date
    size: int


@dataclass(frozen=True)
class Listing:
    """The exports in a folder, oldest first, and how to tell whether it changed."""

    files: list[ExportFile]
    changed: dict[str, int | None]
    """When each folder was last modified; None in an object store."""
    taken: float

    def is_current(self, filesystem: pafs.FileSystem) -> bool:
        """Whether no file was added, removed or renamed since, as far as is known."""
        if not self.changed or None in self.changed.values():
            return time.monotonic() - self.taken < LISTING_SECONDS
        folders = filesystem.get_file_info(list(self.changed))
        return all(self.changed[info.path] == info.mtime_ns for info in folders)


_LISTINGS: dict[str, Listing] = {}


def open_folder(uri: str) -> tuple[pafs.FileSystem, str]:
    """The file system of a ``logs`` setting, and the path of the folder within it.

    Raises:
        ConfigError: if the setting is empty or cannot be opened.
    """
    if not uri:
        raise ConfigError(
            "the setting logs is missing: set it in the source's section of luigi.cfg, "
            "such as [datasette] logs = data/sample_logs"
        )
    return filesystem_of(uri)


def list_exports(filesystem: pafs.FileSystem, folder: str, uri: str) -> Listing:
    """List the exports in a folder, unless the previous listing is still current.

    Raises:
        ConfigError: if the folder is missing.
        InputError: if it cannot be listed, or has no exports with a date.
    """
    known = _LISTINGS.get(uri)
    if known is None or not known.is_current(filesystem):
        known = _LISTINGS[uri] = _list(filesystem, folder, uri)
    return known


def _list(filesystem: pafs.FileSystem, folder: str, uri: str) -> Listing:
    taken, steady = time.monotonic(), time.time_ns() - CLOCK_TICK
    try:
        found = filesystem.get_file_info(pafs.FileSelector(folder, recursive=True))
        found.append(filesystem.get_file_info(folder))
    except (FileNotFoundError, NotADirectoryError):
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
    return Listing(_dated(found, folder, uri), changed, taken)


def cause(error: OSError) -> str:
    """A file system's error message, without Google's repetition of it."""
    return str(error).partition(" error_info=")[0]


def _dated(found: list[pafs.FileInfo], folder: str, uri: str) -> list[ExportFile]:
    files, undated = [], []
    for info in filter(_is_export, found):
        name = info.path.removeprefix(folder).lstrip("/")
        date = _date_of(name)
        if date is None:
            undated.append(name)
        else:
            files.append(ExportFile(info.path, name, date, info.size))
    if undated:
        log.warning(
            "%d files in %s have no date, such as %r, and are skipped; put it in the "
            "name (2022-03-15.jsonl.gz) or the folders (2022/03/15/)",
            len(undated),
            uri,
            undated[0],
        )
    if not files:
        raise InputError(
            f"logs = {uri} holds no exports; their names end in "
            f"{', '.join(SUFFIXES)}, gzipped or not, and they have a date in the name "
            "(2022-03-15.jsonl.gz) or the folders (2022/03/15/)"
        )
    return sorted(files, key=lambda file: (file.date, file.name))


def _is_export(info: pafs.FileInfo) -> bool:
    name = info.base_name.lower().removesuffix(".gz")
    return (
        info.type == pafs.FileType.File
        and name.endswith(SUFFIXES)
        and not name.startswith((".", "_"))
    )


def _date_of(name: str) -> dt.date | None:
    """The date in a file's name or, if there is none, the last one in its folders."""
    folders, _, last = name.rpartition("/")
    for match in reversed([*_DATE.finditer(folders), *_DATE.finditer(last)]):
        with contextlib.suppress(ValueError):  # no such day
            return dt.date(int(match[1]), int(match[3]), int(match[4]))
    return None
