"""URLs are split as the standard library splits them, paths without a host apart."""

from urllib.parse import urlsplit

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from usage_metrics.arrow import STRING
from usage_metrics.cleaning.urls import URL_PARTS, split_urls

Text = str | None
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
"""Any text; lone surrogates are not Unicode, and Arrow has none."""


def split(urls: list[Text]) -> list[tuple[Text, ...]]:
    """Split URLs as the pipeline does, all at once."""
    parts = split_urls(pa.array(urls, STRING))
    assert tuple(parts) == URL_PARTS
    return list(
        zip(*(array.to_pylist() for array in parts.values()), strict=True),
    )


def split_plainly(url: Text) -> tuple[Text, ...]:
    """Split one as the standard library of the running Python does.

    A path, as servers log it, follows a host: the library takes ``//a/b`` for a URL
    with the host ``a``.
    """
    if url and url.startswith("/"):
        return (None, None, *split_plainly(f"https://host{url}")[2:])
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
        ("//h/p", (None, None, "//h/p", None)),
        ("//[::1/p?a//b", (None, None, "//[::1/p", "a//b")),
        ("/\t/h/p", (None, None, "//h/p", None)),
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
