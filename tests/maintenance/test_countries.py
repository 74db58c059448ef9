"""The file of countries is what the command writes from pycountry."""

from pathlib import Path

import pytest

from usage_metrics.errors import InputError
from usage_metrics.geocode.countries import COUNTRIES, FILE, country_name
from usage_metrics.maintenance import countries


def test_the_file_in_the_package_is_what_the_command_writes(tmp_path: Path) -> None:
    countries.main(["--output", str(tmp_path / "countries.tsv")])
    assert (tmp_path / "countries.tsv").read_bytes() == FILE.read_bytes(), (
        "run python -m usage_metrics.maintenance.countries"
    )


def test_common_names_replace_formal_ones_and_kosovo_is_a_country() -> None:
    assert COUNTRIES["RU"] == ("Russia", "EU")
    assert COUNTRIES["CD"] == ("Democratic Republic of the Congo", "AF")
    assert COUNTRIES["XK"] == ("Kosovo", "EU")
    assert country_name("ST") == "São Tomé and Príncipe"
    assert country_name("ZZ") is country_name(None) is None


def test_a_country_without_a_continent_is_an_error_that_says_where_to_add_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(countries, "COUNTRIES_OF", {"EU": "XK"})
    with pytest.raises(InputError, match=r"AD, AE.*COUNTRIES_OF in .*countries\.py"):
        list(countries.countries())
