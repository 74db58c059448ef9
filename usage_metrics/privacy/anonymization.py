"""What becomes of the addresses of a day once they were located.

The setting ``[privacy] addresses`` decides, and the files of every stage from the
geocoded one on, the database and the report follow from it:

* ``keep``: they stay.
* ``truncate``: their network stays, as ``192.0.2.0/24`` or ``2001:db8:1::/48``.
* ``pseudonymize``: each becomes a word, the same for all requests of it on that day. It
  is a hash with a key that is drawn for the file and kept nowhere, so that nobody, we
  included, can tell whose it is, nor whether two days saw the same address.
* ``drop``: nothing stays.

Unless they are kept, an address that a visitor of the day has is taken out of all other
texts of the day as well, and what leads near it is made coarse: the host name and the
postal code go, places are rounded to a tenth of a degree, some ten kilometres.

The work is done for each distinct value, never for each row.
"""

import dataclasses
import hashlib
import ipaddress
import secrets
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.addresses.parsing import (
    Address,
    is_plain_ipv4,
    parse_address,
    remembering,
)
from usage_metrics.addresses.redaction import addresses_in, without
from usage_metrics.arrow import STRING, Distinct, dictionary, take_encoded
from usage_metrics.geocode.locate import Located

MODES = ("keep", "truncate", "pseudonymize", "drop")

IPV4_BITS, IPV6_BITS, SIX_TO_FOUR_BITS = 24, 48, 40
"""What is left of an address. One of 6to4 has an IPv4 address in bits 16 to 48."""

PSEUDONYM = "visitor-"
"""What a pseudonym begins with, so that nobody takes it for an address."""

DECIMALS = 1
"""Of latitude and longitude."""

Spell = Callable[[Address], str | None]


def truncated(address: Address) -> str:
    """The network of an address."""
    if address.version == 4:
        bits = IPV4_BITS
    else:
        bits = IPV6_BITS if address.sixtofour is None else SIX_TO_FOUR_BITS
    number = int(address) >> (address.max_prefixlen - bits)
    network = type(address)(number << (address.max_prefixlen - bits))
    return f"{network}/{bits}"


def pseudonyms(salt: bytes) -> Spell:
    """Names for addresses, equal for equal ones, and never to be traced back.

    Args:
        salt: the key of the hash. Do not store it.
    """

    def name(address: Address) -> str:
        packed = address.packed
        return PSEUDONYM + hashlib.blake2b(packed, key=salt, digest_size=8).hexdigest()

    return name


def _spelling(mode: str) -> Spell:
    if mode == "pseudonymize":
        return pseudonyms(secrets.token_bytes(32))
    return lambda _: None


def _spelled(texts: pa.Array, spell: Spell) -> pa.Array:
    """A spelling of the address that each text is; null for what is none."""
    addresses = [parse_address((text or "").strip()) for text in texts.to_pylist()]
    return pa.array([None if a is None else spell(a) for a in addresses], STRING)


@remembering
def _plain_and_truncated(text: str) -> tuple[str | None, str | None]:
    """The address that a text is, in canonical text without a zone, and its network."""
    address = parse_address(text.strip())
    if address is None:
        return None, None
    return str(_without_zone(address)), truncated(address)


class Treatment:
    """What becomes of the addresses of one day; for one file, and then forgotten."""

    def __init__(self, mode: str, column: str | None, addresses: Distinct) -> None:
        """Decide for each address.

        Args:
            mode: one of ``MODES``.
            column: the column that they stand in; None if there is none.
            addresses: the distinct ones of the day, as they stand there.
        """
        self._column = None if mode == "keep" else column
        self._addresses = addresses
        if self._column is None:
            return
        texts = addresses.values
        others = pc.invert(pc.fill_null(is_plain_ipv4(texts), False))
        rare = [text or "" for text in texts.filter(others).to_pylist()]
        rest = [_plain_and_truncated(text) for text in rare]
        self._known = frozenset(_named_in(zip(rare, rest, strict=True)))
        if mode == "truncate":
            # Of plain addresses all at once, as they are nearly all there are.
            networks = pc.replace_substring_regex(texts, "[0-9]+$", "0/24")
            treated = pa.array([network for _, network in rest], STRING)
            self._treated = pc.replace_with_mask(networks, others, treated)
        else:
            self._treated = _spelled(texts, _spelling(mode))

    def of_located(self, located: Located) -> Located:
        """Make locations coarse."""
        places = located.places.table
        if self._column is None:
            return located
        columns = {name: places[name] for name in places.column_names}
        for name in ("hostname", "postal"):
            columns[name] = pa.nulls(places.num_rows, STRING)
        for name in ("latitude", "longitude"):
            columns[name] = pc.round(columns[name], DECIMALS)
        columns["loc"] = pc.binary_join_element_wise(
            columns["latitude"].cast(STRING), columns["longitude"].cast(STRING), ","
        )
        coarse = located.places._replace(table=pa.table(columns, schema=places.schema))
        return dataclasses.replace(located, places=coarse)

    def of_requests(self, requests: pa.Table) -> pa.Table:
        """Treat the addresses of requests, and those in their texts."""
        for index, name in enumerate(requests.column_names):
            before = column = requests[name]
            if pa.types.is_dictionary(before.type):
                column = _used(dictionary(before))
            if self._column is not None:
                column = self._of_column(name, column)
            if column is not before:
                requests = requests.set_column(index, name, column)
        return requests

    def _of_column(
        self, name: str, column: pa.Array | pa.ChunkedArray
    ) -> pa.Array | pa.ChunkedArray:
        if name == self._column:
            return self._of_addresses(dictionary(column))
        if not (pa.types.is_dictionary(column.type) or column.type == STRING):
            return column
        new = without(column, self._is_known)
        return column if new is None else new

    def _of_addresses(self, addresses: pa.DictionaryArray) -> pa.Array:
        numbers = self._addresses.numbers(addresses.dictionary)
        return take_encoded(self._treated.take(numbers), addresses.indices)

    def _is_known(self, address: Address) -> bool:
        text = str(address)
        return text in self._known or text in self._addresses


def _named_in(
    rest: Iterable[tuple[str, tuple[str | None, str | None]]],
) -> Iterator[str]:
    """The addresses that texts are, or that stand in one which is none itself."""
    for text, (plain, _) in rest:
        if plain is not None:
            yield plain
        else:
            yield from map(str, addresses_in(text))


def _used(column: pa.DictionaryArray) -> pa.DictionaryArray:
    """A column without the values that no row has.

    They may be of entries that were rejected, or of another part of the day, and would
    be written all the same.
    """
    # By numpy, because Arrow would look for distinct codes as if they were any numbers.
    codes = column.indices.drop_null().to_numpy()
    used = np.bincount(codes, minlength=len(column.dictionary)) > 0
    if used.all():
        return column
    number = pa.array(np.cumsum(used, dtype=np.int32) - 1)
    return pa.DictionaryArray.from_arrays(
        number.take(column.indices), column.dictionary.filter(pa.array(used))
    )


def _without_zone(address: Address) -> Address:
    if getattr(address, "scope_id", None) is None:
        return address
    return ipaddress.IPv6Address(int(address))
