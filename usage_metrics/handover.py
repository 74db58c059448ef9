"""Rows that one stage has just written and the next is about to read.

Where the same process makes both, it need not read them back: the rows of the last
partition written stay in memory, if they are few, until the next stage takes them or
other rows take their place. The hash in the file's footer says whether they are what
the file holds.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

MOST_BYTES = 32 << 20
"""Of a longer partition nothing is held; it is read back a row group at a time."""


@dataclass
class Written:
    """The row groups of one partition, as long as they are few."""

    groups: "list[pa.Table] | None" = field(default_factory=list)
    """None if there were too many."""
    held_bytes: int = 0

    def add(self, rows: "pa.Table", rows_a_group: int) -> None:
        """Hold more row groups, or from now on none."""
        self.held_bytes += rows.nbytes
        if self.held_bytes > MOST_BYTES:
            self.groups = None
        if self.groups is not None:
            starts = range(0, max(1, rows.num_rows), rows_a_group)
            self.groups += [rows.slice(start, rows_a_group) for start in starts]


@dataclass
class RowsInMemory:
    """A partition that need not be read, for those who expect a ``ParquetFile``."""

    metadata: "pq.FileMetaData"
    groups: "list[pa.Table]"

    @property
    def num_row_groups(self) -> int:
        """How many row groups there are."""
        return len(self.groups)

    def read_row_group(
        self, number: int, columns: list[str] | None = None
    ) -> "pa.Table":
        """Give a row group, or some of its columns."""
        group = self.groups[number]
        return group if columns is None else group.select(columns)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.groups.clear()


@dataclass(frozen=True)
class Offer:
    """The rows of the partition at a path, and the hash of what was written there."""

    path: str
    content_id: str | None
    groups: "list[pa.Table]"


_last: list[Offer] = []


def hold(path: str, content_id: str | None, written: Written) -> None:
    """Hold the rows of a partition for the next stage, and no others any longer."""
    _last.clear()
    if written.groups is not None:
        _last.append(Offer(path, content_id, written.groups))


def take(path: str) -> Offer | None:
    """Take the rows of a partition, if they are held; they are no longer then."""
    offer = _last[0] if _last else None
    if offer is None or offer.path != path:
        return None
    _last.clear()
    return offer
