"""A file of JSON, lines or one array, gzipped or not, as blocks of whole lines."""

import codecs
import gzip
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from usage_metrics.errors import InputError

BLOCK_BYTES = 2 << 20
"""About 2,000 lines; small enough to stay in the processor's cache."""

LONGEST_LINE = 32 << 20
"""Bytes; Cloud Logging takes no entry over 256 KB, so this is none of its files."""

_BETWEEN_ELEMENTS = re.compile(r"[\s,]*")
_BLANK_LINES = re.compile(rb"^[ \t\r]*\n", re.MULTILINE)
_SIGNS_OF_BLANK_LINES = (b"\n\n", b"\n\r", b"\n ", b"\n\t")


@dataclass(frozen=True)
class Block:
    """Whole lines, none of them blank, and their numbers in the file."""

    text: bytes
    numbers: Sequence[int]

    def mentioning(self, word: bytes) -> "Block":
        """Only the lines in which a word occurs."""
        lines, numbers = [], []
        at = self.text.find(word)
        before, counted = 0, 0
        while at >= 0:
            start = self.text.rfind(b"\n", 0, at) + 1
            end = self.text.find(b"\n", at) + 1 or len(self.text)
            before += self.text.count(b"\n", counted, start)
            counted = start
            lines.append(self.text[start:end])
            numbers.append(self.numbers[before])
            at = self.text.find(word, end)
        return Block(b"".join(lines), numbers)


def read_blocks(raw: pa.NativeFile, path: str) -> Iterator[Block]:
    """Give a file's lines; of a JSON array, its elements, one a line.

    Raises:
        InputError: if a line has no end or an array breaks off.
        EOFError, zlib.error, gzip.BadGzipFile: if a gzip file is damaged.
    """
    stream = _decompressed(raw)
    is_array = stream.peek(64).lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"["
    lines = _array_elements(stream, path) if is_array else _whole_lines(stream, path)
    number = 1
    for text in lines:
        count = text.count(b"\n") + (not text.endswith(b"\n"))
        numbers: Sequence[int] = range(number, number + count)
        number += count
        block = _without_blank_lines(text, numbers)
        if block.numbers:
            yield block


def _decompressed(raw: pa.NativeFile) -> io.BufferedReader | gzip.GzipFile:
    """The stream, unpacked if it is gzip: by its first bytes, whatever its name."""
    buffered = io.BufferedReader(raw, 1 << 16)
    if buffered.peek(2)[:2] == b"\x1f\x8b":
        return gzip.GzipFile(fileobj=buffered)
    return buffered


def _whole_lines(stream: Any, path: str) -> Iterator[bytes]:
    pending = b""
    while more := stream.read(BLOCK_BYTES):
        pending += more
        end = pending.rfind(b"\n") + 1
        if end:
            yield pending[:end]
            pending = pending[end:]
        elif len(pending) > LONGEST_LINE:
            raise InputError(
                f"{path} has a line of more than {LONGEST_LINE >> 20} MB, which no log "
                "entry is; move the file out of the folder"
            )
    if pending:
        yield pending


def _array_elements(stream: Any, path: str) -> Iterator[bytes]:
    """Decode one array element by element, so that its size does not matter."""
    decoder = json.JSONDecoder()
    reader = codecs.getreader("utf-8-sig")(stream, errors="replace")
    text = reader.read(BLOCK_BYTES // 8).lstrip()
    at = 1
    lines: list[bytes] = []
    while True:
        at = _BETWEEN_ELEMENTS.match(text, at).end()  # type: ignore[union-attr]
        if text.startswith("]", at):
            break
        try:
            element, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            more = reader.read(BLOCK_BYTES // 8)
            if not more or len(text) - at > LONGEST_LINE:
                raise InputError(
                    f"{path} is a JSON array that breaks off or is no JSON at "
                    f"{text[at : at + 60]!r}; export it again"
                ) from None
            text, at = text[at:] + more, 0
            continue
        lines.append(json.dumps(element).encode() + b"\n")
        if len(lines) == 1000:
            yield b"".join(lines)
            lines.clear()
    yield b"".join(lines)


def _without_blank_lines(text: bytes, numbers: Sequence[int]) -> Block:
    suspicious = text[:1].isspace() or any(s in text for s in _SIGNS_OF_BLANK_LINES)
    if not suspicious:
        return Block(text, numbers if text else [])
    lines = text.removesuffix(b"\n").split(b"\n")
    kept = [number for number, line in zip(numbers, lines, strict=True) if line.strip()]
    return Block(_BLANK_LINES.sub(b"", text + b"\n"), kept)
