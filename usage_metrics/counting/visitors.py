"""Visitors and sessions, told apart without identifying anyone.

A request log knows of a visitor no more than an address and a user agent. The standard
takes the two together for a user, and the user with the UTC date and hour for a
session. So a session never reaches over midnight, and sessions of different days can be
added up; visitors cannot.

The key of a visitor is a keyed hash. Its salt is drawn anew for each counting of a day,
stays in memory, and is gone with the process: neither we nor anyone who takes all our
files can compute a key from an address again, or join the visitors of two days. The
counts do not depend on the salt. What reaches a file is not even the hash but a number,
in the order in which visitors appear; so counting a day twice gives equal files.
"""

import hashlib
import secrets
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import only_chunk, take_encoded
from usage_metrics.counting.grouping import in_order_of_appearance

HOUR = 3_600_000_000
"""Microseconds."""

_PROXY_MARK = r",\s*gzip\(gfe\)$"
"""What Google's front end appends to the user agent of some requests of a client."""


def fresh_salt() -> bytes:
    """Draw a salt. Do not store it."""
    return secrets.token_bytes(32)


def visitor_keys(requests: pa.Table, salt: bytes) -> Any:
    """The key of each request's visitor.

    Args:
        requests: a table with ``remote_ip`` and ``user_agent``; either may be null.
        salt: the key of the hash, the same for requests that are to be compared.

    Returns:
        A 64-bit number per request. Of a million visitors, the chance that any two
        have one key is below one in thirty million.
    """
    addresses = _hashes(only_chunk(requests["remote_ip"]), salt + b"address")
    agents = _without_proxy_mark(only_chunk(requests["user_agent"]))
    agents = _hashes(agents, salt + b"agent")
    return (addresses + agents).view(np.int64)


def hours(times: pa.ChunkedArray) -> Any:
    """The number of the UTC hour of each time."""
    return times.cast(pa.int64()).to_numpy() // HOUR


def session_numbers(visitors: Any, times: pa.ChunkedArray) -> Any:
    """Number the sessions of a day from zero.

    Args:
        visitors: the number of the visitor of each request.
        times: of the requests, all of one UTC day.
    """
    return in_order_of_appearance(visitors * 24 + hours(times) % 24)


def _without_proxy_mark(agents: pa.DictionaryArray) -> pa.DictionaryArray:
    names = pc.replace_substring_regex(agents.dictionary, _PROXY_MARK, "")
    return take_encoded(names, agents.indices)


def _hashes(values: pa.DictionaryArray, key: bytes) -> Any:
    """The keyed hash of each value, as a number of 64 bits; each distinct one once.

    The sum of two such numbers, of different keys and modulo 2^64, is a hash of the
    pair: two pairs have one sum as seldom as two values have one hash.
    """
    texts = [*values.dictionary.to_pylist(), None]
    digests = b"".join(
        hashlib.blake2b(repr(text).encode(), key=key, digest_size=8).digest()
        for text in texts
    )
    codes = pc.fill_null(values.indices.cast(pa.int32()), len(texts) - 1)
    return np.frombuffer(digests, dtype=np.uint64)[codes.to_numpy()]
