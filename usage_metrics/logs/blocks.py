"""Reads a file of JSON, lines or arrays, packed or not, as blocks of whole lines.

The elements of an array, and objects that go over several lines, become lines, too, so
that readers need not distinguish them.
"""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usage_metrics.logs.encoding import as_utf8
from usage_metrics.logs.lines import whole_lines
from usage_metrics.logs.unpacking import RestRefusedError, unpacked

log = logging.getLogger("luigi-interface")

BLOCK_BYTES = 2 << 20
"""About 2,000 lines; small enough to stay in the processor's cache."""

REST = b"\x1a rest"
"""The line in place of what is not read of a file."""

_NEWLINE = ord("\n")

Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Names:
    """The names of several files whose lines are one block, numbered on from 1."""

    files: tuple[tuple[str, Integers], ...]
    """The name of each, and what its lines are numbered there."""

    def place(self, number: int) -> str:
        """Where a line stands in its file."""
        row = number - 1
        for name, numbers in self.files:
            if row < len(numbers):
                return f"line {numbers[row]} of {name}"
            row -= len(numbers)
        raise IndexError(number)

    def __str__(self) -> str:
        """For messages about all of them."""
        return f"{self.files[0][0]} to {self.files[-1][0]}"


@dataclass(frozen=True)
class Block:
    """Whole lines of a file, with their line numbers."""

    text: bytes
    """Every line ends in a newline, including the last."""
    numbered: Integers | int
    """The number of each line; or of the first, where they follow each other."""
    name: str | Names
    """The file's, for messages."""
    header: bytes = b""
    """What lines before it say of its fields, in formats that have such lines."""

    def __len__(self) -> int:
        """How many lines there are."""
        return len(self.ends)

    @cached_property
    def numbers(self) -> Integers:
        """The number of each line in its file."""
        if isinstance(self.numbered, int):
            return np.arange(self.numbered, self.numbered + len(self))
        return self.numbered

    @cached_property
    def codes(self) -> npt.NDArray[np.uint8]:
        """The bytes of the text."""
        return np.frombuffer(self.text, dtype=np.uint8)

    @cached_property
    def ends(self) -> Integers:
        """The position of each line's newline."""
        return np.flatnonzero(self.codes == _NEWLINE)

    @cached_property
    def starts(self) -> Integers:
        """The position of each line's start."""
        return np.concatenate([[0], self.ends[:-1] + 1])[: len(self)]

    def place(self, row: int) -> str:
        """Where a line stands: "line N of NAME"."""
        number = int(self.numbers[row])
        if isinstance(self.name, str):
            return f"line {number} of {self.name}"
        return self.name.place(number)

    def line(self, row: int) -> bytes:
        """One line, without its newline."""
        return self.text[self.starts[row] : self.ends[row]]

    def under(self, header: bytes) -> "Block":
        """The same lines, with a header."""
        block = replace(self, header=header)
        block.__dict__.update(self.__dict__ | {"header": header})  # what is known
        return block

    def only(self, rows: Mask | Integers) -> "Block":
        """Some of the lines."""
        kept = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        lines = [self.line(row) + b"\n" for row in kept.tolist()]
        return Block(b"".join(lines), self.numbers[kept], self.name, self.header)

    def halves(self) -> tuple["Block", "Block"]:
        """Two blocks, each with half of the lines."""
        row = len(self) // 2
        at = self.starts[row]
        return (
            Block(self.text[:at], self.numbers[:row], self.name, self.header),
            Block(self.text[at:], self.numbers[row:], self.name, self.header),
        )

    def mentioning(self, word: bytes) -> "Block":
        """The lines that contain a word."""
        if word not in self.text:
            return Block(b"", self.numbers[:0], self.name, self.header)
        found = [match.start() for match in re.finditer(re.escape(word), self.text)]
        return self.only(np.unique(np.searchsorted(self.ends, found)))

    def without_blank_lines(self) -> "Block":
        """The lines that are not blank, with their original numbers."""
        suspects = np.flatnonzero(self.codes[self.starts] <= ord(" "))
        rows = suspects.tolist()
        blank = [row for row in rows if not self.line(row).strip(b" \t\r")]
        return self.only(np.delete(np.arange(len(self)), blank)) if blank else self


def read_blocks(raw: pa.NativeFile, name: str) -> Iterator[Block]:
    """Read the lines of a file, or the elements of its arrays as lines.

    Of a file that no log can be, what was read before that showed is given, and a last
    line that no reader takes for an entry.

    Raises:
        InputError: if an array is cut off, or a packed file is damaged.
    """
    return blocks_of(unpacked(raw, name, BLOCK_BYTES), name)


def blocks_of(chunks: Iterator[bytes], name: str) -> Iterator[Block]:
    """The same, of a file that is unpacked already."""
    number = 1
    try:
        for text in whole_lines(as_utf8(chunks), name):
            block = Block(text, number, name)
            number += len(block)
            block = block.without_blank_lines()
            if len(block):
                yield block
    except RestRefusedError as error:
        log.warning(
            "%s %s: the rest of it, from line %d on, is not read; it is one "
            "rejected line. Move the file out of the folder, or mend it",
            name,
            error,
            number,
        )
        yield Block(REST + b"\n", np.array([number]), name)


def cleaned(block: Block) -> Block:
    """The lines in valid UTF-8, without carriage returns at their ends."""
    text = block.text
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n")
    if not text.isascii() and not _is_utf8(text):
        text = text.decode("utf-8", "replace").encode()
    if text is block.text:
        return block
    return Block(text, block.numbered, block.name, block.header)


def _is_utf8(text: bytes) -> bool:
    offsets = pa.array([0, len(text)], pa.int32()).buffers()[1]
    whole = pa.StringArray.from_buffers(1, offsets, pa.py_buffer(text))
    try:
        whole.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True
