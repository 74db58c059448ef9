"""The English name and the continent of each country.

``countries.tsv`` holds the countries of ISO 3166-1 under their common names, and
``XK`` (Kosovo), which has no ISO code but stands in every address database. It is
written by :mod:`usage_metrics.maintenance.countries`.
"""

import csv
from pathlib import Path

CONTINENTS = {
    "AF": "Africa",
    "AN": "Antarctica",
    "AS": "Asia",
    "EU": "Europe",
    "NA": "North America",
    "OC": "Oceania",
    "SA": "South America",
}
"""The English name of each continent code."""

FILE = Path(__file__).with_name("countries.tsv")


def _read_countries() -> dict[str, tuple[str, str]]:
    with FILE.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, delimiter="\t")
        return {row["code"]: (row["name"], row["continent"]) for row in rows}


COUNTRIES = _read_countries()
"""The English name and the continent code of each country code."""


def country_name(code: str | None) -> str | None:
    """The English name of a country code; None for an unknown code."""
    return COUNTRIES[code][0] if code in COUNTRIES else None
