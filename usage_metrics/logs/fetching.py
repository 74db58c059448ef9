"""Fetches the objects of a bucket, small ones whole and large ones in pieces."""

import io
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, NamedTuple

import pyarrow as pa

from usage_metrics.logs import ahead
from usage_metrics.logs.bucket import Bucket, StoredObject


class _Piece(NamedTuple):
    of: StoredObject
    start: int
    end: int


_Pieces = Iterator[tuple[_Piece, bytes]]


def fetched(bucket: Bucket, objects: Iterable[StoredObject]) -> Iterator[pa.NativeFile]:
    """Fetch objects, and give each as a file when its turn comes.

    A file is to be read before the next one is asked for.

    Raises:
        UsageMetricsError: if an object cannot be read; also while its file is.
    """

    def fetch(piece: _Piece) -> bytes:
        return bucket.read(*piece)

    needed = ((piece, piece.end - piece.start) for piece in _pieces(objects))
    contents = ahead.fetched_ahead(fetch, needed)
    for stored, pieces in groupby(contents, lambda content: content[0].of):
        yield _opened(stored, pieces)


def _pieces(objects: Iterable[StoredObject]) -> Iterator[_Piece]:
    for stored in objects:
        for start in range(0, max(stored.size, 1), ahead.PIECE_BYTES):
            end = min(start + ahead.PIECE_BYTES, stored.size)
            yield _Piece(stored, start, end)


def _opened(stored: StoredObject, pieces: _Pieces) -> pa.NativeFile:
    if stored.size <= ahead.PIECE_BYTES:
        return pa.BufferReader(next(pieces)[1])
    return pa.PythonFile(_Stream(pieces), "r")


class _Stream(io.RawIOBase):
    """A file to read once, from pieces."""

    def __init__(self, pieces: _Pieces) -> None:
        self._pieces, self._piece = pieces, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._piece:
            self._piece = memoryview(next(self._pieces, (None, b""))[1])
        size = min(len(buffer), len(self._piece))
        buffer[:size] = self._piece[:size]
        self._piece = self._piece[size:]
        return size
