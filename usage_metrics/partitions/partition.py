"""Where a partition lives, how it is written, and what its footer says.

A partition is one stage of one source for one UTC day, one Parquet file:
``<root>/<stage>/<source>/date=YYYY-MM-DD/part-0.parquet``. The root is a local folder
or an object store (``s3://``, ``gs://``). Three promises:

* A file is whole or absent; how, :mod:`usage_metrics.partitions.storage` says.
* One listing tells which days of a stage are there, with a fingerprint of each.
* The footer says what made the file, as JSON under ``usage_metrics``. Its
  ``content_id`` is a hash of the data alone: equal rows, equal id, whenever made.
"""

import contextlib
import datetime as dt
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import luigi

from usage_metrics.errors import PartitionError, UnreachableError
from usage_metrics.partitions import storage
from usage_metrics.partitions.footer import (
    check_content,
    facts_of,
    read_footer,
)
from usage_metrics.partitions.row_groups import (
    dictionaries_of,
    is_out_of_reach,
    remedy,
)
from usage_metrics.partitions.writer import PartitionWriter

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

FILE_NAME = "part-0.parquet"
RETRY_MARKER = ".unanswered"
"""Beside a file that a later run should complete; its content is of no interest."""

CHECKED_MARKER = ".read-again"
"""Beside a raw file whose logs were read again; its time of change says when."""

_STARTED = time.time()


class _KeepTheOldError(Exception):
    """Ends the writing of a file, whose place keeps what it holds."""


