"""Addresses of our own networks; public ones are tested where they are located."""

import ipaddress

import hypothesis.strategies as st
import pyarrow as pa
import pytest
from hypothesis import given

from usage_metrics.addresses.parsing import (
    canonical_addresses,
    is_internal_address,
    parse_address,
)


def test_our_addresses_are_known_by_network_or_by_address() -> None:
    addresses = ["192.0.2.7", "198.51.100.1", "::ffff:192.0.2.7", "2001:db8::1"]
    for ours in (
        ["192.0.2.0/24", "2001:db8::1"],
        ["::ffff:192.0.2.0/120", "2001:DB8:0:0::1"],
    ):
        found = is_internal_address(pa.array(addresses), ours)

        assert found.to_pylist() == [True, False, True, True]


@pytest.mark.parametrize("address", [None, "", "-", "192.0.2", "unknown"])
def test_an_invalid_address_is_not_ours(address: str | None) -> None:
    found = is_internal_address(pa.array([address], pa.string()), ["0.0.0.0/0"])

    assert found.to_pylist() == [False]


def spellings(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> list[str]:
    """Ways in which logs write an address."""
    if isinstance(address, ipaddress.IPv4Address):
        mapped = ipaddress.IPv6Address(f"::ffff:{address}")
        return [str(address), f"::FFFF:{address}", str(mapped), f" {mapped.exploded} "]
    return [str(address), address.exploded, address.exploded.upper(), f"{address}%eth0"]


@given(st.ip_addresses())
def test_every_spelling_of_an_address_becomes_the_same_address(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    found = canonical_addresses(pa.array(spellings(address))).to_pylist()

    assert len(set(found)) == 1
    assert parse_address(found[0]) == parse_address(str(address))


NO_ADDRESSES = ["-", "1.2.3.4:5", "192.0.2.7\0", "2600::7\0", "2600::é"]


@given(st.lists(st.none() | st.text(max_size=6) | st.sampled_from(NO_ADDRESSES)))
def test_what_is_no_address_stays_as_it_is(texts: list[str | None]) -> None:
    texts = [text for text in texts if parse_address((text or "").strip()) is None]

    assert canonical_addresses(pa.array(texts, pa.string())).to_pylist() == texts


@given(st.ip_addresses(v=6), st.integers(1, 128))
def test_of_an_ipv6_address_the_beginning_may_be_kept(
    address: ipaddress.IPv6Address, bits: int
) -> None:
    (found,) = canonical_addresses(pa.array([str(address)]), bits).to_pylist()

    network = ipaddress.ip_network((address, bits), strict=False)
    kept = parse_address(str(address)) if address.ipv4_mapped else network[0]
    assert parse_address(found) == (getattr(kept, "ipv4_mapped", None) or kept)


@given(st.ip_addresses())
def test_without_own_networks_no_address_is_ours(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    assert is_internal_address(pa.array([str(address)]), []).to_pylist() == [False]
    assert is_internal_address(
        pa.array([str(address)]), ["0.0.0.0/0", "::/0"]
    ).to_pylist() == [True]
