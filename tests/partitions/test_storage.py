"""Files are whole or absent, whatever happens to their writer."""

import contextlib
import datetime as dt
import errno
import fcntl
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as pads
import pytest
from flow import DAY, ONE_DAY, Flow, request
from luigi.execution_summary import LuigiStatusCode

from usage_metrics.errors import ConfigError, StorageError
from usage_metrics.partitions import folders, storage
from usage_metrics.partitions.partition import Partition
from usage_metrics.tasks.refresh import RefreshDays
from usage_metrics.tasks.stages import Extract

WRITER = """
import os, sys, time
import datetime as dt
import pyarrow as pa
from usage_metrics.partitions import partition, writer

writer.ROW_GROUP_ROWS = 1000
root, rows, then = sys.argv[1], int(sys.argv[2]), sys.argv[3]
partition = partition.Partition(root, "raw", "toy", dt.date(2026, 3, 2))
table = pa.table({"n": pa.array(range(rows), pa.int64())})
with partition.writing(table.schema) as file:
    for start in range(0, rows, 1000):
        file.write(table.slice(start, 1000))
    file.stream.flush()
    print("written", flush=True)
    if then == "wait":
        time.sleep(600)
"""
"""Writes a partition and, asked to wait, stops short of its end."""


@contextlib.contextmanager
def _in_mid_write(root: Path, rows: int = 5000) -> Iterator[subprocess.Popen[str]]:
    """A writer in another process that has written much and not finished."""
    command = [sys.executable, "-c", WRITER, str(root), str(rows), "wait"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "written\n"
            yield process
        finally:
            process.kill()


def _finish(root: Path, rows: int) -> None:
    """Write the same partition from start to end."""
    table = pa.table({"n": pa.array(range(rows), pa.int64())})
    with Partition(str(root), "raw", "toy", DAY).writing(table.schema) as file:
        file.write(table)


def _temporary(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if ".tmp-" in path.name]


READERS = {
    "pandas": lambda folder: len(pd.read_parquet(folder)),
    "pyarrow": lambda folder: pads.dataset(folder, partitioning="hive").count_rows(),
    "duckdb": lambda folder: duckdb.execute(
        f"SELECT count(*) FROM '{folder}/**/*.parquet'"
    ).fetchall()[0][0],
}


def test_a_reader_of_the_folder_sees_no_half_file_of_a_writer_live_or_killed(
    tmp_path: Path,
) -> None:
    _finish(tmp_path, rows=10)
    seen = dict.fromkeys(READERS, 10)
    with _in_mid_write(tmp_path) as process:
        assert len(_temporary(tmp_path)) == 1
        assert _counts(tmp_path) == seen
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert len(_temporary(tmp_path)) == 1
    assert _counts(tmp_path) == seen


def test_what_a_killed_writer_left_is_swept_by_the_next_one(tmp_path: Path) -> None:
    with _in_mid_write(tmp_path) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    _finish(tmp_path, rows=20)
    assert _temporary(tmp_path) == []
    assert _counts(tmp_path) == dict.fromkeys(READERS, 20)


def test_the_file_of_a_live_writer_is_not_swept(tmp_path: Path) -> None:
    with _in_mid_write(tmp_path):
        _finish(tmp_path, rows=20)
        assert len(_temporary(tmp_path)) == 1


def test_a_file_that_was_swept_before_it_was_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweeper comes between the creation of the first file and its lock."""
    locks: list[IO[bytes]] = []

    def lock(stream: IO[bytes], how: int) -> None:
        if not locks:
            (temporary,) = _temporary(tmp_path)
            temporary.unlink()
        locks.append(stream)
        flock(stream, how)

    flock = fcntl.flock
    monkeypatch.setattr(fcntl, "flock", lock)
    with storage.whole_or_absent(f"{tmp_path}/file") as stream:
        stream.write(b"x")
        assert len(_temporary(tmp_path)) == 1
    assert len(locks) == 2
    assert (tmp_path / "file").read_bytes() == b"x"
    assert _temporary(tmp_path) == []


def test_what_nobody_may_sweep_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / f".file.tmp-{'0' * 32}").mkdir()
    with storage.whole_or_absent(f"{tmp_path}/file") as stream:
        stream.write(b"x")
    assert (tmp_path / "file").exists()


def test_what_a_killed_writer_left_is_swept_by_a_writer_of_another_day(
    tmp_path: Path,
) -> None:
    with _in_mid_write(tmp_path) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    another = Partition(str(tmp_path), "raw", "toy", DAY + ONE_DAY)
    with another.writing(pa.schema([])):
        pass
    assert _temporary(tmp_path) == []


def test_a_folder_is_swept_once_not_for_each_of_a_thousand_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Path] = []
    iterdir = Path.iterdir

    def look(folder: Path) -> Iterator[Path]:
        looks.append(folder)
        return iter(iterdir(folder))

    monkeypatch.setattr(Path, "iterdir", look)
    for number in range(5):
        with storage.whole_or_absent(f"{tmp_path}/{number}/file", str(tmp_path)):
            pass
    assert looks == [tmp_path]


def test_what_another_program_left_is_not_swept(tmp_path: Path) -> None:
    others = [tmp_path / name for name in (".hidden", "a.tmp-1", ".a.tmp-xyz", "b.tmp")]
    for path in others:
        path.touch()
        os.utime(path, (0, 0))
    with storage.whole_or_absent(f"{tmp_path}/file") as stream:
        stream.write(b"x")
    assert all(path.exists() for path in others)


def test_of_two_writers_of_one_file_the_last_to_finish_wins(tmp_path: Path) -> None:
    path = f"{tmp_path}/file"
    with storage.whole_or_absent(path) as first:
        first.write(b"first")
        with storage.whole_or_absent(path) as second:
            second.write(b"second")
        assert Path(path).read_bytes() == b"second"
    assert Path(path).read_bytes() == b"first"
    assert _temporary(tmp_path) == []


def test_a_draft_on_another_disk_than_its_file_is_copied_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace

    def rename(draft: Path, path: Path) -> Path:
        if draft.parent != path.parent:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return replace(draft, path)

    monkeypatch.setattr(Path, "replace", rename)
    for content in (b"old", b"new"):
        path = tmp_path / "another disk/file"
        with storage.whole_or_absent(str(path), f"{tmp_path}/drafts") as stream:
            stream.write(content)
        assert path.read_bytes() == content
    assert _temporary(tmp_path) == []


_watched: list[Path] = []
_seen: set[str] = set()


def _look(event: str, _: tuple[object, ...]) -> None:
    """At each change of files, list what the folders of the stages hold."""
    if _watched and event in ("open", "os.rename", "os.remove", "os.mkdir"):
        (root,) = _watched
        _watched.clear()  # a listing opens folders, too
        for stage in ("raw", "rejected", "cleaned", "geocoded"):
            _seen.update(p.name for p in (root / stage).rglob("*") if not p.is_dir())
        _watched.append(root)


def test_at_no_moment_of_a_run_or_a_refresh_is_there_anything_but_parquet(
    flow: Flow,
) -> None:
    flow.export_days(2)
    sys.addaudithook(_look)
    _watched.append(flow.root)
    flow.load(2)
    flow.export(DAY, request("a"), request("b"), request("c"))
    since = dt.datetime.now(dt.UTC)
    span = {"start": DAY, "stop": DAY + 2 * ONE_DAY}
    result = flow.build(RefreshDays(**span, source="datasette", since=since))
    _watched.clear()
    assert result.status == LuigiStatusCode.SUCCESS
    assert flow.facts("geocoded")["rows"] == 3, "one day changed, and one did not"
    assert _seen == {"part-0.parquet"}


def test_an_error_in_mid_write_leaves_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"old")
    with (  # noqa: PT012
        pytest.raises(KeyboardInterrupt),
        storage.whole_or_absent(str(file)) as stream,
    ):
        stream.write(b"new")
        raise KeyboardInterrupt
    assert file.read_bytes() == b"old"
    assert _temporary(tmp_path) == []


def test_who_reads_the_old_file_goes_on_while_it_is_replaced(tmp_path: Path) -> None:
    path = f"{tmp_path}/file"
    for content in (b"old", b"new"):
        with storage.whole_or_absent(path) as stream:
            stream.write(content)
        if content == b"old":
            reader = storage.open_file(path)
    assert reader.read() == b"old"
    assert storage.open_file(path).read() == b"new"


def test_a_path_without_a_folder_is_in_the_current_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with storage.whole_or_absent("file") as stream:
        stream.write(b"x")
    assert storage.open_file("file").read() == b"x"


def test_a_folder_that_is_not_there_has_no_files(tmp_path: Path) -> None:
    assert list(folders.list_files(f"{tmp_path}/nothing", "file")) == []
    storage.delete(f"{tmp_path}/nothing")


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is synced, renamed and deleted, by its last name."""
    found: list[str] = []

    def after(name: str, what: Callable[[Any], Path]) -> None:
        real = getattr(os, name)

        def call(target: Any, *others: Any, **more: Any) -> Any:
            done = real(target, *others, **more)
            found.append(f"{name} {what(target).name.partition('.tmp-')[0]}")
            return done

        monkeypatch.setattr(os, name, call)

    after("fsync", lambda number: Path(f"/proc/self/fd/{number}").readlink())
    for name in ("replace", "unlink", "mkdir"):
        after(name, Path)
    return found


def test_a_file_is_synced_then_renamed_and_then_its_folder_is_synced(
    tmp_path: Path, steps: list[str]
) -> None:
    with storage.whole_or_absent(f"{tmp_path}/a/b/file", str(tmp_path)) as stream:
        stream.write(b"x")
    assert steps == [
        *("fsync .file", "mkdir a", f"fsync {tmp_path.name}", "mkdir b", "fsync a"),
        *("replace .file", "fsync b"),
    ]


def test_the_folder_of_deleted_files_is_synced(
    tmp_path: Path, steps: list[str]
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / ".left.tmp-0").touch()
    storage.delete(f"{tmp_path}/file")
    storage.sweep(str(tmp_path))
    synced = f"fsync {tmp_path.name}"
    assert steps == ["unlink file", synced, "unlink .left", synced]
    storage.delete(f"{tmp_path}/file")
    assert len(steps) == 4, "nothing was deleted"


def test_a_folder_that_cannot_be_synced_keeps_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on some network drives; another error is one."""
    for number in (errno.EINVAL, errno.EIO):

        def sync(_: int, number: int = number) -> None:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "fsync", sync)
        expected = contextlib.nullcontext()
        with pytest.raises(OSError, match="error") if number == errno.EIO else expected:
            storage.sync_folder(tmp_path)


def _counts(root: Path) -> dict[str, int]:
    """The rows that each reader finds."""
    return {name: read(f"{root}/raw/toy") for name, read in READERS.items()}


@pytest.mark.parametrize("uri", ["ftp://host/folder", "nonsense://x"])
def test_a_store_that_there_is_not_is_named(uri: str) -> None:
    with pytest.raises(ConfigError, match=rf"{uri} cannot be opened"):
        storage.open_file(uri)


# --- places that cannot be written to -------------------------------------------------


def test_a_file_in_place_of_a_folder_is_named(flow: Flow) -> None:
    flow.root.write_text("no folder")
    with (
        pytest.raises(StorageError, match=r"raw/datasette.* cannot be written: .*root"),
        flow.partition("raw").writing(pa.schema([])),
    ):
        pytest.fail("it was opened")


@contextlib.contextmanager
def _read_only(folder: Path) -> Iterator[None]:
    """A folder that even root may not write to, by a mount of its own."""
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if mount.returncode:
        pytest.skip("needs to be allowed to mount")
    try:
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextlib.contextmanager
def _no_permission(folder: Path) -> Iterator[None]:
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    folder.chmod(0o500)
    try:
        yield
    finally:
        folder.chmod(0o700)


@pytest.mark.parametrize("forbid", [_read_only, _no_permission])
def test_a_folder_that_cannot_be_written_to_fails_with_its_path(
    flow: Flow, caplog: pytest.LogCaptureFixture, forbid: object
) -> None:
    flow.export_days(1)
    flow.root.mkdir()
    assert callable(forbid)
    with forbid(flow.root):
        result = flow.build(Extract(date=DAY))
    assert not result.scheduling_succeeded
    assert f"{flow.partition('raw').path} cannot be written: " in caplog.text
    assert "Traceback" not in caplog.text


def test_a_full_disk_fails_with_the_path_and_leaves_what_was_there(
    tmp_path: Path,
) -> None:
    """A limit on the size of files gives the error of a full disk, without a mount."""
    _finish(tmp_path, rows=10)
    code = textwrap.dedent(
        """
        import resource, runpy, sys
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        exec(sys.argv.pop(1))
        """
    )
    process = subprocess.run(
        [sys.executable, "-c", code, WRITER, str(tmp_path), "50000", "finish"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode != 0
    last = process.stderr.splitlines()[-1]
    assert "StorageError" in last
    assert "part-0.parquet cannot be written: " in last
    assert "[paths] root" in last
    assert _temporary(tmp_path) == []
    assert _counts(tmp_path) == dict.fromkeys(READERS, 10)


def test_a_root_with_a_key_in_it_is_refused_without_saying_the_key() -> None:
    partition = Partition("s3://KEY:SECRET@bucket/x", "raw", "toy", DAY)
    with pytest.raises(ConfigError, match="AWS_ACCESS_KEY_ID") as refusal:
        partition.exists()
    assert "SECRET" not in str(refusal.value).replace("AWS_SECRET_ACCESS_KEY", "")
