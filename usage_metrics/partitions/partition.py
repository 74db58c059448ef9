"""A partition: one stage of one source for one UTC day, one Parquet file.

Its path is ``<root>/<stage>/<source>/date=YYYY-MM-DD/part-0.parquet``. The root is a
local folder or an object store (``s3://``, ``gs://``). Three promises:

* A file is whole or absent; :mod:`usage_metrics.partitions.storage` says how.
* One listing tells which days of a stage exist, with a fingerprint of each.
* The footer says what made the file, as JSON under ``usage_metrics``. Its
  ``content_id`` is a hash of the data alone: equal rows, equal id, whenever made.
"""

import contextlib
import datetime as dt
import functools
import os
import re
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import luigi

from usage_metrics.dates import utc_now
from usage_metrics.errors import (
    PartitionError,
    StorageError,
    UnreachableError,
    os_errors_as,
)
from usage_metrics.monitoring import permissions
from usage_metrics.partitions import folders, listings, storage
from usage_metrics.partitions.footer import check_content, facts_of, read_footer
from usage_metrics.partitions.purpose import is_for, name_of, purpose
from usage_metrics.partitions.row_groups import dictionaries_of, naming_unreadable
from usage_metrics.partitions.writer import PartitionWriter

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

FILE_NAME = "part-0.parquet"

STATE = ".state"
"""The folder under the root for drafts and markers: readers of Parquet folders, such as
Polars, refuse a folder that holds anything else."""

RETRIED = "geocoded"
"""The stage that a later run completes, if addresses were left unanswered."""

RETRY_MARKER = "unanswered"
"""Marks a file that a later run should complete; its content is new each time."""

CHECKED_MARKER = "read-again"
"""Marks a raw file whose logs were read again; it says for which moment."""

OLD_MARKERS = {RETRIED: ".unanswered", "raw": ".read-again"}
"""The markers of each stage that version 0.1 put beside its files."""

_FOLDER = re.compile(r"date=(\d{4}-\d\d-\d\d)")


class _UnchangedError(Exception):
    """Ends the writing of a file so that the existing one stays."""


