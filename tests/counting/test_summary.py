"""Figures of groups of rows that come in batches, and what waits outside memory."""

from collections import Counter
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from usage_metrics.counting import aside
from usage_metrics.counting.aside import Records, Tables
from usage_metrics.counting.distinct import Numbering
from usage_metrics.counting.frequent import MostFrequent
from usage_metrics.counting.grouping import Rows, encoded
from usage_metrics.counting.quantiles import Quantiles
from usage_metrics.counting.summary import Totals

Row = tuple[str | None, float | None, int, bool]

FLOATS = st.one_of(
    st.none(),
    st.sampled_from([0.1, 0.2, 0.3, -0.1, 1e-300, 5.0]),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda value: value + 0.0),
)
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", None]), FLOATS, st.integers(0, 3), st.booleans()
    ),
    max_size=30,
)
BATCHES = st.lists(ROWS, max_size=5)


@pytest.fixture(params=[0, 1 << 20], ids=["in a file", "in memory"], autouse=True)
def held(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aside, "HELD_BYTES", request.param)
    monkeypatch.setattr(aside, "HELD_TABLE_BYTES", request.param)


def texts(values: Sequence[str | None]) -> pa.ChunkedArray:
    return encoded(pa.chunked_array([pa.array(values, pa.string())]))


def totals_of(batches: list[list[Row]]) -> Totals:
    totals = Totals(["key"], BytesIO)
    for rows in batches:
        totals.take(Rows(pa.table({"key": texts([row[0] for row in rows])})))
        chosen = np.array([row[3] for row in rows], dtype=bool)
        values = np.array([row[2] for row in rows], dtype=np.int64)
        totals.count("rows")
        totals.count("chosen", chosen)
        totals.add("sum", np.array([row[1] or 0 for row in rows], dtype=float))
        totals.distinct("values", values)
        totals.distinct("values chosen", values, chosen)
    return totals


@given(BATCHES)
def test_figures_of_groups_agree_with_a_plain_model(batches: list[list[Row]]) -> None:
    totals = totals_of(batches)
    rows = [row for batch in batches for row in batch]
    keys = totals.keys["key"].to_pylist()
    assert keys == list(dict.fromkeys(row[0] for row in rows))
    for number, key in enumerate(keys):
        members = [row for row in rows if row[0] == key]
        sum_ = 0.0
        for row in members:
            sum_ += row[1] or 0
        assert totals.counts("rows")[number] == len(members)
        assert totals.counts("chosen")[number] == sum(row[3] for row in members)
        assert totals.sums("sum")[number] == sum_
        assert totals.values("values")[number] == len({row[2] for row in members})
        chosen = {row[2] for row in members if row[3]}
        assert totals.values("values chosen")[number] == len(chosen)


@given(BATCHES, st.sampled_from([0.5, 0.95, 1]))
def test_quantiles_of_groups_agree_with_a_plain_model(
    batches: list[list[Row]], share: float
) -> None:
    quantiles = Quantiles(BytesIO)
    for batch in batches:
        groups = np.array([row[2] for row in batch], dtype=np.int64)
        values = [np.nan if row[1] is None else row[1] for row in batch]
        quantiles.add(groups, np.array(values, dtype=float))
    (found,) = quantiles.of(4, share)
    for group in range(4):
        rows = [row for batch in batches for row in batch if row[2] == group]
        known = sorted(row[1] for row in rows if row[1] is not None)
        enough = (v for i, v in enumerate(known, 1) if i >= share * len(known))
        assert found[group].as_py() == next(enough, None)


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=20)), st.integers(1, 9))
def test_the_most_frequent_texts_are_found_and_of_equals_the_first_by_name(
    batches: list[list[str]], number: int
) -> None:
    frequent = MostFrequent(BytesIO, number)
    columns = [texts([*batch, None]).chunk(0) for batch in batches]
    for column in columns:
        frequent.add(column)
    counts = Counter(text for batch in batches for text in batch)
    first = sorted(counts, key=lambda text: (-counts[text], text))[:number]
    found = frequent.found()
    assert found.to_pylist() == sorted(first)


@given(st.lists(st.lists(st.sampled_from([7, -3, 0, 2**62, 5]), max_size=20)))
def test_values_are_numbered_in_order_of_appearance(batches: list[list[int]]) -> None:
    numbering = Numbering()
    found = [
        number
        for batch in batches
        for number in numbering.of(np.array(batch, dtype=np.int64)).tolist()
    ]
    values = [value for batch in batches for value in batch]
    order = list(dict.fromkeys(values))
    assert found == [order.index(value) for value in values]
    assert len(numbering) == len(order)


@given(st.lists(st.lists(st.tuples(st.integers(0, 99), st.binary(max_size=3)))))
def test_records_come_back_all_with_equal_first_numbers_together(
    batches: list[list[tuple[int, bytes]]],
) -> None:
    records = Records(BytesIO)
    for batch in batches:
        number = np.array([row[0] for row in batch], dtype=np.int64)
        text = np.array([row[1] for row in batch] or [b""], dtype="S")[: len(batch)]
        records.add(number=number, text=text)
    parts = [rows_of(part) for part in records.parts()]
    rows = sorted((n, text.rstrip(b"\0")) for batch in batches for n, text in batch)
    assert sorted(row for part in parts for row in part) == rows
    assert sorted(row for piece in records.pieces() for row in rows_of(piece)) == rows
    seen = [number for part in parts for number in {row[0] for row in part}]
    assert len(seen) == len(set(seen))


def rows_of(columns: dict[str, Any]) -> list[tuple[int, bytes]]:
    return list(zip(columns["number"].tolist(), columns["text"].tolist(), strict=True))


def test_tables_come_back_in_their_order_as_often_as_wanted() -> None:
    tables = Tables(BytesIO)
    assert list(tables) == []
    for batch in (["a", None], ["b", "a"], []):
        tables.add(
            pa.table({"text": texts(batch), "number": pa.array(range(len(batch)))})
        )
    for _ in range(2):
        found = [table.to_pydict() for table in tables if table.num_rows]
        assert found == [
            {"text": ["a", None], "number": [0, 1]},
            {"text": ["b", "a"], "number": [0, 1]},
        ]
