"""The answers of a paid service, kept on disk so that nothing is asked for twice.

:class:`shelved_cache.PersistentCache` keeps a cache in memory with a copy in a dbm
file. Version 0.5.0 has faults that are worked around here:

* its stored keys differ from process to process, and deleting, counting and iterating
  see those: here the key is stored as it is;
* it reads and writes each entry on its own, at 20 to 400 µs each: here a *page* of the
  file holds a batch of answers, ten times as fast, and is either there or not;
* it leaves the file open, and a kill or fork then loses or ruins it;
* it goes on without a file when it cannot open one: here a damaged file is set aside
  with a warning, and a full disk is an error;
* two processes overwrite each other's entries: here they wait for a lock.
"""

import contextlib
import logging
from collections.abc import Callable, Collection, Iterator, MutableMapping
from pathlib import Path
from typing import Any

from shelved_cache import PersistentCache

from usage_metrics.errors import StorageError, os_errors_as
from usage_metrics.geocode.journal import Journal
from usage_metrics.geocode.page_file import (
    KINDS,
    DamagedError,
    PageFile,
    append_page,
    best_kind,
    has_kind,
    page_numbers,
    unpack,
)
from usage_metrics.monitoring import locks
from usage_metrics.partitions import storage

logger = logging.getLogger("luigi-interface")

Unwanted = Callable[[dict[str, str]], Collection[str]]
"""Picks the keys to remove from some answers."""


class StableShelf(PersistentCache):  # type: ignore[misc]  # it has no types
    """A mapping of words to lines of text in memory, kept in a file page by page.

    What was given to :meth:`keep` is on the disk when that returns; other new values
    are after :meth:`sync`. Later pages override earlier ones. Nothing can be deleted:
    :meth:`LockedShelf.forget` does that. For one process at a time. A StorageError says
    that the file cannot be read or written.
    """

    def __init__(
        self, file: PageFile, journal: Journal, is_expired: Callable[[str], bool]
    ) -> None:
        """Read the file; a damaged one is set aside.

        Args:
            file: where the answers are kept.
            journal: where they are until they are a page.
            is_expired: whether a stored value is of no more use; a page with nothing
                but such values is deleted.
        """
        super().__init__(dict, file.path)
        self._file = file
        self._journal = journal
        self._unsaved: dict[str, str] = {}
        try:
            self._read(is_expired)
        except DamagedError as damage:
            self._start_afresh(damage)
        self.update(journal.read())  # of a run that was killed
        self.sync()

    def keep(self, values: dict[str, str]) -> None:
        """Set values and have them survive a kill or a loss of power."""
        if values:
            self._journal.append(values)
            self.update(values)

    def sync(self) -> None:
        """Write the values set since the last time, as one page."""
        try:
            self._write(self._unsaved)
        except DamagedError as damage:
            self._start_afresh(damage)
        self._unsaved = {}
        self._journal.delete()

    def initialize_if_not_initialized(self) -> None:
        """Do nothing: the file is read when the shelf is made."""

    def __setitem__(self, key: str, value: str) -> None:
        self.wrapped[key] = self._unsaved[key] = value

    def __len__(self) -> int:
        return len(self.wrapped)

    def __iter__(self) -> Iterator[str]:
        return iter(self.wrapped)

    def _read(self, is_expired: Callable[[str], bool]) -> None:
        """Read all pages; delete those in which everything has expired."""
        with self._file.open() as pages:
            numbers = page_numbers(pages)
            damaged = len(pages) - len(numbers)
            for number in numbers:
                page = unpack(pages[number])
                if page is None:
                    damaged += 1
                elif all(map(is_expired, page.values())):
                    del pages[number]
                else:
                    self.wrapped.update(page)
        if damaged:
            raise DamagedError(self._file.path, f"{damaged} pages cannot be read")

    def _write(self, values: dict[str, str]) -> None:
        if values:
            with self._file.open() as pages:
                append_page(pages, values)

    def _start_afresh(self, damage: DamagedError) -> None:
        """Set the file aside and write what is in memory to a new one."""
        ending = self._file.set_aside()
        try:
            self._write(self.wrapped)
        except StorageError:
            self._file.put_back(ending)
            raise
        logger.warning(
            "%s; renamed its files to end in %s and started a new one with the %d "
            "answers that are in memory",
            damage,
            ending,
            len(self.wrapped),
        )


