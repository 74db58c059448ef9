"""Equal lines of a log without ids: duplicates of one service, real of another."""

import datetime as dt
import io
from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from usage_metrics.arrow import TIMESTAMP
from usage_metrics.cleaning import duplicates
from usage_metrics.cleaning.duplicates import repeats, superseded
from usage_metrics.cleaning.entry_ids import insert_ids
from usage_metrics.logs.blocks import Block
from usage_metrics.logs.line_ids import line_ids

NOON = dt.datetime(2022, 3, 15, 12, tzinfo=dt.UTC)
LARGEST = 2**64 - 1

Line = tuple[int | None, int | None]
"""Seconds past noon, and the hash of the line."""

lines = st.lists(
    st.tuples(
        st.none() | st.integers(0, 2), st.sampled_from([0, 1, LARGEST]) | st.none()
    ),
    max_size=40,
)


def partition(entries: list[Line]) -> pq.ParquetFile:
    times = [None if s is None else NOON + dt.timedelta(seconds=s) for s, _ in entries]
    ids = pa.array([line for _, line in entries], pa.uint64())
    file = io.BytesIO()
    table = pa.table({"time": pa.array(times, TIMESTAMP), "line_id": ids})
    pq.write_table(table, file, row_group_size=3)
    return pq.ParquetFile(file)


@given(lines, st.sampled_from([1, 5, 1 << 19]))
def test_equal_lines_of_a_second_are_numbered_in_order(
    entries: list[Line], most_compared: int
) -> None:
    seen: Counter[Line] = Counter()
    expected = []
    for entry in entries:
        expected.append(seen[entry] if entry[1] is not None else 0)
        seen[entry] += 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duplicates, "MOST_COMPARED", most_compared)
        found = repeats(partition(entries), "time", ["line_id"])
    assert found.tolist() == expected


@given(lines)
def test_where_equal_lines_are_duplicates_the_first_stays(entries: list[Line]) -> None:
    seen: set[Line] = set()
    expected = []
    for entry in entries:
        expected.append(entry[1] is not None and entry in seen)
        seen.add(entry)
    out = superseded(partition(entries), "time", ["line_id"], "line_id")
    assert out.tolist() == expected


def test_an_id_is_the_hash_of_the_line_and_its_number_among_its_equals() -> None:
    block = Block(b"one\ntwo\none\n", 1, "access.log")
    first, other, again = insert_ids(
        line_ids(block), pa.array([0, 0, 1], pa.int32())
    ).to_pylist()
    assert (len(first), again) == (16, f"{first}-2")
    assert first != other
    assert insert_ids(line_ids(block)).to_pylist() == [first, other, first]


def test_the_end_of_a_line_is_not_part_of_it() -> None:
    assert line_ids(Block(b"one\r\n", 1, "x")) == line_ids(Block(b"one\n", 1, "x"))


def test_ids_stay_the_same_from_one_release_to_the_next() -> None:
    ids = insert_ids(line_ids(Block(b"GET /\n", 1, "access.log")))
    assert ids.to_pylist() == ["8a8777107861fcd3"]
