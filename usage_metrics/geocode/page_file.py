"""A dbm file of numbered pages of text that survives kills, forks and damage.

It is open only while it is read or a page is written, so that a kill or fork hardly
ever catches it half written. Nothing is pickled, so a file from elsewhere can run no
code. A page is compressed, and the checksum at its end detects flipped bits.
"""

import ast
import contextlib
import errno
import glob
import importlib
import importlib.util
import logging
import os
import sqlite3
import time
import zlib
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from usage_metrics.errors import StorageError
from usage_metrics.monitoring import permissions
from usage_metrics.partitions import storage
from usage_metrics.warehouse.secure_vacuum import compact

logger = logging.getLogger("luigi-interface")

KINDS = ("sqlite3", "dumb")
"""The dbm modules that are used, best first; Python 3.13 brought the first.

Not ``gnu``: if the disk is full when it writes, it ruins what it wrote before.
"""

_SET_ASIDE = ".corrupt-"
_SUFFIXES = ("", ".dat", ".bak", "-wal", "-shm", ".dir")
"""The index of ``dumb`` is deleted last: without pages it says nothing."""


class DamagedError(StorageError):
    """The file exists, but its content is not, or not all, what was written."""

    def __init__(self, path: Path, damage: object) -> None:
        """Name the file and the damage."""
        super().__init__(f"the cache {path} is damaged: {damage}")


@dataclass(frozen=True)
class PageFile:
    """A file; for ``dumb``, three files with a common prefix.

    A DamagedError says that its content is not what was written; another StorageError,
    that it cannot be read or written.
    """

    path: Path
    kind: str
    """One of :data:`KINDS`."""

    def exists(self) -> bool:
        """Whether any part of it exists."""
        return any(self._part(suffix).exists() for suffix in _SUFFIXES)

    @contextlib.contextmanager
    def open(self) -> Iterator[MutableMapping[Any, bytes]]:
        """Open the file, creating it if necessary, and close it again."""
        is_dumb = self.kind == "dumb"
        try:
            if is_dumb:
                self._mend_index()
            with contextlib.closing(self._open_dbm()) as pages:
                if is_dumb and not pages and self._part(".dat").stat().st_size:
                    raise DamagedError(self.path, "its index is empty")
                yield pages
            if is_dumb:
                self._sync()
                self._part(".bak").unlink(missing_ok=True)
        except (OSError, sqlite3.Error) as error:
            if _is_disk_at_fault(error):
                raise self._unusable(error) from error
            raise DamagedError(self.path, error) from error

    def _sync(self) -> None:
        """Have the files survive a loss of power, which dbm.dumb leaves to luck."""
        for suffix in (".dat", ".dir"):
            if self._part(suffix).exists():
                with self._part(suffix).open("rb") as file:
                    os.fsync(file.fileno())
        storage.sync_folder(self.path.parent)

    def set_aside(self) -> str:
        """Rename it; return the new ending of its names."""
        ending = f"{_SET_ASIDE}{time.time_ns()}"
        self._rename("", ending)
        return ending

    def put_back(self, ending: str) -> None:
        """Undo :meth:`set_aside`, discarding what was started since."""
        self.delete()
        self._rename(ending, "")

    def delete(self) -> None:
        """Delete it."""
        storage.delete_together(map(self._part, _SUFFIXES))

    def delete_set_aside(self) -> int:
        """Delete what :meth:`set_aside` left: nobody can tell what is in it."""
        pattern = f"{glob.escape(self.path.name)}*{_SET_ASIDE}*"
        files = list(self.path.parent.glob(pattern))
        storage.delete_together(files)
        return len(files)

    def scrub(self) -> None:
        """Overwrite the remains of deleted pages."""
        if self.kind == "sqlite3":
            try:
                compact(self.path)
            except sqlite3.Error as error:
                raise self._unusable(error) from error
            return
        with self.open():
            pass  # to finish what a kill interrupted
        lines = self._part(".dir").read_text("Latin-1").splitlines()
        places = sorted(ast.literal_eval(line)[1] for line in lines)
        with self._part(".dat").open("r+b") as file:
            _overwrite_gaps(file, places)
            os.fsync(file.fileno())

    def _part(self, suffix: str) -> Path:
        return self.path.with_name(self.path.name + suffix)

    def _rename(self, old: str, new: str) -> None:
        try:
            for suffix in _SUFFIXES:
                if self._part(suffix + old).exists():
                    self._part(suffix + old).rename(self._part(suffix + new))
            storage.sync_folder(self.path.parent)
        except OSError as error:
            raise self._unusable(error) from error

    def _open_dbm(self) -> Any:
        module = importlib.import_module(f"dbm.{self.kind}")
        # dbm.dumb evaluates its index as Python, line by line.
        bad_index = (SyntaxError, ValueError, TypeError, AttributeError, RecursionError)
        try:
            return module.open(str(self.path), "c", permissions.private_mode())
        except bad_index as error:
            raise DamagedError(self.path, f"its index is invalid: {error}") from error

    def _mend_index(self) -> None:
        """Undo what a kill or a full disk did to the index of dbm.dumb.

        dbm.dumb renames the index to ``.bak`` before it rewrites it, and the backup is
        deleted once everything is written: one that is left is the last whole index.
        New lines are appended, so the last one may be incomplete.
        """
        index, backup = self._part(".dir"), self._part(".bak")
        if backup.exists():
            backup.replace(index)
        lines = index.read_bytes() if index.exists() else b""
        if lines and not lines.endswith(b"\n"):
            logger.warning("the cache %s lost its last page, half written", self.path)
            os.truncate(index, lines.rfind(b"\n") + 1)

    def _unusable(self, error: Exception) -> StorageError:
        return StorageError(
            f"the cache {self.path} cannot be used: {error}; make room or give write "
            "permission there, or choose another place with [ipinfo] cache"
        )