@dataclass(frozen=True)
class Partition(luigi.Target):
    """One stage of one source for one day.

    Whatever reads it raises a PartitionError if it is missing, damaged or of another
    stage, source or day, and an UnreachableError if the storage does not answer.
    """

    root: str
    stage: str
    source: str
    date: dt.date

    @property
    def folder(self) -> str:
        """The folder that holds the Parquet file and nothing else."""
        return f"{self.root}/{self._key}"

    @property
    def _key(self) -> str:
        return f"{self.stage}/{self.source}/date={self.date.isoformat()}"

    def marker(self, name: str) -> str:
        """The path or URI of a marker."""
        return f"{self.root}/{STATE}/{self._key}/{name}"

    @property
    def path(self) -> str:
        """The path or URI of the Parquet file."""
        return f"{self.folder}/{FILE_NAME}"

    @property
    def _identity(self) -> dict[str, Any]:
        """What its footer says about which partition it is."""
        return {
            "stage": self.stage,
            "source": self.source,
            "date": self.date.isoformat(),
        }

    def exists(self) -> bool:
        """Whether the partition is complete."""
        mark = None
        if self.stage == RETRIED:  # before the file, which this run may make
            mark = left_over(self.root, self.source).get(self.date)
        with _naming_unreachable(self.path):
            is_there = storage.exists(self.path)
        return is_there and (mark is None or self._content_of(RETRY_MARKER) != mark)

    def open(self, schema: "pa.Schema | None" = None) -> "pq.ParquetFile":
        """Open the file for reading, after checking every byte of it.

        Columns stored as dictionaries are read as such. Parquet's own checksums do not
        cover how a page is to be read.

        Args:
            schema: the columns that it should have.

        Raises:
            PartitionError: as always, and if it has other columns.
        """
        import pyarrow.parquet as pq

        source = self._open(storage.open_whole_file)
        with naming_unreadable(self.path):
            footer = read_footer(source)
            self._check_identity(footer.metadata)
            check_content(source, footer)
            file = pq.ParquetFile(
                source,
                metadata=footer.metadata,
                read_dictionary=dictionaries_of(footer.metadata),
            )
        if schema is not None and file.schema_arrow.names != schema.names:
            raise PartitionError(
                f"{self.path} was made by another version of this program and has "
                "other columns; delete it and rerun"
            )
        return file

    def verify(self) -> None:
        """Read the whole file and compare it with the hashes in it."""
        self.open().close()

    def facts(self) -> dict[str, Any]:
        """What the footer says about how the file was made."""
        return facts_of(self._metadata())

    def _metadata(self) -> "pq.FileMetaData":
        with self._open(storage.open_file) as source, naming_unreadable(self.path):
            metadata = read_footer(source).metadata
            self._check_identity(metadata)
        return metadata

    def content_id(self) -> str | None:
        """The hash of its rows; None if it is missing or damaged."""
        content_id: str | None = self.fact("content_id")
        return content_id

    def fact(self, name: str) -> Any:
        """One of its facts; None if it is missing or damaged, or does not say."""
        try:
            return self.facts().get(name)
        except PartitionError:
            return None  # the reader of the file reports why

    def _open(self, opener: Callable[[str], "pa.NativeFile"]) -> "pa.NativeFile":
        with _naming_unreachable(self.path):
            try:
                return opener(self.path)
            except FileNotFoundError:
                raise PartitionError(f"{self.path} is missing; rerun") from None

    def _check_identity(self, metadata: "pq.FileMetaData") -> None:
        facts = facts_of(metadata)
        found = {key: facts.get(key) for key in self._identity}
        if found != self._identity:
            raise PartitionError(
                f"{self.path} says it is {found}, not {self._identity}: it was put "
                "there by hand or by another program; delete it and rerun"
            )

    @contextlib.contextmanager
    def writing(
        self,
        schema: "pa.Schema",
        repeating: Sequence[str] = (),
        keep: "Callable[[PartitionWriter], bool] | None" = None,
    ) -> Iterator["PartitionWriter"]:
        """Write the partition; it appears, whole, when the block ends without error.

        Args:
            schema: what readers will see. Batches may hold dictionaries in place of
                its strings.
            repeating: paths of columns with repeated values, besides those that come
                as dictionaries.
            keep: decides, given the closed writer, whether the existing file stays.

        Raises:
            StorageError: if the file cannot be written.
        """
        with contextlib.suppress(_UnchangedError), self._replacing(self.path) as stream:
            writer = PartitionWriter(stream, schema, repeating, self._identity)
            yield writer
            writer.close()
            if keep is not None and keep(writer):
                raise _UnchangedError

    @contextlib.contextmanager
    def _replacing(self, path: str) -> Iterator[BinaryIO]:
        """Write the file or a marker, as a whole."""
        if path == self.path and self.stage in OLD_MARKERS:
            move_old_markers(self.root, self.stage, self.source)
        listings.forget()
        drafts = f"{self.root}/{STATE}/drafts"
        private = path != self.path or permissions.is_private(self.stage)
        with storage.naming_unwritable(path):
            if "://" not in self.root:
                storage.make_folder(Path(self.root))  # it also holds what is published
                # Drafts of version 0.1.
                storage.sweep_once(Path(self.folder).parent, os.getpid())
            with storage.whole_or_absent(path, drafts, private=private) as stream:
                yield stream
        listings.forget()

    def is_made_for(self, moment: dt.datetime) -> bool:
        """Whether the file was written for a moment that a task names."""
        return self.exists() and self.fact("made_for") == name_of(moment)

    def was_read_for(self, moment: dt.datetime) -> bool:
        """Whether the file was written, or found up to date, for a moment or since."""
        if not self.exists():
            return False
        checked_for = self._content_of(CHECKED_MARKER)
        noted = [self.fact("made_for"), self.fact("made_at"), checked_for]
        return any(is_for(text, moment) for text in noted)

    def _content_of(self, marker: str) -> str | None:
        """What a marker says; None if there is none."""
        path = self.marker(marker)
        with _naming_unreachable(path), contextlib.suppress(FileNotFoundError):
            return storage.read_file(path, 100).decode(errors="replace").strip()
        return None

    def mark_checked(self) -> None:
        """Note that the file was found up to date, and for what or when."""
        with self._replacing(self.marker(CHECKED_MARKER)) as stream:
            stream.write(f"{purpose() or name_of(utc_now())}\n".encode())

    def ask_again(self, *, wanted: bool) -> None:
        """Have the next run, not this one, make the partition again; or not."""
        left_over(self.root, self.source)  # which what follows is not
        if wanted:
            with self._replacing(self.marker(RETRY_MARKER)) as stream:
                stream.write(f"{uuid.uuid4()}\n".encode())
        else:
            self._delete(self.marker(RETRY_MARKER))

    def delete(self) -> None:
        """Delete the file and its markers."""
        markers = map(self.marker, (RETRY_MARKER, CHECKED_MARKER))
        self._delete(self.path, *markers)
        if "://" not in self.folder:
            with contextlib.suppress(OSError):
                Path(self.folder).rmdir()  # another process may be writing to it

    def _delete(self, *paths: str) -> None:
        listings.forget()
        for path in paths:
            with storage.naming_unwritable(path):
                storage.delete(path)

    def move_old_marker(self) -> None:
        """Take a marker of version 0.1 away from the file.

        Whoever may not write here leaves it in its place, for somebody who may. A day
        that was read again will be read once more.
        """
        with contextlib.suppress(StorageError):
            if self.stage == RETRIED:
                self.ask_again(wanted=True)
            self._delete(f"{self.folder}/{OLD_MARKERS[self.stage]}")


