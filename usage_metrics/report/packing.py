"""Whole numbers as few bytes, which the page's script reads."""

from typing import Any

import numpy as np

from usage_metrics.report import numbered


def packed(numbers: numbered.Numbers) -> bytes:
    """Seven bits a byte, the lowest first; the eighth says that there is more."""
    rest = numbers.astype(np.uint64)
    low: list[Any] = []
    more: list[Any] = []
    while not more or more[-1].any():
        low.append(rest & np.uint64(127))
        rest = rest >> np.uint64(7)
        more.append(rest > 0)
    is_there = np.array([np.ones(len(numbers), dtype=bool), *more[:-1]])
    found = np.array(low) | np.array(more).astype(np.uint64) << np.uint64(7)
    text: bytes = found.T[is_there.T].astype(np.uint8).tobytes()
    return text
