"""The pure functions that any source cleans its entries with."""

import datetime as dt
import json
from urllib.parse import urlsplit

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from usage_metrics.arrow import (
    STRING,
    column,
    count,
    description,
    dictionary,
    each_distinct,
    empty_as_null,
    take_encoded,
    unit,
)
from usage_metrics.cleaning.rejects import REJECTED, reject, without_value
from usage_metrics.cleaning.urls import URL_PARTS, split_urls

Text = str | None
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
"""Any text; lone surrogates are no Unicode, and Arrow has none."""


# --- URLs --------------------------------------------------------------------------


def split(urls: list[Text]) -> list[tuple[Text, ...]]:
    """Split URLs as the pipeline does, all at once."""
    parts = split_urls(pa.array(urls, STRING))
    assert tuple(parts) == URL_PARTS
    return list(
        zip(*(array.to_pylist() for array in parts.values()), strict=True),
    )


def split_plainly(url: Text) -> tuple[Text, ...]:
    """Split one as the standard library of the running Python does."""
    try:
        parts = urlsplit(url or "")[: len(URL_PARTS)]
    except ValueError:
        return (None,) * len(URL_PARTS)
    return tuple(part or None for part in parts)


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://h/p?q=1#f", ("https", "h", "/p", "q=1")),
        ("https://h", ("https", "h", None, None)),
        ("https://h/", ("https", "h", "/", None)),
        ("https://h?", ("https", "h", None, None)),
        ("https://h/p?", ("https", "h", "/p", None)),
        ("https://h/p??a?", ("https", "h", "/p", "?a?")),
        ("https://h/p#a?b", ("https", "h", "/p", None)),
        ("HTTPS://H/P", ("https", "H", "/P", None)),
        ("http://u:p@h:8001/", ("http", "u:p@h:8001", "/", None)),
        ("http://[2001:db8::1]:80/", ("http", "[2001:db8::1]:80", "/", None)),
        ("http://[2001:db8::1/", (None, None, None, None)),
        ("http://2001:db8::1]/", (None, None, None, None)),
        ("http:///p", ("http", None, "/p", None)),
        ("//h/p", (None, "h", "/p", None)),
        ("/p;a?b", (None, None, "/p;a", "b")),
        ("p", (None, None, "p", None)),
        ("mailto:me@example.org", ("mailto", None, "me@example.org", None)),
        ("https://h/a\tb\r\nc", ("https", "h", "/abc", None)),
        ("\x00 https://h/", ("https", "h", "/", None)),
        ("https://é.example/ü?ß", ("https", "é.example", "/ü", "ß")),
        ("https://h℀.example/", (None, None, None, None)),
        ("https://h/%2F%zz\x00", ("https", "h", "/%2F%zz\x00", None)),
        ("", (None, None, None, None)),
        (None, (None, None, None, None)),
    ],
)
def test_a_url_has_these_parts(url: Text, parts: tuple[Text, ...]) -> None:
    assert split([url]) == [parts]
    assert split_plainly(url) == parts


PIECES = st.sampled_from(
    [
        *("http", "https", "HTTP", "hTTps", "ftp", "1http", "h+t.p-", "javascript"),
        *("://", ":", "//", "/", "\\", "?", "#", "@", "[", "]", "&", ";", "%", "%2F"),
        *("[::1]", "[v1.x]", "[1.2.3.4]", "::ffff:192.0.2.1", ":80", ":", ".", ".."),
        *("\t", "\n", "\r", "\x00", "\x1f", "\x7f", "\x85", "\xa0", " ", "\u2028"),
        *("℀", "ﬀ", "㏂", "／", "：", "＃", "é", "e\u0301", "İ", "😀", "example.org"),
        *('"', "'", "<", ">", "`", "{", "|", "}", "^", "~", "!", "$", "+", ",", "="),
    ]
)
URLS = st.one_of(
    TEXT,
    st.lists(PIECES | TEXT, max_size=12).map("".join),
    st.builds("{}://{}".format, st.sampled_from(["http", "https"]), TEXT),
    st.builds("https://h/{}?{}#{}".format, TEXT, TEXT, TEXT),
)


@given(st.lists(st.none() | URLS, max_size=30))
@example(["https://h/\n", "https://h\n", "https://h/\x85", "https://h/\U0010ffff"])
@example(["http://h\\@example.org/", "http://h℀\\/", "http://u[@h/", "http://[h]x/"])
def test_any_text_is_split_as_this_python_splits_it(urls: list[Text]) -> None:
    assert split(urls) == [split_plainly(url) for url in urls]


def test_no_urls_have_no_parts() -> None:
    assert split([]) == []


# --- distinct values ---------------------------------------------------------------

