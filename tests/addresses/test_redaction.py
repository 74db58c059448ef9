"""Addresses in texts: every spelling of one that is looked for, and nothing else."""

import ipaddress
import itertools
import json
import re
from collections.abc import Iterator
from urllib.parse import quote

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from usage_metrics.addresses import redaction
from usage_metrics.addresses.parsing import Address, parse_address
from usage_metrics.addresses.redaction import (
    REMOVED,
    Candidate,
    Wanted,
    anonymous,
    remove,
    without,
)
from usage_metrics.arrow import STRING

V4, V6 = "192.0.2.7", "2001:db8::1"


def among(*networks: str) -> Wanted:
    found = [ipaddress.ip_network(text) for text in networks]
    return lambda address: any(address in network for network in found)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("192.0.2.7", "X"),
        ("?ip=192.0.2.7&n=1", "?ip=X&n=1"),
        ("192.0.2.7:443", "X:443"),
        ("ip%3D192.0.2.7%20", "ip%3DX%20"),
        ("%20192.0.2.7", "%20X"),
        ("192%2E0%2e2%2E7", "X"),
        ("192~2E0~2E2~2E7.json", "X.json"),
        ("192.000.002.007", "X"),
        ("::ffff:192.0.2.7", "X"),
        ("http://[::FFFF:C000:0207]:80/", "http://X:80/"),
        ("64:ff9b::192.0.2.7", "64:ff9b::X"),
        ("1.192.0.2.7", "1.X"),
        ("host-192-0-2-7.example", "host-X.example"),
        ("from 192.0.2.7.", "from X."),
        ('"\\u00e9192.0.2.7"', '"\\u00e9X"'),
        ("192.0.2.7, 10.0.0.1, 192.0.2.7", "X, 10.0.0.1, X"),
        ("192.0.2.71", "192.0.2.71"),
        ("1192.0.2.7", "1192.0.2.7"),
        ("Chrome/147.0.0.0", "Chrome/147.0.0.0"),
        ("١٩٢.0.2.7", "١٩٢.0.2.7"),
        ("", ""),
    ],
)
def test_an_address_of_ipv4_is_removed_however_it_is_written(
    text: str, left: str
) -> None:
    assert remove(text, among(V4)) == left.replace("X", REMOVED)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("2001:db8::1", "X"),
        ("2001:DB8:0:0:0:0:0:1", "X"),
        ("2001:0db8:0000:0000:0000:0000:0000:0001", "X"),
        ("2001:db8::0.0.0.1", "X"),
        ("2001:db8::1%eth0", "X%eth0"),
        ("[2001:db8::1]:443", "X:443"),
        ("2001:db8::1:443", "X:443"),
        ("2001%3Adb8%3a%3A1", "X"),
        ("2001%253Adb8%253A%253A1", "X"),
        ("2001~3Adb8~3A~3A1.json", "X.json"),
        ("from:2001:db8::1.", "from:X."),
        ("%3D2001:db8::1", "%3DX"),
        ('"\\u00e92001:db8::1"', '"\\u00e9X"'),
        ("2001:db8::12", "2001:db8::12"),
        ("at 12:30:45, or 1:2:3:4:5:6", "at 12:30:45, or 1:2:3:4:5:6"),
        ("::::::", "::::::"),
    ],
)
def test_an_address_of_ipv6_is_removed_however_it_is_written(
    text: str, left: str
) -> None:
    assert remove(text, among(f"{V6}/128")) == left.replace("X", REMOVED)


def test_every_address_of_a_network_is_removed() -> None:
    text = "192.0.2.7 and 192.0.2.200 and 192.0.3.1"
    left = remove(text, among("192.0.2.0/24"))
    assert left == f"{REMOVED} and {REMOVED} and 192.0.3.1"


def spellings(address: Address) -> st.SearchStrategy[str]:
    texts = [str(address), address.exploded, str(address).upper()]
    if address.version == 4:
        mapped = ipaddress.IPv6Address(f"::ffff:{address}")
        texts += [f"::ffff:{address}", str(mapped), mapped.exploded]
    texts += [quote(text, safe="") for text in texts]
    texts += [text.replace("%", "~") for text in texts]
    texts += [text.replace(".", "%2E") for text in texts]
    return st.sampled_from(texts)


SURROUNDINGS = st.sampled_from(
    ["", " ", "=", "?ip=", "/", '"', "[", "]", "%20", "~20", "é", ",", "x=", "\n", "g"]
)


