"""Visitors and sessions, told apart without identifying anyone.

All that a request log knows of a visitor is an address and a user agent. The standard
takes the pair for a user, and the user with the UTC date and hour for a session. So a
session never spans midnight and sessions may be summed over days; visitors may not.
However an address is spelled, it is one; of IPv6 addresses, whose owners may change
them every day, the beginning alone may count.

The key of a visitor is a keyed hash. A new salt is drawn whenever a day is counted,
stays in memory, and is gone with the process: nobody, neither we nor someone who takes
all our files, can compute a key from an address again or link the visitors of two days.
The counts do not depend on the salt. Even the hash reaches no file, only a number, in
order of appearance; so counting a day twice gives equal files.
"""

import hashlib
import secrets
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.addresses.parsing import canonical_addresses
from usage_metrics.arrow import only_chunk, take_encoded
from usage_metrics.counting.grouping import in_order_of_appearance

HOUR = 3_600_000_000
"""Microseconds."""

WHOLE_ADDRESS = 128
"""The bits of an IPv6 address."""

_PROXY_MARK = r",\s*gzip\(gfe\)$"
"""What Google's front end appends to the user agent of some of a client's requests."""


def fresh_salt() -> bytes:
    """Draw a salt. Do not store it."""
    return secrets.token_bytes(32)


def one_spelling(
    addresses: pa.ChunkedArray, ipv6_bits: int = WHOLE_ADDRESS
) -> pa.DictionaryArray:
    """An encoded column of addresses with each in its canonical spelling."""
    encoded = only_chunk(addresses)
    distinct = canonical_addresses(encoded.dictionary, ipv6_bits)
    return take_encoded(distinct, encoded.indices)


def visitor_keys(
    requests: pa.Table, salt: bytes, ipv6_bits: int = WHOLE_ADDRESS
) -> Any:
    """The key of each request's visitor.

    Args:
        requests: a table with ``remote_ip`` and ``user_agent``; either may be null.
        salt: the key of the hash, the same for requests to be compared.
        ipv6_bits: how much of an IPv6 address tells visitors apart.

    Returns:
        A 64-bit number per request. Among a million visitors, the chance that any two
        share a key is below one in thirty million.
    """
    addresses = one_spelling(requests["remote_ip"], ipv6_bits)
    who = _hashes(addresses, salt + b"address")
    encoded = only_chunk(requests["user_agent"])
    names = pc.replace_substring_regex(encoded.dictionary, _PROXY_MARK, "")
    agents = _hashes(take_encoded(names, encoded.indices), salt + b"agent")
    return (who + agents).view(np.int64)


def session_numbers(visitors: Any, times: pa.ChunkedArray) -> Any:
    """Number the sessions of a day from zero.

    Args:
        visitors: the number of each request's visitor.
        times: of the requests, all of one UTC day.
    """
    hours = times.cast(pa.int64()).to_numpy() // HOUR
    return in_order_of_appearance(visitors * 24 + hours % 24)


def _hashes(values: pa.DictionaryArray, key: bytes) -> Any:
    """The keyed 64-bit hash of each value, computed once per distinct value.

    The sum of two such numbers, modulo 2^64 and under different keys, is a hash of the
    pair: two pairs share a sum as rarely as two values share a hash.
    """
    texts = [*values.dictionary.to_pylist(), None]
    digests = b"".join(
        hashlib.blake2b(repr(text).encode(), key=key, digest_size=8).digest()
        for text in texts
    )
    codes = pc.fill_null(values.indices.cast(pa.int32()), len(texts) - 1)
    return np.frombuffer(digests, dtype=np.uint64)[codes.to_numpy()]
