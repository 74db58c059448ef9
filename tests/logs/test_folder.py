"""Which files of a folder of JSON exports there are, and which of them a day opens."""

import bz2
import datetime as dt
import gzip
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.fs as pafs
import pytest
from export_folder import DAY, NEXT_DAY, Folder, as_lines, entry, ids, read

from usage_metrics.errors import ConfigError, InputError
from usage_metrics.logs import folder as folder_module
from usage_metrics.logs.listing import looking_once
from usage_metrics.logs.reader import open_logs


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "exports")


# --- which files are opened -----------------------------------------------------------


class RecordingFileSystem(pafs.LocalFileSystem):  # type: ignore[misc]
    """The local files; it remembers what was asked of it."""

    opened: list[str]
    listings: int

    def open_input_stream(self, path: str, *args: Any, **options: Any) -> Any:
        self.opened.append(Path(path).name)
        return super().open_input_stream(path, *args, **options)

    def get_file_info(self, what: Any) -> Any:
        self.listings += isinstance(what, pafs.FileSelector)
        return super().get_file_info(what)


@pytest.fixture
def recording(monkeypatch: pytest.MonkeyPatch) -> RecordingFileSystem:
    filesystem = RecordingFileSystem()
    filesystem.opened, filesystem.listings = [], 0
    monkeypatch.setattr(folder_module, "filesystem_of", lambda uri: (filesystem, uri))
    return filesystem


@pytest.mark.parametrize("late_days", [0, 1, 2])
def test_a_day_opens_only_the_files_that_can_hold_it(
    folder: Folder, recording: RecordingFileSystem, late_days: int
) -> None:
    for number in range(-2, 5):
        day = DAY + dt.timedelta(days=number)
        folder.write(f"{day}.jsonl", entry("a", f"{day}T12:00:00Z"))
    read(folder.logs(late_days))
    days = [DAY + dt.timedelta(days=number) for number in range(late_days + 1)]
    assert recording.opened == [f"{day}.jsonl" for day in days]


def test_a_damaged_file_does_not_affect_days_that_it_cannot_hold(
    folder: Folder,
) -> None:
    cut = gzip.compress(b"{}\n" * 100)[:-9]
    (folder.path / "2022-03-13.jsonl.gz").write_bytes(cut)
    folder.write("2022-03-14.jsonl", entry("a", "2022-03-14T01:00:00Z"))
    folder.write("2022-03-15.jsonl", entry("b", "2022-03-15T01:00:00Z"))
    assert ids(folder.logs()) == ["b"]
    assert ids(folder.logs(), dt.date(2022, 3, 14)) == ["a"]
    with pytest.raises(InputError, match=r"2022-03-13\.jsonl\.gz is a damaged or tr"):
        read(folder.logs(), dt.date(2022, 3, 13))


def let_rest(folder: Folder) -> None:
    """Make as if the folders had not been changed for long."""
    for path in [folder.path, *folder.path.rglob("*")]:
        if path.is_dir():
            os.utime(path, (1_000_000_000, 1_000_000_000))


def test_a_folder_is_listed_once_for_many_days_and_readers(
    folder: Folder, recording: RecordingFileSystem
) -> None:
    for number in range(30):
        day = DAY + dt.timedelta(days=number)
        folder.write(f"{day:%Y/%m/%d}/00.json", entry("a", f"{day}T12:00:00Z"))
    let_rest(folder)
    for number in range(30):
        day = DAY + dt.timedelta(days=number)
        assert folder.logs().unavailable(day) is None
        assert ids(folder.logs(), day) == ["a"]
    assert recording.listings == 1


@pytest.mark.parametrize(
    "name", ["2022-03-16.jsonl", "2022/03/16/x.json", "a/2022-03-16.json"]
)
@pytest.mark.parametrize("rested", [True, False])
def test_a_file_that_arrives_is_seen_at_once(
    folder: Folder, name: str, rested: bool
) -> None:
    folder.write("2022/03/15/x.json", entry("a", "2022-03-15T12:00:00Z"))
    if rested:
        let_rest(folder)
    reader = folder.logs()
    assert reader.unavailable(NEXT_DAY)
    folder.write(name, entry("b", "2022-03-16T12:00:00Z"))
    assert reader.unavailable(NEXT_DAY) is None
    assert ids(reader, NEXT_DAY) == ["b"]


def test_for_many_questions_at_once_a_folder_is_looked_at_once(folder: Folder) -> None:
    folder.write("2022-03-15.jsonl", entry("a", "2022-03-15T12:00:00Z"))
    reader = folder.logs()
    with looking_once():
        assert reader.unavailable(NEXT_DAY)
        folder.write("2022-03-16.jsonl", entry("b", "2022-03-16T12:00:00Z"))
        assert reader.unavailable(NEXT_DAY)
    assert reader.unavailable(NEXT_DAY) is None


