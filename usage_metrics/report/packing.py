"""Whole numbers as few bytes, which the page's script reads."""

import base64
from typing import Any

import numpy as np

from usage_metrics.report import numbered
from usage_metrics.report.usage_database import KEYS, NUMBERS


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


def packed_rows(rows: numbered.Columns) -> dict[str, Any]:
    """Rows sorted by name, dataset and class, with each such triple stated once.

    First come, for each triple, its three numbers and the number of its rows; then for
    each row how many periods it is after the previous one or, as the first of its
    triple, after the first period; then the requests and the counted uses of each row.
    They are packed, and ``sizes`` says how many of each there are.
    """
    keys, period = [rows[name] for name in ("name", *KEYS)], rows["period"]
    differs = [np.diff(key, prepend=-1) != 0 for key in keys]
    first = np.flatnonzero(np.any(differs, axis=0))
    lengths = np.diff(first, append=len(period))
    series = np.column_stack([*(key[first] for key in keys), lengths])
    step = np.diff(period, prepend=0)
    step[first] = period[first]
    of_rows = [step, *(rows[name] for name in NUMBERS)]
    numbers = b"".join(map(packed, [series.ravel(), *of_rows]))
    return {
        "sizes": [series.size, *map(len, of_rows)],
        "packed": base64.b64encode(numbers).decode(),
    }
