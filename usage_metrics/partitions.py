"""Where a partition lives, how it is written, and what its footer says.

A partition is one stage of one source for one UTC day, one Parquet file:
``<root>/<stage>/<source>/date=YYYY-MM-DD/part-0.parquet``. The root is a local folder
or an object store (``s3://``, ``gs://``). Three promises:

* A file is whole or absent. It is written under a name that no reader of the folder
  looks at (a leading dot, no ``.parquet`` at the end), then renamed into place.
* One listing tells which days of a stage are there, with a fingerprint of each.
* The footer says what made the file, as JSON under ``usage_metrics``. Its
  ``content_id`` is a hash of the data alone: equal rows, equal id, whenever made.
"""

import contextlib
import datetime as dt
import hashlib
import json
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import luigi

from usage_metrics import storage
from usage_metrics.errors import StorageError
from usage_metrics.partition_writer import (
    CONTENT_ID_BYTES,
    FOOTER_KEY,
    PartitionWriter,
    digest_of,
)

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

FILE_NAME = "part-0.parquet"
RETRY_MARKER = ".unanswered"
"""Beside a file that a later run should complete; its content is of no interest."""

PARQUET_TAIL = 8
"""At the end of a Parquet file: the length of the footer before it, and ``PAR1``."""

_STARTED = time.time()


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
    def path(self) -> str:
        """The path or URI of the Parquet file."""
        return f"{self.folder}/{FILE_NAME}"

    def exists(self) -> bool:
        """Whether the partition is complete."""
        return self.date in list_partitions(
            self.root, self.stage, self.source, self.date
        )

    def open(self, schema: "pa.Schema | None" = None) -> "pq.ParquetFile":
        """Open the file for reading; what is stored as dictionaries is read as such.

        Args:
            schema: the columns that it should have.

        Raises:
            StorageError: if it is missing, damaged, of another stage, source or day,
                or has other columns.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            source = storage.open_file(self.path)
            metadata = pq.read_metadata(source)
            file = pq.ParquetFile(
                source,
                metadata=metadata,
                read_dictionary=_dictionaries(metadata),
                page_checksum_verification=True,
            )
        except (pa.ArrowInvalid, OSError) as error:
            raise StorageError(
                f"{self.path} cannot be read: {error}; delete it and rerun"
            ) from error
        self._check_identity(file)
        if schema is not None and file.schema_arrow.names != schema.names:
            raise StorageError(
                f"{self.path} was made by another version of this program, its columns "
                "are not the present ones; delete it and rerun"
            )
        return file

    def _check_identity(self, file: "pq.ParquetFile") -> None:
        facts = facts_of(file.metadata)
        expected = _identity(self)
        found = {key: facts.get(key) for key in expected}
        if found != expected:
            raise StorageError(
                f"{self.path} says it is {found}, not {expected}: it was put there by "
                "hand or by another program; delete it and rerun"
            )
        if facts.get("columns") != digest_of(file.schema_arrow.names):
            raise StorageError(
                f"the footer of {self.path} is damaged; delete it and rerun"
            )

    def verify(self) -> None:
        """Read the whole file and compare its rows with the hash in its footer.

        Raises:
            StorageError: if it is missing or damaged, or not the file it should be.
        """
        facts = self.facts()
        try:
            with storage.open_file(self.path) as file:
                file.seek(file.size() - PARQUET_TAIL)
                footer = int.from_bytes(file.read(4), "little")
                left = file.size() - PARQUET_TAIL - footer
                file.seek(0)
                digest = hashlib.blake2b(digest_size=CONTENT_ID_BYTES)
                while left > 0:
                    data = file.read(min(left, 1 << 20))
                    digest.update(data)
                    left -= len(data)
        except OSError as error:
            raise StorageError(f"{self.path} cannot be read: {error}") from error
        if digest.hexdigest() != facts["content_id"]:
            raise StorageError(
                f"{self.path} does not hold what was written to it; delete it and rerun"
            )

    def facts(self) -> dict[str, Any]:
        """What the footer says about how the file was made."""
        with self.open() as file:
            return facts_of(file.metadata)

    @contextlib.contextmanager
    def writing(
        self, schema: "pa.Schema", repeating: Sequence[str] = ()
    ) -> Iterator["PartitionWriter"]:
        """Write the partition; it appears, whole, when the block ends without error.

        Args:
            schema: what readers will see. Batches may hold dictionaries in place of
                its strings.
            repeating: paths of columns of which many rows have the same value, beside
                those that come as dictionaries.

        Raises:
            StorageError: if the place cannot be written to.
        """
        with _clear_errors(self.path), storage.whole_or_absent(self.path) as stream:
            writer = PartitionWriter(stream, schema, repeating, _identity(self))
            yield writer
            writer.close()

    def ask_again(self, *, wanted: bool) -> None:
        """Have the next run, not this one, make the partition again; or not.

        Raises:
            StorageError: if the place cannot be written to.
        """
        marker = f"{self.folder}/{RETRY_MARKER}"
        with _clear_errors(marker):
            if not wanted:
                storage.delete(marker)
                return
            with storage.whole_or_absent(marker) as stream:
                stream.write(b"the next run asks for the addresses left unanswered\n")


def list_partitions(
    root: str, stage: str, source: str, day: dt.date | None = None
) -> dict[dt.date, str]:
    """List the complete partitions of a stage, or of one day of it.

    Returns:
        The days, each with a fingerprint that changes when the file is replaced.
    """
    folder = f"{root}/{stage}/{source}"
    if day is not None:
        folder += f"/date={day.isoformat()}"
    files: dict[dt.date, str] = {}
    unanswered = set()
    for path, modified, size in storage.list_files(folder):
        found, name = _day_and_name(path)
        if found is None:
            continue
        if name == FILE_NAME:
            files[found] = f"{modified}-{size}"
        elif name == RETRY_MARKER and modified < _STARTED * 1e9:
            unanswered.add(found)
    return {day: files[day] for day in sorted(files) if day not in unanswered}


def _day_and_name(path: str) -> tuple[dt.date | None, str]:
    """The day of a file in a partition's folder, and its name; None for others."""
    match = re.search(r"/date=(\d{4}-\d\d-\d\d)/([^/]+)$", path)
    if match is None:
        return None, path
    with contextlib.suppress(ValueError):
        return dt.date.fromisoformat(match[1]), match[2]
    return None, path


