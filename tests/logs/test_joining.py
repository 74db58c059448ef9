"""Small files are read together, and each of their lines keeps its name and number."""

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from export_folder import DAY, NEXT_DAY, Folder, entry, ids, read

from usage_metrics.logs import joining
from usage_metrics.logs.blocks import Block
from usage_metrics.logs.cloud_logging.exports import EXPORTS, JsonEntries
from usage_metrics.logs.cloudfront import CloudFront
from usage_metrics.logs.files import LogFiles
from usage_metrics.logs.format import Format
from usage_metrics.logs.gcs_usage import GcsUsage
from usage_metrics.logs.joining import joined
from usage_metrics.logs.listing import LogFile
from usage_metrics.logs.s3.access_log import S3_ACCESS_LOG
from usage_metrics.logs.web.aws_balancer import AwsLoadBalancer
from usage_metrics.logs.web.presets import open_format


def hour(number: int) -> str:
    return f"2022/03/15/{number:02}:00:00_{number:02}:59:59_S0.json"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "logs")


class Counted(JsonEntries):
    """Counts the blocks that are read."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[int] = []

    def read(self, block: Block) -> pa.Table:
        self.rows.append(len(block))
        return super().read(block)


def test_the_files_of_a_day_are_read_together_and_each_line_is_known(
    folder: Folder,
) -> None:
    for number in range(24):
        time = f"2022-03-15T{number:02}:00:00Z"
        folder.write(hour(number), entry(f"{number:02}", time), b"no entry")
    late = entry("late", "2022-03-15T23:59:59Z")
    folder.write("2022-03-16.json", entry("next", "2022-03-16T00:00:00Z"), late)
    counted = Counted()
    logs = LogFiles(str(folder.path), 1, EXPORTS, counted)
    table = read(logs)
    assert counted.rows == [48, 1]  # of the next day, only what may have come late
    names = [f"{number:02}" for number in range(24)]
    assert [name for name in table["insertId"].to_pylist() if name] == [*names, "late"]
    reasons = [reason for reason in table["unreadableReason"].to_pylist() if reason]
    assert [reason.partition(" is not")[0] for reason in reasons] == [
        f"line 2 of {hour(number)}" for number in range(24)
    ]


def test_no_more_is_read_together_than_a_block_holds(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [entry(f"{n:02}", f"2022-03-15T{n:02}:00:00Z") for n in range(24)]
    for number, line in enumerate(lines):
        folder.write(hour(number), line)
    size = (folder.path / hour(0)).stat().st_size
    monkeypatch.setattr(joining, "BLOCK_BYTES", 5 * size)
    counted = Counted()
    assert ids(LogFiles(str(folder.path), 0, EXPORTS, counted)) == [
        f"{number:02}" for number in range(24)
    ]
    assert counted.rows == [5, 5, 5, 5, 4]


def test_entries_of_no_day_are_named_with_the_files_that_were_read_together(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(3):
        folder.write(hour(number), entry(f"{number}", "2022-03-11T00:00:00Z"))
    assert ids(folder.logs(late_days=1)) == []
    assert f"'{hour(0)} to {hour(2)}' holds 3 entries that no day reads" in caplog.text


Part = tuple[LogFile, Block]


def test_of_many_files_with_entries_of_no_day_some_are_named(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(joining, "BLOCK_BYTES", 1)
    for number in range(20):
        folder.write(hour(number), entry(f"{number}", "2022-03-11T00:00:00Z"))
    assert ids(folder.logs(late_days=1)) == []
    assert caplog.text.count("entries that no day reads") == 3
    assert "so do 17 more files" in caplog.text


FIRST_LINES: dict[str, bytes] = {
    "CloudFront": b"#Version: 1.0\n#Fields: date time c-ip sc-status\n",
    "GcsUsage": b'"time_micros","c_ip","cs_method"\n',
}

FORMATS: list[Any] = [
    S3_ACCESS_LOG,
    GcsUsage(),
    CloudFront(),
    JsonEntries(),
    AwsLoadBalancer(),
    *map(open_format, ("combined", "caddy", "cloudflare")),
]


@pytest.mark.parametrize("format_", FORMATS, ids=lambda format_: format_.title)
def test_every_format_says_which_line_of_which_file_it_could_not_read(
    format_: Format,
) -> None:
    start = FIRST_LINES.get(type(format_).__name__, b"")
    content = start + b"\tno\nnonsense\n\nand more\n"
    expected = [start.count(b"\n") + number for number in (1, 2, 4)]

    def blocks(name: str, size: int) -> list[tuple[LogFile, Block]]:
        file = LogFile(name, name, DAY, size, DAY, None)
        raw = pa.BufferReader(content)
        return [(file, block) for block in format_.blocks(raw, name)]

    [(file, block)] = joined([*blocks("a.log", 1), *blocks("b.log", 2)])
    reasons = format_.read(block)["unreadableReason"].to_pylist()
    assert [" ".join(reason.split()[:4]) for reason in reasons] == [
        f"line {number} of {name}" for name in ("a.log", "b.log") for number in expected
    ]
    assert file.name == "a.log to b.log"
    half = format_.read(block.halves()[1])["unreadableReason"].to_pylist()
    assert half == reasons[3:]


def test_files_with_other_fields_or_another_day_are_read_apart() -> None:
    def part(name: str, day: dt.date, fields: bytes, **of: Any) -> Part:
        file = LogFile(name, name, day, 1, day, None, **of)
        return file, Block(b"x\n", 1, name, fields)

    parts = [
        part("a", DAY, b"#Fields: x"),
        part("b", DAY, b"#Fields: y"),
        part("c", NEXT_DAY, b"#Fields: y"),
        part("d", NEXT_DAY, b"#Fields: y", by_entries=True),
    ]
    assert list(joined(parts)) == parts
