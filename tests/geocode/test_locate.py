"""Locating addresses: which are looked up, and what each row gets."""

import io
import ipaddress
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from usage_metrics.addresses.parsing import is_public, public_addresses, remembering
from usage_metrics.arrow import STRING, Distinct
from usage_metrics.geocode.locate import (
    Located,
    Places,
    locate,
    locate_column,
    with_location,
)
from usage_metrics.geocode.locations import LOCATION, Location

Text = str | None


KNOWN = {
    "8.8.8.8": Location(
        city="Mountain View",
        country="US",
        latitude=37.4,
        longitude=-122.1,
        located_by="test",
    ),
    "2001:4860:4860::8888": Location(country="US", located_by="test"),
}


class RecordingProvider:
    """Answers from the few addresses it knows, and records what it is asked.

    It cannot be asked about ``unanswering`` addresses; of any other it knows nothing.
    """

    def __init__(self, unanswering: Sequence[str] = ()) -> None:
        self.asked: list[list[str]] = []
        self.unanswering = unanswering

    def locate(self, addresses: Sequence[str]) -> list[Location | None]:
        self.asked.append(list(addresses))
        unknown = Location(located_by="test")
        return [
            None if address in self.unanswering else KNOWN.get(address, unknown)
            for address in addresses
        ]

    def facts(self) -> dict[str, str]:
        return {"provider": "test"}


@pytest.fixture
def provider() -> RecordingProvider:
    return RecordingProvider()


def texts(*addresses: Text) -> pa.Array:
    return pa.array(addresses, STRING)


def located_rows(
    addresses: pa.Array, provider: RecordingProvider
) -> tuple[pa.Table, dict[str, int]]:
    """The location of each address, and the counts."""
    places, counts = locate(addresses, provider)
    rows = places.table.take(places.of_address)
    index = LOCATION.get_field_index("is_bogon")
    return rows.set_column(index, LOCATION.field(index), places.is_bogon), counts


# --- which addresses are looked up -------------------------------------------------

BOGONS = [
    *("10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "127.0.0.1", "0.0.0.1"),
    *("169.254.169.254", "192.0.2.1", "198.51.100.7", "203.0.113.9", "198.18.0.1"),
    *("224.0.0.1", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "2001:db8::1", "ff02::1"),
    *("ff0e::1", "::ffff:10.0.0.1", "2001:4860:4860::8888%eth0"),
    "2001:4860:4860::8888%<script>",
]
MALFORMED = [
    *("", " ", "-", "nan", "NaN", "None", "null", "localhost", "unknown", "8.8.8"),
    *("8.8.8.8.8", "256.1.1.1", "08.8.8.8", "8.8.8.8:80", "[2001:4860::1]:443"),
    *("[::1]", "8.8.8.8/32", "8.8.8.8, 9.9.9.9", "134744072", "0x8080808", ":::"),
    *("٨.٨.٨.٨", "8．8．8．8", "8.8.8.8\x00", "2600::7\x00", "8.8.8.8%eth0"),
    "'; DROP TABLE x; --",
]


@pytest.mark.parametrize("text", BOGONS)
def test_a_bogon_is_recognised_and_not_looked_up(
    provider: RecordingProvider, text: str
) -> None:
    locations, counts = located_rows(texts(text), provider)
    assert provider.asked in ([], [[]])
    assert locations.to_pylist() == [dict.fromkeys(LOCATION.names) | {"is_bogon": True}]
    assert (counts["bogon"], counts["malformed"], counts["public"]) == (1, 0, 0)


@pytest.mark.parametrize("text", MALFORMED)
def test_a_malformed_address_is_not_looked_up(
    provider: RecordingProvider, text: str
) -> None:
    locations, counts = located_rows(texts(text), provider)
    assert provider.asked in ([], [[]])
    assert locations.to_pylist() == [dict.fromkeys(LOCATION.names)]
    assert (counts["bogon"], counts["malformed"], counts["public"]) == (0, 1, 0)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("8.8.8.8", "8.8.8.8"),
        (" 8.8.8.8\n", "8.8.8.8"),
        ("::ffff:8.8.8.8", "8.8.8.8"),
        ("::FFFF:0808:0808", "8.8.8.8"),
        ("2001:4860:4860::8888", "2001:4860:4860::8888"),
        ("2001:4860:4860:0:0:0:0:8888", "2001:4860:4860::8888"),
        ("2001:4860:4860::8888".upper(), "2001:4860:4860::8888"),
    ],
)
def test_a_public_address_is_asked_for_in_its_canonical_form(
    provider: RecordingProvider, text: str, asked: str
) -> None:
    locations, counts = located_rows(texts(text), provider)
    assert provider.asked == [[asked]]
    (location,) = locations.to_pylist()
    assert location == KNOWN[asked]._asdict() | {"is_bogon": False}
    assert counts == {
        "addresses": 1,
        "public": 1,
        "bogon": 0,
        "malformed": 0,
        "unanswered": 0,
    }