def days_to_ask_again(root: str, source: str) -> list[dt.date]:
    """The days whose geocoded file a run should complete."""
    marked = _list_days(RETRY_MARKER, f"{root}/{STATE}", RETRIED, source)
    return [day for day, *_ in marked]


@functools.cache
def left_over(root: str, source: str) -> dict[dt.date, str | None]:
    """The days that runs before this one left to be completed, each with its mark.

    A mark that is there when this process first looks is of such a run. One that takes
    its place, by whomever, is not: the day has been tried since. No clocks are
    compared: a store's may differ from ours, and counts in whole seconds.
    """
    return {
        day: Partition(root, RETRIED, source, day)._content_of(RETRY_MARKER)
        for day in days_to_ask_again(root, source)
    }


def list_partitions(root: str, stage: str, source: str) -> dict[dt.date, str]:
    """List the complete partitions of a stage.

    Returns:
        The days, each with a fingerprint that changes when the file is replaced.

    Raises:
        UnreachableError: if the folder cannot be listed.
    """
    present = list_present(root, stage, source)
    if stage == RETRIED:
        for day in present.keys() & left_over(root, source).keys():
            if not Partition(root, stage, source, day).exists():
                del present[day]
    return present


def list_present(root: str, stage: str, source: str) -> dict[dt.date, str]:
    """As ``list_partitions``, including partitions that this run should complete."""
    return listings.listed((root, stage, source), _list_present)


def _list_present(root: str, stage: str, source: str) -> dict[dt.date, str]:
    listed = _list_days(FILE_NAME, root, stage, source)
    return {day: f"{modified}-{size}" for day, modified, size in sorted(listed)}


@functools.cache
def move_old_markers(root: str, stage: str, source: str) -> None:
    """Take away what version 0.1 left, once in each process that writes files."""
    for day, *_ in _list_days(OLD_MARKERS[stage], root, stage, source):
        Partition(root, stage, source, day).move_old_marker()


def _list_days(
    name: str, root: str, stage: str, source: str
) -> list[tuple[dt.date, int, int]]:
    """The files of a name: day, modification time, size."""
    folder = f"{root}/{stage}/{source}"
    with _naming_unreachable(folder):
        return [
            (day, modified, size)
            for inner, modified, size in folders.list_files(folder, name)
            if (day := _day_of(inner))
        ]


@functools.lru_cache(maxsize=1 << 14)
def _day_of(folder: str) -> dt.date | None:
    """The day in the name of a folder, which is that of some twenty stages."""
    if match := _FOLDER.fullmatch(folder):
        with contextlib.suppress(ValueError):  # no such day
            return dt.date.fromisoformat(match[1])
    return None


def written_at(fingerprint: str) -> float:
    """When, in seconds, the file with this fingerprint was written."""
    return int(fingerprint.partition("-")[0]) / 1e9


def _naming_unreachable(path: str) -> contextlib.AbstractContextManager[None]:
    what = f"{path} cannot be accessed"
    return os_errors_as(UnreachableError, what, "fix the cause and rerun")