@given(st.data(), st.ip_addresses(), SURROUNDINGS, SURROUNDINGS)
def test_no_spelling_is_left_whatever_stands_around_it(
    data: st.DataObject, address: Address, before: str, after: str
) -> None:
    text = before + data.draw(spellings(address)) + after
    plain = parse_address(str(address))  # IPv4-mapped becomes IPv4
    wanted = among(str(plain))
    for whole in (text, json.dumps({"text": text}), quote(text, safe="")):
        left = remove(whole, wanted)
        assert REMOVED in left
        assert remove(left, wanted) == left, "twice is once"


@given(st.data(), st.ip_addresses())
def test_one_address_in_a_column_of_ids_is_found(
    data: st.DataObject, address: Address
) -> None:
    column = pa.array(["0f3a", None, data.draw(spellings(address)), "77"], STRING)
    plain = parse_address(str(address))
    left = without(column, lambda found: found == plain)
    assert left is not None
    assert left.to_pylist() == ["0f3a", None, None, "77"]


@given(st.text(alphabet="0123456789abcdef:.%~-[] 2EeA3", max_size=60))
def test_nothing_is_removed_from_a_text_without_an_address_looked_for(
    text: str,
) -> None:
    assert remove(text, lambda _: False) == text


def test_a_message_names_no_address() -> None:
    text = '{"remoteIp": "192.0.2.7", "userAgent": "Firefox/147.0"'
    assert anonymous(text) == text.replace("192.0.2.7", REMOVED)


@pytest.mark.parametrize("type_", [STRING, pa.dictionary(pa.int32(), STRING)])
def test_a_column_is_searched_and_all_else_in_it_stays(type_: pa.DataType) -> None:
    rows = [f"?ip={V4}", None, "?ip=192.0.2.71", "/pudl", f"?ip={V4}"]
    column = pa.chunked_array([pa.array(rows, STRING).cast(type_)])
    left = without(column, among(V4))
    assert left is not None
    assert left.to_pylist() == [
        *(f"?ip={REMOVED}", None, "?ip=192.0.2.71", "/pudl", f"?ip={REMOVED}")
    ]
    assert without(column, among("198.51.100.1")) is None
    assert without(pa.chunked_array([], type_), among(V4)) is None


# --- what a visitor can make it cost --------------------------------------------------


_WORD = redaction._WORD
_RUN = re.compile(
    rf"(?:(?<![0-9A-Fa-f])|{redaction._AFTER_ESCAPE})(?=((?:{_WORD})?"
    rf"(?:{redaction._COLON}(?:{_WORD})?){{2,9}}(?:(?<=[0-9])(?:{redaction._DOT}"
    rf"{redaction._BYTE}){{3}})?))"
)
"""Words and colons, and perhaps the end of an IPv4 address."""


def _read_plainly(text: str) -> Iterator[Candidate]:
    """Every beginning of a run, each read by ``ipaddress``."""
    for run in _RUN.finditer(text):
        start, last = run.span(1)
        separators = redaction._SEPARATOR.finditer(text, start, last)
        for end in {last, *(end for found in separators for end in found.span())}:
            plain = redaction._SEPARATOR.sub(
                lambda found: ":" if found[0][-1] in ":Aa" else ".", text[start:end]
            )
            address = parse_address(plain)
            if address is not None:
                yield Candidate(address, start, end)


PIECES = st.sampled_from(
    [
        "1",
        "a:",
        "::",
        ":",
        "%3A",
        "~3A",
        ".",
        "2.",
        "%253a",
        "255",
        "ffff:",
        "-",
        "0",
        "[",
        "]",
        "8.8.8.8",
        "::ffff:",
    ]
)


@given(st.lists(PIECES, max_size=40).map("".join))
def test_candidates_are_those_that_reading_every_beginning_finds(text: str) -> None:
    found = map(redaction._readings, redaction._V6.finditer(text))
    assert set(itertools.chain(*found)) == set(_read_plainly(text))


@pytest.mark.parametrize("piece", [":", "1:", "1::2:3:", "%3A", "::ffff:", "1.", "1-"])
def test_a_text_full_of_separators_has_at_most_two_candidates_a_character(
    piece: str,
) -> None:
    text = piece * (8192 // len(piece))
    assert remove(text, lambda _: False) == text
    candidates = list(itertools.chain(*redaction._candidates(text)))
    assert 0 < len(candidates) <= 2 * len(text)


@pytest.mark.parametrize("piece", ["1.", "1:", "1::2:3:"])
def test_what_is_full_of_candidates_is_not_remembered(piece: str) -> None:
    assert redaction._few_candidates(piece * 100) is None
    assert redaction._few_candidates("Chrome/147.0.0.0") is not None
