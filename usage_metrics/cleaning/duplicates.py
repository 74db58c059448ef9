"""Finds the equal entries of a day, exactly and in bounded memory.

Equal entries have equal times. So a first pass over the day keeps only a 32-bit hash of
each time: nine bytes an entry. Entries with a unique hash are done. The few others are
compared by their keys, a bounded number at a time, those with equal hashes together.
Where the key is a number, the hash is of that: times in whole seconds are seldom
unique.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

Hashes = npt.NDArray[np.uint32]
Mask = npt.NDArray[np.bool_]
Group = tuple[int, Hashes, Mask]

REPEAT = "repeat"
"""The column with the number of an entry among its equals."""

MOST_COMPARED = 1 << 19
"""Entries whose keys are in memory at a time, about 100 MB."""

_ODD = np.uint64(0x9E3779B97F4A7C15)
"""2**64 divided by the golden ratio: close times get hashes far apart."""


def superseded(file: pq.ParquetFile, time: str, key: Sequence[str], latest: str) -> Any:
    """Find the rows of a partition that duplicate another row.

    Args:
        file: the partition.
        time: the column of the time.
        key: the columns that, with the time, identify an entry. The last is the
            entry's id; a row without an id is never a duplicate.
        latest: the column whose greatest value decides which row is kept; the first
            row of several with the greatest.

    Returns:
        A boolean numpy array, true for the rows to leave out.
    """
    out = np.zeros(file.metadata.num_rows, dtype=bool)
    for table in _alike(file, [time, *key], [latest]):
        table = table.sort_by([(latest, "descending"), ("row", "ascending")])
        by_key = table.group_by([time, *key], use_threads=False)
        kept = by_key.aggregate([("row", "first")])
        out[table["row"].to_numpy()] = True
        out[kept["row_first"].to_numpy()] = False
    return out


def repeats(file: pq.ParquetFile, time: str, key: Sequence[str]) -> Any:
    """Number each row of a partition among its equals, in order, from 0.

    Args:
        file: the partition.
        time: the column of the time.
        key: the columns that, with the time, identify an entry; a row without the last
            has no equals.

    Returns:
        A numpy array of integers.
    """
    out = np.zeros(file.metadata.num_rows, dtype=np.int32)
    names = [time, *key]
    order = [(name, "ascending") for name in (*names, "row")]
    for table in _alike(file, names, []):
        table = table.sort_by(order)
        codes = table.group_by(names, use_threads=False).aggregate([([], "count_all")])
        sizes = codes["count_all"].to_numpy()
        first = np.repeat(np.cumsum(sizes) - sizes, sizes)
        out[table["row"].to_numpy()] = np.arange(len(first)) - first
    return out


def _alike(
    file: pq.ParquetFile, names: list[str], others: list[str]
) -> Iterator[pa.Table]:
    """The rows that may equal others in some columns, a bounded number at a time.

    Those that may be equal come together, with ``row``, their number.
    """
    hashed = names[-1] if pa.types.is_integer(_type(file, names[-1])) else names[0]
    groups = list(_hashes(file, hashed))
    repeated, rows = _repeated(groups)
    parts = rows // MOST_COMPARED + 1
    for part in range(parts):
        hashes = repeated[repeated % parts == part]
        if len(hashes):
            columns = list(dict.fromkeys([*names, *others]))
            table = pa.concat_tables(_read_rows(file, groups, columns, hashes))
            yield table.filter(table[names[-1]].is_valid())


def _type(file: pq.ParquetFile, name: str) -> pa.DataType:
    return file.schema_arrow.field(name).type


def _repeated(groups: list[Group]) -> tuple[Hashes, int]:
    """The hashes that occur more than once, sorted, and how many rows have them."""
    none = np.empty(0, dtype=np.uint32)
    hashes = np.concatenate([none, *(found[known] for _, found, known in groups)])
    hashes.sort()
    equals_previous = hashes[1:] == hashes[:-1]
    repeated = np.unique(hashes[1:][equals_previous])
    return repeated, int(np.count_nonzero(equals_previous)) + len(repeated)


def _hashes(file: pq.ParquetFile, hashed: str) -> Iterator[Group]:
    """For each row group: its first row, its hashes, and which rows have a value."""
    start = 0
    for group in range(file.num_row_groups):
        read = file.read_row_group(group, [hashed])[hashed]
        known = read.is_valid().to_numpy().astype(bool)
        numbers = read if pa.types.is_integer(read.type) else read.cast(pa.int64())
        values = numbers.fill_null(0).to_numpy().astype(np.uint64)
        yield start, (values * _ODD >> np.uint64(32)).astype(np.uint32), known
        start += len(values)


def _read_rows(
    file: pq.ParquetFile, groups: list[Group], columns: list[str], wanted: Hashes
) -> Iterator[pa.Table]:
    """Read the rows whose value has one of the hashes, with their row numbers."""
    for group, (start, hashes, known) in enumerate(groups):
        rows = np.flatnonzero(known & np.isin(hashes, wanted))
        if len(rows):
            table = file.read_row_group(group, columns).take(pa.array(rows))
            yield table.append_column("row", pa.array(rows + start))
