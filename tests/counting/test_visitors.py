"""Visitors and sessions: told apart, identified by nobody."""

import ipaddress
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from little_log import (
    CLIENTS,
    count_requests,
    events_of,
    figures,
    requests_of,
    sample_registry,
)

from usage_metrics.counting.events import EVENTS
from usage_metrics.counting.hashes import fresh_key
from usage_metrics.counting.visitors import WHOLE_ADDRESS, one_spelling, visitor_keys

PEOPLE = st.tuples(
    st.one_of(st.none(), st.sampled_from(["192.0.2.1", "192.0.2.2"])),
    st.one_of(st.none(), st.text(max_size=3)),
)


def people(pairs: list[tuple[str | None, str | None]]) -> pa.Table:
    addresses, agents = zip(*pairs, strict=True)
    return pa.table(
        {
            "remote_ip": pa.array(addresses, pa.string()).dictionary_encode(),
            "user_agent": pa.array(agents, pa.string()).dictionary_encode(),
        }
    )


def keys_of(asked: pa.Table, key: int, ipv6_bits: int = WHOLE_ADDRESS) -> Any:
    addresses = one_spelling(asked["remote_ip"], ipv6_bits)
    return visitor_keys(addresses, asked["user_agent"], key)


@given(st.lists(PEOPLE, min_size=1), st.integers(0, 2**64 - 1))
def test_equal_pairs_and_no_others_have_equal_keys(
    pairs: list[tuple[str | None, str | None]], key: int
) -> None:
    keys = keys_of(people(pairs), key).tolist()
    assert len(set(keys)) == len(set(pairs))
    assert len(set(zip(keys, pairs, strict=True))) == len(set(pairs))


V4 = ipaddress.IPv4Address("192.0.2.7")
V6 = ipaddress.IPv6Address("2001:db8::ff:7")
SPELLINGS = {
    V4: ["192.0.2.7", "::ffff:192.0.2.7", "::FFFF:c000:0207", " 192.0.2.7"],
    V6: ["2001:db8::ff:7", "2001:DB8:0:0::FF:7", V6.exploded, f"{V6}%eth0"],
}


@given(
    st.lists(
        st.sampled_from([*SPELLINGS[V4], *SPELLINGS[V6], "192.0.2.8", "-", None]),
        min_size=1,
    )
)
def test_one_visitor_is_one_however_the_address_is_spelled(
    spelled: list[str | None],
) -> None:
    meant = [
        next((str(one) for one, all_ in SPELLINGS.items() if text in all_), text)
        for text in spelled
    ]
    keys = keys_of(people([(text, "Firefox") for text in spelled]), 1)
    assert len(set(keys.tolist())) == len(set(meant))


def test_clicks_sessions_and_shares_are_of_visitors_however_spelled() -> None:
    today, following = requests_of(
        """
        12:00:00 ann 200 /pudl/plants
        12:00:10 ann 200 /pudl/plants
        +00:00:00 ann 200 /pudl/plants
        """
    )
    index = today.column_names.index("remote_ip")
    spelled = pa.array(["192.0.2.7", "::FFFF:192.0.2.7"])
    today = today.set_column(index, "remote_ip", spelled)
    events = count_requests(today, following, sample_registry())
    assert events["outcome"].to_pylist() == ["double_click", "counted"]
    assert events["visitor"].to_pylist() == events["session"].to_pylist() == [0, 0]
    shares = figures("usage_concentration", events)
    assert set(shares["addresses"].to_pylist()) == {1}
    assert set(shares["largest_address_share"].to_pylist()) == {1.0}


def test_neighbours_in_a_network_are_one_visitor_where_that_is_wanted() -> None:
    neighbours = people(
        [
            ("2001:db8::1", "Firefox"),
            ("2001:DB8:0:0:ffff::2", "Firefox"),
            ("2001:db8::1", "curl"),
            ("2001:db8:0:1::1", "Firefox"),
            ("192.0.2.1", "Firefox"),
            ("192.0.2.2", "Firefox"),
            ("2001:db8::/48", "Firefox"),
        ]
    )
    for bits, visitors in ((128, 7), (64, 6), (48, 5)):
        keys = keys_of(neighbours, 1, bits).tolist()
        assert len(set(keys)) == visitors


def test_a_hash_depends_on_the_key_and_each_key_is_another() -> None:
    ann = people([("192.0.2.1", "Firefox")])
    assert keys_of(ann, 1) != keys_of(ann, 2)
    assert fresh_key() != fresh_key()


def test_a_session_is_a_visitor_in_a_utc_hour() -> None:
    events = events_of(
        """
        12:00:00  ann  200  /pudl/plants
        12:59:59  ann  200  /pudl/utilities
        13:00:00  ann  200  /pudl/plants
        12:30:00  bob  200  /pudl/plants
        """
    )
    assert events["session"].to_pylist() == [0, 0, 1, 2]
    assert events["visitor"].to_pylist() == [0, 0, 0, 1]


def test_events_hold_neither_address_nor_user_agent_nor_url() -> None:
    events = events_of("12:00:00 ann 200 /pudl/plants?secret=1")
    events = events.select(EVENTS.names)
    text = str(events.to_pylist())
    assert CLIENTS["ann"].address not in text
    assert CLIENTS["ann"].agent not in text
    assert "secret" not in text
