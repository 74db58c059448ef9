"""Files and databases that were damaged: found, named, and made again if asked for."""

import contextlib
import datetime as dt
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from flow import DAY, ONE_DAY, Flow, fill_once, request
from luigi.execution_summary import LuigiStatusCode
from project import Settings

from usage_metrics import config
from usage_metrics.commands import main
from usage_metrics.errors import StorageError
from usage_metrics.monitoring import run_log
from usage_metrics.partitions import kept
from usage_metrics.partitions.footer_index import Facts, FooterIndex
from usage_metrics.partitions.partition import Partition
from usage_metrics.tasks.load_usage import LoadUsage
from usage_metrics.tasks.stages import Clean, Geocode

LAST = DAY + 2 * ONE_DAY


@pytest.fixture
def loaded(flow: Flow, settings: Settings) -> Flow:
    """Three days, loaded, and counted."""
    settings("datasette", start=DAY, stop=LAST + ONE_DAY)
    fill_once(flow, "damage", _load)
    return flow


def _load(flow: Flow) -> None:
    flow.export_days(4)
    assert flow.build(LoadUsage()).scheduling_succeeded


def _truncate(flow: Flow, file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def _empty(flow: Flow, file: Path) -> None:
    file.write_bytes(b"")


def _flip(flow: Flow, file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 8
    file.write_bytes(content)


def _swap_days(flow: Flow, file: Path) -> None:
    shutil.copy(str(file).replace(str(DAY), str(LAST)), file)


def _swap_stages(flow: Flow, file: Path) -> None:
    shutil.copy(flow.partition("rejected").path, file)


def _replace_by_foreign(flow: Flow, file: Path) -> None:
    pq.write_table(pa.table({"n": [1]}), file)


DAMAGES = [_truncate, _empty, _flip, _swap_days, _swap_stages, _replace_by_foreign]
Damage = Callable[[Flow, Path], None]


@pytest.mark.parametrize(
    ("stage", "damage"),
    [
        *(("raw", damage) for damage in DAMAGES),
        ("cleaned", _flip),
        ("cleaned", _swap_days),
        ("geocoded", _truncate),
        ("geocoded", _replace_by_foreign),
    ],
)
def test_a_damaged_file_is_named_by_who_reads_it_and_made_again_when_asked_for(
    loaded: Flow,
    damage: Damage,
    stage: str,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = loaded.table("geocoded")
    file = Path(loaded.partition(stage).path)
    damage(loaded, file)
    readers = {"raw": Clean, "cleaned": Geocode}
    if stage in readers:
        reader = readers[stage](date=DAY)
        shutil.rmtree(reader.output().folder)
        caplog.clear()
        assert not loaded.build(reader).scheduling_succeeded
        assert str(file) in caplog.text
        assert "rerun" in caplog.text
        assert "Traceback" not in caplog.text
    assert main(["check", "--source", "datasette"]) == 1
    assert str(file) in capsys.readouterr().out

    file.unlink()
    assert loaded.build(Geocode(date=DAY)).scheduling_succeeded
    loaded.build(*(stage(date=DAY) for stage in (Clean, Geocode)))
    assert loaded.table("geocoded").equals(before)


@pytest.mark.parametrize("damage", [_empty, _flip, _swap_days])
def test_a_damaged_file_is_made_again_by_rebuild_though_nobody_deleted_it(
    loaded: Flow, damage: Damage
) -> None:
    before = loaded.table("geocoded")
    for stage in ("cleaned", "geocoded"):
        file = Path(loaded.partition(stage).path)
        damage(loaded, file)
        os.utime(file, (0, 0))  # it is not of this very moment
    days = ["--start", str(DAY), "--stop", str(DAY + ONE_DAY)]
    assert main(["rebuild", "--from", "clean", *days, "--no-load"]) == 0
    assert loaded.table("geocoded").equals(before)


@pytest.mark.parametrize(
    ("damage", "partial"),
    [*((damage, False) for damage in DAMAGES), (_truncate, True)],
)
def test_a_damaged_day_keeps_no_other_out_of_the_database_and_stays_there_as_it_was(
    loaded: Flow, damage: Damage, partial: bool, caplog: pytest.LogCaptureFixture
) -> None:
    for day in (DAY, DAY + ONE_DAY, LAST):
        loaded.export(day, *[request(id_, day) for id_ in "abc"])
        for stage in ("raw", "cleaned", "geocoded"):
            loaded.delete(stage, day)
    assert loaded.build(*(Geocode(date=DAY + n * ONE_DAY) for n in range(3)))
    file = Path(loaded.partition("geocoded").path)
    damage(loaded, file)
    caplog.clear()
    result = loaded.load(3, partial=partial)
    assert result.status == LuigiStatusCode.FAILED
    assert loaded.loaded_days() == {
        str(DAY): 2,
        str(DAY + ONE_DAY): 3,
        str(LAST): 3,
    }
    assert f"{file} " in caplog.text
    assert "1 of 3 days could not be loaded" in caplog.text
    assert "Traceback" not in caplog.text

    loaded.delete("geocoded")
    assert loaded.load(3).scheduling_succeeded
    assert loaded.loaded_days()[str(DAY)] == 3


def test_a_damaged_count_is_made_again_by_itself(loaded: Flow) -> None:
    before = loaded.table("usage_daily")
    for stage in ("counted", "usage_daily"):
        _flip(loaded, Path(loaded.partition(stage).path))
    assert loaded.build(LoadUsage()).scheduling_succeeded
    assert loaded.table("usage_daily").equals(before)


def test_a_damaged_sum_keeps_no_other_out_of_the_database(
    loaded: Flow, caplog: pytest.LogCaptureFixture
) -> None:
    before = loaded.query("SELECT * FROM usage_daily ORDER BY 1, 2, 3, 4")
    sums = [loaded.partition("usage_daily", DAY + n * ONE_DAY) for n in range(2)]
    _execute(loaded, "DELETE FROM usage_metrics_partitions")
    _flip(loaded, Path(sums[0].path))
    assert not loaded.build(LoadUsage()).scheduling_succeeded
    assert f"{sums[0].path} cannot be read" in caplog.text
    assert "Traceback" not in caplog.text
    dates = loaded.query(
        "SELECT date FROM usage_metrics_partitions WHERE \"table\" = 'usage_daily'"
    )
    assert sorted(dates) == [(str(DAY + ONE_DAY),), (str(LAST),)]
    loaded.delete("usage_daily")
    assert loaded.build(LoadUsage()).scheduling_succeeded
    assert loaded.query("SELECT * FROM usage_daily ORDER BY 1, 2, 3, 4") == before


# --- the database ---------------------------------------------------------------------


def _execute(flow: Flow, sql: str) -> None:
    with contextlib.closing(sqlite3.connect(flow.database)) as database, database:
        database.execute(sql)


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        (
            "UPDATE datasette_request_logs SET status = 404 WHERE insert_id = 'a'",
            "requ",
        ),
        ("UPDATE usage_daily SET requests = requests + 1", "usage_daily"),
        ("UPDATE usage_monthly SET requests = requests + 1", "usage_monthly"),
    ],
)
def test_a_value_that_is_not_what_was_loaded_is_found(
    loaded: Flow, sql: str, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--source", "datasette"]) == 0
    _execute(loaded, sql)
    capsys.readouterr()
    assert main(["check", "--source", "datasette"]) == 1
    said = capsys.readouterr().out
    assert what in said
    assert f"does not hold what was loaded of {DAY.replace(day=1):%Y-%m}" in said
    assert "delete the database and rerun" in said


@pytest.mark.parametrize("how", ["cut off", "overwritten", "a page is noise"])
def test_a_damaged_database_is_named_and_made_again_when_it_was_deleted(
    loaded: Flow, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = loaded.query("SELECT * FROM datasette_request_logs ORDER BY 1, 2")
    content = loaded.database.read_bytes()
    page = 16 << 10
    loaded.database.write_bytes(
        {
            "cut off": content[: len(content) // 2],
            "overwritten": b"no database " * 2000,
            "a page is noise": content[: 2 * page]
            + b"\x5a" * page
            + content[3 * page :],
        }[how]
    )
    capsys.readouterr()
    assert main(["check", "--source", "datasette"]) == 1
    assert str(loaded.database) in capsys.readouterr().out
    loaded.database.unlink()
    assert loaded.load(3).scheduling_succeeded
    after = loaded.query("SELECT * FROM datasette_request_logs ORDER BY 1, 2")
    assert after == before


def test_a_day_of_which_some_requests_were_left_out_on_purpose_is_no_damage(
    flow: Flow, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings("datasette", start=DAY, stop=DAY + ONE_DAY)
    settings("datasette", request_logs="run.googleapis.com/requests, other")
    other = request("a") | {"logName": "projects/p/logs/other"}
    flow.export(DAY, request("a"), other)
    assert flow.load(1).scheduling_succeeded
    assert "have the time and id of another one" in caplog.text
    assert main(["check", "--source", "datasette"]) == 0


NOT_WHAT_WAS_WRITTEN = {
    "a list": "[]",
    "a number": "7",
    "null": "null",
    "nested without end": "[" * 100_000 + "]" * 100_000,
    "a huge number": "9" * 10_000,
    "other days": '{"data raw datasette": {"2022-02-30": ["1-1", {}], "x": 7}}',
    "half": '{"data raw',
}


@pytest.mark.parametrize("what", NOT_WHAT_WAS_WRITTEN)
def test_a_damaged_cache_of_footers_is_made_again(loaded: Flow, what: str) -> None:
    def known() -> dict[dt.date, Facts]:
        index = FooterIndex()
        found = index.of_stage("raw", "datasette")
        index.keep()
        return found

    before = known()
    cache = run_log.local_folder() / kept.FOOTERS
    cache.write_text(NOT_WHAT_WAS_WRITTEN[what])
    assert known() == before
    whole = cache.read_bytes()
    damaged = whole.replace(b'"rows":', b'"r0ws":')
    assert damaged != whole
    cache.write_bytes(damaged)
    assert known() == before


def test_a_fifo_in_place_of_a_partition_is_named_and_not_waited_for(
    loaded: Flow,
) -> None:
    partition = Partition(config.paths().root, "raw", "datasette", DAY)
    Path(partition.path).unlink()
    os.mkfifo(partition.path)
    for read in (partition.facts, partition.open):
        with pytest.raises(StorageError, match=r"part-0\.parquet .*Not a regular file"):
            read()


def test_a_fifo_in_place_of_a_cache_or_log_is_not_waited_for(loaded: Flow) -> None:
    for file in (run_log.local_folder() / kept.FOOTERS, run_log.path()):
        assert file is not None
        file.unlink(missing_ok=True)
        os.mkfifo(file)
    assert FooterIndex().of_stage("raw", "datasette")
    assert list(run_log.read()) == []
