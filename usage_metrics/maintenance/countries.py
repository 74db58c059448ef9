"""Writes ``geocode/countries.tsv``: code, continent and name of each country.

A maintenance command; it needs the extra ``maintenance``::

    python -m usage_metrics.maintenance.countries

Codes and names come from pycountry. This module adds what it lacks: continents, Kosovo,
and common names where it has only formal ones.
"""

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path

import pycountry

from usage_metrics.errors import InputError
from usage_metrics.geocode.countries import FILE

COMMON_NAMES = {
    "BN": "Brunei",
    "CD": "Democratic Republic of the Congo",
    "CG": "Republic of the Congo",
    "CI": "Ivory Coast",
    "FK": "Falkland Islands",
    "FM": "Micronesia",
    "MF": "Saint Martin",
    "PN": "Pitcairn Islands",
    "PS": "Palestine",
    "RU": "Russia",
    "SH": "Saint Helena",
    "ST": "São Tomé and Príncipe",
    "SX": "Sint Maarten",
    "VA": "Vatican City",
    "VG": "British Virgin Islands",
    "VI": "U.S. Virgin Islands",
    "XK": "Kosovo",
}
"""Used instead of pycountry's names."""

COUNTRIES_OF = {
    "AF": (
        "AO BF BI BJ BW CD CF CG CI CM CV DJ DZ EG EH ER ET GA GH GM GN GQ GW "
        "KE KM LR LS LY MA MG ML MR MU MW MZ NA NE NG RE RW SC SD SH SL SN SO "
        "SS ST SZ TD TG TN TZ UG YT ZA ZM ZW"
    ),
    "AN": "AQ BV GS HM TF",
    "AS": (
        "AE AF AM AZ BD BH BN BT CC CN CX GE HK ID IL IN IO IQ IR JO JP KG KH "
        "KP KR KW KZ LA LB LK MM MN MO MV MY NP OM PH PK PS QA SA SG SY TH TJ "
        "TM TR TW UZ VN YE"
    ),
    "EU": (
        "AD AL AT AX BA BE BG BY CH CY CZ DE DK EE ES FI FO FR GB GG GI GR HR "
        "HU IE IM IS IT JE LI LT LU LV MC MD ME MK MT NL NO PL PT RO RS RU SE "
        "SI SJ SK SM UA VA XK"
    ),
    "NA": (
        "AG AI AW BB BL BM BQ BS BZ CA CR CU CW DM DO GD GL GP GT HN HT JM KN "
        "KY LC MF MQ MS MX NI PA PM PR SV SX TC TT US VC VG VI"
    ),
    "OC": (
        "AS AU CK FJ FM GU KI MH MP NC NF NR NU NZ PF PG PN PW SB TK TL TO TV "
        "UM VU WF WS"
    ),
    "SA": "AR BO BR CL CO EC FK GF GY PE PY SR UY VE",
}
"""The country codes of each continent code."""


def countries() -> Iterator[tuple[str, str, str]]:
    """Give code, continent code and name of each country, in the order of the codes."""
    names = {
        country.alpha_2: getattr(country, "common_name", country.name)
        for country in pycountry.countries
    } | COMMON_NAMES
    continents = {
        code: continent
        for continent, codes in COUNTRIES_OF.items()
        for code in codes.split()
    }
    if missing := names.keys() - continents.keys():
        raise InputError(
            f"{', '.join(sorted(missing))}: no continent; add it to COUNTRIES_OF in "
            "usage_metrics/maintenance/countries.py"
        )
    for code, name in sorted(names.items()):
        yield code, continents[code], name


def main(arguments: list[str] | None = None) -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(
        prog="python -m usage_metrics.maintenance.countries",
        description="Write code, continent and name of each country.",
    )
    parser.add_argument("--output", type=Path, default=FILE)
    output = parser.parse_args(arguments).output
    with output.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(("code", "continent", "name"))
        writer.writerows(countries())


if __name__ == "__main__":
    main()
