"""What remains of addresses after the cleaned file."""

import contextlib
import ipaddress
import json
import sqlite3

import pyarrow as pa
import pytest
from flow import DAY, ONE_DAY, Flow, request
from forensics import places_of
from hypothesis import given
from hypothesis import strategies as st
from project import Settings

from usage_metrics.addresses.parsing import Address, parse_address
from usage_metrics.arrow import STRING, Distinct
from usage_metrics.geocode.locate import Located, Places
from usage_metrics.geocode.locations import Location
from usage_metrics.privacy.anonymization import (
    MODES,
    PSEUDONYM,
    Anonymization,
    pseudonym,
    truncated,
)
from usage_metrics.tasks.count import CountUsage
from usage_metrics.tasks.count_month import CountMonth
from usage_metrics.tasks.stages import Clean, Geocode

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:147.0) Gecko/20100101 Firefox/147.0"


def treated(mode: str, *addresses: str | None) -> list[str | None]:
    rows = pa.table({"remote_ip": pa.array(addresses, STRING)})
    distinct = rows["remote_ip"].unique().drop_null()
    found: list[str | None]
    anonymization = Anonymization(mode, "remote_ip", Distinct(distinct))
    found = anonymization.anonymize(rows)[0].to_pylist()
    return found


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.0/24"),
        ("::ffff:192.0.2.7", "192.0.2.0/24"),
        ("::FFFF:C000:0207", "192.0.2.0/24"),
        (" 192.0.2.7\n", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("2001:DB8:0001::", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("2002:c000:0207::1", "2002:c000:200::/40"),  # 192.0.2.7, over 6to4
        ("192.0.2.7:443", None),
        ("unknown", None),
        ("", None),
        (None, None),
    ],
)
def test_truncating_keeps_the_network_of_an_address_and_drops_anything_else(
    address: str | None, network: str | None
) -> None:
    assert treated("truncate", address, address) == [network, network]


@given(st.ip_addresses())
def test_a_truncated_address_is_the_network_of_all_its_neighbours(
    address: Address,
) -> None:
    network = ipaddress.ip_network(truncated(address))
    assert address in network
    assert network.num_addresses >= 2**8
    for neighbour in (network[0], network[-1]):
        assert truncated(neighbour) == str(network)
    assert parse_address(truncated(address)) is None, "it is no address"


@given(st.lists(st.ip_addresses(), min_size=1, unique=True), st.binary(min_size=32))
def test_pseudonyms_distinguish_addresses_and_reveal_nothing(
    addresses: list[Address], salt: bytes
) -> None:
    key = salt[:64]
    names = [pseudonym(address, key) for address in addresses]
    assert names == [pseudonym(address, key) for address in addresses]
    assert len(set(names)) == len(addresses)
    for text in names:
        assert text is not None
        assert text.startswith(PSEUDONYM)
        assert parse_address(text) is None


def test_a_pseudonym_differs_from_file_to_file() -> None:
    first = treated("pseudonymize", "8.8.8.8", "1.1.1.1", "::ffff:8.8.8.8", None, "-")
    again = treated("pseudonymize", "8.8.8.8", "1.1.1.1", "::ffff:8.8.8.8", None, "-")
    for names in (first, again):
        assert names[0] == names[2] != names[1]
        assert names[3:] == [None, None]
    assert not set(first[:3]) & set(again[:3])


@given(st.ip_addresses(), st.sampled_from(["pseudonymize", "truncate"]))
def test_one_person_stays_one_however_the_address_is_spelled(
    address: Address, mode: str
) -> None:
    texts = [str(address), address.exploded.upper(), f" {address}"]
    if address.version == 4:
        texts += [f"::ffff:{address}", f"::FFFF:{address}"]
    else:
        texts += [f"{address}%eth0"]
    assert len(set(treated(mode, *texts))) == 1


def test_drop_makes_an_address_null_and_keep_leaves_it() -> None:
    assert treated("drop", "8.8.8.8", None, "-") == [None] * 3
    assert treated("keep", "8.8.8.8", None, "-") == ["8.8.8.8", None, "-"]


def test_every_mode_can_be_set(settings: Settings) -> None:
    for mode in MODES:
        settings("privacy", addresses=mode)
        assert Geocode.recipe("datasette")["addresses"] == mode


