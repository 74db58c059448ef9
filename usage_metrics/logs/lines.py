"""Cuts what a file holds into whole lines: as they stand, or an array's elements.

``gcloud logging read --format=json`` writes one array, and another behind it when its
output is appended to a file. An array's elements are found by their brackets, without
being decoded: each arrives as it was written, and one that is garbage harms no other.
"""

import re
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from usage_metrics.addresses.redaction import anonymous
from usage_metrics.errors import InputError

LONGEST_LINE = 32 << 20
"""Bytes; Cloud Logging takes no entry over 256 KB, so this is none of its files."""

_ARRAY_OF_OBJECTS = re.compile(rb"\s*\[\s*(?:[\]{]|$)")

_BLANKS = b" \t\r\n"
_QUOTE, _OPENING, _CLOSING, _COMMA = 1, 2, 3, 4
_KINDS = np.zeros(256, dtype=np.uint8)
for _characters, _kind in (
    (b'"', _QUOTE),
    (b"[{", _OPENING),
    (b"]}", _CLOSING),
    (b",", _COMMA),
):
    _KINDS[list(_characters)] = _kind


def whole_lines(chunks: Iterator[bytes], name: str) -> Iterator[bytes]:
    """Cut chunks of bytes where a line ends, or an element of an array.

    Args:
        chunks: what the file holds, in pieces.
        name: the file's, for messages.

    Yields:
        One or more lines, each with a newline at its end.

    Raises:
        InputError: if a line is too long to be one, or an array breaks off.
    """
    first = next(chunks, b"")
    cut = _elements if _ARRAY_OF_OBJECTS.match(first) else _lines
    return cut(first, chunks, name)


def _lines(first: bytes, chunks: Iterator[bytes], name: str) -> Iterator[bytes]:
    pending = first
    while True:
        end = pending.rfind(b"\n") + 1
        if end:
            yield pending[:end]
            pending = pending[end:]
        _check_length(pending, name)
        more = next(chunks, b"")
        if not more:
            break
        pending += more
    if pending:
        yield pending + b"\n"


def _elements(first: bytes, chunks: Iterator[bytes], name: str) -> Iterator[bytes]:
    pending, inside = first, False
    while True:
        if not inside:
            pending = pending.lstrip(_BLANKS)
            inside = pending.startswith(b"[")
            if pending and not inside:
                raise InputError(
                    f"{name} is a JSON array with something else behind it: "
                    f"{_shown(pending)}; a file holds arrays or lines, not both"
                )
            pending = pending[1:]
        if inside:
            lines, pending, inside = _complete_elements(pending)
            if lines:
                yield lines
            if not inside:
                continue
        _check_length(pending, name)
        more = next(chunks, b"")
        if not more:
            break
        pending += more
    if inside:
        raise InputError(
            f"{name} is a JSON array that breaks off: {_shown(pending)}; export it "
            "again"
        )


def _complete_elements(text: bytes) -> tuple[bytes, bytes, bool]:
    """Find the elements that end in a text which starts inside an array.

    Returns:
        The elements as lines, the text behind them, whether the array goes on there.
    """
    at, kinds = _outside_strings(text)
    steps = (kinds == _OPENING).astype(np.int64) - (kinds == _CLOSING)
    depth = 1 + np.cumsum(steps)
    closed = np.flatnonzero(depth == 0)[:1]
    known = len(at) if not len(closed) else closed[0] + 1
    is_end = (depth == 1) & (kinds == _COMMA) | (depth == 0)
    ends = at[:known][is_end[:known]].tolist()
    starts = [0, *(end + 1 for end in ends)]
    pieces = [
        text[start:end].strip(_BLANKS).replace(b"\n", b" ")
        for start, end in zip(starts, ends, strict=False)
    ]
    lines = b"".join(piece + b"\n" for piece in pieces if piece)
    return lines, text[starts[-1] :], not len(closed)


def _outside_strings(
    text: bytes,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """Where brackets and commas stand that are not part of a string, and which."""
    if b"\\" in text:  # an escaped quote ends no string
        text = text.replace(rb"\\", b"__").replace(rb"\"", b"__")
    kinds = _KINDS[np.frombuffer(text, dtype=np.uint8)]
    at = np.flatnonzero(kinds)
    kinds = kinds[at]
    quotes = kinds == _QUOTE
    outside = ~quotes & (np.cumsum(quotes) % 2 == 0)
    return at[outside], kinds[outside]


def _check_length(pending: bytes, name: str) -> None:
    if len(pending) > LONGEST_LINE:
        raise InputError(
            f"{name} has a line of more than {LONGEST_LINE >> 20} MB, which no log "
            "entry is; move the file out of the folder"
        )


def _shown(text: bytes) -> str:
    return repr(anonymous(text[:60].decode("utf-8", "replace")))