def _overwrite_gaps(file: BinaryIO, places: list[tuple[int, int]]) -> None:
    """Write zeros between the pages, given by offset and size, and cut off the rest."""
    end = 0
    for place, size in places:
        if place > end:
            file.seek(end)
            file.write(bytes(place - end))
        end = max(end, place + size)
    file.truncate(end)


def has_kind(kind: str) -> bool:
    """Whether this Python has a dbm module."""
    return importlib.util.find_spec(f"dbm.{kind}") is not None


def best_kind() -> str:
    """The best dbm module that this Python has."""
    return next(kind for kind in KINDS if has_kind(kind))


def page_numbers(pages: MutableMapping[Any, bytes]) -> list[bytes]:
    """The keys of the pages, in order, without keys that damage has changed."""
    keys = list(pages.keys())
    return sorted(key for key in keys if isinstance(key, bytes) and key.isdigit())


def append_page(pages: MutableMapping[Any, bytes], page: dict[str, str]) -> None:
    """Write a page behind the others: a line per key, a word followed by its text."""
    last = int((page_numbers(pages) or [b"0"])[-1])
    text = "\n".join(map(" ".join, page.items()))
    pages[f"{last + 1:08d}"] = zlib.compress(text.encode())


def unpack(page: bytes) -> dict[str, str] | None:
    """Read what :func:`append_page` wrote; None if this is anything else."""
    try:
        lines = zlib.decompress(page).decode().split("\n")
        return dict(line.split(" ", 1) for line in lines)
    except (ValueError, TypeError, zlib.error):
        return None


def _is_disk_at_fault(error: OSError | sqlite3.Error) -> bool:
    """Tell a full disk or another program's lock, say, from a damaged file.

    dbm.dumb seeks wherever a damaged index says, even to a negative offset.
    dbm.sqlite3 hides SQLite's error, except as the context of its own.
    """
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno != errno.EINVAL
    return isinstance(error.__context__, sqlite3.OperationalError)
