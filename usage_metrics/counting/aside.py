"""What counting keeps outside memory, so that a day may have any number of requests.

Files hold it that have no name and are gone with the process, one part at a time comes
back. A little is held in memory instead, which is all there is on most days.
"""

from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

NewFile = Callable[[], BinaryIO]
"""Makes a file to write to and read back; its maker closes it."""

PARTS = 64
"""Parts of which one is read at a time."""
HELD_BYTES = 4 << 20
"""Records of one kind that are held in memory, or written at once."""
HELD_TABLE_BYTES = 16 << 20

_ODD = np.uint64(0x9E3779B97F4A7C15)
"""2**64 divided by the golden ratio: close numbers get parts far apart."""


class Records:
    """Rows of numbers; those with the same first number come back together."""

    def __init__(self, new_file: NewFile) -> None:
        """Begin without a file."""
        self._new_file = new_file
        self._file: BinaryIO | None = None
        self._held: list[Any] = []
        self._held_bytes = 0
        self._written: list[tuple[BinaryIO, np.dtype[Any], list[int]]] = []
        """For each piece of the file, its columns and where its parts begin and end."""

    def add(self, **columns: Any) -> None:
        """Keep some rows; each time with the same columns, equally long."""
        types = [(name, values.dtype) for name, values in columns.items()]
        records = np.empty(len(next(iter(columns.values()))), types)
        for name, values in columns.items():
            records[name] = values
        self._held.append(records)
        self._held_bytes += records.nbytes
        if self._held_bytes > HELD_BYTES:
            self._write()

    def parts(self) -> Iterator[Any]:
        """Give all rows back, a part at a time."""
        if self._file is not None:
            self._write()
            for part in range(PARTS):
                pieces = [
                    _read(file, type_, edges[part], edges[part + 1])
                    for file, type_, edges in self._written
                ]
                yield np.concatenate(pieces)
        elif self._held:
            yield np.concatenate(self._held)

    def pieces(self) -> Iterator[Any]:
        """Give all rows back, in no particular order, some megabytes at a time."""
        yield from self._held
        for file, type_, edges in self._written:
            yield _read(file, type_, edges[0], edges[-1])

    def _write(self) -> None:
        if not self._held:
            return
        if self._file is None:
            self._file = self._new_file()
        records = np.concatenate(self._held)
        keys = records[str((records.dtype.names or ())[0])].astype(np.uint64)
        parts = (keys * _ODD >> np.uint64(58)).astype(np.uint8)
        counts = np.bincount(parts, minlength=PARTS) * records.itemsize
        start = self._file.seek(0, 2)
        self._file.write(records[np.argsort(parts, kind="stable")].tobytes())
        edges = [start, *(start + np.cumsum(counts)).tolist()]
        self._written.append((self._file, records.dtype, edges))
        self._held, self._held_bytes = [], 0


def _read(file: BinaryIO, type_: np.dtype[Any], start: int, end: int) -> Any:
    file.seek(start)
    return np.frombuffer(file.read(end - start), type_)


class Tables:
    """Tables with the same columns, in their order, to be read as often as wanted."""

    def __init__(self, new_file: NewFile) -> None:
        """Begin without a file."""
        self._new_file = new_file
        self._file: BinaryIO | None = None
        self._writer: pa.ipc.RecordBatchStreamWriter | None = None
        self._held: list[pa.Table] = []

    def add(self, table: pa.Table) -> None:
        """Keep a table; its texts are encoded, with codes of 32 bits."""
        self._held.append(table)
        if sum(held.nbytes for held in self._held) > HELD_TABLE_BYTES:
            self._write()

    def __iter__(self) -> Iterator[pa.Table]:
        """Give the tables back."""
        if self._writer is not None:
            self._write()
            self._writer.close()
            self._writer = None
        if self._file is not None:
            self._file.seek(0)
            for batch in pa.ipc.open_stream(self._file):
                yield pa.Table.from_batches([batch])
        yield from self._held

    def _write(self) -> None:
        for table in self._held:
            if self._writer is None:
                self._file = self._new_file()
                self._writer = pa.ipc.new_stream(self._file, table.schema)
            self._writer.write(table.combine_chunks())
        self._held = []