def facts_of(metadata: "pq.FileMetaData") -> dict[str, Any]:
    """What a footer says about how the file was made; empty if it is not ours."""
    text = (metadata.metadata or {}).get(FOOTER_KEY, b"{}")
    try:
        facts = json.loads(text)
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}


def made_from(file: "pq.ParquetFile") -> dict[str, Any]:
    """What a footer should say about the file that its rows were made from."""
    return {
        "rows_in": file.metadata.num_rows,
        "made_from": facts_of(file.metadata).get("content_id"),
    }


def row_groups(file: "pq.ParquetFile") -> Iterator[tuple[int, "pa.Table"]]:
    """Give a file's row groups, each with the number of its first row.

    Raises:
        StorageError: if one is damaged.
    """
    import pyarrow as pa

    start = 0
    for group in range(file.num_row_groups):
        try:
            table = file.read_row_group(group)
        except (pa.ArrowInvalid, OSError) as error:
            facts = facts_of(file.metadata)
            raise StorageError(
                f"the {facts.get('stage')} file of {facts.get('source')} "
                f"{facts.get('date')} is damaged ({error}); delete it and rerun"
            ) from error
        yield start, table
        start += table.num_rows


@contextlib.contextmanager
def _clear_errors(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written: {error}; see to [paths] root and rerun"
        ) from error


def _identity(partition: Partition) -> dict[str, Any]:
    return {
        "stage": partition.stage,
        "source": partition.source,
        "date": partition.date.isoformat(),
    }


def _dictionaries(metadata: "pq.FileMetaData") -> list[str]:
    """The paths of texts of which the distinct values are stored, and a code a row."""
    if not metadata.num_row_groups:
        return []
    first = metadata.row_group(0)
    columns = map(first.column, range(metadata.num_columns))
    return [
        column.path_in_schema
        for column in columns
        if column.physical_type == "BYTE_ARRAY" and column.has_dictionary_page
    ]
