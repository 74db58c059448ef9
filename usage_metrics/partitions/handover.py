"""Rows that one stage has written and the next, in the same process, need not read.

Geocode follows Clean at once. With the rows in memory it neither hashes nor decodes the
file: one tenth of the CPU time of the whole main job. Only the last partition written
is held, if it is small, until it is taken. The content id in the footer on disk decides
whether the rows are still those of the file.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

MOST_BYTES = 32 << 20
"""A larger partition is not held; it is read back a row group at a time."""

_held: "dict[str, tuple[str | None, list[pa.Table]]]" = {}
"""The row groups of at most one partition, by path, with their content id."""


def hold(path: str, content_id: str | None, groups: "list[pa.Table] | None") -> None:
    """Hold the row groups of a partition, if there are any, in place of all others."""
    _held.clear()
    if groups is not None:
        _held[path] = content_id, groups


def take(path: str) -> "tuple[str | None, list[pa.Table]] | None":
    """The content id and row groups of a partition, which are no longer held then."""
    return _held.pop(path, None)


@dataclass
class RowsInMemory:
    """A partition in memory, for code that expects a ``ParquetFile``."""

    metadata: "pq.FileMetaData"
    groups: "list[pa.Table]"

    @property
    def num_row_groups(self) -> int:
        """The number of row groups."""
        return len(self.groups)

    def read_row_group(
        self, number: int, columns: list[str] | None = None
    ) -> "pa.Table":
        """A row group, or some columns of it."""
        group = self.groups[number]
        return group if columns is None else group.select(columns)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.groups.clear()
