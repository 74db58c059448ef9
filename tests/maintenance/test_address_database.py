"""The database in the package, and the command that builds it."""

import datetime as dt
import io
import itertools
import json
import os
import re
import tarfile
from collections.abc import Callable
from pathlib import Path

import maxminddb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from usage_metrics.errors import ConfigError, InputError, ServiceError
from usage_metrics.geocode.countries import CONTINENTS, COUNTRIES
from usage_metrics.geocode.mmdb import EMBEDDED, MMDBProvider
from usage_metrics.maintenance import address_database
from usage_metrics.maintenance.address_database import Ranges, build, main, merge

COUNTRIES_4 = "3221225984,3221226239,DE\n3325256704,3325256959,FR\n"
"""192.0.2.0/24 and 198.51.100.0/24."""
COUNTRIES_6 = (
    "42540766411282592856903984951653826560,42540766490510755371168322545197776895,JP\n"
)
"""2001:db8::/32."""
SYSTEMS_4 = (
    '3221226112,3221226239,64496,"Half, Inc. "\n3405803776,3405804031,64497,Alone\n'
)
"""192.0.2.128/25 and 203.0.113.0/24."""
SYSTEMS_6 = (
    "42540766411282592856903984951653826560,42540766411282592875350729025363378175,1,\n"
)
"""2001:db8::/64, of a system without a name."""

Packages = tuple[Path, Path]


def package(
    folder: Path,
    name: str,
    version: str,
    ipv4: str,
    ipv6: str,
) -> Path:
    """An npm package of ranges, as ``npm pack`` would download it."""
    short = name.rpartition("/")[2]
    files = {
        "package.json": json.dumps({"name": name, "version": version}),
        f"{short}-ipv4-num.csv": ipv4,
        f"{short}-ipv6-num.csv": ipv6,
    }
    path = folder / f"ip-location-db-{short}-{version}.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for file, text in files.items():
            about = tarfile.TarInfo(f"package/{file}")
            about.size = len(text.encode())
            archive.addfile(about, io.BytesIO(text.encode()))
    return path


def countries(
    folder: Path, ipv4: str = COUNTRIES_4, version: str = "1.2026010203"
) -> Path:
    return package(folder, address_database.COUNTRY_PACKAGE, version, ipv4, COUNTRIES_6)


def systems(folder: Path, ipv4: str = SYSTEMS_4) -> Path:
    return package(
        folder, address_database.ASN_PACKAGE, "1.2026020300", ipv4, SYSTEMS_6
    )


@pytest.fixture
def packages(tmp_path: Path) -> Packages:
    return countries(tmp_path), systems(tmp_path)


def lookup(database: Path, address: str) -> object:
    with maxminddb.open_database(database) as reader:
        return reader.get(address)


GERMANY = {
    "country": "Germany",
    "country_code": "DE",
    "continent": "Europe",
    "continent_code": "EU",
}
JAPAN = {
    "country": "Japan",
    "country_code": "JP",
    "continent": "Asia",
    "continent_code": "AS",
}


@pytest.mark.parametrize(
    ("address", "record"),
    [
        ("192.0.1.255", None),
        ("192.0.2.0", GERMANY),
        ("192.0.2.127", GERMANY),
        ("192.0.2.128", GERMANY | {"asn": "AS64496", "as_name": "Half, Inc."}),
        ("192.0.2.255", GERMANY | {"asn": "AS64496", "as_name": "Half, Inc."}),
        ("192.0.3.0", None),
        ("203.0.113.9", {"asn": "AS64497", "as_name": "Alone"}),
        ("2001:db8::1", JAPAN | {"asn": "AS1"}),
        ("2001:db8:0:1::", JAPAN),
        ("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", JAPAN),
        ("2001:db9::", None),
    ],
)
def test_country_and_network_are_merged_where_their_ranges_overlap(
    packages: Packages, tmp_path: Path, address: str, record: object
) -> None:
    build(*packages, tmp_path / "out.mmdb")
    assert lookup(tmp_path / "out.mmdb", address) == record


def test_the_same_packages_give_the_same_bytes(
    packages: Packages, tmp_path: Path
) -> None:
    build(*packages, tmp_path / "first.mmdb")
    build(*packages, tmp_path / "second.mmdb")
    assert (tmp_path / "first.mmdb").read_bytes() == (
        tmp_path / "second.mmdb"
    ).read_bytes()


