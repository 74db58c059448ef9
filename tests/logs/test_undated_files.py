"""Files without a date in their names, as web servers write them."""

import datetime as dt
import gzip
import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from usage_metrics.errors import InputError
from usage_metrics.logs import folder, listing
from usage_metrics.logs.blocks import Block
from usage_metrics.logs.cloud_logging.exports import JsonEntries
from usage_metrics.logs.files import LogFiles
from usage_metrics.logs.layout import Layout
from usage_metrics.logs.looking_into import Look

DAY = dt.date(2026, 2, 6)
NEXT_DAY = dt.date(2026, 2, 7)

UNDATED = Layout(
    file="log file",
    named="every file but error logs is read",
    other_names=r"error",
    looked_into="",
    grows=True,
)

DATED = Layout(
    file="log file",
    named="its name ends in .log",
    dated="the name",
    date=r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})",
)


class Server:
    """A folder in which a server writes logs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def write(self, name: str, *lines: str) -> Path:
        """Write a file; a line is an id and a time, or something unreadable."""
        text = "".join(f"{_line(line)}\n" for line in lines).encode()
        path = self.folder / name
        path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
        return path

    def logs(self) -> LogFiles:
        return LogFiles(str(self.folder), 0, UNDATED, JsonEntries())

    def read(self, day: dt.date = DAY) -> list[str]:
        """The ids of a day's entries, and its unreadable lines."""
        batches = list(self.logs().read(day))
        if not batches:
            return []
        table = pa.Table.from_batches(batches)
        both = zip(table["insertId"], table["unreadable"], strict=True)
        return [(id_ if id_.is_valid else line).as_py() for id_, line in both]


def _line(line: str) -> str:
    id_, _, time = line.partition(" ")
    entry = {"insertId": id_, "timestamp": f"{time}:00Z", "logName": "log"}
    return json.dumps(entry) if time else line


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    return Server(tmp_path / "logs")


def test_a_day_is_read_from_all_files_that_hold_entries_of_it(server: Server) -> None:
    server.write("access.log.2.gz", "a 2026-02-05T23:00", "b 2026-02-06T05:00")
    server.write("access.log.1", "c 2026-02-06T07:00", "d 2026-02-07T05:00")
    server.write("access.log", "e 2026-02-07T07:00")
    server.write("error.log", "[error] no entry")
    assert sorted(server.read()) == ["b", "c"]
    assert sorted(server.read(NEXT_DAY)) == ["d", "e"]
    assert server.logs().days() == [dt.date(2026, 2, 5), DAY, NEXT_DAY]
    assert not server.logs().passed_over()


def test_entries_out_of_order_are_of_their_own_days(server: Server) -> None:
    server.write(
        "access.log", "a 2026-02-06T09:00", "b 2026-02-07T00:01", "c 2026-02-06T23:59"
    )
    assert server.read() == ["a", "c"]
    assert server.read(NEXT_DAY) == ["b"]


def test_an_unreadable_line_is_of_the_day_of_the_line_before_it(server: Server) -> None:
    server.write("access.log", "first", "a 2026-02-06T09:00", "second")
    server.write("access.log.1", "b 2026-02-07T09:00", "third")
    assert sorted(server.read()) == ["a", "first", "second"]
    assert sorted(server.read(NEXT_DAY)) == ["b", "third"]