def test_an_address_in_several_spellings_is_asked_for_once(
    provider: RecordingProvider,
) -> None:
    spellings = texts("8.8.8.8", "::ffff:8.8.8.8", "1.1.1.1", " 8.8.8.8")
    locations, counts = located_rows(spellings, provider)
    assert provider.asked == [["8.8.8.8", "1.1.1.1"]]
    assert locations["city"].to_pylist() == [
        *("Mountain View", "Mountain View", None, "Mountain View")
    ]
    assert counts["public"] == 4


def test_an_unanswered_address_is_null_and_counted() -> None:
    provider = RecordingProvider(unanswering=["1.1.1.1"])
    addresses = texts("8.8.8.8", "1.1.1.1", "::ffff:1.1.1.1", "10.0.0.1")
    locations, counts = located_rows(addresses, provider)
    assert locations["located_by"].to_pylist() == ["test", None, None, None]
    assert locations["is_bogon"].to_pylist() == [False, False, False, True]
    assert counts["unanswered"] == 2


ADDRESSES = st.one_of(
    st.none(),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.sampled_from([*BOGONS, *MALFORMED, "8.8.8.8", "::ffff:8.8.8.8"]),
    st.ip_addresses().map(str),
)


@given(st.lists(ADDRESSES, unique=True))
def test_every_text_has_a_row_and_only_public_addresses_are_asked_for(
    addresses: list[Text],
) -> None:
    provider = RecordingProvider()
    locations, counts = located_rows(texts(*addresses), provider)
    assert locations.num_rows == counts["addresses"] == len(addresses)
    assert locations.schema.equals(LOCATION, check_metadata=True)
    assert counts["addresses"] == sum(
        counts[kind] for kind in ("public", "bogon", "malformed")
    )
    is_bogon = locations["is_bogon"].to_pylist()
    assert counts["public"] == is_bogon.count(False)
    assert counts["bogon"] == is_bogon.count(True)
    asked = [address for call in provider.asked for address in call]
    assert len(asked) == len(set(asked))
    for text in asked:
        address = ipaddress.ip_address(text)
        assert text == str(address)
        assert address.is_global
        assert "%" not in text


@given(st.ip_addresses(v=4))
def test_judging_ipv4_by_prefix_agrees_with_ipaddress(
    address: ipaddress.IPv4Address,
) -> None:
    assert public_addresses(texts(str(address)))[1].to_pylist() == [is_public(address)]


_GROUPS = st.sampled_from(["0", "1", "db8", "ffff", "0DB8", "00", "aF"])
_LIKE_IPV6 = st.builds(
    ":".join,
    st.tuples(
        st.sampled_from(["2001", "2a01", "2002", "3fff", "3FFE", "26", "fe80", "2600"]),
        *[_GROUPS] * 7,
    )
    | st.lists(_GROUPS | st.just(""), min_size=1, max_size=8).map(
        lambda groups: ["2a01", *groups]
    ),
)


