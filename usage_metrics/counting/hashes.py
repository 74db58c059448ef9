"""Keyed hashes of texts, made once per distinct text.

A key stays in memory and is gone with the process: what tells visitors apart is drawn
for each day, what only numbers groups of rows once. Of ten million different texts, two
have the same hash once in 370,000 such days.
"""

import secrets
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from usage_metrics.arrow import dictionary
from usage_metrics.counting.grouping import Rows, codes_of

Key = int
"""The key of a hash: 64 bits."""


def fresh_key() -> Key:
    """Draw a key. Do not store it."""
    return secrets.randbits(64)


_KEY = fresh_key()
_FACTOR = np.uint64(fresh_key() | 1)
"""The hash of several texts is their hashes as digits to this base, modulo 2^64: two
rows share it about as rarely as two texts share a hash, in whatever order they have
theirs.
"""


def hashes_of(texts: pa.Array, key: Key) -> Any:
    """The hash of each text; a null has one, too."""
    values = pc.fill_null(texts.cast(pa.binary()), b"").to_pylist()
    found = map(partial(xxhash.xxh3_64_intdigest, seed=key), values)
    hashes = np.fromiter(found, np.uint64, len(values))
    if texts.null_count:
        hashes[texts.is_null().to_numpy(zero_copy_only=False)] = _of_null(key)
    return hashes


def hashes_by_code(column: pa.DictionaryArray, key: Key) -> Any:
    """The hash of each distinct text of an encoded column, and last that of null."""
    return np.append(hashes_of(column.dictionary, key), _of_null(key))


def hashes_of_rows(rows: Rows, names: Sequence[str], places: Any) -> Any:
    """The hash of some columns together, in the rows at some places.

    Each text is hashed once a batch, for all tables of figures. The key is that of the
    process.
    """
    found = np.zeros(len(places), np.uint64)
    for name in names:
        of_texts = rows.once((name, "hashes"), partial(_of_texts, rows[name]))
        found = found * _FACTOR + of_texts[rows.codes(name)[0][places]]
    return found


def _of_texts(column: pa.ChunkedArray) -> Any:
    return hashes_by_code(dictionary(column), _KEY)


def hashes_of_tuples(key: Key, *columns: pa.ChunkedArray) -> Any:
    """The hash of each row of encoded columns."""
    found = np.zeros(len(columns[0]), np.uint64)
    for column in columns:
        encoded = dictionary(column)
        codes, _ = codes_of(encoded)
        found = found * _FACTOR + hashes_by_code(encoded, key)[codes]
    return found


def _of_null(key: Key) -> np.uint64:
    return np.uint64(key ^ (2**64 - 1))
