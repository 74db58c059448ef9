"""The smallest source: lines of ``day,visitor,pages`` in one CSV file."""

import csv
import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import INTEGER, STRING, TIMESTAMP, column
from usage_metrics.cleaning.rejects import reject
from usage_metrics.logs.unread import Unread
from usage_metrics.sources import Cleaned, Registered, RequestTable, Source

RAW = pa.schema([("visitor", STRING), ("time", TIMESTAMP), ("pages", STRING)])
CLEANED = pa.schema(
    [
        column("visitor", STRING, "Address of the visitor"),
        column("time", TIMESTAMP, "When the visit began", unit="UTC"),
        column("pages", INTEGER, "Pages that were seen", unit="pages"),
    ]
)


class ToyLogs:
    """The visits in a CSV file."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    def describe(self) -> str:
        return f"{self._path}, {self._path.stat().st_size} bytes"

    def days(self) -> list[dt.date]:
        return sorted({dt.date.fromisoformat(row[0]) for row in self._rows()})

    def unavailable(self, day: dt.date) -> str | None:
        newest = max(row[0] for row in self._rows())
        return None if str(day) <= newest else f"visits end on {newest}"

    def passed_over(self) -> dict[dt.date, str]:
        return {}

    def unread(self, day: dt.date) -> list[Unread]:
        return []

    def has_changed(self, unread: list[Unread]) -> bool:
        return False

    def read(self, day: dt.date) -> Iterator[pa.RecordBatch]:
        time = dt.datetime.combine(day, dt.time(12), dt.UTC)
        rows = [
            {"visitor": visitor or None, "time": time, "pages": pages}
            for text, visitor, pages in self._rows()
            if text == str(day)
        ]
        if rows:
            yield pa.RecordBatch.from_pylist(rows, schema=RAW)

    def _rows(self) -> list[list[str]]:
        with self._path.open(newline="") as file:
            return list(csv.reader(file))


def clean(entries: pa.Table, settings: Any) -> Cleaned:
    """Parse the number of pages; visits without a page are not requests."""
    is_number = pc.match_substring_regex(entries["pages"], "^[0-9]+$")
    bad = entries.filter(pc.invert(is_number))
    good = entries.filter(is_number)
    pages = good["pages"].cast(INTEGER)
    visits = good.set_column(2, "pages", pages).filter(pc.greater(pages, 0))
    return Cleaned(
        requests=visits.cast(CLEANED),
        rejected=reject(bad, pa.array(["pages is no number"] * bad.num_rows, STRING)),
        not_requests=good.num_rows - visits.num_rows,
    )


SOURCE = Source(
    name="toy",
    open_logs=lambda settings: ToyLogs(settings.logs),
    raw=RAW,
    raw_dictionaries=("visitor",),
    time="time",
    key=("visitor",),
    order_column="time",
    clean=clean,
    cleaned=CLEANED,
    address="visitor",
)
REGISTERED = Registered(
    __name__,
    "a toy",
    RequestTable("toy_visits", time="time", primary_key=("visitor", "time")),
)
