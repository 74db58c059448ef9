"""Builds the address database in the package: country and AS number of an address.

A maintenance command. It needs npm and the extra ``maintenance``; it takes four
minutes and 1.2 GB of memory::

    python -m usage_metrics.maintenance.address_database

The data are two npm packages of ranges, by country and by AS number, whose edges
seldom coincide. They are merged into one MMDB with the field names of IPinfo's Lite
database: there ``country`` is the *name* and ``country_code`` the code. The same two
packages always give the same bytes; the description inside the file names them and the
attribution.
"""

import argparse
import csv
import datetime as dt
import io
import itertools
import json
import re
import subprocess
import tarfile
import tempfile
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from mmdb_writer import MMDBWriter, TreeWriter
from netaddr import IPAddress, IPRange, IPSet

from usage_metrics.errors import ConfigError, InputError, ServiceError
from usage_metrics.geocode.countries import CONTINENTS, COUNTRIES
from usage_metrics.geocode.mmdb import EMBEDDED

COUNTRY_PACKAGE = "@ip-location-db/dbip-country"
COUNTRY_VERSION = "2.3.2026060120"
COUNTRY_CREDIT = "IP Geolocation by DB-IP (https://db-ip.com), CC BY 4.0"

ASN_PACKAGE = "@ip-location-db/asn"
ASN_VERSION = "2.3.2026061719"
ASN_CREDIT = (
    "RouteViews (https://www.routeviews.org), NRO (https://www.nro.net) and "
    "DB-IP (https://db-ip.com), CC BY 4.0"
)

DATABASE = EMBEDDED
DATABASE_TYPE = "usage_metrics country_asn"
LARGEST = 20_000_000
"""Maximum size in bytes: every clone and every installation carries the file."""

Fields = tuple[str, ...]
"""The values of a range: the country code, or the AS number and name."""


class Package(NamedTuple):
    """An npm package of address ranges, as downloaded by ``npm pack``."""

    tarball: Path
    name: str
    version: str

    @property
    def date(self) -> dt.date:
        """The day of its data, from the version: 2.3.2026061719 means 2026-06-17."""
        match = re.search(r"\.(\d{8})\d{2}$", self.version)
        if match is None:
            raise InputError(
                f"{self.tarball}: the version {self.version} does not end in the date "
                "of the data (YYYYMMDDHH), so the database could not be dated"
            )
        return dt.date.fromisoformat(match[1])

    def ranges(self, family: int) -> "Ranges":
        """The ranges of IPv4 (``family`` 4) or IPv6 (6)."""
        member = f"package/{self.name.rpartition('/')[2]}-ipv{family}-num.csv"
        with tarfile.open(self.tarball) as archive:
            try:
                file = archive.extractfile(member)
            except KeyError:
                file = None
            if file is None:
                raise InputError(f"{self.tarball} has no file {member}")
            with io.TextIOWrapper(file, encoding="utf-8", newline="") as lines:
                return Ranges(csv.reader(lines), f"{self.tarball}: {member}")


class Ranges:
    """Ranges of addresses in ascending order, with their values."""

    def __init__(self, rows: Iterable[list[str]], source: str) -> None:
        """Read rows of first address, last address (both numbers) and fields.

        Raises:
            InputError: naming ``source`` and the line that is invalid or out of order.
        """
        self._first: list[int] = []
        self._last: list[int] = []
        self._fields: list[Fields] = []
        end = -1
        for number, row in enumerate(rows, start=1):
            try:
                first, last = map(int, row[:2])
            except ValueError as error:
                raise InputError(f"{source}, line {number}: no range: {row}") from error
            if last < first or last <= end:
                raise InputError(f"{source}, line {number}: out of order: {row}")
            end = last
            self._first.append(first)
            self._last.append(last)
            self._fields.append(tuple(map(str.strip, row[2:])))

    def edges(self) -> set[int]:
        """Every address at which a range starts, or just after which one ends."""
        return {*self._first, *(last + 1 for last in self._last)}

    def at(self, address: int) -> Fields:
        """The values for an address; of two ranges, from the one that starts later."""
        index = bisect_right(self._first, address) - 1
        if index < 0 or self._last[index] < address:
            return ()
        return self._fields[index]


