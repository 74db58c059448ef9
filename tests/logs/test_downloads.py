"""Downloads of Logs Explorer, which are named by the hour of downloading."""

import datetime as dt
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from export_folder import DAY, NEXT_DAY, Folder, entry, ids, read

from usage_metrics.errors import InputError
from usage_metrics.logs import blocks
from usage_metrics.logs.cloud_logging import exports

ONE_DAY = dt.timedelta(days=1)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "exports")


def download(folder: Folder, name: str, *times: str) -> Path:
    """A download, newest entries first; the ids of entries are their times."""
    entries = [entry(time, f"{time}:00.5Z") for time in sorted(times, reverse=True)]
    file = folder.path / name
    file.write_text(json.dumps(entries, indent=2))
    return file


@pytest.mark.parametrize(
    "name",
    [
        "downloaded-logs-20220318-205148.json",
        "downloaded-logs-20220318-205148 (1).json",
        "downloaded-logs-20220315-20220316-20220318-043016.json",
    ],
)
def test_a_download_is_of_the_days_of_its_entries(folder: Folder, name: str) -> None:
    of_day = ["2022-03-15T00:00", "2022-03-15T23:59"]
    of_next = ["2022-03-16T00:00"]
    download(folder, name, *of_day, *of_next)
    logs = folder.logs()
    assert sorted(ids(logs)) == of_day
    assert ids(logs, NEXT_DAY) == of_next
    assert logs.unavailable(DAY) is None
    assert logs.unavailable(NEXT_DAY) is None
    for neighbour in (DAY - ONE_DAY, NEXT_DAY + ONE_DAY, dt.date(2022, 3, 18)):
        assert logs.unavailable(neighbour)
    assert logs.describe().endswith(
        "from 2022-03-15 to 2022-03-16; downloads may hold a part only of 2 days"
    )


def test_that_the_first_and_last_day_may_be_cut_is_warned_about(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    name = "downloaded-logs-20220318-205148.json"
    download(folder, name, *(f"2022-03-{day}T12:00" for day in (14, 15, 16)))
    read(folder.logs(), DAY)
    assert caplog.text == ""
    for day in (DAY - ONE_DAY, NEXT_DAY):
        read(folder.logs(), day)
        assert f"{day}: {name!r} is a download, which may hold a part" in caplog.text


def test_a_day_may_be_in_a_download_and_in_a_file_of_its_own(folder: Folder) -> None:
    download(
        folder,
        "downloaded-logs-20220316-120000.json",
        *("2022-03-15T12:00", "2022-03-16T11:00"),
    )
    folder.write("2022-03-15.json", entry("own", "2022-03-15T13:00:00Z"))
    assert sorted(ids(folder.logs())) == ["2022-03-15T12:00", "own"]


def test_a_line_of_a_download_that_is_no_entry_is_of_the_day_of_the_one_before_it(
    folder: Folder,
) -> None:
    file = download(
        folder,
        "downloaded-logs-20220316-120000.json",
        *("2022-03-15T12:00", "2022-03-16T11:00"),
    )
    file.write_text(file.read_text().replace("\n]", ',\n  "oops"\n]'))
    assert read(folder.logs())["unreadable"].to_pylist() == [None, '"oops"']
    assert read(folder.logs(), NEXT_DAY)["unreadable"].to_pylist() == [None]


def test_a_download_is_looked_into_again_when_it_has_changed(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def read_blocks(raw: pa.NativeFile, name: str) -> Iterator[blocks.Block]:
        opened.append(name)
        return blocks.read_blocks(raw, name)

    monkeypatch.setattr(exports, "read_blocks", read_blocks)
    name = "downloaded-logs-20220318-205148.json"
    file = download(folder, name, "2022-03-15T12:00")
    os.utime(file, (1_000_000_000, 1_000_000_000))
    for _ in range(3):
        assert folder.logs().unavailable(DAY) is None
        assert folder.logs().unavailable(NEXT_DAY)
        (folder.path / "other.txt").touch()
    assert opened == [name]
    download(folder, name, "2022-03-16T12:00")
    (folder.path / "another.txt").touch()
    assert folder.logs().unavailable(DAY)
    assert folder.logs().unavailable(NEXT_DAY) is None
    assert opened == [name, name]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("[]", "it holds no entries"),
        ("[{", "is a JSON array that is cut off"),
        ("insertId,timestamp\na,b\n", "is CSV, not JSON"),
        (
            json.dumps(
                [entry("a", "2020-01-01T00:00:00Z"), entry("b", "2022-01-01T00:00:00Z")]
            ),
            "its entries are of 2020-01-01 to 2022-01-01",
        ),
    ],
)
def test_a_download_that_says_no_days_is_named_and_stops_no_other(
    folder: Folder, content: str, why: str
) -> None:
    folder.write("2022-03-15.json", entry("a", "2022-03-15T12:00:00Z"))
    name = "downloaded-logs-20220318-205148.json"
    (folder.path / name).write_text(content)
    assert ids(folder.logs()) == ["a"]
    (found,) = folder.logs().passed_over().items()
    assert found[0] == dt.date(2022, 3, 18)
    assert found[1].startswith(f"'{name}' in {folder.path} is not read: ")
    assert why in found[1]


def test_a_folder_with_only_such_a_download_says_why_it_is_not_read(
    folder: Folder,
) -> None:
    (folder.path / "downloaded-logs-20220318-205148.json").write_text("[]")
    with pytest.raises(InputError, match="holds no exports: .* it holds no entries"):
        folder.logs().unavailable(DAY)