class LockedShelf:
    """A shelf that one process at a time can open.

    A StorageError says that its files cannot be read, written or understood.
    """

    def __init__(self, path: Path, kind: str | None = None) -> None:
        """Describe a shelf; nothing is opened yet.

        Args:
            path: the file, without the suffix that names its kind: Python versions
                with different dbm modules never share a file.
            kind: one of :data:`~usage_metrics.geocode.page_file.KINDS`; by default
                the best available.
        """
        self._stem = path
        self.kind = kind or best_kind()
        self.path = path.with_name(f"{path.name}.{self.kind}")
        self._file = PageFile(self.path, self.kind)
        self._journal = Journal(self.path.with_name(f"{self.path.name}.journal"))

    def exists(self) -> bool:
        """Whether anything was ever kept here."""
        return self._file.exists() or self._journal.exists()

    @contextlib.contextmanager
    def open(
        self, is_expired: Callable[[str], bool] = lambda text: False
    ) -> Iterator[StableShelf]:
        """Wait for the lock, and hold it while the shelf is used.

        New values are written at the end, even after an exception.

        Args:
            is_expired: whether a stored value is of no more use.
        """
        with self._lock():
            is_new = not self.exists()
            shelf = StableShelf(self._file, self._journal, is_expired)
            if is_new:
                self._take_over(shelf)
            try:
                yield shelf
            finally:
                shelf.sync()

    def forget(self, unwanted: Unwanted) -> int:
        """Remove answers from the files of every kind, and leave no trace of them.

        Returns:
            The number of answers removed.
        """
        return sum(shelf._forget(unwanted) for shelf in self._of_every_kind())

    def delete_set_aside(self) -> int:
        """Delete the damaged files that were set aside; return their number."""
        return sum(shelf._file.delete_set_aside() for shelf in self._of_every_kind())

    def _of_every_kind(self) -> Iterator["LockedShelf"]:
        return (LockedShelf(self._stem, kind) for kind in KINDS)

    def _forget(self, unwanted: Unwanted) -> int:
        if not self.exists():
            return 0
        if not has_kind(self.kind):
            raise StorageError(
                f"the cache {self.path} was made by a newer Python, and only that can "
                "remove anything from it: use that Python, or delete the file"
            )
        with self._lock():
            if self._journal.exists():  # makes pages of it
                StableShelf(self._file, self._journal, lambda text: False)
            try:
                with self._file.open() as pages:
                    gone = remove_answers(pages, unwanted)
                    is_empty = not page_numbers(pages)
                if is_empty:
                    self._file.delete()
                else:
                    self._file.scrub()
            except DamagedError as damage:
                ending = self._file.set_aside()
                logger.warning("%s; renamed its files to end in %s", damage, ending)
                return 0
        return gone

    def _take_over(self, shelf: StableShelf) -> None:
        """Fill a new file from one of another kind: Python was upgraded."""
        for other in self._of_every_kind():
            if other.kind != self.kind and has_kind(other.kind) and other.exists():
                with other.open() as answers:
                    shelf.update(answers)

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """Hold the lock; the kernel frees it if this process is killed."""
        what = f"the cache {self.path} cannot be locked"
        remedy = "choose a writable place with [ipinfo] cache"
        folder = self.path.parent
        with os_errors_as(StorageError, what, remedy):
            storage.make_folder(folder.parent)
            storage.make_folder(folder, private=True)
        lock = self.path.with_name(f"{self.path.name}.lock")
        with locks.held(lock, "a run that uses ipinfo's cache", on_wait=self._say):
            yield

    def _say(self, holder: str) -> None:
        logger.info("waiting for %s: %s", holder, self.path)


def remove_answers(pages: MutableMapping[Any, bytes], unwanted: Unwanted) -> int:
    """Replace pages that hold unwanted answers by new last pages without them.

    Later pages override earlier ones, so a rewritten page leaves out keys that a later
    page has. It is written before the old one is deleted: a kill between the two loses
    nothing.

    Returns:
        The number of answers removed.
    """
    gone = 0
    later: set[str] = set()
    for number in reversed(page_numbers(pages)):
        page = unpack(pages[number])
        if page is None:  # damaged
            del pages[number]
            continue
        keys = set(unwanted(page))
        if keys:
            left = {k: v for k, v in page.items() if k not in keys and k not in later}
            if left:
                append_page(pages, left)
            del pages[number]
        gone += len(keys)
        later |= page.keys()
    return gone