def test_the_file_says_what_it_was_made_from_and_whom_to_credit(
    packages: Packages, tmp_path: Path
) -> None:
    build(*packages, tmp_path / "out.mmdb")
    with maxminddb.open_database(tmp_path / "out.mmdb") as reader:
        about = reader.metadata()
    assert about.database_type == "usage_metrics country_asn"
    assert about.languages == ["en"]
    newest = dt.datetime.fromtimestamp(about.build_epoch, dt.UTC)
    assert newest == dt.datetime(2026, 2, 3, tzinfo=dt.UTC)
    for part in (
        "@ip-location-db/dbip-country 1.2026010203 (2026-01-02)",
        "@ip-location-db/asn 1.2026020300 (2026-02-03)",
        "IP Geolocation by DB-IP (https://db-ip.com), CC BY 4.0",
        "RouteViews",
        "NRO",
    ):
        assert part in about.description["en"]


ROWS = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 12), st.sampled_from("AB")),
    max_size=12,
)


def ascending(rows: list[tuple[int, int, str]]) -> list[list[str]]:
    """Rows of a file of ranges, without those that overlap an earlier one."""
    kept: list[list[str]] = []
    for first, more, said in sorted(rows):
        if not kept or first > int(kept[-1][1]):
            kept.append([str(first), str(first + more), said])
    return kept


def said_of(rows: list[list[str]], address: int) -> tuple[str, ...]:
    found = [row[2] for row in rows if int(row[0]) <= address <= int(row[1])]
    return tuple(found)


@given(ROWS, ROWS)
def test_every_address_keeps_what_each_package_says_of_it(
    left: list[tuple[int, int, str]], right: list[tuple[int, int, str]]
) -> None:
    one, two = ascending(left), ascending(right)
    merged = list(merge(Ranges(one, "one"), Ranges(two, "two")))
    for address in range(80):
        of_address = [said for first, last, *said in merged if first <= address <= last]
        expected = [said_of(one, address), said_of(two, address)]
        assert of_address == ([expected] if any(expected) else [])


@given(ROWS, ROWS)
def test_neighbours_that_say_the_same_are_one_range(
    left: list[tuple[int, int, str]], right: list[tuple[int, int, str]]
) -> None:
    merged = list(
        merge(Ranges(ascending(left), "one"), Ranges(ascending(right), "two"))
    )
    for (_, last, *said), (first, _, *next_said) in itertools.pairwise(merged):
        assert first > last
        assert first > last + 1 or said != next_said


