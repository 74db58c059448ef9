"""Visitors and sessions: told apart, identified by nobody."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from little_log import CLIENTS, events_of

from usage_metrics.counting.events import EVENTS
from usage_metrics.counting.visitors import fresh_salt, visitor_keys

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


@given(st.lists(PEOPLE, min_size=1), st.binary(min_size=1, max_size=64))
def test_equal_pairs_and_no_others_have_equal_keys(
    pairs: list[tuple[str | None, str | None]], salt: bytes
) -> None:
    keys = visitor_keys(people(pairs), salt).tolist()
    assert len(set(keys)) == len(set(pairs))
    assert len(set(zip(keys, pairs, strict=True))) == len(set(pairs))


def test_a_key_depends_on_the_salt_and_each_salt_is_another() -> None:
    ann = people([("192.0.2.1", "Firefox")])
    assert visitor_keys(ann, b"one") != visitor_keys(ann, b"two")
    assert fresh_salt() != fresh_salt()


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
    text = str(events.to_pylist())
    assert CLIENTS["ann"].address not in text
    assert CLIENTS["ann"].agent not in text
    assert "secret" not in text
    assert events.column_names == EVENTS.names