@pytest.mark.parametrize("end", ["", "/"])
@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_folder_can_be_a_path_or_a_uri(folder: Folder, scheme: str, end: str) -> None:
    folder.write("2022-03-15.jsonl", entry("a", "2022-03-15T12:00:00Z"))
    reader = open_logs(f"{scheme}{folder.path}{end}", late_days=0)
    for _ in range(2):
        assert ids(reader) == ["a"]
    folder.write("2022-03-16.jsonl")
    assert reader.unavailable(NEXT_DAY) is None


def test_a_file_that_is_gone_is_not_missed(folder: Folder) -> None:
    folder.write("2022-03-15.jsonl", entry("a", "2022-03-15T12:00:00Z"))
    gone = folder.write("2022-03-16.jsonl", entry("b", "2022-03-16T12:00:00Z"))
    reader = folder.logs()
    assert reader.unavailable(NEXT_DAY) is None
    gone.unlink()
    assert reader.unavailable(NEXT_DAY)


# --- which day a file is of -----------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "2022-03-15.json",
        "2022-03-15.jsonl",
        "2022-03-15.ndjson.gz",
        "2022_03_15.JSON",
        "20220315.json",
        "requests-20220315.jsonl.gz",
        "requests_2022-03-15_0001.json",
        "2022-03-15T00:00:00Z.json",
        "date=2022-03-15/part-0.json",
        "2022/03/15/08:00:00_08:59:59_S0.json",
        "backup-2021-01-01/2022/03/15/x.json",
        "2021-01-01/2022-03-15.json",
        "99999999/2022/03/15/x.json",
    ],
)
def test_the_date_stands_in_the_name_or_else_in_the_folders(
    folder: Folder, name: str
) -> None:
    folder.write(name, entry("a", "2022-03-15T12:00:00Z"))
    (folder.path / name).write_bytes(as_lines([entry("a", "2022-03-15T12:00:00Z")]))
    assert ids(folder.logs()) == ["a"]
    assert folder.logs().unavailable(NEXT_DAY)