def test_where_ranges_overlap_the_later_one_counts_and_nothing_is_lost() -> None:
    overlapping = Ranges([["10", "20", "A"], ["18", "25", "B"]], "one")
    assert list(merge(overlapping, Ranges([], "two"))) == [
        (10, 17, ("A",), ()),
        (18, 25, ("B",), ()),
    ]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ("9,5,DE\n", r"line 1: out of order: \['9', '5', 'DE'\]"),
        ("1,2,DE\n7,9,DE\n3,4,FR\n", r"line 3: out of order"),
        ("1,9,DE\n2,3,FR\n", r"line 2: out of order"),
        ("1.0.0.0,1.0.0.255,DE\n", r"line 1: no range"),
        ("1\n", r"line 1: no range"),
        ("1,2,ZZ\n", r"country code 'ZZ'.*countries\.py"),
    ],
)
def test_a_package_that_is_not_as_expected_is_refused_with_the_line(
    tmp_path: Path, rows: str, reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        build(countries(tmp_path, rows), systems(tmp_path), tmp_path / "out.mmdb")
    assert not (tmp_path / "out.mmdb").exists()


def test_packages_in_the_wrong_order_are_refused(
    packages: Packages, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"is the package @ip-location-db/asn, not"):
        build(packages[1], packages[0], tmp_path / "out.mmdb")


def test_a_file_that_is_no_package_is_refused(
    packages: Packages, tmp_path: Path
) -> None:
    truncated = tmp_path / "truncated.tgz"
    truncated.write_bytes(packages[0].read_bytes()[:100])
    with pytest.raises(InputError, match=r"truncated\.tgz is no npm package"):
        build(truncated, packages[1], tmp_path / "out.mmdb")


def test_a_package_without_its_ranges_is_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty.tgz"
    about = json.dumps(
        {"name": address_database.COUNTRY_PACKAGE, "version": "1.2026010203"}
    )
    with tarfile.open(empty, "w:gz") as archive:
        member = tarfile.TarInfo("package/package.json")
        member.size = len(about)
        archive.addfile(member, io.BytesIO(about.encode()))
    with pytest.raises(
        InputError, match=r"has no file package/dbip-country-ipv4-num\.csv"
    ):
        build(empty, systems(tmp_path), tmp_path / "out.mmdb")


def test_a_version_without_a_date_is_refused(tmp_path: Path) -> None:
    undated = countries(tmp_path, version="1.2.3")
    with pytest.raises(InputError, match=r"version 1\.2\.3 does not end in the date"):
        build(undated, systems(tmp_path), tmp_path / "out.mmdb")


def test_a_database_that_grew_too_large_does_not_replace_the_old_one(
    packages: Packages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out.mmdb"
    output.write_text("the old one")
    monkeypatch.setattr(address_database, "LARGEST", 100)
    with pytest.raises(InputError, match="100 are too many"):
        build(*packages, output)
    assert output.read_text() == "the old one"


Npm = Callable[[str], None]


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Npm:
    """Shadow the real npm with a shell script."""

    def install(script: str) -> None:
        folder = tmp_path / "bin"
        folder.mkdir()
        program = folder / "npm"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    return install


def test_the_command_downloads_both_versions_with_npm_and_builds_from_them(
    npm: Npm, packages: Packages, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    npm(f"""
        echo "$@" >> {tmp_path}/calls
        case "$3" in
            @ip-location-db/asn@*) file={packages[1]} ;;
            *) file={packages[0]} ;;
        esac
        cp $file . && basename $file""")
    output = tmp_path / "out.mmdb"
    main(["--country-version", "1", "--asn-version", "2", "--output", str(output)])
    assert (tmp_path / "calls").read_text().splitlines() == [
        "pack --silent @ip-location-db/dbip-country@1",
        "pack --silent @ip-location-db/asn@2",
    ]
    assert lookup(output, "192.0.2.0") == GERMANY
    assert capsys.readouterr().out == f"{output}: {output.stat().st_size:,} bytes\n"


def test_a_failed_download_quotes_npm(npm: Npm, tmp_path: Path) -> None:
    npm("echo 'E404 no such version' >&2; exit 1")
    with pytest.raises(ServiceError, match=r"npm pack .*asn@0 failed: E404 no such"):
        address_database.download(address_database.ASN_PACKAGE, "0", tmp_path)


def test_without_npm_the_command_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="npm is not installed"):
        address_database.download(address_database.ASN_PACKAGE, "0", tmp_path)


def test_every_country_has_a_name_and_a_continent() -> None:
    for code, (name, continent) in COUNTRIES.items():
        assert re.fullmatch("[A-Z]{2}", code)
        assert name == name.strip() != ""
        assert continent in CONTINENTS
    assert len({name for name, _ in COUNTRIES.values()}) == len(COUNTRIES) == 250


def test_the_shipped_database_is_under_20_mb() -> None:
    assert EMBEDDED == address_database.DATABASE
    assert 10_000_000 < EMBEDDED.stat().st_size < 20_000_000


def test_versions_and_dates_of_the_shipped_database_are_on_record_beside_it() -> None:
    with maxminddb.open_database(EMBEDDED) as reader:
        about = reader.metadata()
    record = EMBEDDED.with_suffix(".md").read_text(encoding="utf-8")
    sources = re.findall(
        r"(@ip-location-db/\S+) (\S+) \((\S+)\)", about.description["en"]
    )
    assert [source[:2] for source in sources] == [
        (address_database.COUNTRY_PACKAGE, address_database.COUNTRY_VERSION),
        (address_database.ASN_PACKAGE, address_database.ASN_VERSION),
    ]
    for source in sources:
        assert all(part in record for part in source)
    built = dt.datetime.fromtimestamp(about.build_epoch, dt.UTC).date().isoformat()
    assert f"Build date in the file: {built}" in record
    assert built == max(date for *_, date in sources)


@pytest.mark.parametrize(
    ("address", "country", "org"),
    [
        ("8.8.8.8", "US", "AS15169 Google LLC"),
        ("1.1.1.1", "AU", "AS13335 Cloudflare, Inc."),
        ("2001:4860:4860::8888", "CA", "AS15169 Google LLC"),
        ("2a00:1450:4001:80b::200e", "DE", "AS15169 Google LLC"),
        ("130.59.1.1", "CH", "AS559 SWITCH"),
        ("133.11.1.1", "JP", "AS2501 The University of Tokyo"),
        ("202.12.27.33", "JP", "AS7500 WIDE Project"),
        ("192.0.2.1", None, None),
        ("2001:db8::1", None, None),
    ],
)
def test_the_shipped_database_knows_well_known_addresses(
    address: str, country: str | None, org: str | None
) -> None:
    with MMDBProvider() as provider:
        (location,) = provider.locate([address])
    assert location is not None
    assert (location.country, location.org) == (country, org)
    assert location.located_by == "mmdb country_asn 2026-06-17"


def test_the_shipped_database_credits_its_sources_in_the_footer() -> None:
    with MMDBProvider() as provider:
        facts = provider.facts()
    assert facts["provider"] == "mmdb"
    assert facts["database"] == "country_asn 2026-06-17"
    for source in ("DB-IP (https://db-ip.com)", "RouteViews", "NRO", "CC BY 4.0"):
        assert source in facts["attribution"]
