"""The answers of a paid service, kept on disk so that nothing is asked for twice.

:class:`shelved_cache.PersistentCache` keeps a cache in memory with a copy in a dbm
file. What is odd about it, as of version 0.5.0, is cured here:

* its stored keys differ from process to process, and deleting, counting and iterating
  see those: here the key is the key;
* it writes and reads each entry on its own, at 20 to 400 µs each: here a *page* of the
  file holds a batch of answers, ten times as fast, and is either there or not;
* it leaves the file open, and a kill or fork then loses or ruins it;
* it goes on without a file when it cannot open it: here a damaged file is set aside
  with a warning, and a full disk is an error;
* two processes overwrite each other's entries: here they wait for a lock.
"""

import contextlib
import fcntl
import logging
import os
from collections.abc import Callable, Collection, Iterator, MutableMapping
from pathlib import Path
from typing import Any

from shelved_cache import PersistentCache

from usage_metrics.errors import StorageError
from usage_metrics.geocode.page_file import (
    KINDS,
    PRIVATE,
    DamagedError,
    PageFile,
    best_kind,
    has_kind,
    pack,
    page_numbers,
    unpack,
)

logger = logging.getLogger("luigi-interface")


class StableShelf(PersistentCache):  # type: ignore[misc]
    """A mapping of words to lines of text in memory, kept in a file page by page.

    What is set is in the file after :meth:`sync`. A later page wins over an earlier
    one. For one process at a time: see :class:`LockedShelf`.
    """

    def __init__(self, file: PageFile, is_expired: Callable[[str], bool]) -> None:
        """Describe a shelf, which is read at the first use.

        Args:
            file: where it is kept.
            is_expired: says which values of the file are of no more use; a page in
                which all are leaves it.
        """
        super().__init__(dict, file.path)
        self._file = file
        self._is_expired = is_expired
        self._unsaved: dict[str, str] = {}
        self._is_read = False

    def sync(self) -> None:
        """Write what was set since the last time, as one page.

        Raises:
            StorageError: if it cannot be written.
        """
        try:
            self._write(self._unsaved)
        except DamagedError as damage:
            self._begin_afresh(damage)
        self._unsaved = {}

    def initialize_if_not_initialized(self) -> None:
        """Read the file at the first use; one that is damaged is set aside.

        Raises:
            StorageError: if the file can be neither read nor begun afresh.
        """
        if self._is_read:
            return
        self._is_read = True
        try:
            self._read()
        except DamagedError as damage:
            self._begin_afresh(damage)

    def delete_callback(self, key: str) -> None:
        """Take a key that was deleted from the memory out of the file as well."""
        self._unsaved.pop(key, None)
        with self._file.open() as pages:
            for number in page_numbers(pages):
                page = unpack(pages[number]) or {}
                if page.pop(key, None) is not None:
                    pages[number] = pack(page)

    def __setitem__(self, key: str, value: str) -> None:
        self.initialize_if_not_initialized()
        self.wrapped[key] = value
        self._unsaved[key] = value

    def __delitem__(self, key: str) -> None:
        self.initialize_if_not_initialized()
        del self.wrapped[key]

    def setdefault(self, key: str, value: str) -> str:
        """The value of a key, which is set first if there is none."""
        if key not in self:
            self[key] = value
        found: str = self[key]
        return found

    def __len__(self) -> int:
        self.initialize_if_not_initialized()
        return len(self.wrapped)

    def __iter__(self) -> Iterator[str]:
        self.initialize_if_not_initialized()
        return iter(self.wrapped)

    def _read(self) -> None:
        """Read all pages, and drop those in which all has expired."""
        with self._file.open() as pages:
            numbers = page_numbers(pages)
            damaged = len(pages) - len(numbers)
            for number in numbers:
                page = unpack(pages[number])
                if page is None:
                    damaged += 1
                elif all(map(self._is_expired, page.values())):
                    del pages[number]
                else:
                    self.wrapped.update(page)
        if damaged:
            raise DamagedError(self._file.path, f"{damaged} pages cannot be read")

    def _write(self, values: dict[str, str]) -> None:
        if values:
            with self._file.open() as pages:
                last = int((page_numbers(pages) or [b"0"])[-1])
                pages[f"{last + 1:08d}"] = pack(values)

    def _begin_afresh(self, damage: DamagedError) -> None:
        """Set the file aside and write what is in memory to a new one."""
        ending = self._file.set_aside()
        try:
            self._write(self.wrapped)
        except StorageError:
            self._file.put_back(ending)
            raise
        logger.warning(
            "%s; its files now end in %s, and a new one begins with the %d answers "
            "that are in memory",
            damage,
            ending,
            len(self.wrapped),
        )


