"""Whether an address is one of our own."""

import contextlib
import functools
import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc


def is_internal_address(addresses: pa.Array, networks: Sequence[str]) -> pa.Array:
    """Say which addresses lie in our own networks; what is no address does not.

    Args:
        addresses: distinct addresses; null where there is none.
        networks: addresses and networks, as ``192.0.2.1`` or ``2001:db8::/32``.
    """
    ours = _networks(tuple(networks))
    if not ours:
        return pa.array([False] * len(addresses), pa.bool_())
    return pa.array(
        [_lies_in(text, ours) for text in addresses.to_pylist()], pa.bool_()
    )


Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def parse_address(text: str) -> Address | None:
    """Read an address; one of IPv4 written as IPv6 (``::ffff:…``) is of IPv4."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


@functools.lru_cache(maxsize=8)
def _networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text, strict=False) for text in texts)


def _lies_in(text: str | None, networks: tuple[Network, ...]) -> bool:
    address = parse_address(text or "")
    return address is not None and any(address in network for network in networks)


Result = TypeVar("Result")

_PART = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = rf"^{_PART}(?:\.{_PART}){{3}}$"

_MAY_BE_SPECIAL = r"^(?:0|10|100|127|169|172|192|198|203|22[4-9]|2[3-5][0-9])\."
"""How addresses begin of which some are private, reserved or for documentation.

These are the first numbers in IANA's registry of special-purpose addresses of IPv4; all
others are public, without a look at each.
"""


_COMMON_IPV6 = re.compile(
    r"(?!200[12]:)(?:2[0-9A-Fa-f]{3}|3[0-9A-Ea-e][0-9A-Fa-f]{2}):"
)
"""How addresses of IPv6 begin that are all public: 2000::/3 without the blocks in it
that have special addresses, 2001::/16, 2002::/16 and 3f00::/8.

The operating system reads and writes these, twenty times as fast as ``ipaddress``.
"""

REMEMBERED = 1 << 16
REMEMBERED_LENGTH = 64
"""So many addresses, mostly of IPv6, are remembered: most of a day's were there the
day before. None is longer; what somebody else wrote in its place may be.
"""


def remembering(function: Callable[[str], Result]) -> Callable[[str], Result]:
    """Have a function remember what it found of addresses."""
    remembered = functools.lru_cache(maxsize=REMEMBERED)(function)

    @functools.wraps(function)
    def ask(text: str) -> Result:
        return (remembered if len(text) <= REMEMBERED_LENGTH else function)(text)

    return ask


def is_plain_ipv4(texts: pa.Array) -> pa.BooleanArray:
    """Which texts are addresses of IPv4 and nothing else; null for null."""
    return pc.match_substring_regex(texts, _IPV4)


def public_addresses(texts: pa.Array) -> tuple[list[str], pa.BooleanArray]:
    """Tell public addresses from bogons, and both from what is no address.

    Args:
        texts: as they stood in the log; nonsense is allowed.

    Returns:
        The public ones, in their order, in canonical text (an address of IPv4 written
        as IPv6 is of IPv4); and for each text whether it is one: null for no address.
    """
    plain = pc.and_not(
        is_plain_ipv4(texts), pc.match_substring_regex(texts, _MAY_BE_SPECIAL)
    ).fill_null(False)
    others = pc.invert(plain)
    judged = [_judge(text or "") for text in texts.filter(others).to_pylist()]
    canonical = pa.array([address for address, _ in judged], texts.type)
    verdicts = pa.array([verdict for _, verdict in judged], pa.bool_())
    public = pc.replace_with_mask(texts, others, canonical).drop_null()
    return public.to_pylist(), pc.replace_with_mask(plain, others, verdicts)


@remembering
def _judge(text: str) -> tuple[str | None, bool | None]:
    if _COMMON_IPV6.match(text):
        with contextlib.suppress(OSError):  # it is no address
            packed = socket.inet_pton(socket.AF_INET6, text)
            return socket.inet_ntop(socket.AF_INET6, packed), True
    address = parse_address(text.strip())
    if address is None:
        return None, None
    verdict = is_public(address)
    return (str(address) if verdict else None), verdict


def is_public(address: Address) -> bool:
    """Whether an address is one that anybody on the internet can have."""
    if getattr(address, "scope_id", None):
        return False  # an address with a zone (``%eth0``) is of one link only
    return address.is_global and not address.is_multicast