@given(st.ip_addresses(v=6).map(str) | _LIKE_IPV6 | _LIKE_IPV6.map("{}%1".format))
def test_judging_ipv6_agrees_with_ipaddress_and_so_does_the_canonical_text(
    text: str,
) -> None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        assert public_addresses(texts(text))[1].to_pylist() == [None]
        return
    if getattr(address, "ipv4_mapped", None) is None:
        canonical = [str(address)] if is_public(address) else []
        assert public_addresses(texts(text)) == (
            canonical,
            pa.array([is_public(address)]),
        )


@pytest.mark.parametrize("first", range(256))
def test_every_special_range_of_ipv4_is_known(first: int) -> None:
    edges = [f"{first}.{rest}" for rest in ("0.0.0", "0.0.1", "64.0.0", "255.255.255")]
    special = ["192.0.0.9", "192.31.196.1", "192.88.99.2", "198.19.255.255"]
    verdicts = [is_public(ipaddress.IPv4Address(text)) for text in edges + special]
    assert public_addresses(texts(*edges, *special))[1].to_pylist() == verdicts


# --- a day's addresses and its requests --------------------------------------------

REQUESTS = pa.schema([("n", pa.int64()), ("remote_ip", STRING)])
GEOCODED = with_location(REQUESTS, "remote_ip")


def day(*addresses: Text, row_group_size: int = 2) -> pq.ParquetFile:
    """A stored day of requests, addresses as dictionaries."""
    rows = {"n": range(len(addresses)), "remote_ip": addresses}
    return stored(pa.table(rows, schema=REQUESTS), row_group_size)


def stored(rows: pa.Table, row_group_size: int = 2) -> pq.ParquetFile:
    file = io.BytesIO()
    pq.write_table(rows, file, row_group_size=row_group_size)
    return pq.ParquetFile(file, read_dictionary=["remote_ip"])


def geocoded(requests: pq.ParquetFile, provider: RecordingProvider) -> pa.Table:
    located = locate_column(requests, "remote_ip", provider)
    groups = [
        located.beside(requests.read_row_group(group), GEOCODED).cast(GEOCODED)
        for group in range(requests.num_row_groups)
    ]
    return pa.concat_tables([GEOCODED.empty_table(), *groups])


def test_each_request_gets_the_location_of_its_address(
    provider: RecordingProvider,
) -> None:
    requests = day("8.8.8.8", None, "-", "8.8.8.8", "10.0.0.1", "1.1.1.1", None)
    rows = geocoded(requests, provider)
    assert rows["n"].to_pylist() == list(range(7))
    assert rows["remote_ip_city"].to_pylist() == [
        *("Mountain View", None, None, "Mountain View", None, None, None)
    ]
    assert rows["remote_ip_latitude"].to_pylist() == [
        *(37.4, None, None, 37.4, None, None, None)
    ]
    assert rows["remote_ip_is_bogon"].to_pylist() == [
        *(False, None, None, False, True, False, None)
    ]
    assert rows["remote_ip_located_by"].to_pylist() == [
        *("test", None, None, "test", None, "test", None)
    ]


def test_an_address_of_many_row_groups_is_asked_for_once(
    provider: RecordingProvider,
) -> None:
    located = locate_column(
        day(*["8.8.8.8", "1.1.1.1", None] * 5), "remote_ip", provider
    )
    assert provider.asked == [["8.8.8.8", "1.1.1.1"]]
    assert located.addresses.values.to_pylist() == ["8.8.8.8", "1.1.1.1"]
    assert located.facts == {
        "provider": "test",
        "addresses": 2,
        "public": 2,
        "bogon": 0,
        "malformed": 0,
        "unanswered": 0,
    }


