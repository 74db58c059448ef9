"""What one stage has just written, the next need not read back."""

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from flow import DAY, Flow, request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from usage_metrics.arrow import INTEGER, STRING, TIMESTAMP, column
from usage_metrics.errors import PartitionError
from usage_metrics.partitions import handover, writer
from usage_metrics.partitions.footer import facts_of
from usage_metrics.partitions.partition import Partition
from usage_metrics.partitions.row_groups import row_groups
from usage_metrics.tasks.stages import Clean, Extract, Geocode

SCHEMA = pa.schema(
    [
        column("id", STRING, "An id"),
        column("name", STRING, "A name that many rows have"),
        column("size", INTEGER, "A size", unit="bytes"),
        column("time", TIMESTAMP, "A time"),
    ]
)
MOMENT = dt.datetime(2026, 3, 2, 14, 25, 58, 184967, dt.UTC)


@pytest.fixture
def partition(tmp_path: Path) -> Partition:
    return Partition(str(tmp_path), "cleaned", "toy", DAY)


def _table(*names: str | None) -> pa.Table:
    rows = len(names)
    columns = [
        pa.array([f"id-{number}" for number in range(rows)], STRING),
        pa.array(names, STRING).dictionary_encode(),
        pa.array(range(rows), pa.int64()),
        pa.array([MOMENT] * rows, TIMESTAMP),
    ]
    return pa.table(dict(zip(SCHEMA.names, columns, strict=True)))


def _write(partition: Partition, *tables: pa.Table) -> None:
    with partition.writing(SCHEMA, hand_on=True) as file:
        for table in tables:
            file.write(table)


def _spoil_rows(partition: Partition) -> None:
    """Make the rows in the file unreadable, and leave its footer."""
    with Path(partition.path).open("r+b") as file:
        file.seek(4)
        file.write(b"\xff" * 60)


def _names(rows: Any) -> list[str | None]:
    return [name for _, group in row_groups(rows) for name in group["name"].to_pylist()]


def test_the_next_stage_has_the_rows_without_reading_them(partition: Partition) -> None:
    _write(partition, _table("a", None, "b"))
    _spoil_rows(partition)
    with partition.open_next(SCHEMA) as rows:
        assert _names(rows) == ["a", None, "b"]
        assert rows.metadata.num_rows == 3
        assert facts_of(rows.metadata)["content_id"] == partition.facts()["content_id"]


def test_they_are_there_once_and_then_no_longer_in_memory(partition: Partition) -> None:
    _write(partition, _table("a"))
    with partition.open_next(SCHEMA) as rows:
        groups = rows.groups
    assert groups == []
    _spoil_rows(partition)
    with pytest.raises(PartitionError, match="cannot be read"):
        partition.open_next(SCHEMA)


def test_who_reads_the_file_for_other_ends_reads_the_file(partition: Partition) -> None:
    _write(partition, _table("a"))
    _spoil_rows(partition)
    with pytest.raises(PartitionError, match="cannot be read"):
        partition.open(SCHEMA)


def test_if_another_run_has_replaced_the_file_its_rows_count(
    partition: Partition, tmp_path: Path
) -> None:
    other = Partition(str(tmp_path / "other"), "cleaned", "toy", DAY)
    _write(other, _table("theirs"))
    _write(partition, _table("ours"))
    Path(other.path).replace(partition.path)
    with partition.open_next(SCHEMA) as rows:
        assert _names(rows) == ["theirs"]


def test_if_somebody_has_deleted_the_file_there_are_no_rows(
    partition: Partition,
) -> None:
    _write(partition, _table("a"))
    partition.delete()
    with pytest.raises(PartitionError, match="is missing; rerun"):
        partition.open_next(SCHEMA)


def test_rows_of_another_version_are_no_rows(partition: Partition) -> None:
    _write(partition, _table("a"))
    with pytest.raises(PartitionError, match="made by another version"):
        partition.open_next(pa.schema([*SCHEMA, column("new", STRING, "A new one")]))