class LockedShelf:
    """A shelf that one process at a time can open."""

    def __init__(self, path: Path, kind: str | None = None) -> None:
        """Describe a shelf; nothing is opened yet.

        Args:
            path: the file, without the ending that says which kind it is: Python
                versions with different dbm modules never meet in one file.
            kind: one of :data:`~usage_metrics.geocode.page_file.KINDS`; the best
                there is when left out.
        """
        self._stem = path
        self.kind = kind or best_kind()
        self.path = path.with_name(f"{path.name}.{self.kind}")
        self._file = PageFile(self.path, self.kind)

    def exists(self) -> bool:
        """Whether anything was ever kept here."""
        return self._file.exists()

    @contextlib.contextmanager
    def open(
        self, is_expired: Callable[[str], bool] = lambda text: False
    ) -> Iterator[StableShelf]:
        """Wait for the lock, and hold it while the shelf is used.

        What was set is written at the end, whatever happened in between.

        Args:
            is_expired: says which values of the file are of no more use.

        Raises:
            StorageError: if the files cannot be read or written.
        """
        with self._lock():
            shelf = StableShelf(self._file, is_expired)
            if not self.exists():
                self._take_over(shelf)
            try:
                yield shelf
            finally:
                shelf.sync()

    def forget(self, unwanted: Callable[[dict[str, str]], Collection[str]]) -> int:
        """Take answers out of the files of every kind, so that nothing is left of them.

        Args:
            unwanted: says which keys of some answers have to go.

        Returns:
            How many answers were taken out.

        Raises:
            StorageError: if a file cannot be read, written or understood.
        """
        return sum(LockedShelf(self._stem, kind)._forget(unwanted) for kind in KINDS)

    def delete_set_aside(self) -> int:
        """Delete the damaged files that were set aside; say how many there were."""
        return sum(LockedShelf(self._stem, k)._file.delete_set_aside() for k in KINDS)

    def _forget(self, unwanted: Callable[[dict[str, str]], Collection[str]]) -> int:
        if not self.exists():
            return 0
        if not has_kind(self.kind):
            raise StorageError(
                f"the cache {self.path} was made by a newer Python, which alone can "
                "take anything out of it: use that one, or delete the file"
            )
        with self._lock():
            try:
                with self._file.open() as pages:
                    gone = _without_unwanted(pages, unwanted)
                    is_empty = not page_numbers(pages)
                if is_empty:
                    self._file.delete()
                else:
                    self._file.scrub()
            except DamagedError as damage:
                ending = self._file.set_aside()
                logger.warning("%s; its files now end in %s", damage, ending)
                return 0
        return gone

    def _take_over(self, shelf: StableShelf) -> None:
        """Begin a new file with what another kind holds: Python was upgraded."""
        for kind in KINDS:
            elder = LockedShelf(self._stem, kind)
            if kind != self.kind and has_kind(kind) and elder.exists():
                with elder.open() as answers:
                    shelf.update(answers)

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """Hold the lock, which the kernel frees if this process is killed."""
        path = self.path.with_name(f"{self.path.name}.lock")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE)
        except OSError as error:
            raise StorageError(
                f"the cache {self.path} cannot be locked: {error}; choose a place "
                "that can be written with [ipinfo] cache"
            ) from error
        try:
            self._wait_for(lock)
            yield
        finally:
            # A forked child may hold the file open too: unlock, do not just close.
            fcntl.flock(lock, fcntl.LOCK_UN)
            os.close(lock)

    def _wait_for(self, lock: int) -> None:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            logger.info("waiting for the run that is using the cache %s", self.path)
            fcntl.flock(lock, fcntl.LOCK_EX)


def _without_unwanted(
    pages: MutableMapping[Any, bytes],
    unwanted: Callable[[dict[str, str]], Collection[str]],
) -> int:
    """Write pages that have unwanted answers anew, without them, behind the others.

    What a later page says wins, so what one says instead of an earlier one stays out.
    A page is written before the old one is deleted: a kill between the two loses none.
    """
    gone = 0
    later: set[str] = set()
    for number in reversed(page_numbers(pages)):
        page = unpack(pages[number])
        if page is None:  # damage, which the next reader sets aside
            del pages[number]
            continue
        keys = set(unwanted(page))
        if keys:
            left = {k: v for k, v in page.items() if k not in keys and k not in later}
            if left:
                last = int(page_numbers(pages)[-1])
                pages[f"{last + 1:08d}"] = pack(left)
            del pages[number]
        gone += len(keys)
        later |= page.keys()
    return gone
