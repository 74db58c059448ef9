"""A partition: where it is, what it holds, what its footer says."""

import datetime as dt
import itertools
import os
import time
import uuid
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from s3_server import S3Server, start_s3_server  # noqa: F401

from usage_metrics.arrow import INTEGER, STRING, TIMESTAMP, column
from usage_metrics.errors import PartitionError, StorageError
from usage_metrics.partitions import storage, writer
from usage_metrics.partitions.footer import SEAL, SEAL_BYTES, facts_of
from usage_metrics.partitions.listings import listing_once
from usage_metrics.partitions.partition import (
    FILE_NAME,
    RETRY_MARKER,
    Partition,
    days_to_ask_again,
    left_over,
    list_partitions,
    move_old_markers,
)
from usage_metrics.partitions.row_groups import row_groups

DAY = dt.date(2026, 3, 2)
SCHEMA = pa.schema(
    [
        column("id", STRING, "An id"),
        column("size", INTEGER, "A size", unit="bytes"),
        column("time", TIMESTAMP, "A time"),
    ]
)
MOMENT = dt.datetime(2026, 3, 2, 14, 25, 58, 184967, dt.UTC)


def _table(*ids: str | None, size: int | None = None) -> pa.Table:
    rows = [{"id": id_, "size": size, "time": MOMENT} for id_ in ids]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _partition(root: Path, day: dt.date = DAY, stage: str = "raw") -> Partition:
    return Partition(str(root), stage, "toy", day)


def _write(partition: Partition, *tables: pa.Table, **facts: Any) -> Partition:
    with partition.writing(SCHEMA) as file:
        for table in tables:
            file.write(table)
        file.facts |= facts
    return partition


def _files_in(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file()]


def _names_in(partition: Partition) -> list[str]:
    return [path.name for path in Path(partition.folder).iterdir()]


# --- where ----------------------------------------------------------------------------


def test_a_partition_is_one_file_in_a_folder_named_after_its_day(
    tmp_path: Path,
) -> None:
    partition = _write(_partition(tmp_path), _table("a"))
    assert partition.path == f"{tmp_path}/raw/toy/date=2026-03-02/part-0.parquet"
    assert _names_in(partition) == [FILE_NAME]
    assert partition.exists()
    assert not _partition(tmp_path, DAY + dt.timedelta(days=1)).exists()


def test_a_listing_has_the_days_in_order_each_with_a_fingerprint(
    tmp_path: Path,
) -> None:
    days = [DAY + dt.timedelta(days=n) for n in (5, 0, 3)]
    for day in days:
        _write(_partition(tmp_path, day), _table("a"))
    listed = list_partitions(str(tmp_path), "raw", "toy")
    assert list(listed) == sorted(days)
    assert all(listed.values())
    assert list_partitions(str(tmp_path), "cleaned", "toy") == {}


def test_the_fingerprint_changes_when_the_file_is_replaced(tmp_path: Path) -> None:
    partition = _write(_partition(tmp_path), _table("a"))
    before = list_partitions(str(tmp_path), "raw", "toy")
    _write(partition, _table("a"))
    assert list_partitions(str(tmp_path), "raw", "toy") != before


@pytest.mark.parametrize(
    "name",
    [
        "date=2026-03-02/other.parquet",
        "date=2026-03-02/.part-0.parquet.tmp-0123456789abcdef",
        "date=2026-03-02/more/part-0.parquet",
        "date=2026-02-30/part-0.parquet",
        "date=2026-3-2/part-0.parquet",
        "date=__HIVE_DEFAULT_PARTITION__/part-0.parquet",
        "part-0.parquet",
        "README.md",
    ],
)
def test_what_is_no_partition_is_not_listed(tmp_path: Path, name: str) -> None:
    file = tmp_path / "raw/toy" / name
    file.parent.mkdir(parents=True)
    file.touch()
    assert list_partitions(str(tmp_path), "raw", "toy") == {}


