"""Locations from MMDB files: every vendor's layout, two files, and damaged ones."""

import datetime as dt
import ipaddress
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import luigi
import maxminddb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmdb_writer import MMDBWriter, TreeWriter
from netaddr import IPSet

from usage_metrics.errors import ConfigError, InputError
from usage_metrics.geocode import mmdb
from usage_metrics.geocode.layouts import SIGNS, read_facts, to_location
from usage_metrics.geocode.locations import Location
from usage_metrics.geocode.mmdb import EMBEDDED, MMDBProvider, credit, short_name
from usage_metrics.geocode.search_tree import SearchTree

V4 = "192.0.2.0/24"
V6 = "2001:db8::/32"
INSIDE, INSIDE_6, OUTSIDE = "192.0.2.7", "2001:db8::7", "198.51.100.7"
BUILT = dt.datetime(2026, 2, 4, 22, tzinfo=dt.UTC)

Write = Callable[..., Path]
Record = dict[str, Any]
Known = dict[str, object]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write an MMDB file that holds a record for each network."""

    def write(
        records: dict[str, Any],
        database_type: str = "Test-Type",
        name: str = "test.mmdb",
        ip_version: int = 6,
        **changes: object,
    ) -> Path:
        writer = MMDBWriter(ip_version, ipv4_compatible=ip_version == 6)
        for network, record in records.items():
            writer.insert_network(IPSet([network]), record)
        about = {
            "ip_version": ip_version,
            "database_type": database_type,
            "languages": ["en"],
            "binary_format_major_version": 2,
            "binary_format_minor_version": 0,
            "description": {"en": "made by a test"},
            "build_epoch": int(BUILT.timestamp()),
        } | changes
        path = tmp_path / name
        TreeWriter(writer.tree, about).write(str(path))
        return path

    return write


@pytest.fixture
def setting() -> Iterator[Callable[[str], None]]:
    """Set ``[geocode] database`` for the duration of a test."""
    settings = luigi.configuration.get_config()

    def set_database(value: str) -> None:
        settings.set("geocode", "database", value)
        luigi.task_register.Register.clear_instance_cache()

    yield set_database
    settings.remove_option("geocode", "database")
    luigi.task_register.Register.clear_instance_cache()


def locate(*paths: Path, address: str = INSIDE) -> Location:
    with MMDBProvider(paths) as provider:
        (location,) = provider.locate([address])
    assert location is not None
    return location


def known(location: Location) -> Known:
    return {
        name: value
        for name, value in location._asdict().items()
        if value is not None and name != "located_by"
    }


MAXMIND_CITY: Record = {
    "city": {"names": {"de": "Mailand", "en": "Milan"}},
    "continent": {"code": "EU", "names": {"en": "Europe"}},
    "country": {"iso_code": "IT", "names": {"de": "Italien", "en": "Italy"}},
    "location": {"latitude": 45.47, "longitude": 9.2, "time_zone": "Europe/Rome"},
    "postal": {"code": "20121"},
    "registered_country": {"iso_code": "US", "names": {"en": "United States"}},
    "subdivisions": [
        {"iso_code": "25", "names": {"en": "Lombardy"}},
        {"iso_code": "MI", "names": {"en": "Province of Milan"}},
    ],
}
MAXMIND_ASN: Record = {
    "autonomous_system_number": 64496,
    "autonomous_system_organization": "Example Net",
}
IPINFO_LITE: Record = {
    "as_domain": "example.net",
    "as_name": "Example Net",
    "asn": "AS64496",
    "continent": "Europe",
    "continent_code": "EU",
    "country": "Italy",
    "country_code": "IT",
}
ITALY: Known = {"country": "IT", "country_name": "Italy", "full_location": "Italy"}
NETWORK: Known = {"asn": "AS64496", "org": "AS64496 Example Net"}
MILAN: Known = {
    "city": "Milan",
    "region": "Lombardy",
    "country": "IT",
    "country_name": "Italy",
    "full_location": "Milan, Lombardy, Italy",
    "loc": "45.47,9.2",
    "latitude": 45.47,
    "longitude": 9.2,
    "postal": "20121",
    "timezone": "Europe/Rome",
}
MILAN_RECORD: Record = {
    "city": "Milan",
    "region": "Lombardy",
    "region_code": "25",
    "timezone": "Europe/Rome",
    "postal_code": "20121",
}
COORDINATES: Record = {"latitude": 45.47, "longitude": 9.2}

LAYOUTS: dict[str, tuple[Record, Known]] = {
    "ipinfo lite: country is the name": (IPINFO_LITE, ITALY | NETWORK),
    "ipinfo lite: a network without a known system": (
        {"country": "Italy", "country_code": "IT"},
        ITALY,
    ),
    "ipinfo core": (IPINFO_LITE | MILAN_RECORD | COORDINATES, MILAN | NETWORK),
    "ipinfo location": (
        {"country": "Italy", "country_code": "IT"} | MILAN_RECORD | COORDINATES,
        MILAN,
    ),
    "older ipinfo country and asn: country is the code": (
        {
            "as_domain": "example.net",
            "as_name": "Example Net",
            "asn": "AS64496",
            "continent": "EU",
            "continent_name": "Europe",
            "country": "IT",
            "country_name": "Italy",
        },
        ITALY | NETWORK,
    ),
    "older ipinfo: an empty text is unknown": (
        {"as_name": "", "asn": "", "country": "IT", "country_name": "Italy"},
        ITALY,
    ),
    "older ipinfo location: numbers are text": (
        MILAN_RECORD | {"country": "IT", "lat": "45.47", "lng": "9.2"},
        MILAN,
    ),
    "older ipinfo location: both numbers in loc": (
        MILAN_RECORD | {"country": "IT", "loc": "45.47,9.2"},
        MILAN,
    ),
    "ipinfo extended location: region is the code": (
        MILAN_RECORD
        | {
            "country": "IT",
            "country_name": "Italy",
            "latitude": "45.47",
            "longitude": "9.2",
            "region": "25",
            "region_name": "Lombardy",
        },
        MILAN,
    ),
    "ipinfo asn: country is that of the owner": (
        {"asn": "AS64496", "country": "US", "name": "Example Net"},
        NETWORK,
    ),
    "ipinfo company: name is not that of the network": (
        {"as_name": "Example Net", "asn": "AS64496", "country": "IT", "name": "Firm"},
        ITALY | NETWORK,
    ),
    "maxmind city": (MAXMIND_CITY, MILAN),
    "maxmind country: where it is registered if that is all": (
        {"registered_country": {"iso_code": "IT", "names": {"en": "Italy"}}},
        ITALY,
    ),
    "maxmind asn": (MAXMIND_ASN, NETWORK),
    "maxmind asn without a name": (
        {"autonomous_system_number": 64496},
        {"asn": "AS64496", "org": "AS64496"},
    ),
    "maxmind enterprise": (MAXMIND_CITY | {"traits": MAXMIND_ASN}, MILAN | NETWORK),
    "db-ip city: no time zone, no postal code": (
        {
            "city": {"names": {"en": "Milan"}},
            "country": {"iso_code": "IT", "names": {"en": "Italy"}},
            "location": {"latitude": 45.47, "longitude": 9.2},
            "subdivisions": [{"names": {"en": "Lombardy"}}],
        },
        {k: v for k, v in MILAN.items() if k not in ("postal", "timezone")},
    ),
    "combined: flat, with maxmind's names of networks": (
        MAXMIND_ASN | {"country_code": "IT"},
        ITALY | NETWORK,
    ),
    "combined: the code is the country": (
        MAXMIND_ASN | {"country": "IT"},
        ITALY | NETWORK,
    ),
    "combined: a flat city": (
        MAXMIND_ASN
        | {"city": "Milan", "country_code": "IT", "state1": "Lombardy"}
        | {"postcode": "20121", "timezone": "Europe/Rome"}
        | COORDINATES,
        MILAN | NETWORK,
    ),
    "the code alone: the name follows": ({"country_code": "IT"}, ITALY),
    "a code that no country has": (
        {"country_code": "ZZ"},
        {"country": "ZZ"},
    ),
}


@pytest.mark.parametrize(("record", "expected"), LAYOUTS.values(), ids=LAYOUTS)
def test_every_vendors_layout_gives_the_same_columns(
    write: Write, record: Record, expected: Known
) -> None:
    path = write({V4: record, V6: record})
    assert known(locate(path)) == expected
    assert known(locate(path, address=INSIDE_6)) == expected


def test_the_layout_is_that_of_the_file_not_of_a_record(write: Write) -> None:
    path = write({V4: {"country": "Italy"}, V6: IPINFO_LITE})
    assert known(locate(path)) == {"country_name": "Italy", "full_location": "Italy"}


def test_locations_come_in_the_order_of_the_addresses(write: Write) -> None:
    path = write({V4: {"country": "IT"}, V6: {"country": "JP"}})
    with MMDBProvider([path]) as provider:
        located = provider.locate([INSIDE_6, OUTSIDE, "192.0.2.8", INSIDE])
        countries = [place and place.country for place in located]
        assert countries == ["JP", None, "IT", "IT"]
        assert provider.locate([]) == []


def test_an_address_missing_from_the_database_has_only_located_by(write: Write) -> None:
    path = write({V4: IPINFO_LITE}, "GeoLite2-City")
    expected = Location(located_by="mmdb GeoLite2-City 2026-02-04")
    assert locate(path, address=OUTSIDE) == expected


@pytest.mark.parametrize("address", [INSIDE_6, "2001:4860::1"])
def test_an_address_that_the_database_cannot_hold_is_unknown(
    write: Write, address: str
) -> None:
    path = write({V4: IPINFO_LITE}, ip_version=4)
    assert known(locate(path)) == ITALY | NETWORK
    assert known(locate(path, address=address)) == {}


@pytest.mark.parametrize("bits", [24, 28, 32])
@pytest.mark.parametrize("ip_version", [4, 6])
def test_trees_of_every_kind_are_read_as_maxminddb_reads_them(
    write: Write, monkeypatch: pytest.MonkeyPatch, bits: int, ip_version: int
) -> None:
    def wide(self: TreeWriter) -> None:
        self.record_size = bits
        self.data_offset = bits * 2 / 8 * self._node_counter

    monkeypatch.setattr(TreeWriter, "_adjust_record_size", wide)
    networks = [f"{n}.{n}.0.0/{8 + n % 17}" for n in range(1, 200, 7)]
    networks += [f"2a{n:02x}::/{16 + n % 100}" for n in range(ip_version == 6 and 99)]
    path = write(
        {n: {"asn": f"AS{i}"} for i, n in enumerate(networks)}, "", "a", ip_version
    )
    asked = [f"{a}.{b}.0.1" for a in range(1, 224, 3) for b in (a, 7)]
    asked += [
        f"2a{n:02x}::{m}" for n in range(ip_version == 6 and 100) for m in (1, "f:1")
    ]
    with maxminddb.open_database(path) as reader, closing(SearchTree(path)) as tree:
        assert reader.metadata().record_size == bits
        found = [tree.record(number) for number in tree.find(asked).tolist()]
        assert found == [reader.get(address) for address in asked]
        assert any(found)
        assert not all(found)


def test_the_packaged_database_is_read_as_maxminddb_reads_it() -> None:
    chance = random.Random(1)
    asked = [str(ipaddress.IPv4Address(chance.getrandbits(32))) for _ in range(2000)]
    asked += [
        str(ipaddress.IPv6Address(0x2 << 124 | chance.getrandbits(117)))
        for _ in range(2000)
    ]
    with (
        maxminddb.open_database(EMBEDDED) as reader,
        closing(SearchTree(EMBEDDED)) as tree,
    ):
        numbers = tree.find(asked).tolist()
        assert list(map(tree.record, numbers)) == list(map(reader.get, asked))


def test_a_second_file_adds_what_the_first_does_not_know(write: Write) -> None:
    city = write({V4: MAXMIND_CITY}, "GeoLite2-City", "city.mmdb")
    asn = write({V4: MAXMIND_ASN, V6: MAXMIND_ASN}, "GeoLite2-ASN", "asn.mmdb")
    assert known(locate(city, asn)) == MILAN | NETWORK
    assert known(locate(asn, city)) == MILAN | NETWORK
    assert known(locate(city, asn, address=INSIDE_6)) == NETWORK


def test_what_both_files_know_is_taken_from_the_first(write: Write) -> None:
    lite = {"country": "Italia", "country_code": "IT", "asn": "AS64499"}
    first = write({V4: lite}, name="first.mmdb")
    second = write({V4: MAXMIND_CITY | MAXMIND_ASN}, name="second.mmdb")
    found = locate(first, second)
    assert (found.country_name, found.city, found.asn) == ("Italia", "Milan", "AS64499")


def test_files_that_contradict_each_other_are_not_mixed(write: Write) -> None:
    lite = {"country": "France", "country_code": "FR", "asn": "AS64499"}
    first = write({V4: lite}, name="first.mmdb")
    second = write({V4: MAXMIND_CITY | MAXMIND_ASN}, name="second.mmdb")
    assert known(locate(first, second)) == {
        "country": "FR",
        "country_name": "France",
        "full_location": "France",
        "asn": "AS64499",
        "org": "AS64499",
    }


def test_located_by_and_the_footer_name_both_files(write: Write) -> None:
    city = write({V4: MAXMIND_CITY}, "DBIP-City-Lite (compat=City)", "city.mmdb")
    asn = write({V4: MAXMIND_ASN}, "GeoLite2-ASN", "asn.mmdb")
    both = "DBIP-City-Lite 2026-02-04 + GeoLite2-ASN 2026-02-04"
    assert locate(city, asn).located_by == f"mmdb {both}"
    with MMDBProvider([city, asn]) as provider:
        assert provider.facts() == {
            "provider": "mmdb",
            "database": both,
            "attribution": "IP Geolocation by DB-IP, https://db-ip.com (CC BY 4.0 if "
            "Lite); This product includes GeoLite2 data created by MaxMind, available "
            "from https://www.maxmind.com",
        }


@pytest.mark.parametrize(
    ("database_type", "name", "credited"),
    [
        ("ipinfo bundle_location_lite.mmdb", "bundle_location_lite", "CC BY-SA 4.0"),
        (
            "ipinfo bundle_location_core.mmdb",
            "bundle_location_core",
            "powered by IPinfo",
        ),
        ("GeoLite2-City", "GeoLite2-City", "GeoLite2 data created by MaxMind"),
        ("GeoIP2-City", "GeoIP2-City", "GeoIP2 data by MaxMind"),
        ("DBIP-ASN-Lite (compat=GeoLite2-ASN)", "DBIP-ASN-Lite", "db-ip.com"),
        ("usage_metrics country_asn", "country_asn", "its own words"),
        ("", "unnamed", "its own words"),
    ],
)
def test_a_database_is_named_and_credited_as_its_vendor_asks(
    database_type: str, name: str, credited: str
) -> None:
    assert short_name(database_type) == name
    assert credited in credit(database_type, {"en": "its own words"})


def test_a_database_without_a_description_has_nobody_to_credit() -> None:
    assert credit("country ipv4", {}) == ""


def test_a_build_date_beyond_the_calendar_is_unknown(write: Write) -> None:
    path = write({V4: IPINFO_LITE}, "Test", build_epoch=2**63)
    assert locate(path).located_by == "mmdb Test of unknown date"


WRONG: list[Record] = [
    {"asn": ["AS1"], "country": {"en": "Italy"}, "country_code": 7},
    {"asn": True, "as_name": 1.5, "country": b"Italy", "country_code": "it"},
    {"asn": "AS0", "as_name": " ", "country_code": "ITA", "latitude": 45.47},
    {"asn": "Level 3", "latitude": "north", "longitude": "9.2"},
    {"latitude": 91.0, "longitude": 9.2, "loc": "nan,inf"},
    {"latitude": True, "longitude": [9.2], "city": [], "region": {}},
]


@pytest.mark.parametrize("record", WRONG)
def test_values_that_are_not_what_a_field_holds_are_ignored(
    write: Write, record: Record
) -> None:
    path = write({V4: record, V6: IPINFO_LITE})
    assert known(locate(path)) == {}


@pytest.mark.parametrize("record", ["text", ["list"], 7])
def test_a_record_that_is_no_map_is_ignored(write: Write, record: object) -> None:
    path = write({V4: record, V6: IPINFO_LITE})
    assert known(locate(path)) == {}
    assert known(locate(path, address=INSIDE_6)) == ITALY | NETWORK


FIELDS = sorted(
    {
        step
        for _, layout in SIGNS
        for paths in layout.values()
        for path in paths
        for step in path.split(".")
    }
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0) | st.floats() | st.binary() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(FIELDS), VALUES), st.integers(0, len(SIGNS) - 1))
def test_no_record_can_break_a_location(record: Record, index: int) -> None:
    _, layout = SIGNS[index]
    location = to_location(read_facts(record, layout), "a test")
    assert set(location) <= {None} | {v for v in location if isinstance(v, str | float)}
    if location.loc is not None:
        latitude, longitude = map(float, location.loc.split(","))
        assert (latitude, longitude) == (location.latitude, location.longitude)
        assert abs(latitude) <= 90
        assert abs(longitude) <= 180
    assert (location.loc is None) == (location.latitude is None)


def test_an_empty_setting_means_the_database_in_the_package(
    setting: Callable[[str], None],
) -> None:
    setting("")
    with MMDBProvider.from_config() as provider:
        (location,) = provider.locate(["8.8.8.8"])
    assert location is not None
    assert location.org == "AS15169 Google LLC"
    assert location.located_by == "mmdb country_asn 2026-06-17"


def test_the_setting_names_one_file_or_two(
    write: Write, setting: Callable[[str], None]
) -> None:
    city = write({V4: MAXMIND_CITY}, "City", "city.mmdb")
    asn = write({V4: MAXMIND_ASN}, "ASN", "asn.mmdb")
    for value, expected in (
        (f"{city}", MILAN),
        (f" {city} , {asn} ", MILAN | NETWORK),
        (f"{asn},", NETWORK),
    ):
        setting(value)
        with MMDBProvider.from_config() as provider:
            (location,) = provider.locate([INSIDE])
        assert location is not None
        assert known(location) == expected


def test_the_setting_knows_the_home_folder(
    write: Write, setting: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write({V4: IPINFO_LITE})
    monkeypatch.setenv("HOME", str(path.parent))
    setting(f"~/{path.name}")
    with MMDBProvider.from_config() as provider:
        assert provider.facts()["database"] == "Test-Type 2026-02-04"


def test_more_than_two_files_are_refused(setting: Callable[[str], None]) -> None:
    setting("a.mmdb,b.mmdb,c.mmdb")
    with pytest.raises(ConfigError, match=r"\[geocode\] database .* 3 files; give one"):
        MMDBProvider.from_config()


def test_the_home_folder_of_nobody_is_refused(setting: Callable[[str], None]) -> None:
    setting("~nobody-of-that-name/city.mmdb")
    with pytest.raises(ConfigError, match=r"\[geocode\] database = ~nobody-of-that"):
        MMDBProvider.from_config()


def test_a_vendor_of_both_files_is_credited_once(write: Write) -> None:
    city = write({V4: MAXMIND_CITY}, "GeoIP2-City", "city.mmdb")
    asn = write({V4: MAXMIND_ASN}, "GeoIP2-ISP", "isp.mmdb")
    with MMDBProvider([city, asn]) as provider:
        credited = provider.facts()["attribution"]
    assert credited == "GeoIP2 data by MaxMind, https://www.maxmind.com"


def refused(path: Path, error: type[Exception]) -> str:
    with pytest.raises(error) as caught:
        MMDBProvider([path])
    message = str(caught.value)
    assert message.startswith(f"[geocode] database: the file {path} ")
    return message


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    message = refused(tmp_path / "no.mmdb", ConfigError)
    assert "cannot be opened (No such file or directory); name an MMDB" in message


def test_a_fifo_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.mmdb")
    message = refused(tmp_path / "fifo.mmdb", ConfigError)
    assert "cannot be opened (Is a FIFO)" in message


def test_damage_anywhere_ends_in_an_answer_or_a_sentence() -> None:
    # In a process of its own: a crash or a hang is no exception.
    ran = subprocess.run(
        [sys.executable, "-m", "tests.faults.addresses", "--mutations", "300"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr
    assert "a sentence" in ran.stdout
    assert "an answer" in ran.stdout


def test_a_tree_without_an_end_is_refused(write: Write) -> None:
    path = write({V4: IPINFO_LITE}, ip_version=4)
    content = bytearray(path.read_bytes())
    with closing(SearchTree(path)) as tree:
        size = tree.metadata.search_tree_size
    content[6:size] = bytes(size - 6)  # all nodes but one lead back to the first
    path.write_bytes(content)
    with (
        pytest.raises(InputError, match="test.mmdb is"),
        MMDBProvider([path]) as provider,
    ):
        provider.locate([INSIDE])


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert "cannot be opened (Is a directory)" in refused(tmp_path, ConfigError)


@pytest.mark.parametrize(
    "content", [b"", b"<html>Not found</html>", b"\x1f\x8b\x08\x00 GeoLite2"]
)
def test_what_is_no_mmdb_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.mmdb"
    path.write_bytes(content)
    message = refused(path, InputError)
    assert "is damaged or no MMDB file" in message
    assert message.endswith("get it again, and unpack it if it is an archive")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(tmp_path: Path, share: float) -> None:
    content = EMBEDDED.read_bytes()
    path = tmp_path / "truncated.mmdb"
    path.write_bytes(content[: int(len(content) * share)])
    assert "is damaged or no MMDB file" in refused(path, InputError)


def test_a_file_with_its_middle_missing_is_refused(write: Write) -> None:
    path = write({V4: IPINFO_LITE})
    content = path.read_bytes()
    path.write_bytes(content[-300:])
    assert "is damaged or no MMDB file" in refused(path, InputError)


@pytest.mark.parametrize("changes", [{"description": ["no map"]}, {"database_type": 7}])
def test_a_file_with_senseless_metadata_is_refused(
    write: Write, changes: dict[str, object]
) -> None:
    path = write({V4: IPINFO_LITE}, **changes)
    assert "is damaged or no MMDB file" in refused(path, InputError)


def test_damage_that_only_a_lookup_meets_is_an_error_that_names_the_file(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mmdb, "SAMPLE", 1)
    path = write({V4: {"asn": "AS64496"}, V6: {"asn": "AS64511"}})
    content = path.read_bytes()
    path.write_bytes(content.replace(b"AS64511", b"\xff" * 7))
    with MMDBProvider([path]) as provider:
        assert provider.locate([INSIDE])
        with pytest.raises(InputError) as caught:
            provider.locate([INSIDE_6])
    assert str(caught.value).startswith(
        f"[geocode] database: the file {path} is damaged"
    )


@pytest.mark.parametrize(
    ("record", "field"),
    [
        (MAXMIND_ASN | {"countryCode": "IT"}, "countryCode"),
        ({"asn": "AS64496", "country_iso": "IT"}, "country_iso"),
        ({"city": "Milan", "country": {"code": "IT"}}, "country.code"),
    ],
)
def test_a_database_whose_country_would_be_lost_is_refused(
    write: Write, record: Record, field: str
) -> None:
    message = refused(write({V4: record}), InputError)
    assert f"has the country in a field that is not known, {field!r}; name" in message


def test_a_database_that_says_nothing_of_places_or_networks_is_refused(
    write: Write,
) -> None:
    path = write({V4: {"hosting": True, "vpn": False}}, "ipinfo standard_privacy.mmdb")
    message = refused(path, InputError)
    assert "'ipinfo standard_privacy.mmdb'" in message
    assert "neither country nor network but hosting, vpn; name one such as" in message


def test_an_empty_database_is_refused(write: Write) -> None:
    assert "but nothing;" in refused(write({}), InputError)


def test_when_the_second_file_is_refused_the_first_is_closed(
    write: Write, tmp_path: Path
) -> None:
    path = write({V4: IPINFO_LITE})
    with pytest.raises(ConfigError):
        MMDBProvider([path, tmp_path / "no.mmdb"])
    opened = [str(link.resolve()) for link in Path("/proc/self/fd").iterdir()]
    assert str(path) not in opened


def test_a_closed_provider_answers_no_more(write: Write) -> None:
    provider = MMDBProvider([write({V4: IPINFO_LITE})])
    provider.close()
    with pytest.raises(AttributeError):
        provider.locate([INSIDE])


def test_unknown_is_none_in_every_column() -> None:
    assert set(to_location({}, "a test")) == {None, "a test"}


def test_a_day_with_too_many_addresses_is_not_cached(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mmdb, "MOST_LOCATED", 3)
    with MMDBProvider() as provider:
        few, many = ["8.8.8.8", "1.1.1.1"], [f"8.8.8.{n}" for n in range(4)]
        first, again = provider.locate(few), provider.locate([*few, "9.9.9.9"])
        assert again[:2] == first
        assert len(provider.locate(many)) == len(provider._located) + 4
