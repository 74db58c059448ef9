"""The pure functions that any source cleans its entries with."""

import datetime as dt
import io
import json
from typing import NamedTuple
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from usage_metrics.cleaning import (
    REJECTED,
    URL_PARTS,
    count,
    dictionary,
    each_distinct,
    empty_as_null,
    reject,
    split_urls,
    spread,
    superseded,
)
from usage_metrics.columns import STRING, TIMESTAMP, column, description, unit

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


# --- which entries are delivered more than once ------------------------------------

NOON = dt.datetime(2022, 3, 15, 12, tzinfo=dt.UTC)


class Entry(NamedTuple):
    """A row: when (microseconds past noon), which log, which id, received when."""

    time: int | None = 0
    log: Text = "log"
    id: Text = "1"
    received: int | None = 0


def time(microseconds: int | None) -> dt.datetime | None:
    if microseconds is None:
        return None
    return NOON + dt.timedelta(microseconds=microseconds)


def partition(
    entries: list[Entry], row_group_size: int, dictionaries: list[str]
) -> pq.ParquetFile:
    """Entries as a Parquet file, as the stage that asks reads them."""
    columns = list(zip(*entries, strict=True)) or [()] * len(Entry._fields)
    rows = pa.table(
        {
            "time": pa.array(map(time, columns[0]), TIMESTAMP),
            "log": pa.array(columns[1], STRING),
            "id": pa.array(columns[2], STRING),
            "received": pa.array(map(time, columns[3]), TIMESTAMP),
        }
    )
    file = io.BytesIO()
    pq.write_table(rows, file, row_group_size=row_group_size)
    return pq.ParquetFile(file, read_dictionary=dictionaries)


def left_out(
    entries: list[Entry],
    row_group_size: int = 2,
    dictionaries: tuple[str, ...] = ("log",),
) -> list[bool]:
    file = partition(entries, row_group_size, list(dictionaries))
    out: list[bool] = superseded(file, "time", ("log", "id"), "received").tolist()
    return out


def left_out_plainly(entries: list[Entry]) -> list[bool]:
    """Say it in plain Python, a row after the other."""
    kept: dict[tuple[object, ...], int] = {}
    out = [False] * len(entries)
    for row, entry in enumerate(entries):
        if entry.time is None or entry.id is None:
            continue
        before = kept.setdefault(entry[:3], row)
        if before != row:
            later = _rank(entry.received) > _rank(entries[before].received)
            kept[entry[:3]] = row if later else before
            out[before if later else row] = True
    return out


def _rank(received: int | None) -> float:
    return -1 if received is None else received


FEW = st.sampled_from
ENTRIES = st.builds(
    Entry,
    time=FEW([0, 0, 1, 2, None]),
    log=FEW(["log", "log", "other", None]),
    id=FEW(["1", "1", "2", None]),
    received=FEW([0, 1, 2, None]),
)


@given(
    st.lists(ENTRIES, max_size=16),
    st.integers(1, 5),
    FEW([(), ("log",), ("log", "id")]),
)
def test_of_equal_entries_all_but_the_last_received_are_left_out(
    entries: list[Entry], row_group_size: int, dictionaries: tuple[str, ...]
) -> None:
    found = left_out(entries, row_group_size, dictionaries)
    assert found == left_out_plainly(entries)


@pytest.mark.parametrize(
    ("entries", "out"),
    [
        pytest.param([], [], id="none"),
        pytest.param([Entry()], [False], id="one"),
        pytest.param([Entry(), Entry()], [False, True], id="twice"),
        pytest.param(
            [Entry(received=1), Entry(received=3), Entry(received=2)],
            [True, False, True],
            id="the last received is kept",
        ),
        pytest.param(
            [Entry(received=None), Entry(received=0)],
            [True, False],
            id="one with a time of receipt is kept",
        ),
        pytest.param(
            [Entry(time=0), Entry(time=1)],
            [False, False],
            id="one id, a microsecond apart",
        ),
        pytest.param(
            [Entry(log="a"), Entry(log="b")], [False, False], id="one id in two logs"
        ),
        pytest.param([Entry(log=None), Entry(log=None)], [False, True], id="of no log"),
        pytest.param(
            [Entry(id=None), Entry(id=None)], [False, False], id="without an id"
        ),
        pytest.param(
            [Entry(time=None), Entry(time=None)], [False, False], id="without a time"
        ),
        pytest.param(
            [Entry(), *[Entry(id=str(n)) for n in range(2, 9)], Entry(received=1)],
            [True, *[False] * 8],
            id="far apart",
        ),
    ],
)
def test_an_entry_is_left_out(entries: list[Entry], out: list[bool]) -> None:
    assert left_out(entries) == out


@given(st.lists(ENTRIES, max_size=16))
def test_when_they_are_left_out_there_is_nothing_more_to_leave_out(
    entries: list[Entry],
) -> None:
    out = left_out(entries)
    kept = [entry for entry, gone in zip(entries, out, strict=True) if not gone]
    assert not any(left_out(kept))
    assert {entry[:3] for entry in kept} == {entry[:3] for entry in entries}


# --- distinct values ---------------------------------------------------------------

WORDS = st.lists(st.none() | FEW(["", "a", "b", "é"]), max_size=8)


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
    assert spread(pa.array(words, STRING), rows).to_pylist() == expected
    lengths = [None if word is None else len(word) for word in words]
    assert spread(pa.array(lengths, pa.int64()), rows).to_pylist() == [
        None if word is None else len(word) for word in expected
    ]


def test_text_is_spread_as_a_dictionary_that_names_each_value_once() -> None:
    words = spread(pa.array(["a", "b", "a"]), pa.array([0, 1, 2, 2]))
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
