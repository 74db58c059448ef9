"""What kind of network a request came from, and whether it is one of our own."""

import hypothesis.strategies as st
import pyarrow as pa
import pytest
from hypothesis import given

from usage_metrics.agents.networks import (
    NETWORK_CLASSES,
    NetworkRule,
    is_suspect,
    network_class,
    network_rules,
    parse_network_rules,
)
from usage_metrics.errors import StorageError


def kind(asn: str | None, org: str | None) -> str:
    """The class of one network."""
    (found,) = network_class(
        pa.array([asn], pa.string()), pa.array([org], pa.string())
    ).to_pylist()
    assert isinstance(found, str)
    return found


@pytest.mark.parametrize("rule", network_rules(), ids=lambda rule: rule.pattern[:40])
def test_the_example_of_every_rule_gets_its_class(rule: NetworkRule) -> None:
    asn = rule.pattern if rule.by == "asn" else "AS64496"

    assert kind(asn, f"{asn} {rule.example}") == rule.network_class


@pytest.mark.parametrize(
    ("asn", "org", "expected"),
    [
        ("AS16509", "AS16509 Amazon.com, Inc.", "hosting"),
        ("AS64496", "AS64496 Bird Hosting Inc.", "hosting"),
        ("AS64496", "AS64496 University of New Haven", "education"),
        ("AS64496", "AS64496 Ministry of Finance", "government"),
        ("AS64496", "AS64496 City of Austin", "government"),
        ("AS7922", "AS7922 Comcast Cable Communications, LLC", "residential/isp"),
        ("AS64496", "AS64496 Travis Credit Union", "business"),
        ("AS64496", "AS64496 Paulson & Co. Inc.", "unknown"),
        ("AS64496", None, "unknown"),
        (None, "Hetzner Online GmbH", "hosting"),
        (None, None, "unknown"),
    ],
)
def test_a_network_is_known_by_its_number_or_its_name(
    asn: str | None, org: str | None, expected: str
) -> None:
    assert kind(asn, org) == expected


def test_a_network_that_people_come_through_is_not_called_hosting() -> None:
    assert kind("AS13335", "AS13335 Cloudflare, Inc.") == "relay"
    assert kind("AS14789", "AS14789 Cloudflare, Inc.") == "relay"
    assert kind("AS36183", "AS36183 Akamai Technologies, Inc.") == "relay"
    assert kind("AS22616", "AS22616 ZSCALER, INC.") == "relay"
    assert kind("AS62044", "AS62044 Zscaler Switzerland GmbH") == "relay"


@pytest.mark.parametrize(
    ("asn", "org", "expected"),
    [
        ("AS16591", "Google Fiber Inc.", "residential/isp"),
        ("AS29447", "SCALEWAY S.A.S.", "residential/isp"),
        ("AS37611", "AFRIHOST SP (PTY) LTD", "residential/isp"),
        ("AS39834", "FIBERHOST S.A.", "residential/isp"),
        (
            "AS11816",
            "SERVICIO DI TELECOMUNICACION DI ARUBA (SETAR) N.V.",
            "residential/isp",
        ),
        ("AS12816", "Leibniz-Rechenzentrum", "education"),
        ("AS559", "SWITCH", "education"),
        ("AS30548", "ARUBA NETWORKS, INC.", "business"),
        ("AS12876", "Scaleway SAS", "hosting"),
        ("AS31034", "Aruba S.p.A.", "hosting"),
        ("AS36459", "GitHub, Inc.", "hosting"),
    ],
)
def test_the_number_decides_where_the_name_says_something_else(
    asn: str, org: str, expected: str
) -> None:
    assert kind(asn, f"{asn} {org}") == expected


@pytest.mark.parametrize(
    ("org", "expected"),
    [
        ("Cloud Telecom Lda", "residential/isp"),
        ("cloudsky superfast broadband and services Pvt Ltd", "residential/isp"),
        ("Cloud 9 Wireless LLC", "residential/isp"),
        ("Broadband Hosting B.V.", "hosting"),
        ("CHINANET SiChuan Telecom Internet Data Center", "hosting"),
        ("Bundesrechenzentrum GmbH", "government"),
        ("EDEKA Rechenzentrum Sued Betriebs GmbH", "unknown"),
    ],
)
def test_a_word_of_hosting_in_a_providers_name_does_not_decide(
    org: str, expected: str
) -> None:
    assert kind("AS64496", org) == expected


def test_words_count_as_whole_words_and_capitals_do_not() -> None:
    assert kind("AS64496", "UNIVERSITY COLLEGE") == "education"
    assert kind("AS64496", "Governors Wine") == "unknown"


@given(org=st.text(max_size=80))
def test_every_name_has_one_of_the_classes(org: str) -> None:
    assert kind("AS64496", org) in NETWORK_CLASSES


def test_no_networks_give_no_classes() -> None:
    empty = pa.array([], pa.string())

    assert network_class(empty, empty).to_pylist() == []


def test_a_bad_line_of_the_table_is_named() -> None:
    with pytest.raises(StorageError, match=r"networks\.tsv, line 2: .*is not a rule"):
        parse_network_rules("# networks\nhostings\tasn\tAS1\tExample\n")


@pytest.mark.parametrize(
    ("agent_class", "agent_kind", "network", "suspect"),
    [
        ("human", "browser", "hosting", True),
        ("human", "browser", "residential/isp", False),
        ("human", "app", "hosting", False),
        ("machine", "library", "hosting", False),
        ("human", None, "hosting", False),
        (None, None, None, False),
    ],
)
def test_a_browser_in_a_hosting_network_is_suspect(
    agent_class: str | None,
    agent_kind: str | None,
    network: str | None,
    suspect: bool,
) -> None:
    columns = [pa.array([v], pa.string()) for v in (agent_class, agent_kind, network)]

    assert is_suspect(*columns).to_pylist() == [suspect]