@pytest.mark.parametrize(
    "name",
    [
        "12022-03-15.json",
        "2022-13-15.json",
        "2022-03.json",
        "x.json",
        "0000-01-01.json",
    ],
)
def test_a_file_without_a_date_is_named_and_not_read(
    folder: Folder, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder.write("2022-03-15.json", entry("a", "2022-03-15T12:00:00Z"))
    folder.write(f"sub/{name}", entry("b", "2022-03-15T12:00:00Z"))
    assert ids(folder.logs()) == ["a"]
    said = f"skipped 1 file in {folder.path} without a date, such as 'sub/{name}'"
    assert said in caplog.text


@pytest.mark.parametrize("name", [".2022-03-15.json", "_2022-03-15.json", "x/._y.csv"])
def test_what_is_hidden_is_passed_over(folder: Folder, name: str) -> None:
    folder.write("2022-03-15.json", entry("a", "2022-03-15T12:00:00Z"))
    folder.write(name, entry("b", "2022-03-15T12:00:00Z"))
    assert ids(folder.logs()) == ["a"]
    assert folder.logs().passed_over() == {}


# --- files with a date that nothing reads ---------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "2022-03-15.csv",
        "2022-03-15.json.tmp",
        "2022-03-15",
        "2022/03/15/requests.parquet",
        "date=2022-03-15/x.avro",
    ],
)
def test_a_dated_file_that_is_no_export_by_its_name_is_named(
    folder: Folder, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder.write("2022-03-14.json", entry("a", "2022-03-14T12:00:00Z"))
    folder.write("2022-03-15.json", entry("b", "2022-03-15T12:00:00Z"))
    folder.write(name, entry("c", "2022-03-15T12:00:00Z"))
    assert ids(folder.logs()) == ["b"]
    sentence = (
        f"{name!r} in {folder.path} is not read: the name of an export ends in .json, "
        ".jsonl, .ndjson, packed (.gz, .zst, .zstd, .bz2, .xz) or not; export the day "
        "as such, or rename what is"
    )
    assert folder.logs().passed_over() == {DAY: sentence}
    assert sentence in caplog.text


@pytest.mark.parametrize("end", [".zip", ".json.ZIP", ".tar.gz", ".tgz", ".7z"])
def test_an_archive_is_to_be_unpacked(folder: Folder, end: str) -> None:
    folder.write("2022-03-14.json", entry("a", "2022-03-14T12:00:00Z"))
    folder.write(f"2022-03-15{end}")
    assert (
        folder.logs()
        .passed_over()[DAY]
        .endswith("or not; unpack it, or export the day as such")
    )
    folder.write("2022-03-15.csv")
    assert (
        folder.logs()
        .passed_over()[DAY]
        .endswith(
            "or not; unpack the archives, or export the day as such, or rename what is"
        )
    )


def test_a_day_that_has_only_such_a_file_is_missing_until_the_right_one_comes(
    folder: Folder,
) -> None:
    folder.write("2022-03-14.json", entry("a", "2022-03-14T12:00:00Z"))
    folder.write("2022-03-15.zip")
    folder.write("2022-03-16.json", entry("c", "2022-03-16T12:00:00Z"))
    why = folder.logs().unavailable(DAY)
    assert why is not None
    assert why.startswith("2022-03-15 is not exported: '2022-03-15.zip' in ")
    folder.write("2022-03-15.json.bz2")
    (folder.path / "2022-03-15.json.bz2").write_bytes(bz2.compress(b"[]"))
    assert folder.logs().unavailable(DAY) is None


def test_of_many_such_files_of_a_day_three_are_named(folder: Folder) -> None:
    folder.write("2022-03-14.json", entry("a", "2022-03-14T12:00:00Z"))
    for hour in range(24):
        folder.write(f"2022/03/15/{hour:02}.csv")
    (sentence,) = folder.logs().passed_over().values()
    assert sentence.startswith(
        "'2022/03/15/00.csv', '2022/03/15/01.csv', '2022/03/15/02.csv' and 21 more in "
    )


def test_a_folder_in_which_every_file_is_passed_over_names_one(folder: Folder) -> None:
    folder.write("2022-03-15.zip")
    with pytest.raises(
        InputError, match=r"no exports: .*; '2022-03-15\.zip' in .* is not read"
    ):
        folder.logs().unavailable(DAY)


# --- what cannot be read --------------------------------------------------------------


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("", r"setting logs is missing: .*\[datasette\] logs = data/sample_logs"),
        (
            "nowhere",
            "logs = nowhere is not a folder that exists; set logs in luigi.cfg",
        ),
        ("abc://x/y", "abc://x/y cannot be opened"),
        ("s3://KEY:SECRET@bucket/x", "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
    ],
)
def test_a_place_that_is_none_is_refused(uri: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as refusal:
        open_logs(uri, late_days=1).unavailable(DAY)
    assert "SECRET@" not in str(refusal.value)


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "2022-03-15.json"
    file.touch()
    with pytest.raises(ConfigError, match="is a file; set logs in luigi.cfg to the"):
        open_logs(str(file), late_days=1).unavailable(DAY)


@pytest.mark.parametrize("names", [[], ["x.csv"], ["undated.json"]])
def test_a_folder_without_exports_is_named(folder: Folder, names: list[str]) -> None:
    for name in names:
        folder.write(name)
    with pytest.raises(
        InputError, match=f"logs = {folder.path} holds no exports: the name"
    ):
        folder.logs().unavailable(DAY)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("name", ["", "2022-03-15.json"])
def test_what_may_not_be_read_is_named(folder: Folder, name: str) -> None:
    folder.write("2022-03-15.json")
    place = folder.path / name
    place.chmod(0)
    with pytest.raises(InputError, match=f"{place} cannot be"):
        read(folder.logs())
    place.chmod(0o700)


def test_a_file_that_vanishes_while_a_day_is_read_is_named(
    folder: Folder, recording: RecordingFileSystem
) -> None:
    file = folder.write("2022-03-15.json", entry("a", "2022-03-15T12:00:00Z"))
    let_rest(folder)
    batches = folder.logs().read(DAY)
    folder.logs().unavailable(DAY)
    file.unlink()
    let_rest(folder)
    with pytest.raises(InputError, match=r"2022-03-15\.json cannot be read"):
        list(batches)


# --- what is no file ------------------------------------------------------------------


def _folder(place: Path) -> None:
    place.mkdir()


def _socket(place: Path) -> None:
    os.mknod(place, stat.S_IFSOCK | 0o600)


@pytest.mark.parametrize("make", [os.mkfifo, _socket, _folder])
@pytest.mark.parametrize(
    "name", ["2022-03-15.json", "downloaded-logs-20220315-120000.json.gz"]
)
def test_what_stands_in_place_of_an_export_is_named_and_not_waited_for(
    folder: Folder, make: Callable[[Path], None], name: str
) -> None:
    folder.write("2022-03-14.json", entry("a", "2022-03-14T12:00:00Z"))
    folder.write("2022-03-16.json", entry("c", "2022-03-16T12:00:00Z"))
    make(folder.path / name)
    why = folder.logs().unavailable(DAY)
    assert why is not None
    assert why.startswith(
        f"2022-03-15 is not exported: {name!r} in {folder.path} is not read: it is "
    )
    assert why.endswith("in place of a file; export the day again")
    folder.write("2022-03-15.ndjson", entry("b", "2022-03-15T12:00:00Z"))
    assert ids(folder.logs()) == ["b"]


def test_a_folder_named_like_an_export_may_hold_exports(folder: Folder) -> None:
    folder.write("2022-03-15.json/part-1.json", entry("a", "2022-03-15T12:00:00Z"))
    assert ids(folder.logs()) == ["a"]
    assert folder.logs().passed_over() == {}