# --- what could reveal an address -----------------------------------------------------

PLACE = Location(
    hostname="host-8-8-8-8.example",
    city="Mountain View",
    loc="37.4056,-122.0775",
    latitude=37.4056,
    longitude=-122.0775,
    postal="94043",
)


def located(*places: Location) -> Located:
    addresses = pa.array([f"8.8.8.{n}" for n in range(len(places))], STRING)
    public = pa.array([True] * len(places))
    return Located("remote_ip", Distinct(addresses), Places.of([*places], public), {})


def test_a_place_is_coarse_and_host_name_and_postal_code_are_gone() -> None:
    found = located(PLACE, Location(country="US"))
    rows = Anonymization("truncate", "remote_ip", found.addresses).coarsen(found)
    place, unknown, _ = rows.places.table.to_pylist()
    assert place == PLACE._asdict() | {
        "hostname": None,
        "loc": "37.4,-122.1",
        "latitude": 37.4,
        "longitude": -122.1,
        "postal": None,
        "is_bogon": None,
    }
    assert unknown == Location(country="US")._asdict() | {"is_bogon": None}
    kept = Anonymization("keep", "remote_ip", found.addresses).coarsen(found)
    assert kept.places.table.to_pylist()[0]["postal"] == "94043"


def entry() -> dict[str, object]:
    """A request of 8.8.4.4, with its address in every field of text."""
    found = request(
        "a",
        remoteIp="8.8.4.4",
        requestUrl="https://data.example/pudl/plants.json?ip=8.8.4.4&to=9.9.9.9",
        referer="https://8-8-4-4.example/?from=%3A%3Affff%3A8.8.4.4",
        userAgent=f"{FIREFOX} Chrome/147.0.0.0 (8.8.4.4)",
    )
    return found | {"textPayload": "8.8.4.4 said hello", "trace": "8.8.4.4/1"}


@pytest.mark.parametrize("mode", MODES)
def test_the_database_holds_an_address_in_no_column_unless_it_is_kept(
    flow: Flow, settings: Settings, mode: str
) -> None:
    settings("privacy", addresses=mode)
    flow.export(DAY, entry())
    flow.load(1)
    loaded = flow.query("SELECT * FROM datasette_request_logs")
    for table in (flow.table("geocoded").to_pylist(), loaded):
        text = json.dumps(table, default=str)
        assert ("8.8.4.4" in text) is (mode == "keep")
        assert ("8-8-4-4" in text) is (mode == "keep")
        assert "9.9.9.9" in text, "that is no visitor"
        assert "Chrome/147.0.0.0" in text
    assert "8.8.4.4" in json.dumps(flow.table("cleaned").to_pylist(), default=str)


