"""Of entries that are there more than once, which stays."""

import datetime as dt
import io
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from usage_metrics.arrow import STRING, TIMESTAMP
from usage_metrics.cleaning import duplicates
from usage_metrics.cleaning.duplicates import superseded

NOON = dt.datetime(2022, 3, 15, 12, tzinfo=dt.UTC)


class Entry(NamedTuple):
    """A row: when (microseconds past noon), which log, which id, received when."""

    time: int | None = 0
    log: str | None = "log"
    id: str | None = "1"
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


@given(st.lists(ENTRIES, max_size=16), st.integers(1, 4))
def test_compared_a_few_at_a_time_the_same_are_left_out(
    entries: list[Entry], most_compared: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duplicates, "MOST_COMPARED", most_compared)
        assert left_out(entries) == left_out_plainly(entries)


def test_times_whose_hashes_are_equal_are_told_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(duplicates, "_ODD", np.uint64(0))
    entries = [Entry(time=1), Entry(time=2), Entry(time=1), Entry(time=3)]
    assert left_out(entries) == [False, False, True, False]