def main(arguments: list[str] | None = None) -> None:
    """Download the packages and build the database."""
    parser = argparse.ArgumentParser(
        prog="python -m usage_metrics.maintenance.address_database",
        description="Build the address database in the package from two npm packages.",
    )
    parser.add_argument("--country-version", default=COUNTRY_VERSION)
    parser.add_argument("--asn-version", default=ASN_VERSION)
    parser.add_argument("--output", type=Path, default=DATABASE)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        build(
            download(COUNTRY_PACKAGE, options.country_version, Path(folder)),
            download(ASN_PACKAGE, options.asn_version, Path(folder)),
            options.output,
        )
    print(f"{options.output}: {options.output.stat().st_size:,} bytes")


def download(name: str, version: str, folder: Path) -> Path:
    """Download a package into a folder."""
    command = ["npm", "pack", "--silent", f"{name}@{version}"]
    try:
        done = subprocess.run(  # noqa: S603  the arguments are our own
            command, cwd=folder, capture_output=True, text=True, check=True
        )
    except FileNotFoundError as error:
        raise ConfigError("npm is not installed; it comes with Node.js") from error
    except subprocess.CalledProcessError as error:
        raise ServiceError(f"{' '.join(command)} failed: {error.stderr}") from error
    return folder / done.stdout.split()[-1]


def build(country_tarball: Path, asn_tarball: Path, output: Path) -> None:
    """Merge two packages into one MMDB, which replaces ``output`` once complete."""
    countries = open_package(country_tarball, COUNTRY_PACKAGE)
    systems = open_package(asn_tarball, ASN_PACKAGE)
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True)
    for family in (4, 6):
        merged = merge(countries.ranges(family), systems.ranges(family))
        for first, last, country, system in merged:
            networks = IPRange(IPAddress(first, family), IPAddress(last, family))
            writer.insert_network(IPSet(networks), record(country, system))
    aside = output.with_name(output.name + ".part")
    # MMDBWriter.to_db_file would write the current time into the file.
    TreeWriter(writer.tree, metadata(countries, systems)).write(str(aside))
    if (size := aside.stat().st_size) >= LARGEST:
        raise InputError(f"{aside} has {size:,} bytes; {LARGEST:,} are too many")
    aside.replace(output)


def open_package(tarball: Path, name: str) -> Package:
    """Read the name and version of a package from its metadata."""
    try:
        with tarfile.open(tarball) as archive:
            file = archive.extractfile("package/package.json")
            about = json.load(file) if file else {}
    except (OSError, EOFError, tarfile.TarError, KeyError, ValueError) as error:
        raise InputError(f"{tarball} is no npm package: {error}") from error
    if about.get("name") != name:
        raise InputError(f"{tarball} is the package {about.get('name')}, not {name}")
    return Package(tarball, name, about["version"])


def merge(
    countries: Ranges, systems: Ranges
) -> Iterator[tuple[int, int, Fields, Fields]]:
    """Cut two sets of ranges at each other's edges and join equal neighbours.

    Yields:
        First and last address and the values of each set, where at least one has any.
    """
    edges = sorted(countries.edges() | systems.edges())
    stretches = (
        (first, after, countries.at(first), systems.at(first))
        for first, after in itertools.pairwise(edges)
    )
    for values, equal in itertools.groupby(stretches, key=lambda stretch: stretch[2:]):
        run = list(equal)
        if any(values):
            yield run[0][0], run[-1][1] - 1, *values


def record(country: Fields, system: Fields) -> dict[str, str]:
    """Make the record of a range, with IPinfo Lite's fields in their order."""
    fields = {}
    if country:
        (code,) = country
        if code not in COUNTRIES:
            raise InputError(
                f"{COUNTRY_PACKAGE} has the unknown country code {code!r}; add it to "
                "usage_metrics/maintenance/countries.py and run that"
            )
        name, continent = COUNTRIES[code]
        fields = {
            "country": name,
            "country_code": code,
            "continent": CONTINENTS[continent],
            "continent_code": continent,
        }
    if system:
        number, organisation = system
        fields["asn"] = f"AS{number}"
        if organisation:
            fields["as_name"] = organisation
    return fields


def metadata(countries: Package, systems: Package) -> dict[str, object]:
    """The metadata of the database: its date, and what it was built from."""
    newest = dt.datetime.combine(max(countries.date, systems.date), dt.time.min, dt.UTC)
    description = (
        f"Country: {countries.name} {countries.version} ({countries.date}), "
        f"{COUNTRY_CREDIT}. AS number and name: {systems.name} {systems.version} "
        f"({systems.date}), {ASN_CREDIT}. Changed: merged, country names added."
    )
    return {
        "ip_version": 6,
        "database_type": DATABASE_TYPE,
        "languages": ["en"],
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "description": {"en": description},
        "build_epoch": int(newest.timestamp()),
    }


if __name__ == "__main__":
    main()