def test_an_unreadable_line_that_begins_a_block_is_of_the_day_before_it_too(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("usage_metrics.logs.blocks.BLOCK_BYTES", 1)
    server.write("access.log", "a 2026-02-05T09:00", "b 2026-02-06T09:00", "oops")
    assert server.read() == ["b", "oops"]


def test_a_log_that_is_there_twice_is_read_once(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    lines = [f"{number} 2026-02-06T{number:02}:00" for number in range(12)]
    server.write("access.log.1", *lines)
    server.write("access.log-20260207.gz", *lines)
    assert len(server.read()) == len(lines)
    assert "it begins as 'access.log-20260207.gz' does, which holds all" in caplog.text
    assert "delete one of them" in caplog.text


def test_a_file_that_is_cut_short_is_named_as_its_days_are_missed_and_others_read(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    packed = server.write("access.log.2.gz", *(f"{n} {DAY}T05:00" for n in range(99)))
    packed.write_bytes(packed.read_bytes()[:-20])
    server.write("access.log", "b 2026-02-07T07:00", "c 2026-02-08T07:00")
    logs = server.logs()
    assert "'access.log.2.gz' in" in (why := str(logs.unavailable(DAY)))
    assert "is a damaged or truncated gzip file" in why
    assert "start there" not in why
    for day in (NEXT_DAY, NEXT_DAY + dt.timedelta(1)):
        assert list(logs.read(day))
    assert caplog.text.count("'access.log.2.gz' in") == 1
    assert "requests in it are in no figure" in caplog.text


def test_a_file_without_entries_may_be_of_no_missing_day(server: Server) -> None:
    server.write("access.log.1", "b 2026-02-07T07:00")
    server.write("access.log")
    assert "access.log" not in str(server.logs().unavailable(DAY)).partition(";")[2]


def test_a_copy_that_has_not_all_of_the_log_yet_is_passed_over(server: Server) -> None:
    lines = [f"{number} 2026-02-06T{number:02}:00" for number in range(12)]
    server.write("access.log", *lines)
    server.write("access.log.1", *lines[:3])
    assert len(server.read()) == len(lines)


def test_a_log_that_has_grown_is_looked_into_again(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "LISTING_SECONDS", 0)
    path = server.write("access.log", "a 2026-02-06T09:00")
    assert server.logs().days() == [DAY]
    with path.open("a") as file:
        file.write(_line("b 2026-02-07T09:00") + "\n")
    assert server.logs().days() == [DAY, NEXT_DAY]


def test_a_log_may_grow_while_it_is_read_but_not_shrink(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = server.write("access.log", "a 2026-02-06T09:00")
    assert server.logs().days() == [DAY]
    states = iter([(10, 1), (20, 2), (20, 2), (5, 3)])
    monkeypatch.setattr(folder, "_state", lambda *_: next(states))
    assert server.read() == ["a"]
    with pytest.raises(InputError, match=r"access\.log changed while it was read"):
        server.read()
    assert path.exists()


def test_what_was_found_in_a_file_is_kept_until_it_changes(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.write("access.log.1", "a 2026-02-06T09:00")
    server.write("access.log", "b 2026-02-07T09:00")
    assert server.logs().days() == [DAY, NEXT_DAY]
    _forget_what_this_process_knows(monkeypatch)
    looked: list[str] = []
    at = Look.at

    def seen(look: Look, block: Block) -> None:
        looked.append(str(block.name))
        at(look, block)

    monkeypatch.setattr(Look, "at", seen)
    server.write("access.log", "b 2026-02-07T09:00", "c 2026-02-07T10:00")
    assert server.logs().days() == [DAY, NEXT_DAY]
    assert looked == ["access.log"]


def test_what_was_found_in_one_folder_outlives_a_look_into_another(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever one folder's name begins with."""
    other = Server(tmp_path / "logs-of-another-site")
    for each in (other, server):
        each.write("access.log", "a 2026-02-06T09:00")
        assert each.logs().days() == [DAY]
    _forget_what_this_process_knows(monkeypatch)
    monkeypatch.setattr(Look, "at", None)  # nothing is looked into again
    assert other.logs().days() == [DAY]
    assert server.logs().days() == [DAY]


def test_a_file_that_is_another_log_is_named_with_its_first_line(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.write("access.log", "a 2026-02-06T09:00")
    server.write("upgrade.log", "oops")
    assert server.logs().days() == [DAY]
    said = " ".join(server.logs().passed_over().values())
    assert "'upgrade.log'" in said
    assert "none of its lines can be read" in said
    assert "line 1 of upgrade.log is not JSON" in said


def test_a_file_without_a_date_beside_others_is_known_by_its_entries(
    server: Server,
) -> None:
    layout = replace(DATED, undated_by_entries=True)
    server.write("2026-02-06.log", "a 2026-02-06T09:00")
    server.write("merged.log", "b 2026-02-06T10:00", "c 2026-02-07T10:00")
    logs = LogFiles(str(server.folder), 1, layout, JsonEntries())
    assert logs.days() == [DAY, NEXT_DAY]
    found = pa.Table.from_batches([*logs.read(DAY)])
    assert sorted(found["insertId"].to_pylist()) == ["a", "b"]


def _forget_what_this_process_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("usage_metrics.logs.looking_into._SEEN", {})
    monkeypatch.setattr("usage_metrics.logs.listing._LISTINGS", {})
