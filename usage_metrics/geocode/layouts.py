"""What the records of the vendors' address databases mean, layout by layout.

The vendors agree on little. In IPinfo's current files ``country`` is the country's
*name*, in its older ones the *code*; in its files of AS numbers it is the country of
the network's owner, not of the address. Its older files write numbers as text and
unknown values as empty text; the current ones omit them. MaxMind and DB-IP nest, with
names in several languages; files that others combine from theirs, such as those of
ip-location-db, do not. Seen in the vendors' samples of 2026.
"""

import functools
import re
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from maxminddb.types import Record

from usage_metrics.geocode.countries import country_name
from usage_metrics.geocode.locations import Location

Layout: TypeAlias = dict[str, tuple[str, ...]]
"""The paths in a record at which each fact may be, best first."""

Facts: TypeAlias = dict[str, Any]
"""The raw facts of one record, under the names below."""

PLACE = (
    "city",
    "region",
    "country",
    "country_name",
    "latitude",
    "longitude",
    "postal",
    "timezone",
)
NETWORK = ("asn", "as_name")

IPINFO: Layout = {
    "city": ("city",),
    "region": ("region_name", "region", "state1"),
    "latitude": ("latitude", "lat", "loc"),
    "longitude": ("longitude", "lng", "loc"),
    "postal": ("postal_code", "postal", "zip", "postcode"),
    "timezone": ("timezone",),
    "asn": ("asn", "autonomous_system_number"),
    "as_name": ("as_name", "autonomous_system_organization"),
}
COUNTRY_IS_NAME: Layout = {
    **IPINFO,
    "country": ("country_code",),
    "country_name": ("country", "country_name"),
}
COUNTRY_IS_CODE: Layout = {
    **IPINFO,
    "country": ("country",),
    "country_name": ("country_name",),
}
NETWORK_ONLY: Layout = {"asn": ("asn",), "as_name": ("name",)}
MAXMIND: Layout = {
    "city": ("city.names.en",),
    "region": ("subdivisions.0.names.en",),
    "country": ("country.iso_code", "registered_country.iso_code"),
    "country_name": ("country.names.en",),
    "latitude": ("location.latitude",),
    "longitude": ("location.longitude",),
    "postal": ("postal.code",),
    "timezone": ("location.time_zone",),
    "asn": ("autonomous_system_number", "traits.autonomous_system_number"),
    "as_name": (
        "autonomous_system_organization",
        "traits.autonomous_system_organization",
    ),
}

SIGNS: tuple[tuple[set[str], Layout], ...] = (
    ({"country.iso_code"}, MAXMIND),
    ({"registered_country.iso_code"}, MAXMIND),
    ({"location.latitude"}, MAXMIND),
    ({"country_code"}, COUNTRY_IS_NAME),
    ({"as_name"}, COUNTRY_IS_CODE),
    ({"autonomous_system_number", "country"}, COUNTRY_IS_CODE),
    ({"autonomous_system_number", "city"}, COUNTRY_IS_CODE),
    ({"autonomous_system_number"}, MAXMIND),
    ({"asn", "name"}, NETWORK_ONLY),
    ({"country"}, COUNTRY_IS_CODE),
    ({"city"}, COUNTRY_IS_CODE),
    ({"asn"}, COUNTRY_IS_CODE),
)
"""Fields and the layout that they imply; the first line whose fields all exist."""

COUNTRY_CODE = re.compile("[A-Z]{2}")
AS_NUMBER = re.compile("(?:AS)?0*([1-9][0-9]{0,9})")


def field_names(records: Iterable[Record]) -> set[str]:
    """The fields of some records, nested ones as ``outer.inner``."""
    names = set()
    for record in records:
        if isinstance(record, dict):
            for name, value in record.items():
                names.add(str(name))  # in a damaged file, it may be anything
                if isinstance(value, dict):
                    names.update(f"{name}.{inner}" for inner in value)
    return names


def find_layout(fields: set[str]) -> Layout | None:
    """The layout of a database with these fields; None if none of them is useful."""
    return next((layout for signs, layout in SIGNS if signs <= fields), None)


def unknown_country(fields: set[str], layout: Layout) -> str | None:
    """A field that seems to name the country, where the layout knows none of them.

    In a file of networks it is the country of the owner. In MaxMind's files a record
    may have a country without its code.
    """
    values = fields - {name.partition(".")[0] for name in fields if "." in name}
    if layout is NETWORK_ONLY or not values.isdisjoint(layout["country"]):
        return None
    if layout is MAXMIND:
        values = {name for name in values if "." not in name}
    return next((name for name in sorted(values) if "country" in name.lower()), None)


def read_facts(record: Record | None, layout: Layout) -> Facts:
    """Read a record; invalid values are ignored."""
    facts: Facts = {}
    for name, paths in layout.items():
        for path in paths:
            raw = _at(record, path)
            if raw is not None and (value := READ[name](raw)) is not None:
                facts[name] = value
                break
    if not {"latitude", "longitude"} <= facts.keys():
        facts.pop("latitude", None)
        facts.pop("longitude", None)
    if "country_name" not in facts and (english := country_name(facts.get("country"))):
        facts["country_name"] = english
    return facts


def fill(facts: Facts, others: Facts) -> Facts:
    """Fill gaps from another database, unless the two contradict each other.

    A city in one country must not be combined with a postal code in another, nor the
    number of one network with the name of another.
    """
    for key, group in (("country", PLACE), ("asn", NETWORK)):
        known = {source[key] for source in (facts, others) if key in source}
        if len(known) < 2:
            facts = {name: others[name] for name in group if name in others} | facts
    return facts


def to_location(facts: Facts, located_by: str) -> Location:
    """Make the columns, including those derived from others."""
    columns = {name: fact for name, fact in facts.items() if name != "as_name"}
    if "latitude" in facts:
        columns["loc"] = f"{facts['latitude']},{facts['longitude']}"
    place = ("city", "region", "country_name")
    return Location(
        **columns,
        full_location=", ".join(filter(None, map(facts.get, place))) or None,
        org=" ".join(filter(None, map(facts.get, NETWORK))) or None,
        located_by=located_by,
    )


def _at(record: Record | None, path: str) -> Record | None:
    value = record
    for step in _steps(path):
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and value and step == "0":
            value = value[0]
        else:
            return None
    return value


@functools.cache
def _steps(path: str) -> list[str]:
    return path.split(".")


def _text(value: Record) -> str | None:
    return (value.strip() or None) if isinstance(value, str) else None


def _country(value: Record) -> str | None:
    text = _text(value)
    return text if text and COUNTRY_CODE.fullmatch(text) else None


def _asn(value: Record) -> str | None:
    if isinstance(value, str) or type(value) is int:  # not bool
        digits = AS_NUMBER.fullmatch(str(value))
        return f"AS{digits[1]}" if digits else None
    return None


def _degrees(part: int, limit: int, value: Record) -> float | None:
    """Read a number, a number as text, or one part of ``"latitude,longitude"``."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        degrees = float(value.split(",")[part] if isinstance(value, str) else value)
    except ValueError:
        return None
    return degrees if abs(degrees) <= limit else None  # None for NaN as well


READ: dict[str, Callable[[Record], str | float | None]] = {
    **dict.fromkeys((*PLACE, *NETWORK), _text),
    "country": _country,
    "latitude": functools.partial(_degrees, 0, 90),
    "longitude": functools.partial(_degrees, -1, 180),
    "asn": _asn,
}
"""Parses the value of each fact."""
