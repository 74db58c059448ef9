"""Addresses of our own networks; public ones are tested where they are located."""

import ipaddress

import hypothesis.strategies as st
import pyarrow as pa
import pytest
from hypothesis import given

from usage_metrics.addresses.parsing import is_internal_address


def test_our_addresses_are_known_by_network_or_by_address() -> None:
    addresses = ["192.0.2.7", "198.51.100.1", "::ffff:192.0.2.7", "2001:db8::1"]
    ours = ["192.0.2.0/24", "2001:db8::1"]

    found = is_internal_address(pa.array(addresses), ours)

    assert found.to_pylist() == [True, False, True, True]


@pytest.mark.parametrize("address", [None, "", "-", "192.0.2", "unknown"])
def test_an_invalid_address_is_not_ours(address: str | None) -> None:
    found = is_internal_address(pa.array([address], pa.string()), ["0.0.0.0/0"])

    assert found.to_pylist() == [False]


@given(st.ip_addresses())
def test_without_own_networks_no_address_is_ours(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    assert is_internal_address(pa.array([str(address)]), []).to_pylist() == [False]
    assert is_internal_address(
        pa.array([str(address)]), ["0.0.0.0/0", "::/0"]
    ).to_pylist() == [True]