def test_of_two_partitions_the_last_is_held(tmp_path: Path) -> None:
    first, last = (
        Partition(str(tmp_path), "cleaned", "toy", DAY + dt.timedelta(days=n))
        for n in (0, 1)
    )
    for partition in (first, last):
        _write(partition, _table(str(partition.date)))
        _spoil_rows(partition)
    with pytest.raises(PartitionError, match="cannot be read"):
        first.open_next(SCHEMA)
    with last.open_next(SCHEMA) as rows:
        assert _names(rows) == [str(last.date)]


def test_of_a_long_partition_no_row_stays_in_memory(
    partition: Partition, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "ROW_GROUP_ROWS", 2)
    monkeypatch.setattr(handover, "MOST_BYTES", 500)
    _write(partition, *[_table("a", "b")] * 10)
    assert handover.take(partition.path) is None
    with partition.open_next(SCHEMA) as rows:
        assert _names(rows) == ["a", "b"] * 10


def test_a_file_that_fails_hands_nothing_on(partition: Partition) -> None:
    with pytest.raises(pa.ArrowInvalid):
        _write(partition, _table("a"), pa.table({"other": ["b"]}))
    assert handover.take(partition.path) is None


@given(
    st.lists(st.lists(st.sampled_from(["a", "b", "ä" * 9, "", None])), max_size=4),
    st.sampled_from([1, 3, 1 << 16]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_they_are_those_that_the_file_gives_type_for_type(
    partition: Partition, batches: list[list[str | None]], rows_a_group: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "ROW_GROUP_ROWS", rows_a_group)
        _write(partition, *[_table(*names) for names in batches])
    with partition.open_next(SCHEMA) as held, partition.open(SCHEMA) as read:
        assert held.num_row_groups == read.num_row_groups
        for number in range(read.num_row_groups):
            ours, theirs = held.read_row_group(number), read.read_row_group(number)
            assert ours.schema.names == theirs.schema.names
            assert ours.to_pylist() == theirs.to_pylist()
            some = ["name", "size"]
            assert held.read_row_group(number, some).to_pylist() == (
                read.read_row_group(number, some).to_pylist()
            )


def _requests(number: int) -> list[dict[str, Any]]:
    entries = []
    for index in range(number):
        entry = request(f"id-{index:05}", DAY)
        entry["httpRequest"] |= {
            "requestUrl": f"https://example.org/pudl/plants.json?x={index * 7 % 900}"
            + "&long=" * (index % 3 * 400),
            "remoteIp": f"8.8.{index % 7}.{index % 250}",
            "userAgent": f"Mozilla/5.0 Chrome/{index % 90}.0.0.0",
        }
        entries.append(entry)
    return entries


def test_what_geocode_makes_is_the_same_whether_it_has_or_reads_the_rows(
    flow: Flow,
) -> None:
    flow.export(DAY, *_requests(3000))
    flow.export(DAY + dt.timedelta(days=1), request("next", DAY + dt.timedelta(days=1)))
    Extract(date=DAY).run()
    Clean(date=DAY).run()
    urls = flow.table("cleaned")["request_url"].unique()
    assert urls.nbytes > 1 << 20, "a dictionary page of Parquet's would hold them all"
    Geocode(date=DAY).run()
    handed_on = flow.facts("geocoded")["content_id"]
    flow.delete("geocoded")
    assert handover.take(flow.partition("cleaned").path) is None
    Geocode(date=DAY).run()
    assert flow.facts("geocoded")["content_id"] == handed_on


def test_in_one_process_geocode_reads_nothing_that_clean_wrote(flow: Flow) -> None:
    flow.export(DAY, request("a", DAY))
    flow.export(DAY + dt.timedelta(days=1), request("b", DAY + dt.timedelta(days=1)))
    Extract(date=DAY).run()
    Clean(date=DAY).run()
    _spoil_rows(flow.partition("cleaned"))
    Geocode(date=DAY).run()
    assert flow.table("geocoded")["insert_id"].to_pylist() == ["a"]
