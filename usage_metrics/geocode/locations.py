"""The location of an address: its columns, and the contract of a provider."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import pyarrow as pa

from usage_metrics.arrow import BOOLEAN, NUMBER, STRING, column


class Location(NamedTuple):
    """What a provider knows about one address; unknown values are None."""

    hostname: str | None = None
    city: str | None = None
    region: str | None = None
    country: str | None = None
    country_name: str | None = None
    full_location: str | None = None
    loc: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    org: str | None = None
    asn: str | None = None
    postal: str | None = None
    timezone: str | None = None
    located_by: str | None = None


class Provider(Protocol):
    """Locates addresses."""

    def locate(self, addresses: Sequence[str]) -> list[Location | None]:
        """Locate distinct public addresses, given in canonical text.

        Returns:
            A location per address, in the same order: None if the provider did not
            answer this time, a Location with only ``located_by`` if it knows nothing.
        """
        ...

    def facts(self) -> dict[str, str]:
        """Provider, data, date and attribution, for the file footer."""
        ...


LOCATION = pa.schema(
    [
        column(
            "hostname",
            STRING,
            "Host name that the address resolves to; null unless addresses are kept",
        ),
        column("city", STRING, "City"),
        column("region", STRING, "Region or state"),
        column("country", STRING, "Country, ISO 3166-1 alpha-2 code"),
        column("country_name", STRING, "Country, English name"),
        column(
            "full_location",
            STRING,
            "City, region and country name, those that are known",
        ),
        column("loc", STRING, "Latitude and longitude with a comma between"),
        column("latitude", NUMBER, "Latitude", unit="degrees"),
        column("longitude", NUMBER, "Longitude", unit="degrees"),
        column("org", STRING, "AS number and name of the organisation that routes it"),
        column("asn", STRING, "AS number, as AS123"),
        column("postal", STRING, "Postal code; null unless addresses are kept"),
        column("timezone", STRING, "Time zone, IANA name"),
        column(
            "is_bogon",
            BOOLEAN,
            "Whether the address is private or reserved; such an address is never "
            "looked up",
        ),
        column("located_by", STRING, "Provider of the location and date of its data"),
    ]
)
"""The columns of a location; a stage prefixes their names."""
