"""Finds the duplicate entries of a day, exactly and in bounded memory.

Equal entries have equal times. So a first pass over the day keeps only a 32-bit hash of
each time: nine bytes an entry. Entries with a unique hash are done. The few others are
compared by their keys, a bounded number at a time, those with equal hashes together.
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
    groups = list(_hashes(file, time))
    repeated, rows = _repeated(groups)
    parts = rows // MOST_COMPARED + 1
    for part in range(parts):
        hashes = repeated[repeated % parts == part]
        if not len(hashes):
            continue
        table = pa.concat_tables(_read_rows(file, groups, [time, *key, latest], hashes))
        table = table.filter(table[key[-1]].is_valid())
        table = table.sort_by([(latest, "descending"), ("row", "ascending")])
        by_key = table.group_by([time, *key], use_threads=False)
        kept = by_key.aggregate([("row", "first")])
        out[table["row"].to_numpy()] = True
        out[kept["row_first"].to_numpy()] = False
    return out


def _repeated(groups: list[Group]) -> tuple[Hashes, int]:
    """The hashes that occur more than once, sorted, and how many rows have them."""
    none = np.empty(0, dtype=np.uint32)
    hashes = np.concatenate([none, *(found[known] for _, found, known in groups)])
    hashes.sort()
    equals_previous = hashes[1:] == hashes[:-1]
    repeated = np.unique(hashes[1:][equals_previous])
    return repeated, int(np.count_nonzero(equals_previous)) + len(repeated)


def _hashes(file: pq.ParquetFile, time: str) -> Iterator[Group]:
    """For each row group: its first row, its hashes, and which rows have a time."""
    start = 0
    for group in range(file.num_row_groups):
        times = file.read_row_group(group, [time])[time].cast(pa.int64())
        known = times.is_valid().to_numpy().astype(bool)
        values = times.fill_null(0).to_numpy().astype(np.uint64)
        yield start, (values * _ODD >> np.uint64(32)).astype(np.uint32), known
        start += len(values)


def _read_rows(
    file: pq.ParquetFile, groups: list[Group], columns: list[str], wanted: Hashes
) -> Iterator[pa.Table]:
    """Read the rows whose time has one of the hashes, with their row numbers."""
    for group, (start, hashes, known) in enumerate(groups):
        rows = np.flatnonzero(known & np.isin(hashes, wanted))
        if len(rows):
            table = file.read_row_group(group, columns).take(pa.array(rows))
            yield table.append_column("row", pa.array(rows + start))
