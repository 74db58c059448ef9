"""Reads IP addresses as logs write them, and tells our own, public and invalid ones.

A log may hold anything where an address belongs, so nothing here raises on bad text.
Most addresses are judged by a regular expression or the operating system, because
``ipaddress`` takes twenty times as long; what remains is remembered.
"""

import contextlib
import functools
import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import BOOLEAN

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Result = TypeVar("Result")

REMEMBERED = 1 << 16
"""How many addresses are remembered, mostly IPv6; most recur from one day to the next.
"""

REMEMBERED_LENGTH = 64
"""No address is longer, but text that someone sends in its place may be."""

_BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = rf"^{_BYTE}(?:\.{_BYTE}){{3}}$"

_MAPPED = bytes(10) + b"\xff\xff"
"""What the bytes of an IPv4-mapped IPv6 address begin with."""

_MAYBE_SPECIAL_IPV4 = r"^(?:0|10|100|127|169|172|192|198|203|22[4-9]|2[3-5][0-9])\."
"""First bytes in IANA's registry of special-purpose IPv4 addresses: private, reserved
or for documentation. Addresses that start with any other byte are public.
"""

_PUBLIC_IPV6 = re.compile(
    r"(?!200[12]:)(?:2[0-9A-Fa-f]{3}|3[0-9A-Ea-e][0-9A-Fa-f]{2}):"
)
"""IPv6 prefixes under which every address is public: 2000::/3 without 2001::/16,
2002::/16 and 3f00::/8, which contain special addresses.
"""


def parse_address(text: str) -> Address | None:
    """Parse an address; an IPv4-mapped one (``::ffff:…``) becomes IPv4."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def address_of(packed: bytes) -> Address:
    """The address of four or sixteen bytes; an IPv4-mapped one becomes IPv4."""
    rest = packed.removeprefix(_MAPPED)
    # ipaddress.ip_address would try IPv4 first, which takes three times as long.
    is_short = len(rest) == 4
    return ipaddress.IPv4Address(rest) if is_short else ipaddress.IPv6Address(rest)


def parse_network(text: str, *, strict: bool = True) -> Network:
    """Parse a network or an address; a network of IPv4-mapped ones becomes IPv4.

    Args:
        text: such as ``192.0.2.7``, ``192.0.2.0/24`` or ``2001:db8::/32``.
        strict: whether to refuse an address of a network in place of its first.

    Raises:
        ValueError: if it is neither.
    """
    network = ipaddress.ip_network(text.strip(), strict=strict)
    mapped = getattr(network[0], "ipv4_mapped", None)
    if mapped is None:
        return network
    return ipaddress.ip_network(f"{mapped}/{network.prefixlen - 96}")


def canonical_addresses(texts: pa.Array, ipv6_bits: int = 128) -> pa.Array:
    """Addresses in one spelling each: IPv6 short, in lower case and without a zone.

    Args:
        texts: as found in the log; what is no address stays as it is.
        ipv6_bits: how much of an IPv6 address to keep; the rest becomes zeros.
    """
    others = pc.invert(pc.fill_null(is_plain_ipv4(texts), True))
    rare = texts.filter(others).to_pylist()
    parsed = zip(rare, map(_packed, rare), strict=True)
    found = [_written(packed, ipv6_bits) if packed else text for text, packed in parsed]
    return pc.replace_with_mask(texts, others, pa.array(found, texts.type))


def is_internal_address(addresses: pa.Array, networks: Sequence[str]) -> pa.Array:
    """Say which addresses lie in our own networks; invalid addresses do not.

    Args:
        addresses: distinct addresses; null if unknown.
        networks: addresses and networks, as ``192.0.2.1`` or ``2001:db8::/32``.
    """
    ours = [parse_network(text, strict=False) for text in networks]
    parsed = [parse_address(text or "") for text in addresses.to_pylist()]
    internal = [
        address is not None and any(address in network for network in ours)
        for address in parsed
    ]
    return pa.array(internal, BOOLEAN)


def remembering(function: Callable[[str], Result]) -> Callable[[str], Result]:
    """Cache a function of an address."""
    remembered = functools.lru_cache(maxsize=REMEMBERED)(function)

    @functools.wraps(function)
    def ask(text: str) -> Result:
        return (remembered if len(text) <= REMEMBERED_LENGTH else function)(text)

    return ask


@remembering
def _packed(text: str) -> bytes | None:
    """The four or sixteen bytes of an address; None if it is none."""
    try:
        packed = socket.inet_pton(socket.AF_INET6, text)  # faster than ipaddress
    except (OSError, ValueError):  # not an address; a text with a NUL
        address = parse_address(text.strip())
        return None if address is None else address.packed
    return packed.removeprefix(_MAPPED)


def _written(packed: bytes, ipv6_bits: int) -> str:
    if len(packed) == 4:
        return socket.inet_ntop(socket.AF_INET, packed)
    dropped = 128 - ipv6_bits
    kept = int.from_bytes(packed, "big") >> dropped << dropped
    return socket.inet_ntop(socket.AF_INET6, kept.to_bytes(16, "big"))


def is_plain_ipv4(texts: pa.Array) -> pa.BooleanArray:
    """Say which texts are exactly an IPv4 address; null for null."""
    return pc.match_substring_regex(texts, _IPV4)


def is_public(address: Address) -> bool:
    """Whether an address can belong to anybody on the internet."""
    if getattr(address, "scope_id", None):
        return False  # a zone (``%eth0``) makes it link-local
    return address.is_global and not address.is_multicast


def public_addresses(texts: pa.Array) -> tuple[list[str], pa.BooleanArray]:
    """Tell public addresses from bogons, and both from invalid ones.

    Args:
        texts: as found in the log; nonsense is allowed.

    Returns:
        The public addresses, in order and in canonical form (IPv4-mapped ones as IPv4),
        and for each text whether it is public: null if it is not an address.
    """
    plain = pc.and_not(
        is_plain_ipv4(texts), pc.match_substring_regex(texts, _MAYBE_SPECIAL_IPV4)
    ).fill_null(False)
    others = pc.invert(plain)
    judged = [_judge(text or "") for text in texts.filter(others).to_pylist()]
    canonical = pa.array([address for address, _ in judged], texts.type)
    verdicts = pa.array([verdict for _, verdict in judged], BOOLEAN)
    public = pc.replace_with_mask(texts, others, canonical).drop_null()
    return public.to_pylist(), pc.replace_with_mask(plain, others, verdicts)


@remembering
def _judge(text: str) -> tuple[str | None, bool | None]:
    """The canonical address if it is public, and whether it is; see above."""
    if _PUBLIC_IPV6.match(text):
        with contextlib.suppress(OSError, ValueError):  # not an address; with a NUL
            packed = socket.inet_pton(socket.AF_INET6, text)
            return socket.inet_ntop(socket.AF_INET6, packed), True
    address = parse_address(text.strip())
    if address is None:
        return None, None
    verdict = is_public(address)
    return (str(address) if verdict else None), verdict
