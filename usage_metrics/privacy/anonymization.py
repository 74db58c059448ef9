"""What remains of the addresses of a day once they are located.

The setting ``[privacy] addresses`` decides, for the files of every stage from the
geocoded one on, the database and the report:

* ``keep``: they stay.
* ``truncate``: their network stays, as ``192.0.2.0/24`` or ``2001:db8:1::/48``.
* ``pseudonymize``: each becomes a word, the same for all its requests of that day. It
  is a hash whose key is drawn for the file and stored nowhere, so that nobody, we
  included, can tell whose it is, nor whether two days saw the same address.
* ``drop``: nothing stays.

Unless addresses are kept, those of the day's visitors are also removed from all other
texts of the day, and locations are made coarse: host name and postal code are dropped,
coordinates are rounded to a tenth of a degree, some ten kilometres.

The work is done per distinct value, never per row.
"""

import dataclasses
import hashlib
import ipaddress
import secrets

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.addresses.parsing import (
    Address,
    is_plain_ipv4,
    parse_address,
    remembering,
)
from usage_metrics.addresses.redaction import addresses_in, without
from usage_metrics.arrow import STRING, Distinct, dictionary, take_encoded, used
from usage_metrics.geocode.locate import Located

MODES = ("keep", "truncate", "pseudonymize", "drop")

IPV4_BITS, IPV6_BITS, SIX_TO_FOUR_BITS = 24, 48, 40
"""Prefix lengths; an address of 6to4 has an IPv4 address in bits 16 to 48."""

PSEUDONYM = "visitor-"
"""Prefix of pseudonyms, so that nobody takes one for an address."""

DECIMALS = 1
"""Of latitude and longitude."""


def truncated(address: Address) -> str:
    """The network of an address."""
    if address.version == 4:
        bits = IPV4_BITS
    else:
        bits = IPV6_BITS if address.sixtofour is None else SIX_TO_FOUR_BITS
    dropped = address.max_prefixlen - bits
    return f"{type(address)(int(address) >> dropped << dropped)}/{bits}"


def pseudonym(address: Address, salt: bytes) -> str:
    """A name for an address, irreversible as long as nobody stores the salt."""
    hashed = hashlib.blake2b(address.packed, key=salt, digest_size=8)
    return PSEUDONYM + hashed.hexdigest()


@remembering
def _address_and_network(text: str) -> tuple[Address | None, str | None]:
    """The address that a text is, without a zone, and its network."""
    address = parse_address(text.strip())
    if address is None:
        return None, None
    if getattr(address, "scope_id", None) is not None:
        address = ipaddress.IPv6Address(int(address))
    return address, truncated(address)


class Anonymization:
    """Anonymises the addresses of one day, for one file."""

    def __init__(self, mode: str, column: str | None, addresses: Distinct) -> None:
        """Find a replacement for each address.

        Args:
            mode: one of ``MODES``.
            column: the column that holds the addresses; None if there is none.
            addresses: the distinct values of that column, for the whole day.
        """
        self._column = None if mode == "keep" else column
        self._addresses = addresses
        if self._column is None:
            return
        texts = addresses.values
        others = pc.invert(pc.fill_null(is_plain_ipv4(texts), False))
        rare = [text or "" for text in texts.filter(others).to_pylist()]
        parsed = [_address_and_network(text) for text in rare]
        self._known = frozenset(
            found.packed
            for text, (address, _) in zip(rare, parsed, strict=True)
            for found in ([address] if address else addresses_in(text))
        )
        self._replacements = pa.nulls(len(texts), STRING)
        if mode == "truncate":
            # Nearly all are plain IPv4 addresses, which are replaced all at once.
            networks = pc.replace_substring_regex(texts, "[0-9]+$", "0/24")
            other_networks = pa.array([network for _, network in parsed], STRING)
            self._replacements = pc.replace_with_mask(networks, others, other_networks)
        elif mode == "pseudonymize":
            salt = secrets.token_bytes(32)
            found = [parse_address((text or "").strip()) for text in texts.to_pylist()]
            names = [None if a is None else pseudonym(a, salt) for a in found]
            self._replacements = pa.array(names, STRING)

    def coarsen(self, located: Located) -> Located:
        """Make locations coarse."""
        if self._column is None:
            return located
        places = located.places.table
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

    def anonymize(self, requests: pa.Table) -> pa.Table:
        """Replace the addresses of requests, and those in their texts."""
        for index, name in enumerate(requests.column_names):
            before = column = requests[name]
            if pa.types.is_dictionary(before.type):
                column = used(dictionary(before))
            if self._column is not None:
                column = self._anonymize_column(name, column)
            if column is not before:
                requests = requests.set_column(index, name, column)
        return requests

    def _anonymize_column(
        self, name: str, column: pa.Array | pa.ChunkedArray
    ) -> pa.Array | pa.ChunkedArray:
        if name == self._column:
            addresses = dictionary(column)
            numbers = self._addresses.numbers(addresses.dictionary)
            return take_encoded(self._replacements.take(numbers), addresses.indices)
        if not (pa.types.is_dictionary(column.type) or column.type == STRING):
            return column
        new = without(column, self._is_known)
        return column if new is None else new

    def _is_known(self, address: Address) -> bool:
        if address.packed in self._known:
            return True
        # Only plain IPv4 addresses are not among them; the text of others takes long.
        return address.version == 4 and str(address) in self._addresses
