"""Percent-encoding that a service has added is undone."""

import pyarrow as pa
import pytest

from usage_metrics.cleaning.percent import as_sent, decoded


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Mozilla/5.0%2520(X11;%2520Linux)", "Mozilla/5.0 (X11; Linux)"),
        ("Mozilla/5.0%20(X11;%20Linux)", "Mozilla/5.0 (X11; Linux)"),
        ("a%09b+c", "a\tb+c"),
        ("100%2525%25252E", "100%%2E"),
        ("100%, %zz", "100%, %zz"),
        ("%FF", "\ufffd"),
        ("", ""),
        (None, None),
    ],
)
def test_a_text_is_decoded_while_escapes_are_left_but_twice_at_most(
    text: str | None, plain: str | None
) -> None:
    assert decoded(pa.array([text, "a"]), 2).to_pylist() == [plain, "a"]


@pytest.mark.parametrize(
    ("logged", "sent"),
    [
        ("/a%2520b", "/a%20b"),
        ("/a%20b", "/a%20b"),
        ("/%25C3%25BC%2B%C3%BC", "/%C3%BC+%C3%BC"),
        ("?q=%22x%22&r=[1]", "?q=%22x%22&r=[1]"),
        (None, None),
    ],
)
def test_a_url_is_what_the_client_sent_however_often_it_is_encoded(
    logged: str | None, sent: str | None
) -> None:
    assert as_sent(pa.array([logged], pa.string())).to_pylist() == [sent]
