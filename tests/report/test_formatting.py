"""How the report writes numbers and days, and makes names harmless."""

import datetime as dt
import ipaddress

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from usage_metrics import units
from usage_metrics.report import formatting, neutral

DAY = dt.date(2026, 3, 2)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (formatting.number(1234567), "1,234,567"),
        (formatting.percent(0.12345), "12.3 %"),
        (formatting.percent(0.0625), "6.3 %"),  # half up, as in the page's script
        (units.size(999), "999 bytes"),
        (units.size(1500), "1.5 kB"),
        (units.size(58_200_000_000), "58.2 GB"),
        (formatting.change(None), "–"),
        (formatting.change(0.384), "+38 %"),
        (formatting.change(-0.5), "−50 %"),
        (formatting.change(-0.001), "±0 %"),
        (formatting.change(24), "× 25"),
        (formatting.days(DAY, DAY), "2 March 2026"),
        (formatting.days(DAY, dt.date(2026, 3, 15)), "2–15 March 2026"),
        (formatting.days(DAY, dt.date(2026, 4, 1)), "2 March – 1 April 2026"),
        (
            formatting.days(dt.date(2025, 12, 29), dt.date(2026, 1, 4)),
            "29 December 2025 – 4 January 2026",
        ),
        (formatting.period("month", DAY, dt.date(2026, 3, 31), 30), "March 2026"),
        (formatting.period("quarter", DAY, dt.date(2026, 3, 31), 30), "Q1 2026"),
        (formatting.period("year", DAY, dt.date(2026, 12, 31), 305), "2026"),
        (formatting.period("day", DAY, DAY, 0), "2 March 2026 (no data)"),
        (
            formatting.period("week", DAY, dt.date(2026, 3, 8), 5),
            "2–8 March 2026 (5 of 7 days)",
        ),
        (formatting.listed([]), ""),
        (formatting.listed(["a"]), "a"),
        (formatting.listed(["a", "b", "c"]), "a, b and c"),
    ],
)
def test_it_is_written_so(written: str, expected: str) -> None:
    assert written == expected


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("/pudl/plants.json", "/pudl/plants.json"),
        ("Universität Zürich", "Universität Zürich"),
        ("198.51.100.7", formatting.ADDRESS),
        ("/from/198.51.100.7/x", f"/from/{formatting.ADDRESS}/x"),
        ("/198.51.100.7.json", f"/{formatting.ADDRESS}.json"),
        ("host:2001:db8::1", f"host:{formatting.ADDRESS}"),
        ("[2001:db8::1]", f"[{formatting.ADDRESS}]"),
        ("::ffff:198.51.100.7", formatting.ADDRESS),
        ("/version/1.2.3.4.5", "/version/1.2.3.4.5"),
        ("/version/1.2.3", "/version/1.2.3"),
        ("300.1.2.3", "300.1.2.3"),
        ("12:30:45", "12:30:45"),
        ("evil\u202egnp.exe", "evil\\u202egnp.exe"),
        ("bell\x07, null\x00", "bell\\u0007, null\\u0000"),
        ("\ud800", "\\ud800"),
        ("x" * 500, "x" * 119 + "…"),
    ],
)
def test_a_name_is_shown_so(name: str, shown: str) -> None:
    assert formatting.harmless(name) == shown


@given(st.text(st.characters()))
def test_what_is_shown_is_short_and_visible(name: str) -> None:
    shown = formatting.harmless(name)
    assert len(shown) <= formatting.LONGEST
    assert shown.isprintable()


ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))


@given(st.sampled_from(["{}", "/a/{}/b", "({})", "https://{}/", "<{}>"]), ADDRESSES)
def test_no_address_is_shown(
    around: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address
) -> None:
    assert str(address) not in formatting.harmless(around.format(address))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/pudl/plants.json", "/pudl/plants.json"),
        ("Universität Zürich", "Universität Zürich"),
        ("-", "-"),
        ("<b>", "\\u003cb>"),
        ("\x1b[31mred\r\n", "\\u001b[31mred\\u000d\\u000a"),
        ("\t=1+1", "\\u0009=1+1"),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\uff1d1", "'\uff1d1"),
        ("a=1", "a=1"),
    ],
)
def test_a_text_from_a_log_is_neutral(text: str, shown: str) -> None:
    assert neutral.neutral(text) == shown
    assert neutral.neutral(shown) == shown
    assert neutral.encoded(pa.array([text, None])).to_pylist() == [shown, None]


def test_texts_that_look_alike_are_one() -> None:
    texts = pa.array(["<", "\\u003c", "a", "<"])
    found = neutral.encoded(texts)
    assert found.to_pylist() == ["\\u003c", "\\u003c", "a", "\\u003c"]
    assert found.dictionary.to_pylist() == ["\\u003c", "a"]


@given(st.lists(st.text(), min_size=1))
def test_every_column_is_as_neutral_as_its_texts(texts: list[str]) -> None:
    assert neutral.encoded(pa.array(texts)).to_pylist() == [
        neutral.neutral(text) for text in texts
    ]
