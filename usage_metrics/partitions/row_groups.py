"""The rows of a partition, as those who make something of them have them."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from usage_metrics.errors import PartitionError
from usage_metrics.partitions.footer import facts_of

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

DAY = "date"
"""What the folder's name says for every row in it, under the name of a column.

No file has a column of that name: readers of folders that find both cannot tell which
of the two to take.
"""


def made_from(file: "pq.ParquetFile") -> dict[str, Any]:
    """What a footer should say about the file that its rows were made from."""
    return {
        "rows_in": file.metadata.num_rows,
        "made_from": facts_of(file.metadata).get("content_id"),
    }


def row_groups(
    file: "pq.ParquetFile",
) -> Iterator[tuple[int, "pa.Table"]]:
    """Give a file's row groups, each with the number of its first row.

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
    """Rows of a partition, with the day that its folder's name says."""
    import pyarrow as pa

    return rows.append_column(DAY, pa.repeat(day, rows.num_rows))


@contextlib.contextmanager
def naming_damage(file: "pq.ParquetFile") -> Iterator[None]:
    """Say which partition it is that cannot be read.

    Raises:
        PartitionError: in place of Arrow's errors.
    """
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as error:
        facts = facts_of(file.metadata)
        raise PartitionError(
            f"the {facts.get('stage')} file of {facts.get('source')} "
            f"{facts.get('date')} is damaged ({error}); {remedy(error)}"
        ) from error


def is_out_of_reach(error: Exception) -> bool:
    """Whether an error is of a disk or a store, and not of what a file holds."""
    text = str(error)
    of_store = "AWS Error" in text or "google::cloud" in text
    return of_store or bool(getattr(error, "errno", None))


def remedy(error: Exception) -> str:
    """Nobody should delete a file because a disk or a store did not answer."""
    return f"{'see to' if is_out_of_reach(error) else 'delete'} it and rerun"


def dictionaries_of(metadata: "pq.FileMetaData") -> list[str]:
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