WORDS = st.lists(st.none() | st.sampled_from(["", "a", "b", "é"]), max_size=8)


@given(st.lists(WORDS, max_size=3), st.booleans())
def test_a_column_in_pieces_becomes_one_dictionary(
    pieces: list[list[Text]], encoded: bool
) -> None:
    chunks = [pa.array(piece, STRING) for piece in pieces]
    if encoded:
        chunks = [chunk.dictionary_encode() for chunk in chunks]
    type_ = pa.dictionary(pa.int32(), STRING) if encoded else STRING
    found = dictionary(pa.chunked_array(chunks, type_))
    assert found.to_pylist() == [word for piece in pieces for word in piece]
    distinct = found.dictionary.to_pylist()
    assert None not in distinct
    assert len(distinct) == len(set(distinct))


@given(WORDS)
def test_each_distinct_value_is_looked_at_once(words: list[Text]) -> None:
    seen: list[str] = []

    def shout(word: str) -> str | None:
        seen.append(word)
        return word.upper() or None

    found = each_distinct(pa.array(words, STRING), shout)
    assert found.type == STRING
    assert found.to_pylist() == [
        word.upper() or None if word else None for word in words
    ]
    assert sorted(seen) == sorted({word for word in words if word is not None})


@given(WORDS, st.lists(st.none() | st.integers(0, 7), max_size=8))
def test_each_row_gets_the_value_at_its_code(
    words: list[Text], codes: list[int | None]
) -> None:
    codes = [code if code is not None and code < len(words) else None for code in codes]
    rows = pa.array(codes, pa.int32())
    expected = [None if code is None else words[code] for code in codes]
    assert take_encoded(pa.array(words, STRING), rows).to_pylist() == expected
    lengths = [None if word is None else len(word) for word in words]
    assert take_encoded(pa.array(lengths, pa.int64()), rows).to_pylist() == [
        None if word is None else len(word) for word in expected
    ]


def test_text_is_spread_as_a_dictionary_that_names_each_value_once() -> None:
    words = take_encoded(pa.array(["a", "b", "a"]), pa.array([0, 1, 2, 2]))
    assert words.dictionary.to_pylist() == ["a", "b"]


def test_empty_text_is_null() -> None:
    words = empty_as_null(pa.array(["", "a", None, " "]))
    assert words.to_pylist() == [None, "a", None, " "]


@pytest.mark.parametrize(
    ("mask", "rows"), [([True, False, None, True], 2), ([], 0), ([None], 0)]
)
def test_rows_that_hold_true_are_counted(mask: list[bool | None], rows: int) -> None:
    assert count(pa.array(mask, pa.bool_())) == rows


# --- rejects -----------------------------------------------------------------------


def test_a_rejected_entry_is_one_json_object_with_its_nested_fields() -> None:
    moment = dt.datetime(2022, 3, 15, 14, 25, 58, 184967, tzinfo=dt.UTC)
    entry = {"b": {"c": 'é "quoted"\x00', "d": None}, "at": moment, "n": 2**40}
    rows = reject(pa.Table.from_pylist([entry]), pa.array(["has no id"]))
    assert rows.schema.equals(REJECTED)
    ((reason, text),) = (row.values() for row in rows.to_pylist())
    assert reason == "has no id"
    assert json.loads(text) == entry | {"at": "2022-03-15 14:25:58.184967+00:00"}


@given(st.text(), st.sampled_from(["text", "a duration such as 0.25s"]))
def test_a_reason_can_be_told_without_the_value_that_it_shows(
    value: str, kind: str
) -> None:
    reason = f"line 3 of a.json has httpRequest.remoteIp = {value!r}, which is not "
    told = "line 3 of a.json has httpRequest.remoteIp, which is not "
    assert without_value(reason + kind) == told + kind


def test_a_reason_without_a_value_is_told_as_it_is() -> None:
    for reason in ("has no insertId", "line 1 of a=b.json is no JSON object"):
        assert without_value(reason) == reason


def test_no_rejected_entries_are_an_empty_table() -> None:
    nothing = pa.table({"a": pa.array([], STRING)})
    assert reject(nothing, pa.array([], STRING)).equals(REJECTED.empty_table())


# --- columns -----------------------------------------------------------------------


def test_a_column_says_what_it_holds_and_in_which_unit() -> None:
    size = column("size", pa.int64(), "Size of it", "bytes")
    assert (size.name, size.type) == ("size", pa.int64())
    assert (description(size), unit(size)) == ("Size of it", "bytes")
    assert unit(column("name", STRING, "Name of it")) == ""


def test_a_column_of_others_says_nothing() -> None:
    assert description(pa.field("a", STRING)) == unit(pa.field("a", STRING)) == ""
