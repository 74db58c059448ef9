"""The database: whole days only, for every reader, whatever happens to the writer."""

import contextlib
import dataclasses
import datetime as dt
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pyarrow as pa
import pytest
from flow import DAY, ONE_DAY
from hypothesis import given
from hypothesis import strategies as st

from usage_metrics.arrow import BOOLEAN, INTEGER, NUMBER, STRING, TIMESTAMP, column
from usage_metrics.errors import StorageError
from usage_metrics.partitions import partition
from usage_metrics.partitions.listings import listing_once
from usage_metrics.partitions.partition import Partition
from usage_metrics.warehouse import comparison, inspection, metadata, sqlite
from usage_metrics.warehouse.comparison import damaged_days
from usage_metrics.warehouse.reading import open_tables
from usage_metrics.warehouse.rows import insertion
from usage_metrics.warehouse.sqlite import Warehouse, changes
from usage_metrics.warehouse.table import LONGEST_LITERAL, Table, of_partition, quoted

TEXT = (
    st.text(st.characters(exclude_categories=["Cs"]))
    | st.text("'\0;\"?", max_size=5)
    | st.just("'" * (LONGEST_LITERAL + 1))
)
"""Any text, and what could end a text in a statement; Arrow has no lone surrogates."""

SCHEMA = pa.schema(
    [
        column("id", STRING, "An id"),
        column("time", TIMESTAMP, "When", unit="UTC"),
        column("size", INTEGER, "How much", unit="bytes"),
        column("share", NUMBER, "What part"),
        column("wanted", BOOLEAN, "Whether it is loaded"),
    ]
)
REQUESTS = Table(
    name="toy_requests",
    columns=lambda: SCHEMA,
    primary_key=("id", "time"),
    indexes=(("size", "id"),),
    time="time",
    load_filter=None,
)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    found = Warehouse(str(tmp_path / "toy.db"), busy_seconds=0.2)
    found.create(REQUESTS)
    return found


def _rows(*ids: str, day: dt.date = DAY, **values: Any) -> list[dict[str, Any]]:
    time = dt.datetime.combine(day, dt.time(14, 25, 58, 184967), dt.UTC)
    return [{"id": id_, "time": time, "wanted": True, **values} for id_ in ids]


def _file(
    root: Path, rows: list[dict[str, Any]], day: dt.date = DAY, source: str = "toy"
) -> Partition:
    partition = Partition(str(root), "geocoded", source, day)
    with partition.writing(SCHEMA) as file:
        file.write(pa.Table.from_pylist(rows, schema=SCHEMA))
    return partition


def _query(warehouse: Warehouse, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(warehouse.path)) as connection:
        return connection.execute(sql, values).fetchall()


def _ids(warehouse: Warehouse) -> list[str]:
    return [
        row[0] for row in _query(warehouse, "SELECT id FROM toy_requests ORDER BY 1")
    ]


# --- what is loaded -------------------------------------------------------------------


