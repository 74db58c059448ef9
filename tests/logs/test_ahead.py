"""Things are fetched side by side, within bounds, and given in order."""

import threading
from collections.abc import Iterator

import pytest

from usage_metrics.logs import ahead


def test_things_are_fetched_side_by_side_and_come_in_order() -> None:
    together = threading.Barrier(4)

    def fetch(number: int) -> int:
        together.wait(timeout=60)  # for as many as are fetched at a time
        return -number

    found = ahead.fetched_ahead(fetch, ((number, 1) for number in range(40)))
    assert list(found) == [(number, -number) for number in range(40)]


@pytest.mark.parametrize(("size", "most"), [(1, 8), (100, 3), (10_000, 1)])
def test_no_more_is_fetched_than_fits_into_memory(
    monkeypatch: pytest.MonkeyPatch, size: int, most: int
) -> None:
    monkeypatch.setattr(ahead, "MOST_AHEAD", 7)
    monkeypatch.setattr(ahead, "AHEAD_BYTES", 250)
    asked: list[int] = []

    def things() -> Iterator[tuple[int, int]]:
        for number in range(30):
            asked.append(number)
            yield number, size

    for number, (found, _) in enumerate(ahead.fetched_ahead(str, things()), 1):
        assert found == number - 1
        assert len(asked) <= number - 1 + most


def test_what_cannot_be_fetched_is_said_when_its_turn_comes() -> None:
    def fetch(number: int) -> float:
        return 1 / (3 - number)

    found = ahead.fetched_ahead(fetch, ((number, 1) for number in range(9)))
    assert [next(found)[0] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ZeroDivisionError):
        next(found)
