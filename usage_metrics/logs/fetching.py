"""Fetches objects of a bucket side by side, and gives them in order.

To ask for one object after the other takes a hundredth of a second or more for each,
however small it is. So some are asked for ahead, as many as fit into a bounded memory;
a large one comes in pieces.
"""

import io
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby
from operator import itemgetter
from typing import Any

import pyarrow as pa

from usage_metrics.logs.bucket import Bucket, StoredObject

SIDE_BY_SIDE = 16
"""How many requests are sent at a time."""

MOST_AHEAD = 64
"""How many pieces are fetched before they are needed."""

AHEAD_BYTES = 64 << 20
"""Their bytes, at most."""

PIECE_BYTES = 8 << 20
"""Bytes requested at a time; of most objects it is all."""

_Pieces = Iterator[tuple[StoredObject, bytes]]


def fetched(bucket: Bucket, objects: Iterable[StoredObject]) -> Iterator[pa.NativeFile]:
    """Fetch objects, and give each as a file when its turn comes.

    A file is to be read before the next one is asked for.

    Raises:
        UsageMetricsError: if an object cannot be read; also while its file is.
    """
    pool = ThreadPoolExecutor(SIDE_BY_SIDE)
    try:
        for stored, pieces in groupby(_ahead(bucket, objects, pool), itemgetter(0)):
            yield _opened(stored, pieces)
    finally:
        pool.shutdown(cancel_futures=True)


def _ahead(
    bucket: Bucket, objects: Iterable[StoredObject], pool: ThreadPoolExecutor
) -> _Pieces:
    """The pieces of objects, in order, while later ones are fetched."""
    waiting: deque[tuple[StoredObject, int, Future[bytes]]] = deque()
    held = 0
    for stored in objects:
        for start in range(0, max(stored.size, 1), PIECE_BYTES):
            end = min(start + PIECE_BYTES, stored.size)
            held += end - start
            piece = pool.submit(bucket.read, stored, start, end)
            waiting.append((stored, end - start, piece))
            while len(waiting) > MOST_AHEAD or held > AHEAD_BYTES:
                first, size, content = waiting.popleft()
                held -= size
                yield first, content.result()
    while waiting:
        first, size, content = waiting.popleft()
        yield first, content.result()


def _opened(stored: StoredObject, pieces: _Pieces) -> pa.NativeFile:
    if stored.size <= PIECE_BYTES:
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
