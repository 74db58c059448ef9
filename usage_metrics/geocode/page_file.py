"""A dbm file that holds numbered pages of text, and survives what happens to files.

It is open only while it is read or a page is written, so no kill or fork can catch it
half done for long. Nothing is pickled, so a file from elsewhere can run no code; a page
is compressed, and the checksum at its end tells flipped bits.
"""

import ast
import contextlib
import errno
import glob
import importlib
import logging
import os
import sqlite3
import time
import zlib
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any, BinaryIO

from usage_metrics.errors import StorageError
from usage_metrics.warehouse.secure_vacuum import compact

logger = logging.getLogger("luigi-interface")

KINDS = ("sqlite3", "dumb")
"""The dbm modules that are used, best first; Python 3.13 brought the first.

Not ``gnu``: a disk that is full while it writes ruins all that it wrote before.
"""

PRIVATE = 0o600
"""The mode of all files: they hold visitors' addresses."""

_SET_ASIDE = ".corrupt-"
_SUFFIXES = ("", ".dat", ".dir", ".bak", "-wal", "-shm")


class DamagedError(StorageError):
    """The file is there but is none of ours, or not all of it."""

    def __init__(self, path: Path, damage: object) -> None:
        """Say which file it is, and what is wrong with it."""
        super().__init__(f"the cache {path} is damaged: {damage}")


class PageFile:
    """A file, or for ``dumb`` three of them, whose names begin alike."""

    def __init__(self, path: Path, kind: str) -> None:
        """Name a file of one of :data:`KINDS`; nothing is opened yet."""
        self.path = path
        self._kind = kind

    def exists(self) -> bool:
        """Whether there is any part of it."""
        return any(self._part(suffix).exists() for suffix in _SUFFIXES)

    @contextlib.contextmanager
    def open(self) -> Iterator[MutableMapping[Any, bytes]]:
        """Open the file, new if there is none, and close it again.

        Raises:
            DamagedError: if it is not what was written.
            StorageError: if it cannot be read or written for another reason.
        """
        try:
            if self._kind == "dumb":
                self._mend_index()
            with contextlib.closing(self._open_dbm()) as pages:
                self._check_index(pages)
                yield pages
            if self._kind == "dumb":
                self._part(".bak").unlink(missing_ok=True)
        except (OSError, sqlite3.Error) as error:
            if _is_disk_at_fault(error):
                raise self._unusable(error) from error
            raise DamagedError(self.path, error) from error

    def set_aside(self) -> str:
        """Rename it, and give what its names end in from now on.

        Raises:
            StorageError: if the folder cannot be written.
        """
        ending = f"{_SET_ASIDE}{time.time_ns()}"
        self._rename("", ending)
        return ending

    def put_back(self, ending: str) -> None:
        """Undo :meth:`set_aside`, instead of what was begun since.

        Raises:
            StorageError: if the folder cannot be written.
        """
        for suffix in _SUFFIXES:
            self._part(suffix).unlink(missing_ok=True)
        self._rename(ending, "")

    def delete(self) -> None:
        """Delete it; its index last, which alone says nothing."""
        for suffix in sorted(_SUFFIXES, key=lambda suffix: suffix == ".dir"):
            self._part(suffix).unlink(missing_ok=True)

    def delete_set_aside(self) -> int:
        """Delete what :meth:`set_aside` left: nobody can tell what is in it."""
        pattern = f"{glob.escape(self.path.name)}*{_SET_ASIDE}*"
        files = list(self.path.parent.glob(pattern))
        for file in files:
            file.unlink(missing_ok=True)
        return len(files)

    def scrub(self) -> None:
        """Overwrite what was deleted, and still stands where no page is any more.

        Raises:
            StorageError: if it cannot be read or written.
        """
        if self._kind == "sqlite3":
            try:
                compact(self.path)
            except sqlite3.Error as error:
                raise self._unusable(error) from error
            return
        with self.open():
            pass  # what a kill left half done is mended
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
        except OSError as error:
            raise self._unusable(error) from error

    def _open_dbm(self) -> Any:
        module = importlib.import_module(f"dbm.{self._kind}")
        # dbm.dumb evaluates its index as Python, line by line.
        bad_index = (SyntaxError, ValueError, TypeError, AttributeError, RecursionError)
        try:
            return module.open(str(self.path), "c", PRIVATE)
        except bad_index as error:
            raise DamagedError(self.path, f"its index is no index: {error}") from error

    def _check_index(self, pages: MutableMapping[Any, bytes]) -> None:
        if self._kind == "dumb" and not pages and self._part(".dat").stat().st_size:
            raise DamagedError(self.path, "its index is empty")

    def _mend_index(self) -> None:
        """Undo what a kill or a full disk did to the index of dbm.dumb.

        It renames the index to ``.bak`` before it writes it anew. That file is deleted
        when all is written; where one is left, it is the last whole index. New lines
        are appended, and the last one may be a part of one.
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
    """Write zeros wherever in a file no page is; a page is a place and a size."""
    end = 0
    for place, size in places:
        if place > end:
            file.seek(end)
            file.write(bytes(place - end))
        end = max(end, place + size)
    file.truncate(end)


def has_kind(kind: str) -> bool:
    """Whether this Python has a dbm module."""
    try:
        importlib.import_module(f"dbm.{kind}")
    except ImportError:
        return False
    return True


def best_kind() -> str:
    """The best dbm module that this Python has."""
    return next(kind for kind in KINDS if has_kind(kind))


def page_numbers(pages: MutableMapping[Any, bytes]) -> list[bytes]:
    """The keys of the pages in their order, without keys that damage has changed."""
    keys = list(pages.keys())
    return sorted(key for key in keys if isinstance(key, bytes) and key.isdigit())


def pack(page: dict[str, str]) -> bytes:
    """What is written of a page: a line for each key, a word, and its text."""
    return zlib.compress("\n".join(map(" ".join, page.items())).encode())


def unpack(page: bytes) -> dict[str, str] | None:
    """What :func:`pack` was given; None if this is something else."""
    try:
        lines = zlib.decompress(page).decode().split("\n")
        return dict(line.split(" ", 1) for line in lines)
    except (ValueError, TypeError, zlib.error):
        return None


def _is_disk_at_fault(error: OSError | sqlite3.Error) -> bool:
    """Tell a full disk or another program, say, from a damaged file.

    dbm.dumb seeks where a damaged index sends it, be that a negative place.
    dbm.sqlite3 hides what SQLite said, but for the exception that it was handling.
    """
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno != errno.EINVAL
    return isinstance(error.__context__, sqlite3.OperationalError)