def test_an_address_that_no_request_has_is_not_asked_for(
    provider: RecordingProvider,
) -> None:
    left = pa.DictionaryArray.from_arrays([0, 0], ["8.8.8.8", "1.1.1.1"])
    rows = pa.table({"n": [0, 1], "remote_ip": left})
    located = locate_column(stored(rows), "remote_ip", provider)
    assert provider.asked == [["8.8.8.8"]]
    assert located.facts["addresses"] == 1


@pytest.mark.parametrize(
    "addresses",
    [
        pytest.param([], id="no requests"),
        pytest.param([None, None, None], id="no addresses"),
        pytest.param(["10.0.0.1", "::1", "10.0.0.1"], id="only bogons"),
        pytest.param(["-", "", "nan"], id="only nonsense"),
        pytest.param(["8.8.8.8", "1.1.1.1"], id="only public ones"),
        pytest.param(["8.8.8.8", "10.0.0.1", "-", None], id="all kinds"),
    ],
)
def test_the_columns_are_the_same_every_day(
    provider: RecordingProvider, addresses: list[Text]
) -> None:
    requests = day(*addresses)
    located = locate_column(requests, "remote_ip", provider)
    assert located.places.table.schema.equals(LOCATION, check_metadata=True)
    rows = located.beside(requests.read(), GEOCODED)
    assert rows.column_names == GEOCODED.names
    assert rows.num_rows == len(addresses)
    rows.cast(GEOCODED).validate(full=True)


def test_addresses_need_not_come_as_dictionaries(provider: RecordingProvider) -> None:
    requests = day("8.8.8.8", None, "10.0.0.1")
    located = locate_column(requests, "remote_ip", provider)
    plain = requests.read().cast(REQUESTS)
    assert (
        located.beside(plain, GEOCODED)
        .cast(GEOCODED)
        .equals(geocoded(requests, RecordingProvider()))
    )


def test_the_location_columns_come_last_and_are_prefixed_with_the_address_column() -> (
    None
):
    assert GEOCODED.names == [
        *("n", "remote_ip", "remote_ip_hostname", "remote_ip_city"),
        *("remote_ip_region", "remote_ip_country", "remote_ip_country_name"),
        *("remote_ip_full_location", "remote_ip_loc", "remote_ip_latitude"),
        *("remote_ip_longitude", "remote_ip_org", "remote_ip_asn", "remote_ip_postal"),
        *("remote_ip_timezone", "remote_ip_is_bogon", "remote_ip_located_by"),
        *("network_class", "is_suspect"),
    ]


def test_a_source_without_addresses_looks_nothing_up_and_gets_no_columns(
    provider: RecordingProvider,
) -> None:
    requests = day("8.8.8.8")
    located = locate_column(requests, None, provider)
    assert provider.asked == []
    assert located.facts == {}
    assert with_location(REQUESTS, None).equals(REQUESTS)
    assert located.beside(requests.read(), REQUESTS).equals(requests.read())
    assert str(located) == "no addresses"


@pytest.mark.parametrize(
    ("unanswered", "text"),
    [(0, "2 addresses"), (1, "2 addresses · 1 unanswered")],
)
def test_the_summary_counts_addresses_and_unanswered_ones(
    unanswered: int, text: str
) -> None:
    addresses = texts("8.8.8.8", "1.1.1.1")
    facts = {"unanswered": unanswered}
    places = Places.of([], pa.array([None, None], pa.bool_()))
    located = Located("remote_ip", Distinct(addresses), places, facts)
    assert str(located) == text
    assert located.unanswered == unanswered


def test_a_text_too_long_for_an_address_is_not_cached() -> None:
    asked = []

    @remembering
    def ask(text: str) -> int:
        asked.append(text)
        return len(text)

    for text in ("8.8.8.8", "x" * 1000) * 2:
        assert ask(text) == len(text)
    assert asked == ["8.8.8.8", "x" * 1000, "x" * 1000]
