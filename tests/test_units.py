"""Numbers as people read them."""

import pytest

from usage_metrics.units import number_of


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [
        (1, "day", "1 day"),
        (0, "day", "0 days"),
        (2000, "log entry", "2,000 log entries"),
        (2, "address", "2 addresses"),
        (1, "reply", "1 reply"),
    ],
)
def test_what_is_counted_is_one_or_many(number: int, noun: str, text: str) -> None:
    assert number_of(number, noun) == text
