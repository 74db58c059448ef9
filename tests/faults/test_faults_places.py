"""Full, read-only and forbidden places, and a clock that is wrong.

Each time the real command line fails with a sentence, what was there stays, and a rerun
makes up for it.
"""

import contextlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults import contents
from faults.place import DONE, Place, write_logs

LOAD = ("LoadSQLite", "--local-scheduler", "--no-lock")
DAYS = 3


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """What a run makes that nothing happens to."""
    folder = tmp_path_factory.mktemp("alone")
    place = Place(folder, days=DAYS)
    place.furnish(write_logs(folder / "logs", DAYS, requests=400))
    code, screen = place.run(*LOAD)
    assert code == DONE, screen
    return place


@pytest.fixture
def place(tmp_path: Path, alone: Place) -> Place:
    found = Place(tmp_path / "place", days=DAYS).furnish(alone.folder / "logs")
    found.root.mkdir()
    return found


def _load(place: Place, alone: Place) -> None:
    """Have a place look as after a run, without one."""
    shutil.copytree(alone.root, place.root, dirs_exist_ok=True)


@contextlib.contextmanager
def _disk(folder: Path, size: str) -> Iterator[None]:
    """A disk of some size in place of a folder."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs to be allowed to mount")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _remount(folder: Path, option: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{option}", str(folder)], check=True)


def _says_why(screen: str, *words: str) -> None:
    assert "Traceback" not in screen, screen
    assert any(word in screen for word in words), screen


def _is_whole(place: Place, alone: Place) -> None:
    """What is there is right, even if it is not all."""
    found, expected = contents.of_files(place.root), contents.of_files(alone.root)
    assert contents.differences(found, {name: expected[name] for name in found}) == []
    assert not [path for path in place.root.rglob("*") if ".tmp-" in path.name]


def _is_complete(place: Place, alone: Place) -> None:
    found = contents.of_files(place.root)
    assert contents.differences(found, contents.of_files(alone.root)) == []
    held = contents.of_database(place.database)
    assert contents.differences(held, contents.of_database(alone.database)) == []


@pytest.mark.parametrize("kilobytes", [100, 600])
def test_a_disk_that_is_full_at_whatever_stage(
    place: Place, alone: Place, kilobytes: int
) -> None:
    with _disk(place.root, f"{kilobytes}k"):
        code, screen = place.run(*LOAD)
        assert code == 30
        _says_why(screen, "No space left on device", "database or disk is full")
        _is_whole(place, alone)
        _remount(place.root, "size=64m")
        code, screen = place.run(*LOAD)
        assert code == DONE, screen
        _is_complete(place, alone)


def test_a_disk_that_becomes_read_only(place: Place, alone: Place) -> None:
    with _disk(place.root, "64m"):
        _load(place, alone)
        shutil.rmtree(place.root / f"geocoded/datasette/date={place.start}")
        _remount(place.root, "ro")
        code, screen = place.run(*LOAD)
        assert code == 30
        _says_why(screen, "Read-only file system")
        _is_whole(place, alone)
        _remount(place.root, "rw")
        code, screen = place.run(*LOAD)
        assert code == DONE, screen
        _is_complete(place, alone)


def test_a_database_that_may_not_be_written_to(
    place: Place, alone: Place, tmp_path: Path
) -> None:
    """Not even by root, since it is on a disk of its own."""
    (tmp_path / "elsewhere").mkdir()
    place.extra = f"\n[database]\npath = {tmp_path}/elsewhere/usage.db\n"
    place.furnish(alone.folder / "logs")
    with _disk(tmp_path / "elsewhere", "64m"):
        _remount(tmp_path / "elsewhere", "ro")
        code, screen = place.run(*LOAD)
        assert code == 30
        _says_why(screen, "unable to open database file", "readonly database")
        _remount(tmp_path / "elsewhere", "rw")
        code, screen = place.run(*LOAD)
        assert code == DONE, screen
    _is_whole(place, alone)


@pytest.fixture
def theirs(place: Place) -> Place:
    """A place where modes hold, as they do not for root with all its powers."""
    if os.geteuid() == 0:
        powers = "-dac_override,-dac_read_search"
        place.inside = ("setpriv", "--inh-caps=-all", f"--bounding-set={powers}")
        if shutil.which("setpriv") is None or place.run("--help")[0] != DONE:
            pytest.skip("root cannot put off its powers here")
    return place


@contextlib.contextmanager
def _forbidden(path: Path) -> Iterator[None]:
    mode = path.stat().st_mode
    path.chmod(mode & ~0o222)
    try:
        yield
    finally:
        path.chmod(mode)


@pytest.mark.parametrize("what", ["geocoded/datasette", "usage_metrics.db"])
def test_a_permission_that_was_taken_away(
    theirs: Place, alone: Place, what: str
) -> None:
    _load(theirs, alone)
    shutil.rmtree(theirs.root / f"geocoded/datasette/date={theirs.start}")
    with contextlib.closing(sqlite3.connect(theirs.database)) as database, database:
        database.execute("DELETE FROM usage_metrics_partitions")
    with _forbidden(theirs.root / what):
        code, screen = theirs.run(*LOAD)
        assert code == 30
        _says_why(screen, "Permission denied", "readonly database")
        _is_whole(theirs, alone)
    code, screen = theirs.run(*LOAD)
    assert code == DONE, screen
    _is_complete(theirs, alone)


# --- a clock that is wrong ------------------------------------------------------------


def _at(place: Place, time: str) -> tuple[int, str]:
    if shutil.which("faketime") is None:
        pytest.skip("needs faketime")
    place.inside = ("faketime", time)
    try:
        return place.run(*LOAD)
    finally:
        place.inside = ()


def test_a_clock_that_is_behind_makes_nothing_and_says_so(
    place: Place, alone: Place
) -> None:
    code, screen = _at(place, "2020-01-01 00:00:00")
    assert code == 35
    _says_why(screen, "no day from start = 2026-03-02 on is over yet")
    assert contents.of_files(place.root) == {}
    code, screen = place.run(*LOAD)
    assert code == DONE, screen
    _is_complete(place, alone)


def test_a_clock_that_is_ahead_makes_no_day_of_which_there_are_no_logs(
    place: Place, alone: Place
) -> None:
    text = (place.folder / "luigi.cfg").read_text()
    endless = text.replace(f"stop = {place.stop}\n", "")
    (place.folder / "luigi.cfg").write_text(endless)
    code, screen = _at(place, "2026-05-20 12:00:00")
    assert code == 20
    _says_why(screen, "are not exported yet")
    made = {name.split("date=")[1][:10] for name in contents.of_files(place.root)}
    assert max(made) == str(place.stop), "the day after, of which there are logs"
    (place.folder / "luigi.cfg").write_text(text)
    code, screen = place.run(*LOAD)
    assert code == DONE, screen
    found, expected = contents.of_files(place.root), contents.of_files(alone.root)
    of_range = {name: found[name] for name in found if str(place.stop) not in name}
    assert contents.differences(of_range, expected) == []


def test_a_clock_that_was_set_back_between_two_runs(place: Place, alone: Place) -> None:
    code, screen = _at(place, "2030-01-01 00:00:00")
    assert code == DONE, screen
    shutil.rmtree(place.root / f"geocoded/datasette/date={place.start}")
    code, screen = place.run(*LOAD)
    assert code == DONE, screen
    _is_complete(place, alone)
