"""Whether an address is one of our own."""

import functools
import ipaddress
from collections.abc import Sequence

import pyarrow as pa


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
