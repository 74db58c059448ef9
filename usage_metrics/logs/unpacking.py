"""Unpacks a file of text: gzip, zstd, bzip2, xz or plain, as its first bytes say.

Names do not decide: people rename files, and servers unpack them on the way. Nothing
that follows the packed content is left out: it is damage.
"""

import bz2
import gzip
import io
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pyarrow as pa

from usage_metrics.errors import InputError

FETCHED_BYTES = 1 << 20
"""Bytes requested from an object store at a time."""

MOST_EXPANSION = 200
"""The largest expansion of a packed file. Gzip can reach a thousand, others more; real
logs reach thirty, because every entry has its own time, id and address."""

HARMLESS_BYTES = 8 << 30
"""Any file may unpack to this size: a piece is in memory at a time, and it takes a
minute. Visitors who send long runs of one letter cannot reach it."""

MOST_MEMORY = 256 << 20
"""Bytes that unpacking may take; ``xz -9`` needs 65 MB."""

PACKED_ENDINGS = {
    ".gz": "gzip",
    ".zst": "zstd",
    ".zstd": "zstd",
    ".bz2": "bzip2",
    ".xz": "xz",
}
"""How packed files are usually named."""

_BEGINNINGS = {
    rb"\x1f\x8b": "gzip",
    rb"\x28\xb5\x2f\xfd": "zstd",
    rb"[\x50-\x5f]\x2a\x4d\x18": "zstd",  # a frame to skip, as pzstd begins
    rb"BZh": "bzip2",
    rb"\xfd7zXZ\0": "xz",
}


class RestRefusedError(InputError):
    """What has been read of a file counts, and the rest is not read.

    The message, without the file's name, says why.
    """


class _Stream(Protocol):
    """Something to read pieces from."""

    def read(self, size: int, /) -> bytes: ...


class _Counted(io.RawIOBase):
    """A file that counts the bytes read from it, and remembers that reading failed."""

    def __init__(self, raw: pa.NativeFile) -> None:
        self._raw = raw
        self.bytes = 0
        self.failure: OSError | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            count: int = self._raw.readinto(buffer)
        except OSError as error:
            self.failure = error
            raise
        self.bytes += count
        return count


class _Parts:
    """Unpacks one part after the other, as Python's own readers of files do.

    But those ignore whatever is no part behind one.
    """

    def __init__(self, packed: _Stream, new: Callable[[], Any]) -> None:
        self._packed, self._new = packed, new
        self._decoder, self._data = new(), b""

    def read(self, size: int, /) -> bytes:
        while True:
            if self._decoder.eof:
                rest = self._decoder.unused_data or self._packed.read(FETCHED_BYTES)
                if not rest:
                    return b""
                self._decoder, self._data = self._new(), rest
            elif self._decoder.needs_input and not self._data:
                self._data = self._packed.read(FETCHED_BYTES)
                if not self._data:
                    raise EOFError("it ends before its end is marked")
            unpacked: bytes = self._decoder.decompress(self._data, size)
            self._data = b""
            if unpacked:
                return unpacked


def unpacked(raw: pa.NativeFile, name: str, piece: int) -> Iterator[bytes]:
    """The unpacked content of a file, in pieces of bounded size.

    Raises:
        RestRefusedError: if the file unpacks to more than any log would.
        InputError: if it is damaged.
    """
    counted = _Counted(raw)
    buffered = io.BufferedReader(counted, FETCHED_BYTES)
    kind = _kind(buffered.peek(8))
    total = 0
    try:
        stream = _open(buffered, kind)
        while chunk := stream.read(piece):
            total += len(chunk)
            if total > max(HARMLESS_BYTES, MOST_EXPANSION * counted.bytes):
                raise RestRefusedError(
                    f"unpacks to more than {HARMLESS_BYTES >> 20:,} MB, over "
                    f"{MOST_EXPANSION} times its size, which no log does"
                )
            yield chunk
    except (EOFError, zlib.error, lzma.LZMAError, OSError) as error:
        if counted.failure is not None:
            raise counted.failure from None
        raise InputError(
            f"{name} is a damaged or truncated {kind} file ({error}); export or copy "
            "it again, then rerun"
        ) from error


def _kind(beginning: bytes) -> str:
    """How a file is packed; empty if it is not."""
    found = (kind for mark, kind in _BEGINNINGS.items() if re.match(mark, beginning))
    return next(found, "")


def _open(packed: "io.BufferedReader[_Counted]", kind: str) -> _Stream:
    if kind == "gzip":
        return gzip.GzipFile(fileobj=packed)
    if kind == "zstd":
        stream: _Stream = pa.CompressedInputStream(pa.PythonFile(packed, "r"), "zstd")
        return stream
    if kind == "bzip2":
        return _Parts(packed, bz2.BZ2Decompressor)
    if kind == "xz":
        return _Parts(packed, lambda: lzma.LZMADecompressor(memlimit=MOST_MEMORY))
    return packed
