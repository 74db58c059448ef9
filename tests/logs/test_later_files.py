"""A later file that cannot be read may hold late entries of a day: it is noted."""

import datetime as dt
import gzip
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.fs as pafs
import pytest
from export_folder import DAY, NEXT_DAY, Folder, as_lines, entry, ids

from usage_metrics.errors import InputError
from usage_metrics.logs import files, listing
from usage_metrics.logs import folder as folders
from usage_metrics.logs.cloud_logging.exports import EXPORTS, JsonEntries
from usage_metrics.logs.files import LogFiles

NOON, LATE = "2022-03-15T12:00:00Z", "2022-03-15T23:59:59Z"
NEXT = "2022-03-16.json.gz"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path / "exports")
    folder.write("2022-03-15.json", entry("a", NOON))
    return folder


def _whole() -> bytes:
    of_next_day = [entry("n", "2022-03-16T12:00:00Z")] * 5000
    return gzip.compress(as_lines([entry("late", LATE), *of_next_day]))


@pytest.mark.parametrize(
    ("content", "why", "found"),
    [
        (_whole()[:-9], "is a damaged or truncated gzip file", ["a", "late"]),
        (b"", "is empty, and no gzip file is", ["a"]),
        (gzip.compress(b"<!DOCTYPE html>\n"), "not JSON", ["a"]),
    ],
    ids=["cut off", "empty", "of another kind"],
)
def test_a_day_goes_on_without_a_later_file_and_its_own_day_does_not(
    folder: Folder,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    content: bytes,
    why: str,
    found: list[str],
) -> None:
    monkeypatch.setattr("usage_metrics.logs.blocks.BLOCK_BYTES", 4000)
    (folder.path / NEXT).write_bytes(content)
    logs = folder.logs()
    assert ids(logs) == found
    (unread,) = logs.unread(DAY)
    assert (unread["file"], unread["size"]) == (NEXT, len(content))
    assert why in unread["why"]
    (warning,) = [r.getMessage() for r in caplog.records if "late entries" in r.msg]
    assert NEXT in warning
    assert why in warning
    with pytest.raises(InputError, match=why):
        ids(logs, NEXT_DAY)
    assert logs.unread(NEXT_DAY) == []


def test_a_day_that_has_no_file_of_its_own_does_not_go_on_without_a_later_one(
    folder: Folder,
) -> None:
    """Where the date is that of delivery, that would be an empty day."""
    (folder.path / "2022-03-17.json.gz").write_bytes(_whole()[:-9])
    layout = replace(EXPORTS, is_delivery=True)
    logs = LogFiles(str(folder.path), 1, layout, JsonEntries())
    assert logs.unavailable(NEXT_DAY) is None
    with pytest.raises(InputError, match="truncated gzip file"):
        list(logs.read(NEXT_DAY))


def _touch(file: Path) -> None:
    os.utime(file, (0, 0))


@pytest.mark.parametrize(
    ("change", "is_changed"),
    [
        (lambda file: None, False),
        (lambda file: file.write_bytes(_whole()), True),
        (Path.unlink, True),
        (_touch, True),
    ],
    ids=["not", "mended", "gone", "replaced"],
)
def test_whether_a_file_that_was_not_read_has_changed(
    folder: Folder, change: Callable[[Path], None], is_changed: bool
) -> None:
    (folder.path / NEXT).write_bytes(_whole()[:-9])
    logs = folder.logs()
    ids(logs)
    change(folder.path / NEXT)
    listing._LISTINGS.clear()  # as in the next process
    assert folder.logs().has_changed(logs.unread(DAY)) == is_changed


def test_a_file_without_permission_is_tried_again_by_each_run(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To give permission changes neither the size of a file nor its time."""
    (folder.path / NEXT).write_bytes(_whole())
    state = folders._state

    def refuse(filesystem: pafs.FileSystem, file: Any) -> tuple[int, int]:
        if file.name == NEXT:
            raise PermissionError(13, "Permission denied", file.path)
        return state(filesystem, file)

    monkeypatch.setattr(folders, "_state", refuse)
    logs = folder.logs()
    assert ids(logs) == ["a"]
    assert "Permission denied" in logs.unread(DAY)[0]["why"]
    assert logs.has_changed(logs.unread(DAY))


def test_of_thousands_of_files_a_few_are_noted_and_fewer_are_warned_of(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(50):
        (folder.path / f"2022-03-16_{number:02}.json.gz").write_bytes(b"")
    logs = folder.logs()
    assert ids(logs) == ["a"]
    assert len(logs.unread(DAY)) == files.MOST_NOTED
    assert len([r for r in caplog.records if "late entries" in r.msg]) == 3
    assert ids(logs) == ["a"], "read again, they are noted again, not added"
    assert len(logs.unread(DAY)) == files.MOST_NOTED
    assert logs.unread(DAY - dt.timedelta(1)) == []
