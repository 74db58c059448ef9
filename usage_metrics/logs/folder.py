"""Which files of JSON exports there are, and of which day each is.

A Cloud Storage sink writes them below ``run.googleapis.com/requests/2022/03/15/``,
people write one a day and put the date in its name; any nesting of either is found. A
folder is listed once for all days and all tasks, for it may hold a file for each hour
of years.
"""

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
"""How long the listing of an object store is good for."""

CLOCK_TICK = 50_000_000
"""Nanoseconds within which two changes of a folder may leave it the same time."""

_CREDENTIALS = {
    "s3": "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "gs": "run gcloud auth application-default login, or set "
    "GOOGLE_APPLICATION_CREDENTIALS to the path of a key file",
}

_CREDENTIALS["gcs"] = _CREDENTIALS["gs"]  # as Arrow calls it, too

_DATE = re.compile(r"(?<!\d)(\d{4})([-_/.]?)(\d{2})\2(\d{2})(?!\d)")


@dataclass(frozen=True)
class ExportFile:
    """An export and the day that its name or its folder says it is of."""

    path: str
    name: str
    """The path below the folder of the exports."""
    date: dt.date
    size: int


@dataclass(frozen=True)
class Listing:
    """The exports in a folder, oldest first, and what tells whether that changed."""

    files: list[ExportFile]
    changed: dict[str, int | None]
    """When each folder was last changed; in an object store none of them says."""
    taken: float

    def is_current(self, filesystem: pafs.FileSystem) -> bool:
        """Whether no file came, went or was renamed since, as far as can be told."""
        if not self.changed or None in self.changed.values():
            return time.monotonic() - self.taken < LISTING_SECONDS
        folders = filesystem.get_file_info(list(self.changed))
        return all(self.changed[info.path] == info.mtime_ns for info in folders)


_LISTINGS: dict[str, Listing] = {}


def open_folder(uri: str) -> tuple[pafs.FileSystem, str]:
    """The file system of a ``logs`` setting, and the path of the folder within it.

    Raises:
        ConfigError: if no logs are named, or where they are cannot be opened.
    """
    if not uri:
        raise ConfigError(
            "no logs are named: set logs in the source's section of luigi.cfg, such "
            "as [datasette] logs = data/sample_logs"
        )
    return filesystem_of(uri)


def list_exports(filesystem: pafs.FileSystem, folder: str, uri: str) -> Listing:
    """List the exports in a folder, unless the last listing of it is still good.

    Args:
        filesystem: where the folder is.
        folder: its path there.
        uri: both, as the setting names them.

    Raises:
        ConfigError: if there is no such folder.
        InputError: if it cannot be listed, has no exports, or none with a date.
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
        raise InputError(
            f"logs = {uri} cannot be listed: {cause(error)}{_remedy(uri)}"
        ) from error
    changed = {
        # What changed just now may change once more and leave the same time.
        info.path: -1 if (info.mtime_ns or 0) > steady else info.mtime_ns
        for info in found
        if info.type == pafs.FileType.Directory
    }
    return Listing(_dated(found, folder, uri), changed, taken)


def cause(error: OSError) -> str:
    """What a file system says went wrong, without Google's repetition of it."""
    return str(error).partition(" error_info=")[0]


def _remedy(uri: str) -> str:
    remedy = _CREDENTIALS.get(uri.partition("://")[0])
    return f"; if credentials are missing, {remedy}" if remedy else ""


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
            "%d files in %s carry no date, such as %r, and are not read; put it in the "
            "name (2022-03-15.jsonl.gz) or the folders (2022/03/15/)",
            len(undated),
            uri,
            undated[0],
        )
    if not files:
        raise InputError(
            f"logs = {uri} holds no exports; they end in {', '.join(SUFFIXES)}, "
            "gzipped or not, and have a date in their names (2022-03-15.jsonl.gz) or "
            "folders (2022/03/15/)"
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
    """The date in a file's name or, failing that, the last one in its folders."""
    folders, _, last = name.rpartition("/")
    for text in (last, folders):
        for match in reversed(list(_DATE.finditer(text))):
            try:
                return dt.date(int(match[1]), int(match[3]), int(match[4]))
            except ValueError:
                continue
    return None
