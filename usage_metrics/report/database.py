"""The database, opened for reading, and the days that it is asked about."""

import contextlib
import datetime as dt
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from usage_metrics.errors import StorageError

if TYPE_CHECKING:
    import pandas as pd

GRAINS = {
    "day": "date",
    "week": "date(date, '-6 days', 'weekday 1')",
    "month": "date(date, 'start of month')",
}
"""How long a period is, and its first day in SQL. Weeks begin on Monday."""


@dataclass(frozen=True)
class Span:
    """Whose logs, which days, and in periods of what length."""

    source: str
    start: dt.date
    stop: dt.date
    """The day after the last."""
    grain: str = "day"

    @property
    def length(self) -> dt.timedelta:
        """How long it is."""
        return self.stop - self.start

    def with_before(self) -> "Span":
        """The same and as many days before."""
        return replace(self, start=self.start - self.length)


@contextlib.contextmanager
def open_database(path: str | Path) -> Iterator[sqlite3.Connection]:
    """Open the database for reading.

    Raises:
        StorageError: if it is not there or damaged, or a question cannot be answered.
    """
    try:
        address = f"{Path(path).absolute().as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(address, uri=True)) as database:
            yield database
    except sqlite3.Error as error:
        raise StorageError(
            f"{path}: {error}; run luigi --module usage_metrics LoadUsage, and if it "
            "does not help, delete the file first: it is rebuilt from the Parquet files"
        ) from error


def first_period(span: Span, day: dt.date | None = None) -> str:
    """The first day of the period that a day, or the span's first, is in."""
    day = day or span.start
    if span.grain == "week":
        day -= dt.timedelta(days=day.weekday())
    if span.grain == "month":
        day = day.replace(day=1)
    return day.isoformat()


def read(database: sqlite3.Connection, sql: str, span: Span) -> "pd.DataFrame":
    """Ask about the source and days of a span, in this order, as a frame."""
    import pandas as pd

    values = (span.source, span.start.isoformat(), span.stop.isoformat())
    cursor = database.execute(sql, values)
    names = [column[0] for column in cursor.description]
    return pd.DataFrame.from_records(cursor.fetchall(), columns=names)
