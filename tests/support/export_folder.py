"""A folder of JSON exports for tests."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from usage_metrics.logs.cloud_logging.entry import ENTRY
from usage_metrics.logs.reader import LogReader, open_logs

DAY = dt.date(2022, 3, 15)
NEXT_DAY = DAY + dt.timedelta(days=1)


def entry(insert_id: str, timestamp: str, **fields: Any) -> dict[str, Any]:
    return {"insertId": insert_id, "timestamp": timestamp, **fields}


def as_lines(entries: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(entry).encode() + b"\n" for entry in entries)


class Folder:
    """A folder of exports."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()

    def write(self, name: str, *entries: dict[str, Any] | bytes) -> Path:
        """Write entries as JSON lines; bytes are written as they are, as a line."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = [as_lines([e]) if isinstance(e, dict) else e + b"\n" for e in entries]
        file.write_bytes(b"".join(lines))
        return file

    def logs(self, late_days: int = 1) -> LogReader:
        return open_logs(str(self.path), late_days)


def read(reader: LogReader, day: dt.date = DAY) -> pa.Table:
    batches = list(reader.read(day))
    assert all(batch.num_rows for batch in batches)
    return pa.Table.from_batches(batches, ENTRY)


def ids(reader: LogReader, day: dt.date = DAY) -> list[str]:
    found: list[str] = read(reader, day)["insertId"].to_pylist()
    return found