@pytest.fixture(params=["a folder", "a store"])
def anywhere(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A root in a folder, or in a store, whose times have whole seconds."""
    if request.param == "a folder":
        return str(tmp_path)
    server: S3Server = request.getfixturevalue("s3_server")
    server.create(name := f"marks-{uuid.uuid4().hex}")
    return server.uri(name)


def test_a_partition_to_be_asked_again_is_done_for_this_run_but_not_for_the_next(
    anywhere: str,
) -> None:
    partition = Partition(anywhere, "geocoded", "toy", DAY)

    def is_done() -> bool:
        listed = list_partitions(anywhere, "geocoded", "toy")
        assert partition.exists() == (DAY in listed)
        return DAY in listed

    partition.ask_again(wanted=True)
    _write(partition, _table("a"))
    assert is_done()
    left_over.cache_clear()  # as in the next process
    assert not is_done()
    partition.ask_again(wanted=False)
    assert is_done()


def test_a_day_that_was_asked_about_in_vain_is_done_for_this_run_by_whomever(
    anywhere: str,
) -> None:
    """Another run may have tried; the mark may have come in the same second."""
    partition = Partition(anywhere, "geocoded", "toy", DAY)
    partition.ask_again(wanted=True)
    _write(partition, _table("a"))
    left_over.cache_clear()
    assert not partition.exists()
    partition.ask_again(wanted=True)
    assert partition.exists()


def test_a_mark_of_a_clock_that_is_ahead_counts_in_the_next_run(tmp_path: Path) -> None:
    partition = _write(_partition(tmp_path, stage="geocoded"), _table("a"))
    partition.ask_again(wanted=True)
    ahead = time.time() + 3600
    os.utime(partition.marker(RETRY_MARKER), (ahead, ahead))
    left_over.cache_clear()
    assert not partition.exists()


def test_markers_and_drafts_are_not_where_readers_look(tmp_path: Path) -> None:
    """Polars refuses a folder that holds anything but Parquet."""
    partition = _partition(tmp_path, stage="geocoded")
    with partition.writing(SCHEMA):
        assert _files_in(tmp_path / "geocoded") == []
    partition.ask_again(wanted=True)
    partition.mark_checked()
    assert _files_in(tmp_path / "geocoded") == [FILE_NAME]
    partition.delete()
    assert _files_in(tmp_path) == []


@pytest.mark.parametrize(
    ("stage", "marker"), [("geocoded", ".unanswered"), ("raw", ".read-again")]
)
def test_what_version_0_1_kept_beside_a_file_is_taken_away(
    tmp_path: Path, stage: str, marker: str
) -> None:
    partition = _write(_partition(tmp_path, stage=stage), _table("a"))
    Path(partition.folder, marker).write_text("a marker\n")
    draft = Path(partition.folder).parent / f".part-0.parquet.tmp-{'0' * 32}"
    draft.touch()
    storage.sweep_once.cache_clear()  # as a new process
    move_old_markers.cache_clear()
    _write(_partition(tmp_path, DAY + dt.timedelta(days=1), stage), _table("b"))
    assert _files_in(tmp_path / stage) == [FILE_NAME] * 2
    to_ask_again = days_to_ask_again(str(tmp_path), "toy")
    assert to_ask_again == ([DAY] if stage == "geocoded" else [])


# --- what -----------------------------------------------------------------------------


def test_what_is_read_is_what_was_written_to_the_microsecond(tmp_path: Path) -> None:
    table = _table("a", None, "ü\x00\u202e'", size=2**53 + 1)
    with _write(_partition(tmp_path), table).open() as file:
        assert file.read().equals(table)
        assert file.schema_arrow.equals(SCHEMA, check_metadata=True)


def test_a_partition_without_rows_has_the_whole_schema(tmp_path: Path) -> None:
    with _write(_partition(tmp_path)).open() as file:
        assert file.read().equals(SCHEMA.empty_table())
        assert facts_of(file.metadata)["rows"] == 0


def test_readers_see_plain_columns_where_dictionaries_were_written(
    tmp_path: Path,
) -> None:
    table = _table("a", "b", "a")
    encoded = table.set_column(0, "id", table["id"].dictionary_encode())
    partition = _write(_partition(tmp_path), encoded, encoded)
    assert pq.read_schema(partition.path).field("id").type == STRING
    assert pq.ParquetFile(partition.path).read()["id"].to_pylist() == [*"abaaba"]


def test_what_is_stored_as_a_dictionary_is_read_as_one(tmp_path: Path) -> None:
    table = _table("a", "b", "a")
    encoded = table.set_column(0, "id", table["id"].dictionary_encode())
    with _write(_partition(tmp_path), encoded).open() as file:
        assert file.read()["id"].type == pa.dictionary(pa.int32(), STRING)
    with _write(_partition(tmp_path), table).open() as file:
        assert file.read()["id"].type == STRING


def test_rows_are_written_and_read_a_row_group_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "ROW_GROUP_ROWS", 10)
    partition = _write(_partition(tmp_path), *[_table(*"abcd")] * 6)
    with partition.open() as file:
        groups = [(start, table.num_rows) for start, table in row_groups(file)]
    assert sum(rows for _, rows in groups) == 24
    assert all(rows <= 10 for _, rows in groups)
    assert [start for start, _ in groups] == [
        sum(rows for _, rows in groups[:number]) for number in range(len(groups))
    ]


def test_a_few_rows_are_a_row_group_if_they_are_very_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "ROW_GROUP_BYTES", 3 << 20)
    long = _table("x" * (1 << 20))
    partition = _write(_partition(tmp_path), *[long] * 8)
    with partition.open() as file:
        assert [len(table) for _, table in row_groups(file)] == [3, 3, 2]


def test_pandas_duckdb_and_arrow_read_the_folder_as_one_table(tmp_path: Path) -> None:
    for day, ids in ((DAY, "ab"), (DAY + dt.timedelta(days=1), "")):
        _write(_partition(tmp_path, day), _table(*ids))
    folder = f"{tmp_path}/raw/toy"
    frame = pd.read_parquet(folder, filters=[("date", ">=", "2026-03-02")])
    assert list(frame["id"]) == ["a", "b"]
    assert [str(day) for day in frame["date"]] == ["2026-03-02"] * 2
    assert pads.dataset(folder, partitioning="hive").count_rows() == 2
    rows = duckdb.execute(
        f"SELECT id, date FROM '{folder}/**/*.parquet' ORDER BY id"
    ).fetchall()
    assert rows == [("a", DAY), ("b", DAY)]


# --- the footer -----------------------------------------------------------------------


def test_the_footer_says_what_made_the_file(tmp_path: Path) -> None:
    partition = _write(_partition(tmp_path), _table("a", "b"), duplicates=7)
    facts = partition.facts()
    assert facts["rows"] == 2
    assert facts["duplicates"] == 7
    assert (facts["stage"], facts["source"]) == ("raw", "toy")
    assert facts["date"] == "2026-03-02"
    assert facts["made_by"].startswith("usage_metrics ")
    assert dt.datetime.fromisoformat(facts["made_at"]).tzinfo is not None


@settings(max_examples=40)
@given(
    ids=st.lists(st.none() | st.text(max_size=5), max_size=30),
    cuts=st.lists(st.integers(0, 30), max_size=4),
)
def test_equal_rows_have_equal_content_ids_however_they_came(
    tmp_path_factory: pytest.TempPathFactory, ids: list[str | None], cuts: list[int]
) -> None:
    root = tmp_path_factory.mktemp("root")
    table = _table(*ids)
    bounds = [0, *sorted(min(cut, len(ids)) for cut in cuts), len(ids)]
    pieces = [
        table.slice(start, stop - start) for start, stop in itertools.pairwise(bounds)
    ]
    whole = _write(_partition(root, stage="raw"), table).facts()
    cut_up = _write(_partition(root, stage="cleaned"), *pieces, other=1).facts()
    assert whole["content_id"] == cut_up["content_id"]


@pytest.mark.parametrize(
    "other", [_table("a"), _table("b", "a"), _table("a", "b", size=1), _table()]
)
def test_other_rows_have_another_content_id(tmp_path: Path, other: pa.Table) -> None:
    first = _write(_partition(tmp_path, stage="raw"), _table("a", "b")).facts()
    second = _write(_partition(tmp_path, stage="cleaned"), other).facts()
    assert first["content_id"] != second["content_id"]


# --- what is wrong --------------------------------------------------------------------


def _truncate(partition: Partition) -> None:
    content = Path(partition.path).read_bytes()
    Path(partition.path).write_bytes(content[: len(content) // 2])


def _empty(partition: Partition) -> None:
    Path(partition.path).write_bytes(b"")


def _overwrite(partition: Partition) -> None:
    Path(partition.path).write_text("this is no Parquet file\n" * 9)


def _of_another_program(partition: Partition) -> None:
    pq.write_table(_table("a"), partition.path)


def _of_another_day(partition: Partition) -> None:
    other = Partition(partition.root, "raw", "toy", DAY - dt.timedelta(days=1))
    Path(_write(other, _table("a")).path).replace(partition.path)


def _delete(partition: Partition) -> None:
    Path(partition.path).unlink()


@pytest.mark.parametrize(
    "damage",
    [_truncate, _empty, _overwrite, _of_another_program, _of_another_day, _delete],
)
def test_a_file_that_is_not_ours_or_damaged_is_named_with_the_remedy(
    tmp_path: Path, damage: Any
) -> None:
    partition = _write(_partition(tmp_path), _table("a"))
    damage(partition)
    with pytest.raises(StorageError, match=rf"{partition.path} .*rerun"):
        partition.open()


@pytest.fixture(scope="module")
def varied(tmp_path_factory: pytest.TempPathFactory) -> tuple[Partition, bytes]:
    """A file with all that a column can be, of several row groups; and its bytes."""
    partition = _partition(tmp_path_factory.mktemp("varied"))
    nested = pa.struct([("x", pa.string()), ("l", pa.list_(pa.string()))])
    columns = {"id": pa.string(), "n": pa.int64(), "f": pa.float64(), "s": nested}
    rows = [
        {"id": f"id{n % 4}", "n": n, "f": n / 3, "s": {"x": "a" * n, "l": ["p"] * n}}
        for n in range(12)
    ]
    table = pa.Table.from_pylist(rows, schema=pa.schema(columns))
    with (
        pytest.MonkeyPatch.context() as patch,
        partition.writing(table.schema, ["id"]) as file,
    ):
        patch.setattr(writer, "ROW_GROUP_ROWS", 5)
        for start in range(0, 12, 4):
            file.write(table.slice(start, 4))
    return partition, Path(partition.path).read_bytes()


@settings(max_examples=400)
@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_found_wherever_it_is_and_read_by_no_stage(
    varied: tuple[Partition, bytes], where: float, bit: int
) -> None:
    partition, good = varied
    flipped = bytearray(good)
    flipped[int(where * len(good))] ^= 1 << bit
    Path(partition.path).write_bytes(flipped)
    with pytest.raises(PartitionError, match=r"rerun"):
        partition.open()
    with pytest.raises(PartitionError, match=r"rerun"):
        partition.verify()


@given(length=st.integers(0, 10_000))
def test_a_file_that_was_cut_off_anywhere_is_found(
    varied: tuple[Partition, bytes], length: int
) -> None:
    partition, good = varied
    Path(partition.path).write_bytes(good[: min(length, len(good) - 1)])
    with pytest.raises(PartitionError, match=r"rerun"):
        partition.open()


def test_a_damaged_footer_is_found_by_who_reads_nothing_else(
    varied: tuple[Partition, bytes],
) -> None:
    partition, good = varied
    flipped = bytearray(good)
    flipped[good.rindex(b"usage_metrics 0.")] ^= 1  # it is JSON still
    Path(partition.path).write_bytes(flipped)
    with pytest.raises(PartitionError, match="does not hold what was written to it"):
        partition.facts()


def test_files_of_the_first_version_which_had_no_seal_are_read(
    varied: tuple[Partition, bytes],
) -> None:
    partition, good = varied
    start = good.index(SEAL)
    content, footer = good[:start], good[start + SEAL_BYTES :]
    unsealed = content + footer.replace(b'"is_sealed": true', b'"columns": "1234"')
    Path(partition.path).write_bytes(unsealed)
    with partition.open() as file:
        assert file.metadata.num_rows == 12
    Path(partition.path).write_bytes(content + footer)
    with pytest.raises(PartitionError, match="does not hold what was written to it"):
        partition.open()


def test_a_file_with_other_columns_is_named_with_the_remedy(tmp_path: Path) -> None:
    partition = _write(_partition(tmp_path), _table("a"))
    with pytest.raises(StorageError, match=r"another version .*delete it and rerun"):
        partition.open(schema=pa.schema([*SCHEMA, column("more", STRING, "More")]))


def test_an_error_in_mid_write_leaves_what_was_there(tmp_path: Path) -> None:
    partition = _write(_partition(tmp_path), _table("old"))
    with (  # noqa: PT012
        pytest.raises(ZeroDivisionError),
        partition.writing(SCHEMA) as file,
    ):
        file.write(_table(*"new"))
        raise ZeroDivisionError
    assert partition.facts()["rows"] == 1
    assert _names_in(partition) == [FILE_NAME]


# --- one listing for one question -----------------------------------------------------


def _days_listed(root: Path, stage: str = "raw") -> list[dt.date]:
    return list(list_partitions(str(root), stage, "toy"))


def test_the_parts_of_a_question_see_the_same_files(tmp_path: Path) -> None:
    path = Path(_write(_partition(tmp_path), _table("a")).path)
    with listing_once():
        assert _days_listed(tmp_path) == [DAY]
        list_partitions(str(tmp_path), "raw", "toy").clear()  # a copy
        with listing_once():
            path.unlink()  # as another process might
            assert _days_listed(tmp_path) == [DAY]
        assert _days_listed(tmp_path) == [DAY]
    assert _days_listed(tmp_path) == []


def test_a_question_sees_what_this_process_writes_and_deletes(tmp_path: Path) -> None:
    with listing_once():
        assert _days_listed(tmp_path) == []
        partition = _write(_partition(tmp_path), _table("a"))
        assert _days_listed(tmp_path) == [DAY]
        partition.delete()
        assert _days_listed(tmp_path) == []


def test_a_question_asked_within_a_write_does_not_outlast_it(tmp_path: Path) -> None:
    partition = _partition(tmp_path)
    with listing_once():
        with partition.writing(SCHEMA) as file:
            file.write(_table("a"))
            assert _days_listed(tmp_path) == []
        assert _days_listed(tmp_path) == [DAY]


def test_a_failed_question_keeps_no_listing(tmp_path: Path) -> None:
    @listing_once()
    def ask() -> None:
        assert _days_listed(tmp_path) == []
        raise StorageError("the disk is gone")

    with pytest.raises(StorageError):
        ask()
    path = Path(_write(_partition(tmp_path), _table("a")).path)
    assert _days_listed(tmp_path) == [DAY]
    path.unlink()  # as another process might
    assert _days_listed(tmp_path) == []
