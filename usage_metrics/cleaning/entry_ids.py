"""Ids for entries of logs that give none: the hash of the line, as text."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import STRING

_HEX = np.array([list(f"{byte:02x}".encode()) for byte in range(256)], dtype=np.uint8)
_DIGITS = 16


def insert_ids(
    line_ids: pa.Array | pa.ChunkedArray,
    repeat: pa.Array | pa.ChunkedArray | None = None,
) -> pa.Array:
    """The id of each entry.

    Args:
        line_ids: the hashes of the lines.
        repeat: where equal lines are different requests, the number of each among its
            equals; the second one's id ends in ``-2``.
    """
    hashes = np.asarray(line_ids, dtype=np.uint64)
    digits = _HEX[hashes.astype(">u8").view(np.uint8)]
    ends = np.arange(len(hashes) + 1, dtype=np.int32) * _DIGITS
    ids = pa.StringArray.from_buffers(
        len(hashes), pa.py_buffer(ends), pa.py_buffer(digits.tobytes())
    )
    if repeat is None or not pc.any(pc.greater(repeat, 0)).as_py():
        return ids
    number = pc.add(pa.array(np.asarray(repeat)), 1).cast(STRING)
    numbered = pc.binary_join_element_wise(ids, number, "-")
    return pc.if_else(pa.array(np.asarray(repeat) > 0), numbered, ids)
