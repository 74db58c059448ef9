"""Reading the rows of a partition."""

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from usage_metrics.errors import PartitionError, UnreachableError
from usage_metrics.partitions.footer import facts_of

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

DAY = "date"
"""The column that the folder's name gives to every row in it.

No file has a column of this name, because readers of folders that find both cannot tell
which one to use.
"""


def made_from(file: "pq.ParquetFile") -> dict[str, Any]:
    """What a footer says about the file from which its rows were made."""
    return {
        "rows_in": file.metadata.num_rows,
        "made_from": facts_of(file.metadata).get("content_id"),
    }


def row_groups(file: "pq.ParquetFile") -> Iterator[tuple[int, "pa.Table"]]:
    """Read a file's row groups, each with the number of its first row.

    Raises:
        PartitionError: if one is damaged.
    """
    start = 0
    for group in range(file.num_row_groups):
        with naming_damage(file):
            table = file.read_row_group(group)
        yield start, table
        start += table.num_rows


def with_day(rows: "pa.Table", day: str) -> "pa.Table":
    """Add the day of a partition to its rows."""
    import pyarrow as pa

    return rows.append_column(DAY, pa.repeat(day, rows.num_rows))


def naming_damage(file: "pq.ParquetFile") -> AbstractContextManager[None]:
    """Name the partition that cannot be read, by its footer."""
    stage, source, date = map(facts_of(file.metadata).get, ("stage", "source", "date"))
    return naming_unreadable(f"the {stage} file of {source} {date}")


@contextlib.contextmanager
def naming_unreadable(name: str) -> Iterator[None]:
    """Name the file that cannot be read, and tell damage from an unreachable storage.

    Nobody should delete a file because a disk or a store did not answer.

    Raises:
        PartitionError: in place of Arrow's and the system's errors.
    """
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if _is_of_storage(error):
            raise UnreachableError(
                f"{name} cannot be read: {error}; fix the cause and rerun"
            ) from error
        raise PartitionError(
            f"{name} cannot be read: {str(error).rstrip('.')}; delete it and rerun"
        ) from error


def _is_of_storage(error: Exception) -> bool:
    """Whether an error comes from a disk or a store, not from what a file holds."""
    text = str(error)
    of_store = "AWS Error" in text or "google::cloud" in text
    return of_store or bool(getattr(error, "errno", None))


def dictionaries_of(metadata: "pq.FileMetaData") -> list[str]:
    """The paths of text columns stored as distinct values and codes."""
    if not metadata.num_row_groups:
        return []
    first = metadata.row_group(0)
    columns = map(first.column, range(metadata.num_columns))
    return [
        column.path_in_schema
        for column in columns
        if column.physical_type == "BYTE_ARRAY" and column.has_dictionary_page
    ]
