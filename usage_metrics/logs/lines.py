"""Cuts a file of JSON into whole lines: its own, or elements of arrays, or objects.

``gcloud logging read --format=json`` writes an array, and another one after it if its
output is appended to a file. Tools for people, such as jq, write an object over several
lines. Elements and objects are found by their brackets without decoding: each arrives
as it was written, and an invalid one does not affect the others.
"""

import itertools
import re
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from usage_metrics.addresses.redaction import anonymous
from usage_metrics.errors import InputError
from usage_metrics.logs.unpacking import RestRefusedError

LONGEST_LINE = 32 << 20
"""Bytes; Cloud Logging accepts no entry over 256 KB."""

CUT = b"\x1a cut"
"""Ends what is kept of a line that is too long. No entry does: its last byte is a
bracket, and JSON has no control characters."""

_ARRAY_OF_OBJECTS = re.compile(rb"\s*\[\s*(?:[\]{]|$)")

_OBJECT_OVER_LINES = re.compile(rb"\s*\{(?:[^\n]*[,{\[])?[ \t\r]*\n\s*[\"}]")
"""A line that an object begins but does not end, and then a key or the end."""

BEGINNING = 1 << 16
"""Bytes by which a file's form is known."""

_BLANKS = b" \t\r\n"
_BETWEEN = _BLANKS + b","
"""What may stand between objects or elements."""
_QUOTE, _OPENING, _CLOSING, _COMMA = 1, 2, 3, 4
_KINDS = np.zeros(256, dtype=np.uint8)
_KINDS[list(b'"[{]},')] = (_QUOTE, _OPENING, _OPENING, _CLOSING, _CLOSING, _COMMA)


def whole_lines(chunks: Iterator[bytes], name: str) -> Iterator[bytes]:
    """Cut the content of a file at the end of lines, elements or objects.

    Yields:
        One or more lines, each ending in a newline.

    A line that is too long is cut, and ends in ``CUT``.

    Raises:
        RestRefusedError: if an element or object is too long.
        InputError: if an array or object is cut off.
    """
    first: list[bytes] = []
    while sum(map(len, first)) < BEGINNING and (chunk := next(chunks, b"")):
        first.append(chunk)
    beginning = b"".join(first)
    whole = itertools.chain(first, chunks)
    if _ARRAY_OF_OBJECTS.match(beginning):
        return _elements(whole, name)
    if _OBJECT_OVER_LINES.match(beginning):
        return _objects(whole, name)
    return _lines(whole)


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    pending, is_cut = b"", False
    for chunk in chunks:
        start = 0
        if is_cut:
            start = chunk.find(b"\n") + 1
            if not start:
                continue
            yield pending + b"\n"
            pending, is_cut = b"", False
        end = chunk.rfind(b"\n") + 1
        if end > start:
            yield b"".join((pending, memoryview(chunk)[start:end]))
            pending, start = b"", end
        pending += chunk[start:]
        if len(pending) > LONGEST_LINE:
            pending, is_cut = pending[:BEGINNING] + CUT, True
    if pending:
        yield pending + b"\n"


def _objects(chunks: Iterable[bytes], name: str) -> Iterator[bytes]:
    pending = b""
    for chunk in chunks:
        pending += chunk
        at, kinds = _outside_strings(pending)
        is_end = (kinds == _CLOSING) & (_depth(kinds) == 0)
        ends = (at[is_end] + 1).tolist()
        lines, pending = _as_lines(pending, [0, *ends], ends)
        if lines:
            yield lines
        _check_length(pending)
    if pending.strip(_BETWEEN):
        raise InputError(
            f"{name} ends within a JSON object: {_excerpt(pending.strip(_BETWEEN))}; "
            "export it again"
        )


def _elements(chunks: Iterable[bytes], name: str) -> Iterator[bytes]:
    pending, is_inside = b"", False
    for chunk in chunks:
        pending += chunk
        while is_inside or (pending := pending.lstrip(_BLANKS)):
            if not is_inside and not pending.startswith(b"["):
                raise InputError(
                    f"{name} is a JSON array followed by something else: "
                    f"{_excerpt(pending)}; a file holds arrays or lines, not both"
                )
            array = pending if is_inside else pending[1:]
            lines, pending, is_inside = _complete_elements(array)
            if lines:
                yield lines
            if is_inside:
                break
        _check_length(pending)
    if is_inside:
        raise InputError(
            f"{name} is a JSON array that is cut off: {_excerpt(pending)}; export it "
            "again"
        )


def _complete_elements(text: bytes) -> tuple[bytes, bytes, bool]:
    """Find the elements that end in a text which starts inside an array.

    Returns:
        The elements as lines, the text after them, and whether that is in the array.
    """
    at, kinds = _outside_strings(text)
    depth = 1 + _depth(kinds)
    closed = np.flatnonzero(depth == 0)[:1]
    known = len(at) if not len(closed) else closed[0] + 1
    is_end = (depth == 1) & (kinds == _COMMA) | (depth == 0)
    ends = at[:known][is_end[:known]].tolist()
    lines, rest = _as_lines(text, [0, *(end + 1 for end in ends)], ends)
    return lines, rest, not len(closed)


def _as_lines(text: bytes, starts: list[int], ends: list[int]) -> tuple[bytes, bytes]:
    """Write pieces of a text as lines; and the text after them."""
    pieces = [
        text[start:end].strip(_BETWEEN).replace(b"\n", b" ")
        for start, end in zip(starts, ends, strict=False)
    ]
    lines = b"".join(piece + b"\n" for piece in pieces if piece)
    return lines, text[starts[-1] :]


def _depth(kinds: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """How many of the brackets in a text are open after each of its marks."""
    steps = (kinds == _OPENING).astype(np.int64) - (kinds == _CLOSING)
    depth: npt.NDArray[np.int64] = np.cumsum(steps)
    return depth


def _outside_strings(
    text: bytes,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """The positions and kinds of brackets and commas outside strings."""
    if b"\\" in text:  # an escaped quote does not end a string
        text = text.replace(rb"\\", b"__").replace(rb"\"", b"__")
    kinds = _KINDS[np.frombuffer(text, dtype=np.uint8)]
    at = np.flatnonzero(kinds)
    kinds = kinds[at]
    quotes = kinds == _QUOTE
    outside = ~quotes & (np.cumsum(quotes) % 2 == 0)
    return at[outside], kinds[outside]


def _check_length(pending: bytes) -> None:
    if len(pending) > LONGEST_LINE:
        raise RestRefusedError(
            f"has an entry of more than {LONGEST_LINE >> 20} MB, which no log has"
        )


def _excerpt(text: bytes) -> str:
    return repr(anonymous(text[:60].decode("utf-8", "replace")))
