"""A month, from the events of its days.

Sums over days are sums. A session belongs to one day, so the unique sessions of a month
are those of its days together. Quantiles are taken over all responses of the month, not
over the quantiles of its days. There are no unique visitors of a month: by design,
nobody can tell who came on two days.
"""

from collections.abc import Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import INTEGER, column
from usage_metrics.counting.aside import NewFile
from usage_metrics.counting.columns import FIGURES, schema_of
from usage_metrics.counting.grouping import Rows, encoded
from usage_metrics.counting.summary import Summary
from usage_metrics.counting.visitors import Addresses, one_spelling

USAGE_MONTHLY = schema_of(
    *("month", "source", "dataset", "agent_class"),
    column("days", INTEGER, "Days of the month that are counted so far", "days"),
    *FIGURES,
)

NEEDED = (
    *("dataset", "agent_class", "organization", "outcome", "is_suspect", "session"),
    *("is_assistant", "bytes", "status", "latency"),
)
"""The columns of a day's events that are read for its month."""


class CountedMonth(NamedTuple):
    """What the tables of a month need to know besides its events."""

    month: str
    """The UTC month, YYYY-MM."""
    source: str
    new_file: NewFile
    """Makes a file for what is not held in memory."""
    days: int
    """How many days are counted."""


class OfMonth:
    """Numbers the sessions and the addresses of a month, from those of its days."""

    def __init__(self) -> None:
        """Begin before the first day."""
        self._addresses = Addresses()
        self._before = 0
        self._most = -1

    def begin_day(self) -> None:
        """Go on to the next day, whose sessions are numbered from zero."""
        self._before += self._most + 1
        self._most = -1

    def events(self, events: pa.Table, addresses: pa.ChunkedArray | None) -> pa.Table:
        """Events of the day with these numbers.

        Args:
            events: the columns ``NEEDED``.
            addresses: of their requests; None if they are gone.
        """
        sessions = events["session"]
        self._most = max(self._most, pc.max(sessions).as_py() or 0)
        index = events.column_names.index("session")
        rows = events.set_column(index, "session", pc.add(sessions, self._before))
        numbers = pa.nulls(rows.num_rows, pa.int64())
        if addresses is not None:
            numbers = self._addresses.numbers(one_spelling(encoded(addresses)))
        return rows.append_column("address", numbers)


def together(days: Sequence[pa.Table]) -> Rows:
    """Events of several days as one batch."""
    events = pa.concat_tables(days)
    return Rows(pa.table(list(map(encoded, events.columns)), events.column_names))


def usage_monthly(month: CountedMonth) -> Summary:
    """Adds up the events of a month, whose sessions are numbered within it."""
    constants = {"month": month.month, "source": month.source}
    return Summary(USAGE_MONTHLY, month.new_file, **constants, days=month.days)
