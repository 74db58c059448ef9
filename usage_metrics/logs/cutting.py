"""Cuts texts out of a block of lines, those of a whole column at once.

A fast path finds the places where the values of a column begin and end. From there they
are copied once, by Arrow, and nothing is looked at twice: whether a value is missing is
known from its width and its first byte.
"""

import functools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usage_metrics.arrow import STRING
from usage_metrics.logs.blocks import Block, Mask

Places = npt.NDArray[np.int32]
"""Positions in a block's text."""
Bytes = npt.NDArray[np.uint8]

PIECE = 1 << 18
"""Bytes that are looked at at a time, and so stay in the processor's cache."""


def marks(block: Block, which: bytes) -> tuple[Places, Bytes, Places]:
    """Where some bytes are, what is there, and where others are below the largest.

    They are smaller than letters, so that the others are rare.
    """
    most = max(which)
    places: list[Places] = []
    found: list[Bytes] = []
    rare: list[Places] = []
    for start in range(0, len(block.codes), PIECE):
        codes = block.codes[start : start + PIECE]
        at = np.flatnonzero(codes <= most)
        kinds, others = codes[at], at[:0]
        is_mark = functools.reduce(np.logical_or, (kinds == code for code in which))
        if not is_mark.all():
            at, kinds, others = at[is_mark], kinds[is_mark], at[~is_mark]
        places.append((at + start).astype(np.int32))
        found.append(kinds)
        rare.append((others + start).astype(np.int32))
    return np.concatenate(places), np.concatenate(found), np.concatenate(rare)


def has_any(texts: pa.Array, code: int) -> bool:
    """Whether some text has a byte."""
    _, offsets, data = texts.buffers()
    if data is None:
        return False
    places = np.frombuffer(offsets, np.int32)
    start, end = places[texts.offset], places[texts.offset + len(texts)]
    return bool((np.frombuffer(data, np.uint8)[start:end] == code).any())


def cut(block: Block, starts: Places, ends: Places) -> pa.StringArray:
    """The texts between places, which are in order."""
    if not len(starts):
        return pa.array([], STRING)
    offsets = np.empty((len(starts), 2), np.int32)
    offsets[:, 0], offsets[:, 1] = starts, ends
    buffers = pa.py_buffer(offsets), pa.py_buffer(block.text)
    # Every other piece is what stands between two that are wanted.
    pieces = pa.StringArray.from_buffers(offsets.size - 1, *buffers)
    return pieces.take(_every_other(len(starts)))


@functools.lru_cache(maxsize=4)
def _every_other(number: int) -> pa.Array:
    return pa.array(np.arange(0, 2 * number, 2, dtype=np.int32))


def whole_lines(block: Block) -> pa.StringArray:
    """The lines, without their ends."""
    return cut(block, block.starts.astype(np.int32), block.ends.astype(np.int32))


def values(
    block: Block, starts: Places, ends: Places, nulls: Sequence[str] = ("-",)
) -> pa.StringArray:
    """The texts between places; null for those that stand for no value."""
    width = ends - starts
    if (width > max(map(len, nulls), default=-1)).all():
        return cut(block, starts, ends)
    is_null = np.zeros(len(starts), dtype=bool)
    for text in nulls:
        has_width = width == len(text)
        if has_width.any():
            is_null |= has_width & begins(block, starts, text.encode())
    if is_null.all():
        return pa.nulls(len(starts), STRING)
    if not is_null.any():
        return cut(block, starts, ends)
    _, offsets, data = cut(block, np.where(is_null, ends, starts), ends).buffers()
    is_valid = pa.py_buffer(np.packbits(~is_null, bitorder="little"))
    return pa.StringArray.from_buffers(len(starts), offsets, data, is_valid)


def begins(block: Block, starts: Places, text: bytes) -> Mask:
    """Where a text stands at a place of the block."""
    good = np.ones(len(starts), dtype=bool)
    for offset, code in enumerate(text):
        # The end of the block is as good as any other place for lines that fail.
        place = np.minimum(starts + offset, len(block.codes) - 1)
        good &= block.codes[place] == code
    return good