def test_a_database_that_had_addresses_holds_none_after_a_stricter_setting(
    flow: Flow, settings: Settings
) -> None:
    settings("privacy", addresses="keep")
    flow.export(DAY, *(request(f"{n}", remoteIp=f"8.8.4.{n}") for n in range(250)))
    flow.load(1)
    with contextlib.closing(sqlite3.connect(flow.database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert "usage.db" in places_of("8.8.4.4", flow.folder)
    settings("privacy", addresses="truncate")
    flow.export(DAY, request("0", remoteIp="8.8.4.0"))
    for stage in ("raw", "cleaned", "geocoded"):
        flow.delete(stage)
    flow.load(1)
    for address in ("8.8.4.4", "8.8.4.249"):
        assert not [p for p in places_of(address, flow.folder) if "usage" in p]


@pytest.mark.parametrize("mode", MODES)
def test_values_that_no_request_has_are_not_written(
    flow: Flow, settings: Settings, mode: str
) -> None:
    settings("privacy", addresses=mode)
    settings("datasette", maximum_rejected_share=1)
    rejected = entry() | {"insertId": None}
    flow.export(DAY, request("b", remoteIp="1.1.1.1"), rejected)
    flow.load(1)
    assert places_of("8.8.4.4", flow.root / "geocoded") == []
    assert places_of("8.8.4.4", flow.root / "rejected") != []


def test_the_setting_is_a_part_of_what_makes_a_file(
    flow: Flow, settings: Settings
) -> None:
    flow.export(DAY, entry())
    flow.load(1)
    assert flow.facts("geocoded")["recipe"] == Geocode.recipe("datasette")
    settings("privacy", addresses="drop")
    assert flow.facts("geocoded")["recipe"] != Geocode.recipe("datasette")


# --- counting -------------------------------------------------------------------------


@pytest.fixture
def neighbours(flow: Flow, settings: Settings) -> Flow:
    """Two visitors of one network, one of whom clicks twice over midnight."""
    settings("datasette", start=DAY, stop=DAY + 2 * ONE_DAY)
    following = DAY + ONE_DAY
    flow.export(
        DAY,
        request("a", clock="12:00:00", remoteIp="8.8.8.1", userAgent=FIREFOX),
        request("b", clock="23:59:50", remoteIp="8.8.8.2", userAgent=FIREFOX),
        request("c", clock="23:59:55", remoteIp="8.8.8.1", userAgent=FIREFOX),
    )
    flow.export(
        following,
        request("d", following, "00:00:05", remoteIp="8.8.8.2", userAgent=FIREFOX),
    )
    flow.export(following + ONE_DAY)
    return flow


def counted(flow: Flow) -> tuple[list[int], list[str], int, object]:
    flow.build(CountUsage(date=DAY), CountMonth(month=DAY.replace(day=1)))
    events = flow.table("counted").to_pylist()
    rows = flow.table("usage_concentration").to_pylist()
    return (
        [row["visitor"] for row in events],
        [row["outcome"] for row in events],
        rows[0]["addresses"],
        flow.facts("counted")["addresses"],
    )


@pytest.mark.parametrize("mode", MODES)
def test_counting_tells_visitors_apart_whatever_stays_of_addresses(
    neighbours: Flow, settings: Settings, mode: str
) -> None:
    settings("privacy", addresses=mode)
    assert counted(neighbours) == (
        [0, 1, 0],
        ["counted", "double_click", "counted"],
        2,
        "full",
    )
    monthly = neighbours.table("usage_concentration_monthly", DAY.replace(day=1))
    assert monthly.to_pylist()[0]["addresses"] == 2


def test_without_the_cleaned_file_networks_count_as_visitors_and_the_footer_says_so(
    neighbours: Flow,
) -> None:
    neighbours.load(2)
    neighbours.delete("cleaned")
    visitors, _, addresses, kind = counted(neighbours)
    assert (visitors, addresses, kind) == ([0, 0, 0], 1, "as geocoded")
    (row,) = neighbours.table("usage_reconciliation").to_pylist()
    assert (row["lines"], row["requests"]) == (3, 3)


def test_addresses_of_one_kind_are_compared_over_midnight(neighbours: Flow) -> None:
    neighbours.load(2)
    neighbours.delete("cleaned", DAY + ONE_DAY)
    _, outcomes, _, kind = counted(neighbours)
    # A network clicks three times in a row; the last click is the next day's.
    assert (outcomes, kind) == (
        ["counted", "double_click", "double_click"],
        "as geocoded",
    )


def test_a_cleaned_file_rebuilt_differently_is_not_mixed_in(
    neighbours: Flow,
) -> None:
    neighbours.load(2)
    neighbours.export(DAY, request("e", remoteIp="1.1.1.1"))
    for stage in ("raw", "cleaned"):
        neighbours.delete(stage)
    neighbours.build(Clean(date=DAY))
    assert counted(neighbours)[3] == "as geocoded"


@pytest.mark.parametrize(
    "written",
    ["81.2.69.142, 10.0.0.1", "[2001:db8::142]", " 81.2.69.142:80", "for=81.2.69.142"],
)
def test_an_address_with_other_text_beside_it_is_removed_from_texts_too(
    written: str,
) -> None:
    texts = pa.array([f"?ip={text}" for text in ("81.2.69.142", "2001:db8::142")])
    rows = pa.table({"remote_ip": pa.array([written, None], STRING), "referer": texts})
    anonymization = Anonymization(
        "truncate", "remote_ip", Distinct(pa.array([written]))
    )
    left = anonymization.anonymize(rows)
    assert left["remote_ip"].to_pylist() == [None, None]
    assert "?ip=address-removed" in left["referer"].to_pylist()