@dataclass(frozen=True)
class Partition(luigi.Target):
    """One stage of one source for one day."""

    root: str
    stage: str
    source: str
    date: dt.date

    @property
    def folder(self) -> str:
        """The folder that holds this partition and nothing else."""
        return f"{self.root}/{self.stage}/{self.source}/date={self.date.isoformat()}"

    @property
    def _drafts(self) -> str:
        """The folder of all days, for what is not whole yet."""
        return f"{self.root}/{self.stage}/{self.source}"

    @property
    def path(self) -> str:
        """The path or URI of the Parquet file."""
        return f"{self.folder}/{FILE_NAME}"

    def exists(self) -> bool:
        """Whether the partition is complete.

        Raises:
            UnreachableError: if that cannot be found out.
        """
        with _naming_what_is_out_of_reach(self.path):
            if not storage.exists(self.path):
                return False
            asked = storage.changed_at(f"{self.folder}/{RETRY_MARKER}")
        return asked is None or not _was_before_this_run(asked)

    def open(self, schema: "pa.Schema | None" = None) -> "pq.ParquetFile":
        """Open the file for reading, after a look at every byte of it.

        What is stored as dictionaries is read as such. Parquet's own check sums do not
        cover what tells how a page is to be read.

        Args:
            schema: the columns that it should have.

        Raises:
            PartitionError: if it is missing, damaged, of another stage, source or day,
                or has other columns.
        """
        import pyarrow.parquet as pq

        source = self._open(storage.open_whole_file)
        with self._naming_itself():
            footer = read_footer(source)
            self._check_identity(footer.metadata)
            check_content(source, footer)
            file = pq.ParquetFile(
                source,
                metadata=footer.metadata,
                read_dictionary=dictionaries_of(footer.metadata),
            )
        if schema is not None:
            self._check_columns(file.metadata, schema)
        return file

    def verify(self) -> None:
        """Read the whole file and compare it with the hashes that it holds.

        Raises:
            PartitionError: if it is missing or damaged, or not the file it should be.
        """
        self.open().close()

    def facts(self) -> dict[str, Any]:
        """What the footer says about how the file was made.

        Raises:
            PartitionError: if it is missing or damaged, or not the file it should be.
        """
        return facts_of(self._metadata())

    def content_id(self) -> str | None:
        """The hash of its rows; None if it is missing or damaged."""
        content_id: str | None = self.fact("content_id")
        return content_id

    def fact(self, name: str) -> Any:
        """One of its facts; None if it is missing or damaged, or does not say."""
        try:
            return self.facts().get(name)
        except PartitionError:
            return None  # who reads it says why

    def _metadata(self) -> "pq.FileMetaData":
        with self._open(storage.open_file) as source, self._naming_itself():
            metadata = read_footer(source).metadata
            self._check_identity(metadata)
        return metadata

    def _open(self, how: Callable[[str], "pa.NativeFile"]) -> "pa.NativeFile":
        try:
            return how(self.path)
        except FileNotFoundError:
            raise PartitionError(f"{self.path} is not there; rerun") from None
        except OSError as error:
            raise UnreachableError(
                f"{self.path} cannot be opened: {error}; see to it and rerun"
            ) from error

    @contextlib.contextmanager
    def _naming_itself(self) -> Iterator[None]:
        """Say of which file it is what is said of a file.

        Raises:
            PartitionError: in place of Arrow's errors.
        """
        import pyarrow as pa

        try:
            yield
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            kind = UnreachableError if is_out_of_reach(error) else PartitionError
            raise kind(
                f"{self.path} cannot be read: {error}; {remedy(error)}"
            ) from error

    def _check_identity(self, metadata: "pq.FileMetaData") -> None:
        facts = facts_of(metadata)
        expected = _identity(self)
        found = {key: facts.get(key) for key in expected}
        if found != expected:
            raise PartitionError(
                f"{self.path} says it is {found}, not {expected}: it was put there by "
                "hand or by another program; delete it and rerun"
            )

    def _check_columns(self, metadata: "pq.FileMetaData", schema: "pa.Schema") -> None:
        if metadata.schema.to_arrow_schema().names != schema.names:
            raise PartitionError(
                f"{self.path} was made by another version of this program, its columns "
                "are not the present ones; delete it and rerun"
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
            repeating: paths of columns of which many rows have the same value, beside
                those that come as dictionaries.
            keep: says, of what was written, whether the file that is there stays.

        Raises:
            StorageError: if the place cannot be written to.
        """
        with (
            storage.naming_unwritable(self.path),
            contextlib.suppress(_KeepTheOldError),
            storage.whole_or_absent(self.path, self._drafts) as stream,
        ):
            writer = PartitionWriter(stream, schema, repeating, _identity(self))
            yield writer
            writer.close()
            if keep is not None and keep(writer):
                raise _KeepTheOldError

    def looked_at(self) -> float | None:
        """When, in seconds, the file was written or found to be as it should.

        None if it is not there.

        Raises:
            UnreachableError: if that cannot be found out.
        """
        with _naming_what_is_out_of_reach(self.path):
            written = storage.changed_at(self.path)
            if written is None:
                return None
            checked = storage.changed_at(f"{self.folder}/{CHECKED_MARKER}")
        return max(written, checked or 0) / 1e9

    def mark_checked(self) -> None:
        """Note that the file was found to be as it should.

        Raises:
            StorageError: if the place cannot be written to.
        """
        marker = f"{self.folder}/{CHECKED_MARKER}"
        with (
            storage.naming_unwritable(marker),
            storage.whole_or_absent(marker, self._drafts) as stream,
        ):
            stream.write(b"the logs of this day were read again, and were the same\n")

    def delete(self) -> None:
        """Delete the file and what stands beside it.

        Raises:
            StorageError: if it cannot be deleted.
        """
        with storage.naming_unwritable(self.path):
            for name in (FILE_NAME, RETRY_MARKER, CHECKED_MARKER):
                storage.delete(f"{self.folder}/{name}")
            if "://" not in self.folder:
                with contextlib.suppress(OSError):
                    Path(self.folder).rmdir()  # which somebody may just be filling

    def ask_again(self, *, wanted: bool) -> None:
        """Have the next run, not this one, make the partition again; or not.

        Raises:
            StorageError: if the place cannot be written to.
        """
        marker = f"{self.folder}/{RETRY_MARKER}"
        with storage.naming_unwritable(marker):
            if not wanted:
                storage.delete(marker)
                return
            with storage.whole_or_absent(marker, self._drafts) as stream:
                stream.write(b"the next run asks for the addresses left unanswered\n")


def days_with(name: str, root: str, stage: str, source: str) -> list[dt.date]:
    """The days that have a file of a name, whether or not it is to be made again.

    Raises:
        UnreachableError: if the folder cannot be listed.
    """
    return sorted(day for day, *_ in _list_days([name], root, stage, source))


def list_partitions(root: str, stage: str, source: str) -> dict[dt.date, str]:
    """List the complete partitions of a stage.

    Returns:
        The days, each with a fingerprint that changes when the file is replaced.

    Raises:
        UnreachableError: if the folder cannot be listed.
    """
    files = {}
    unanswered = set()
    names = (FILE_NAME, RETRY_MARKER)
    for day, path, modified, size in _list_days(names, root, stage, source):
        if path.endswith(FILE_NAME):
            files[day] = f"{modified}-{size}"
        elif _was_before_this_run(modified):
            unanswered.add(day)
    return {day: files[day] for day in sorted(files) if day not in unanswered}


def list_present(root: str, stage: str, source: str) -> dict[dt.date, str]:
    """List the partitions of a stage, those too that this run should complete.

    Returns:
        As ``list_partitions``.

    Raises:
        UnreachableError: if the folder cannot be listed.
    """
    listed = _list_days([FILE_NAME], root, stage, source)
    return {day: f"{modified}-{size}" for day, _, modified, size in sorted(listed)}


def _list_days(
    names: Sequence[str], root: str, stage: str, source: str
) -> Iterator[tuple[dt.date, str, int, int]]:
    """The files of certain names: day, path, time of change, size."""
    folder = f"{root}/{stage}/{source}"
    with _naming_what_is_out_of_reach(folder):
        for path, modified, size in storage.list_files(folder, names):
            if (day := _day_of(path)) is not None:
                yield day, path, modified, size


def _day_of(path: str) -> dt.date | None:
    """The day of a file in a partition's folder; None for others."""
    match = re.search(r"/date=(\d{4}-\d\d-\d\d)/[^/]+$", path)
    if match is not None:
        with contextlib.suppress(ValueError):
            return dt.date.fromisoformat(match[1])
    return None


def _was_before_this_run(modified: int) -> bool:
    return modified < _STARTED * 1e9


def written_at(fingerprint: str) -> float:
    """When, in seconds, the file of a fingerprint was written."""
    return int(fingerprint.partition("-")[0]) / 1e9


@contextlib.contextmanager
def _naming_what_is_out_of_reach(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UnreachableError(
            f"{path} cannot be looked at: {error}; see to it and rerun"
        ) from error


def _identity(partition: Partition) -> dict[str, Any]:
    return {
        "stage": partition.stage,
        "source": partition.source,
        "date": partition.date.isoformat(),
    }
