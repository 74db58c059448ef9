"""Use by all names together, as the page carries it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from usage_metrics.report import figures, packing, payload
from usage_metrics.report.combined import Combined
from usage_metrics.report.rankings import rankings
from usage_metrics.report.usage_database import Database, Span


class NothingCombined(Database):
    """A database of days that were counted before the table was there."""

    def encoded_sums(
        self, table: str, keys: Sequence[str], numbers: Sequence[str], span: Span
    ) -> pa.Table:
        found = super().encoded_sums(table, keys, numbers, span)
        return found.slice(0, 0) if table == "usage_combined" else found


def gathered(database: Database, span: Span) -> tuple[Combined, dict[str, int]]:
    """The combinations, and for each ranking the number of a name not kept."""
    found = payload.gather(database, span, {})
    assert found.combined is not None
    chosen = {id_: of for id_, of in found.facts.items() if of.word}
    return found.combined, {id_: len(of.names) for id_, of in chosen.items()}


def test_the_combinations_add_up_to_all_use(database: Database, span: Span) -> None:
    found, unknown = gathered(database, span)
    used = figures.by_dataset(database, span)
    for name in ("requests", "counted", "bytes", "errors"):
        assert found.columns[name].sum() == used[name].sum(), name
    assert not any((found.columns[id_] == none).any() for id_, none in unknown.items())


def test_days_counted_before_are_known_by_the_names_of_the_daily_use(
    database: Database, span: Span
) -> None:
    older = NothingCombined(database._tables)
    found, unknown = gathered(older, span)
    used = figures.by_dataset(database, span)
    assert found.columns["requests"].sum() == used["requests"].sum()
    for id_, none in unknown.items():
        is_daily = id_ in ("datasets", "tables", "formats", "pages", "countries")
        assert (found.columns[id_] == none).all() != is_daily, id_


@pytest.mark.parametrize("room", [9_000, 2_000, 0, -1])
def test_the_rarest_are_left_out_where_there_is_little_room(
    database: Database, span: Span, room: int
) -> None:
    whole = payload.gather(database, span, {})
    ranked = rankings(database, span, {})
    found = payload._with_combined(whole, database, ranked, room).combined
    assert found is not None
    rows = len(found.columns["period"])
    assert (found.size <= room) if room > 0 else rows == 0
    assert whole.combined is not None
    all_requests = whole.combined.columns["requests"].sum()
    assert found.columns["requests"].sum() < all_requests
    assert room < 9_000 or found.columns["requests"].sum() > all_requests / 3


@pytest.mark.parametrize(
    ("numbers", "packed"),
    [([], []), ([0, 127], [0, 127]), ([128, 1, 16_384], [128, 1, 1, 128, 128, 1])],
)
def test_a_number_takes_as_few_bytes_as_it_needs(
    numbers: list[Any], packed: list[int]
) -> None:
    assert list(packing.packed(np.array(numbers, np.int64))) == packed
