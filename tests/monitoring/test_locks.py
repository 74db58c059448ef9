"""One process at a time; who waits does not wait for ever, and is told for whom."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest
from project import ROOT, Settings

from usage_metrics.errors import BusyError, StorageError
from usage_metrics.monitoring import locks


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".run.lock"


def test_who_holds_a_lock_is_named(path: Path) -> None:
    asked: list[str] = []
    with locks.held(path, "usage-metrics run"):
        assert not locks.is_free(path)
        with (
            pytest.raises(BusyError) as error,
            locks.held(path, "usage-metrics erase", 0, on_wait=asked.append),
        ):
            pass
    (holder,) = asked
    assert holder.startswith(f"usage-metrics run (process {os.getpid()} on ")
    assert ", since 20" in holder
    assert str(error.value) == f"{path} is locked by {holder}"
    assert locks.is_free(path)


def test_a_lock_is_free_after_an_error(path: Path) -> None:
    with pytest.raises(ZeroDivisionError), locks.held(path, "usage-metrics run"):
        _ = 1 / 0
    with locks.held(path, "usage-metrics run", 0):
        pass


def test_several_share_a_lock_and_one_has_it_alone(path: Path) -> None:
    with (
        locks.held(path, "a task", 0, shared=True),
        locks.held(path, "another task", 0, shared=True),
        pytest.raises(BusyError, match="another task"),
        locks.held(path, "usage-metrics erase", 0),
    ):
        pass


@pytest.mark.parametrize("found", ["", "{}", "[1]", '{"pid": 1e99}', "\0", "dead"])
def test_a_program_that_has_not_left_its_name_is_waited_for_only_shortly(
    path: Path, monkeypatch: pytest.MonkeyPatch, found: str
) -> None:
    monkeypatch.setattr(locks, "STRANGERS_SECONDS", 0.05)
    if found == "dead":
        code = (
            "import sys, pathlib; from usage_metrics.monitoring import locks\n"
            "with locks.held(pathlib.Path(sys.argv[1]), 'usage-metrics run'): pass"
        )
        subprocess.run([sys.executable, "-c", code, path], check=True)
        assert "usage-metrics run" in path.read_text()
    else:
        path.write_text(found)
    with path.open() as stranger:
        fcntl.flock(stranger, fcntl.LOCK_EX)
        with (
            pytest.raises(BusyError, match="is locked by another program"),
            locks.held(path, "usage-metrics run"),
        ):
            pass


def test_a_lock_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    nowhere = tmp_path / "missing" / ".run.lock"
    with (
        pytest.raises(StorageError, match=rf"{nowhere} cannot be written"),
        locks.held(nowhere, "usage-metrics run"),
    ):
        pass
    assert locks.is_free(nowhere)


@pytest.mark.parametrize(("who", "mode"), [("owner", 0o600), ("group", 0o640)])
def test_a_lock_file_is_private(
    path: Path, settings: Settings, who: str, mode: int
) -> None:
    settings("privacy", readable_by=who)
    with locks.held(path, "usage-metrics run"):
        assert path.stat().st_mode & 0o777 == mode


def test_files_are_locked_in_one_module() -> None:
    package = ROOT / "usage_metrics"
    users = [f for f in package.rglob("*.py") if "import fcntl" in f.read_text()]
    assert users == [package / "monitoring" / "locks.py"]
