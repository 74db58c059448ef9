"""Visitors and sessions, told apart without identifying anyone.

All that a request log knows of a visitor is an address and a user agent. The standard
takes the pair for a user, and the user with the UTC date and hour for a session. So a
session never spans midnight and sessions may be summed over days; visitors may not.
However an address is spelled, it is one; of IPv6 addresses, whose owners may change
them every day, the beginning alone may count.

A visitor is known by a keyed hash. A new key is drawn whenever a day is counted, stays
in memory, and is gone with the process: nobody, neither we nor someone who takes all
our files, can compute a hash from an address again or link the visitors of two days.
The counts do not depend on the key. Even the hash reaches no file, only a number, in
order of appearance; so counting a day twice gives equal files.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.addresses.parsing import canonical_addresses
from usage_metrics.arrow import only_chunk, take_encoded
from usage_metrics.counting.distinct import Numbering
from usage_metrics.counting.hashes import Key, fresh_key, hashes_of, hashes_of_tuples

HOUR = 3_600_000_000
"""Microseconds."""

WHOLE_ADDRESS = 128
"""The bits of an IPv6 address."""

DOMINANT_SHARE = 0.5
"""An address with more than this share of a day's requests is suspect …"""
DOMINANT_FROM = 100
"""… on a day with at least this many requests."""

_PROXY_MARK = r",\s*gzip\(gfe\)$"
"""What Google's front end appends to the user agent of some of a client's requests."""


def one_spelling(
    addresses: pa.ChunkedArray, ipv6_bits: int = WHOLE_ADDRESS
) -> pa.DictionaryArray:
    """An encoded column of addresses with each in its canonical spelling."""
    encoded = only_chunk(addresses)
    distinct = canonical_addresses(encoded.dictionary, ipv6_bits)
    return take_encoded(distinct, encoded.indices)


def visitor_keys(
    addresses: pa.DictionaryArray, agents: pa.ChunkedArray, key: Key
) -> Any:
    """The hash of each request's visitor.

    Args:
        addresses: in one spelling each; may be null.
        agents: the user agents, encoded in one chunk; may be null.
        key: the key of the hash, the same for requests to be compared.

    Returns:
        A 64-bit number per request. Among a million visitors, the chance that any two
        share one is below one in thirty million.
    """
    encoded = only_chunk(agents)
    names = pc.replace_substring_regex(encoded.dictionary, _PROXY_MARK, "")
    clients = take_encoded(names, encoded.indices)
    return hashes_of_tuples(key, addresses, clients)


def hours_of(times: pa.ChunkedArray) -> Any:
    """The UTC hour of the day of each time."""
    return times.cast(pa.int64()).to_numpy() // HOUR % 24


class Addresses:
    """Numbers the addresses of a day, and finds the one with most of its requests."""

    def __init__(self) -> None:
        """Begin with none."""
        self._key = fresh_key()
        self._numbering = Numbering()
        self._requests = np.empty(0, np.int64)
        self._rows = 0

    def numbers(self, spelled: pa.DictionaryArray) -> pa.Array:
        """The number of each row's address; null where there is none."""
        of_distinct = self._numbering.of(hashes_of(spelled.dictionary, self._key))
        numbers = pa.array(of_distinct).take(spelled.indices)
        found = np.bincount(
            numbers.drop_null().to_numpy(), minlength=len(self._numbering)
        )
        found[: len(self._requests)] += self._requests
        self._requests = found
        self._rows += len(numbers)
        return numbers

    def dominant(self) -> int | None:
        """The number of the address with more than half of the requests, if any."""
        most = int(self._requests.argmax()) if len(self._requests) else 0
        least = DOMINANT_SHARE * max(self._rows, DOMINANT_FROM)
        return most if self._rows and self._requests[most] > least else None