def test_values_come_back_as_they_are_in_the_file(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    rows = _rows("a", size=2**53 + 1, share=0.1) + _rows("b", wanted=False)
    assert warehouse.replace_day(REQUESTS, _file(tmp_path, rows), "f") == 2
    assert _query(warehouse, "SELECT * FROM toy_requests ORDER BY id") == [
        ("a", "2026-03-02 14:25:58.184967", 2**53 + 1, 0.1, 1),
        ("b", "2026-03-02 14:25:58.184967", None, None, 0),
    ]


def test_times_are_text_that_sqlite_computes_with_and_that_sorts_like_time(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    midnight = dt.datetime.combine(DAY, dt.time(), dt.UTC)
    moments = [0, 1, 999_999, 1_000_000, 59_000_000, 86_399_999_999]
    rows = [
        {"id": str(n), "time": midnight + dt.timedelta(microseconds=moment)}
        for n, moment in enumerate(moments)
    ]
    warehouse.replace_day(REQUESTS, _file(tmp_path, rows), "f")
    sql = (
        "SELECT id, date(time), strftime('%H:%M', time) FROM toy_requests ORDER BY time"
    )
    assert _query(warehouse, sql) == [
        (str(n), "2026-03-02", "00:00" if n < 5 else "23:59")
        for n in range(len(moments))
    ]


@pytest.mark.parametrize(
    "text",
    [
        "'; DROP TABLE toy_requests; --",
        '"quoted" ?1 :name %s %(x)s {y}',
        "nul \x00 in the middle",
        "lines\r\nand\ttabs\x1b[2J",
        "\u202ethgir ot tfel \U0001f600 ü 漢",
        "=HYPERLINK(1)",
        "x" * 1_000_000,
        "",
    ],
    ids=lambda text: repr(text[:12]),
)
def test_hostile_text_is_text(warehouse: Warehouse, tmp_path: Path, text: str) -> None:
    warehouse.replace_day(REQUESTS, _file(tmp_path, _rows(text, "b")), "f")
    assert sorted(_ids(warehouse)) == sorted([text, "b"])


@given(
    text=TEXT,
    number=st.integers(-(2**63), 2**63 - 1),
    flag=st.booleans(),
    rows=st.integers(1, 3),
    codes=st.lists(st.sampled_from([0, 1, None]), min_size=3, max_size=3),
)
def test_values_that_all_rows_share_are_inserted_as_they_are(
    text: str, number: int, flag: bool, rows: int, codes: list[int | None]
) -> None:
    table = pa.table(
        {
            "id": pa.array(range(rows)),
            "text": pa.array([text] * rows).dictionary_encode(),
            "number": pa.array([number] * rows),
            "flag": pa.array([flag] * rows),
            "share": pa.array([0.1] * rows),
            "texts": pa.DictionaryArray.from_arrays(
                pa.array(codes[:rows], pa.int32()), pa.array([text, "x"])
            ),
        }
    )
    sql, given = insertion('toy "requests"', table)
    assert not {"number", "flag"} & set(given.column_names)
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        names = ", ".join(map(quoted, table.column_names))
        connection.execute(f'CREATE TABLE "toy ""requests""" ({names})')
        values = [tuple(row.values()) for row in given.to_pylist()]
        connection.executemany(sql, values)
        found = connection.execute('SELECT * FROM "toy ""requests"""').fetchall()
    assert found == [tuple(row.values()) for row in table.to_pylist()]


def test_only_therows_to_load_are_loaded(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path / "toy.db"), 0.2)
    table = dataclasses.replace(REQUESTS, load_filter="wanted")
    warehouse.create(table)
    rows = _rows("a") + _rows("b", wanted=False) + _rows("c", wanted=None)
    assert warehouse.replace_day(table, _file(tmp_path, rows), "f") == 1
    assert _ids(warehouse) == ["a"]
    assert _query(
        warehouse, "SELECT requests, loaded FROM usage_metrics_partitions"
    ) == [(3, 1)]


def test_a_day_without_rows_is_loaded_too(warehouse: Warehouse, tmp_path: Path) -> None:
    assert warehouse.replace_day(REQUESTS, _file(tmp_path, []), "f") == 0
    assert list(warehouse.loaded(REQUESTS.name, "toy")) == [DAY]


def test_a_day_loaded_twice_is_there_once(warehouse: Warehouse, tmp_path: Path) -> None:
    for _ in range(2):
        warehouse.replace_day(REQUESTS, _file(tmp_path, _rows("a", "b")), "f")
    assert _ids(warehouse) == ["a", "b"]


def test_a_day_is_replaced_and_no_other(warehouse: Warehouse, tmp_path: Path) -> None:
    for day, id_ in ((DAY - ONE_DAY, "x"), (DAY, "a"), (DAY + ONE_DAY, "y")):
        file = _file(tmp_path, _rows(id_, day=day), day)
        warehouse.replace_day(REQUESTS, file, "f")
    changed = _file(tmp_path, _rows("a", "b", size=1))
    warehouse.replace_day(REQUESTS, changed, "g")
    assert _ids(warehouse) == ["a", "b", "x", "y"]
    assert _query(warehouse, "SELECT size FROM toy_requests WHERE id = 'a'") == [(1,)]
    warehouse.drop_day(REQUESTS, "toy", DAY)
    assert _ids(warehouse) == ["x", "y"]
    assert list(warehouse.loaded(REQUESTS.name, "toy")) == [
        DAY - ONE_DAY,
        DAY + ONE_DAY,
    ]


def test_one_id_at_two_moments_is_two_rows_and_at_one_moment_is_one(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    other_day = _file(tmp_path, _rows("a", day=DAY + ONE_DAY), DAY + ONE_DAY)
    warehouse.replace_day(REQUESTS, other_day, "f")
    file = _file(tmp_path, _rows("a", size=1) + _rows("a", size=2))
    assert warehouse.replace_day(REQUESTS, file, "f") == 1
    assert _ids(warehouse) == ["a", "a"]
    sql = "SELECT requests, loaded FROM usage_metrics_partitions WHERE date = ?"
    assert _query(warehouse, sql, str(DAY)) == [(2, 1)], "the difference is on record"


# --- what the file says about itself --------------------------------------------------


def test_the_table_has_its_primary_key_and_indexes(warehouse: Warehouse) -> None:
    warehouse.finish(REQUESTS)
    sql = "SELECT name FROM pragma_table_info('toy_requests') WHERE pk > 0 ORDER BY pk"
    assert _query(warehouse, sql) == [("id",), ("time",)]
    sql = "SELECT name FROM pragma_index_list('toy_requests') WHERE origin = 'c'"
    assert sorted(_query(warehouse, sql)) == [
        ("toy_requests_size_id",),
        ("toy_requests_time",),
    ]


def test_indexes_are_made_after_the_first_load_and_then_kept(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    sql = "SELECT name FROM pragma_index_list('toy_requests') WHERE origin = 'c'"
    warehouse.replace_day(REQUESTS, _file(tmp_path, _rows("a")), "f")
    assert _query(warehouse, sql) == [("toy_requests_time",)], "which finds a day"
    assert not warehouse.is_finished(REQUESTS)
    warehouse.finish(REQUESTS)
    assert warehouse.is_finished(REQUESTS)
    warehouse.create(REQUESTS)
    warehouse.replace_day(REQUESTS, _file(tmp_path, _rows("b")), "g")
    assert len(_query(warehouse, sql)) == 2
    used = _query(
        warehouse, "EXPLAIN QUERY PLAN SELECT id FROM toy_requests WHERE size=1"
    )
    assert "toy_requests_size_id" in str(used)


def test_what_is_not_there_lacks_no_index(tmp_path: Path) -> None:
    absent = Warehouse(str(tmp_path / "toy.db"), 0.2)
    assert absent.is_finished(REQUESTS)
    absent.create(dataclasses.replace(REQUESTS, name="other"))
    absent.finish()
    assert absent.is_finished(REQUESTS)


def test_a_day_is_found_without_reading_the_others(warehouse: Warehouse) -> None:
    where, bounds = of_partition(REQUESTS, "toy", DAY)
    plan = f"EXPLAIN QUERY PLAN DELETE FROM toy_requests {where}"
    ((*_, detail),) = _query(warehouse, plan, *bounds)
    assert detail.startswith("SEARCH toy_requests USING INDEX toy_requests_time")


def test_who_opens_the_file_finds_what_every_column_holds(
    warehouse: Warehouse,
) -> None:
    assert _query(warehouse, "SELECT * FROM usage_metrics_columns") == [
        ("toy_requests", "id", "TEXT", "", "An id"),
        ("toy_requests", "time", "TEXT", "UTC", "When"),
        ("toy_requests", "size", "INTEGER", "bytes", "How much"),
        ("toy_requests", "share", "REAL", "", "What part"),
        ("toy_requests", "wanted", "INTEGER", "", "Whether it is loaded"),
    ]


def test_who_opens_the_file_finds_what_was_loaded_from_where_and_when(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    file = _file(tmp_path, _rows("a"))
    warehouse.replace_day(REQUESTS, file, "f")
    ((*found, loaded_at),) = _query(warehouse, "SELECT * FROM usage_metrics_partitions")
    content_id = file.facts()["content_id"]
    assert found == [
        REQUESTS.name,
        "toy",
        "2026-03-02",
        file.path,
        "f",
        content_id,
        1,
        1,
    ]
    assert abs(dt.datetime.fromisoformat(loaded_at) - dt.datetime.now(dt.UTC)) < ONE_DAY


def test_names_with_quotes_are_names(tmp_path: Path) -> None:
    name = """we"ird'; DROP TABLE x; --"""
    schema = pa.schema([field.with_name(f'{field.name}"?') for field in SCHEMA])
    table = Table(name, lambda: schema, 'time"?', ('id"?',), (('size"?',),))
    warehouse = Warehouse(str(tmp_path / "toy.db"), 0.2)
    warehouse.create(table)
    partition = Partition(str(tmp_path), "geocoded", "toy", DAY)
    with partition.writing(schema) as file:
        rows = pa.Table.from_pylist(_rows("a"), schema=SCHEMA)
        file.write(rows.rename_columns(schema.names))
    assert warehouse.replace_day(table, partition, "f") == 1
    select = f'SELECT "id""?" FROM {quoted(name)}'
    assert _query(warehouse, select) == [("a",)]


# --- what has changed -----------------------------------------------------------------


def _changes(
    warehouse: Warehouse, files: dict[dt.date, str], content_id: str = "?"
) -> tuple[list[dt.date], list[dt.date]]:
    among = {DAY, DAY + ONE_DAY}
    loaded = warehouse.loaded(REQUESTS.name, "toy")
    return changes(loaded, files, lambda _: content_id, among)


def test_only_days_with_other_content_are_loaded_again(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    file = _file(tmp_path, _rows("a"))
    assert _changes(warehouse, {DAY: "f"}) == ([DAY], [])
    warehouse.replace_day(REQUESTS, file, "f")
    assert _changes(warehouse, {DAY: "f"}) == ([], [])
    same = str(file.facts()["content_id"])
    assert _changes(warehouse, {DAY: "touched"}, same) == ([], [])
    assert _changes(warehouse, {DAY: "rebuilt"}, "other") == ([DAY], [])
    assert _changes(warehouse, {DAY: "f", DAY + ONE_DAY: "g"}) == ([DAY + ONE_DAY], [])


def test_a_day_whose_file_is_gone_is_to_be_dropped_if_it_is_in_question(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    for day in (DAY, DAY + 5 * ONE_DAY):
        warehouse.replace_day(REQUESTS, _file(tmp_path, _rows("a", day=day), day), "f")
    assert _changes(warehouse, {}) == ([], [DAY])


def test_sources_do_not_see_each_others_days(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    warehouse.replace_day(REQUESTS, _file(tmp_path, _rows("a")), "f")
    assert warehouse.loaded(REQUESTS.name, "another") == {}


def test_the_parts_of_a_question_are_answered_once_until_a_day_is_loaded(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Mock(wraps=sqlite3.connect)
    monkeypatch.setattr(sqlite3, "connect", opened)
    file = _file(tmp_path, _rows("a"))
    with listing_once():
        assert warehouse.loaded_of(source="toy") == {}
        warehouse.replace_day(REQUESTS, file, "f")
        for asked in (warehouse, Warehouse(warehouse.path, 0.2)):
            opened.reset_mock()
            there = asked.loaded_of(source="toy")
            assert list(there[REQUESTS.name, "toy"]) == [DAY]
        opened.assert_not_called()
        assert warehouse.loaded_of(source="another") == {}


def test_a_database_that_is_not_there_holds_nothing_and_is_not_made_by_looking(
    tmp_path: Path,
) -> None:
    warehouse = Warehouse(str(tmp_path / "none.db"), 0.2)
    assert warehouse.loaded(REQUESTS.name, "toy") == {}
    assert list(tmp_path.iterdir()) == []


def test_a_database_in_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path / "new/folder/x.db"), 0.2)
    warehouse.create(REQUESTS)
    assert _ids(warehouse) == []


# --- one transaction ------------------------------------------------------------------

ENVIRONMENT = os.environ | {
    "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])
}
"""Of programs that use the tables declared here."""

LOADER = """
import os, signal, sys
import test_sqlite as t
from usage_metrics.warehouse import inspection, sqlite

rows_to_load = sqlite.rows_to_load

def stop_in_the_middle(file, table):
    yield from rows_to_load(file, table)
    print("in the middle", flush=True)
    signal.pause()

sqlite.rows_to_load = stop_in_the_middle
warehouse = sqlite.Warehouse(sys.argv[1], 5)
partition = t.Partition(sys.argv[2], "geocoded", "toy", t.DAY)
warehouse.replace_day(t.REQUESTS, partition, "new")
"""
"""Loads a day and stops when the old rows are deleted and the new ones are in."""


@contextlib.contextmanager
def _in_mid_load(warehouse: Warehouse, root: Path) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-c", LOADER, warehouse.path, str(root)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "in the middle\n"
            yield process
        finally:
            process.kill()


@pytest.fixture
def changed(warehouse: Warehouse, tmp_path: Path) -> Warehouse:
    """A database that holds a day with ``old`` in it; its file has ``new``."""
    warehouse.replace_day(REQUESTS, _file(tmp_path, _rows("old")), "old")
    _file(tmp_path, _rows("new", "newer"))
    return warehouse


def test_a_reader_sees_the_old_day_until_the_new_one_is_whole_even_if_it_never_is(
    changed: Warehouse, tmp_path: Path
) -> None:
    with _in_mid_load(changed, tmp_path) as process:
        assert _ids(changed) == ["old"]
        assert changed.loaded(REQUESTS.name, "toy")[DAY].fingerprint == "old"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert _ids(changed) == ["old"]
    assert changed.loaded(REQUESTS.name, "toy")[DAY].fingerprint == "old"
    file = Partition(str(tmp_path), "geocoded", "toy", DAY)
    changed.replace_day(REQUESTS, file, "new")
    assert _ids(changed) == ["new", "newer"]


def test_another_writer_for_longer_than_busy_seconds_is_an_error_that_names_them(
    changed: Warehouse, tmp_path: Path
) -> None:
    file = Partition(str(tmp_path), "geocoded", "toy", DAY)
    with (
        _in_mid_load(changed, tmp_path),
        pytest.raises(
            StorageError, match=r"toy.db: .*locked.*longer than \[database\] busy_sec"
        ),
    ):
        changed.replace_day(REQUESTS, file, "new")
    assert _ids(changed) == ["old"]


def test_a_report_waits_for_a_program_that_has_the_database_alone_for_a_moment(
    changed: Warehouse,
) -> None:
    """As each does that opens it first or closes it last."""
    holding = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA locking_mode = EXCLUSIVE")
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
"""
    with subprocess.Popen(
        [sys.executable, "-c", holding, changed.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(StorageError, match=r"locked.*longer than .*busy_seconds"),
            open_tables(changed.path, 0) as tables,
        ):
            tables.contents(REQUESTS.name, "toy")
        release = threading.Timer(0.1, holder.stdin.close)
        release.start()
        with open_tables(changed.path) as tables:
            assert list(tables.contents(REQUESTS.name, "toy")) == [DAY]
        release.join()


def test_a_reader_in_a_long_transaction_stops_no_load_and_goes_on_seeing_the_old_day(
    changed: Warehouse, tmp_path: Path
) -> None:
    reading = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN")
for _ in range(2):
    print(connection.execute("SELECT group_concat(id) FROM toy_requests").fetchone()[0],
          flush=True)
    sys.stdin.readline()
"""
    with subprocess.Popen(
        [sys.executable, "-c", reading, changed.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as reader:
        assert reader.stdin is not None
        assert reader.stdout is not None
        assert reader.stdout.readline() == "old\n"
        file = Partition(str(tmp_path), "geocoded", "toy", DAY)
        assert changed.replace_day(REQUESTS, file, "new") == 2
        print(file=reader.stdin, flush=True)
        assert reader.stdout.readline() == "old\n"
    assert _ids(changed) == ["new", "newer"]


def test_an_error_between_delete_and_marker_leaves_the_old_day(
    changed: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def give_up(*_: object) -> None:
        raise ZeroDivisionError

    file = Partition(str(tmp_path), "geocoded", "toy", DAY)
    monkeypatch.setattr(sqlite, "of_partition", _second_time(give_up, of_partition))
    with pytest.raises(ZeroDivisionError):
        changed.replace_day(REQUESTS, file, "new")
    assert _ids(changed) == ["old"]
    assert changed.loaded(REQUESTS.name, "toy")[DAY].fingerprint == "old"


def _second_time(then: Any, first: Any) -> Any:
    calls = iter([first])
    return lambda *args: next(calls, then)(*args)


def test_another_one_that_is_making_the_file_is_waited_for(tmp_path: Path) -> None:
    path = f"{tmp_path}/x.db"
    with contextlib.closing(
        sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    ) as other:
        other.execute("CREATE TABLE other (n)")
        other.execute("BEGIN IMMEDIATE")
        other.execute("INSERT INTO other VALUES (1)")
        threading.Timer(0.3, lambda: other.execute("COMMIT")).start()
        Warehouse(path, busy_seconds=30).create(REQUESTS)
        assert not other.in_transaction


FULL_DISK = """
import resource, sys
import test_sqlite as t
from usage_metrics.errors import StorageError
from usage_metrics.warehouse import sqlite

size = int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
warehouse = sqlite.Warehouse(sys.argv[1], 5)
partition = t.Partition(sys.argv[2], "geocoded", "toy", t.DAY)
try:
    with warehouse.kept_open():
        warehouse.replace_day(t.REQUESTS, partition, "new")
except StorageError as error:
    print(error)
"""
"""Loads a day where no file may grow beyond a size."""


@pytest.mark.parametrize("room", [20_000, 200_000])
def test_a_full_disk_leaves_the_old_day_and_says_so(
    warehouse: Warehouse, tmp_path: Path, room: int
) -> None:
    warehouse.replace_day(REQUESTS, _file(tmp_path, _rows("old")), "old")
    ids = [f"{number:06} {'x' * 100}" for number in range(5000)]
    file = _file(tmp_path, _rows(*ids))
    said = subprocess.run(
        [sys.executable, "-c", FULL_DISK, warehouse.path, str(tmp_path), str(room)],
        capture_output=True,
        text=True,
        check=True,
        env=ENVIRONMENT,
    ).stdout
    assert said == (
        f"{warehouse.path}: disk I/O error; that day is unchanged; make room "
        "on the disk and rerun\n"
    )
    assert _ids(warehouse) == ["old"]
    assert warehouse.loaded(REQUESTS.name, "toy")[DAY].fingerprint == "old"
    assert warehouse.replace_day(REQUESTS, file, "new") == 5000


# --- what is wrong --------------------------------------------------------------------


@pytest.mark.parametrize("when", ["before it is opened", "while it is read"])
def test_a_damaged_day_file_leaves_the_old_day_and_is_named(
    changed: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    if when == "while it is read":
        monkeypatch.setattr(partition, "check_content", lambda *_: None)
    file = Partition(str(tmp_path), "geocoded", "toy", DAY)
    content = bytearray(Path(file.path).read_bytes())
    content[10:60] = b"\xff" * 50
    Path(file.path).write_bytes(content)
    with pytest.raises(StorageError, match=r"(?s)toy.*2026-03-02.*delete it"):
        changed.replace_day(REQUESTS, file, "new")
    assert _ids(changed) == ["old"]


def test_a_day_file_with_other_columns_is_refused(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    more = pa.schema([*SCHEMA, column("more", STRING, "More")])
    partition = Partition(str(tmp_path), "geocoded", "toy", DAY)
    with partition.writing(more) as file:
        file.write(more.empty_table())
    with pytest.raises(StorageError, match=r"part-0.parquet was made by another ver"):
        warehouse.replace_day(REQUESTS, partition, "f")


def test_a_database_of_another_version_is_left_alone_and_named(
    changed: Warehouse, tmp_path: Path
) -> None:
    with contextlib.closing(sqlite3.connect(changed.path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    message = r"toy.db was made by another version .*layout 99.*delete it and rerun"
    with pytest.raises(StorageError, match=message):
        changed.loaded(REQUESTS.name, "toy")
    with pytest.raises(StorageError, match=message):
        changed.create(REQUESTS)
    assert _ids(changed) == ["old"]


def test_a_table_with_other_columns_is_left_alone_and_named(
    changed: Warehouse,
) -> None:
    before = _query(changed, "SELECT * FROM usage_metrics_columns")
    more = pa.schema([*SCHEMA, column("more", STRING, "More")])
    with pytest.raises(StorageError, match=r"table toy_requests .*another.*delete"):
        changed.create(dataclasses.replace(REQUESTS, columns=lambda: more))
    assert _ids(changed) == ["old"]
    assert _query(changed, "SELECT * FROM usage_metrics_columns") == before


@pytest.mark.parametrize("content", [b"this is no database\n" * 99, b"SQLite format 3"])
def test_a_file_that_is_no_database_is_left_alone_and_named(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "toy.db"
    path.write_bytes(content)
    warehouse = Warehouse(str(path), 0.2)
    with pytest.raises(StorageError, match=r"toy.db: .*not a database.*delete it"):
        warehouse.loaded(REQUESTS.name, "toy")
    with pytest.raises(StorageError, match="not a database"):
        warehouse.create(REQUESTS)
    assert path.read_bytes() == content


def test_a_damaged_database_is_named_with_the_remedy(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    ids = [f"id {number}" for number in range(5000)]
    warehouse.replace_day(REQUESTS, _file(tmp_path, _rows(*ids)), "f")
    content = bytearray(Path(warehouse.path).read_bytes())
    content[20_000:] = b"\xa5" * (len(content) - 20_000)
    Path(warehouse.path).write_bytes(content)
    with pytest.raises(StorageError, match=r"toy.db: .*malformed.*delete it and rerun"):
        warehouse.replace_day(REQUESTS, _file(tmp_path, _rows("a")), "g")


def test_a_database_where_no_folder_can_be_is_named_with_its_setting(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").touch()
    warehouse = Warehouse(str(tmp_path / "file/toy.db"), 0.2)
    with pytest.raises(StorageError, match=r"\[database\] path = .*cannot be made"):
        warehouse.create(REQUESTS)


# --- what can be said of all of it ----------------------------------------------------


def test_a_day_with_fewer_rows_than_were_loaded_is_named(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    warehouse.replace_day(REQUESTS, _file(tmp_path, _rows("a", "b")), "f")
    next_day = DAY + ONE_DAY
    file = _file(tmp_path, _rows("c", day=next_day), day=next_day)
    warehouse.replace_day(REQUESTS, file, "f")
    assert warehouse.damages() == []

    with contextlib.closing(sqlite3.connect(warehouse.path)) as connection, connection:
        connection.execute("DELETE FROM toy_requests WHERE id IN ('b', 'c')")
    two, one = warehouse.damages()
    assert "toy_requests holds 1 row of toy 2026-03-02, and 2 were loaded" in two
    assert "holds 0 rows of toy 2026-03-03, and 1 were loaded" in one


def test_the_size_of_each_table_is_told(warehouse: Warehouse, tmp_path: Path) -> None:
    rows = _rows(*map(str, range(2_000)))
    warehouse.replace_day(REQUESTS, _file(tmp_path, rows), "f")
    (name, count, size), *others = warehouse.sizes()

    assert (name, count) == ("toy_requests", 2_000)
    assert size > 100_000
    assert all(other < size for _, _, other in others)


def test_without_dbstat_sizes_are_estimated(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    warehouse.replace_day(REQUESTS, _file(tmp_path, _rows("a")), "f")
    rows = {name: count for name, count, _ in warehouse.sizes()}
    with contextlib.closing(sqlite3.connect(warehouse.path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        found = inspection._estimated(connection, rows)

    assert sum(found.values()) == pytest.approx(Path(warehouse.path).stat().st_size)


def test_a_database_that_is_not_there_has_neither_damage_nor_size(
    tmp_path: Path,
) -> None:
    nothing = Warehouse(str(tmp_path / "none.db"), busy_seconds=0.2)
    assert (nothing.damages(), nothing.sizes()) == ([], [])


@pytest.mark.parametrize("damage", [b"\xff\xfe", b"{}", None])
def test_a_metadata_file_that_is_damaged_or_gone_is_made_again(
    warehouse: Warehouse, damage: bytes | None
) -> None:
    warehouse.finish(REQUESTS)
    file = Path(warehouse.path).with_suffix(".metadata.json")
    right = file.read_bytes()
    if damage is None:
        file.unlink()
    else:
        file.write_bytes(damage)
    assert not warehouse.is_finished(REQUESTS)
    warehouse.finish(REQUESTS)
    assert warehouse.is_finished(REQUESTS)
    assert file.read_bytes() == right


def test_no_table_is_added_while_the_metadata_are_read_and_written(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or metadata that lack it would be written over those of who added it."""
    other = dataclasses.replace(REQUESTS, name="other_requests")
    read = metadata.of_database

    def read_beside(*args: Any) -> dict[str, Any]:
        found = read(*args)
        with pytest.raises(StorageError, match="locked"):
            warehouse.create(other)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(metadata, "of_database", read_beside)
        warehouse.finish(REQUESTS)
    assert warehouse.is_finished(REQUESTS)


def test_a_day_taken_out_while_it_is_compared_is_passed_over(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _file(tmp_path, _rows("a"))
    warehouse.replace_day(REQUESTS, file, "f")
    compare = comparison._summary

    def compare_and_drop(rows: Any) -> tuple[int, int]:
        found = compare(rows)
        warehouse.drop_day(REQUESTS, "toy", DAY)
        return found

    monkeypatch.setattr(comparison, "_summary", compare_and_drop)
    assert list(damaged_days(warehouse, REQUESTS, "toy", lambda _: file)) == []
