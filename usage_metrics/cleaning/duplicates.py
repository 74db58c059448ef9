"""Which entries of a day are there more than once, exactly, in bounded memory.

Equal entries have equal times. So the times alone are looked at first, as hashes of 32
bits: nine bytes an entry is all that is held of a whole day, while its duplicates are
looked for. Of entries whose hash is no other's nothing more is read; the few that are
left are compared by their keys, so many at a time, those with equal hashes always
together.
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
"""Entries whose keys are held at a time, about 100 MB of them."""

_ODD = np.uint64(0x9E3779B97F4A7C15)
"""2**64 divided by the golden ratio: neighbouring times get hashes far apart."""


def superseded(file: pq.ParquetFile, time: str, key: Sequence[str], latest: str) -> Any:
    """Find the rows of a partition that another row with the same key supersedes.

    Args:
        file: the partition.
        time: the column of the time.
        key: the columns that, with the time, tell one entry from another. The last
            is the id of the entry; without one a row is equal to no other.
        latest: the column whose greatest value says which of several is kept; the
            first of equals.

    Returns:
        A boolean numpy array, true for the rows to leave out.
    """
    out = np.zeros(file.metadata.num_rows, dtype=bool)
    groups = list(_hashes(file, time))
    repeated, rows = _repeated(groups)
    parts = rows // MOST_COMPARED + 1
    for part in range(parts):
        of_part = repeated[repeated % parts == part]
        if not len(of_part):
            continue
        table = pa.concat_tables(
            _read_rows(file, groups, [time, *key, latest], of_part)
        )
        table = table.filter(table[key[-1]].is_valid())
        table = table.sort_by([(latest, "descending"), ("row", "ascending")])
        by_key = table.group_by([time, *key], use_threads=False)
        kept = by_key.aggregate([("row", "first")])
        out[table["row"].to_numpy()] = True
        out[kept["row_first"].to_numpy()] = False
    return out


def _repeated(groups: list[Group]) -> tuple[Hashes, int]:
    """The hashes that several times have, in order, and how many rows have them."""
    none = np.empty(0, dtype=np.uint32)
    hashes = np.concatenate([none, *(found[known] for _, found, known in groups)])
    hashes.sort()
    as_before = hashes[1:] == hashes[:-1]
    repeated = np.unique(hashes[1:][as_before])
    return repeated, int(np.count_nonzero(as_before)) + len(repeated)


def _hashes(file: pq.ParquetFile, time: str) -> Iterator[Group]:
    """For each row group the number of its first row, hashes, and where a time is."""
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
    """Read the rows whose time has one of some hashes, with the number of each row."""
    for group, (start, hashes, known) in enumerate(groups):
        rows = np.flatnonzero(known & np.isin(hashes, wanted))
        if len(rows):
            table = file.read_row_group(group, columns).take(pa.array(rows))
            yield table.append_column("row", pa.array(rows + start))
