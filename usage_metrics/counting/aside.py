"""What counting keeps outside memory, so that a day may have any number of requests.

Files hold it that have no name and are gone with the process, one part at a time comes
back. A little is held in memory instead, which is all there is on most days.
"""

from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple

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


Columns = dict[str, Any]
"""Columns of numbers, equally long."""


class Records:
    """Rows of numbers; those with the same first number come back together."""

    def __init__(self, new_file: NewFile) -> None:
        """Begin without a file."""
        self._new_file = new_file
        self._file: BinaryIO | None = None
        self._held: list[Columns] = []
        self._held_bytes = 0
        self._written: list[dict[str, _Column]] = []
        """The pieces of the file."""

    def add(self, **columns: Any) -> None:
        """Keep some rows; each time with the same columns."""
        self._held.append(columns)
        self._held_bytes += sum(column.nbytes for column in columns.values())
        if self._held_bytes > HELD_BYTES:
            self._write()

    def parts(self) -> Iterator[Columns]:
        """Give all rows back, a part at a time."""
        if self._file is not None:
            self._write()
            for part in range(PARTS):
                pieces = (_read(piece, part, part + 1) for piece in self._written)
                yield _joined(list(pieces))
        elif self._held:
            yield _joined(self._held)

    def pieces(self) -> Iterator[Columns]:
        """Give all rows back, in no particular order, some megabytes at a time."""
        yield from self._held
        for piece in self._written:
            yield _read(piece, 0, PARTS)

    def _write(self) -> None:
        if not self._held:
            return
        if self._file is None:
            self._file = self._new_file()
        columns = _joined(self._held)
        keys = next(iter(columns.values())).astype(np.uint64)
        parts = (keys * _ODD >> np.uint64(58)).astype(np.uint8)
        order = np.argsort(parts, kind="stable")
        edges = np.append(0, np.cumsum(np.bincount(parts, minlength=PARTS)))
        piece = {}
        for name, column in columns.items():
            start = self._file.seek(0, 2)
            self._file.write(column[order].tobytes())
            ends = start + edges * column.itemsize
            piece[name] = _Column(self._file, column.dtype, ends.tolist())
        self._written.append(piece)
        self._held, self._held_bytes = [], 0


class _Column(NamedTuple):
    """A column of a piece of a file."""

    file: BinaryIO
    type: np.dtype[Any]
    edges: list[int]
    """Where its parts begin and end."""


def _joined(pieces: list[Columns]) -> Columns:
    names = pieces[0]
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in names}


def _read(piece: dict[str, _Column], part: int, end: int) -> Columns:
    columns = {}
    for name, (file, type_, edges) in piece.items():
        file.seek(edges[part])
        columns[name] = np.frombuffer(file.read(edges[end] - edges[part]), type_)
    return columns


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
