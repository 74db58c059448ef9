"""The first and the last page of each session.

A session is a visitor and a UTC hour, as in all figures. So one who stays beyond the
full hour leaves and enters there, and at midnight; no other gap ends a session.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import INTEGER, only_chunk
from usage_metrics.cleaning.objects import WEBSITE
from usage_metrics.counting.derived import ANSWERED, LOOKED_AT
from usage_metrics.counting.grouping import Rows, mask_of
from usage_metrics.counting.naming import named_only
from usage_metrics.counting.outcomes import COUNTED
from usage_metrics.counting.summary import Totals
from usage_metrics.counting.usage import CountedDay

PAGES = (*LOOKED_AT, "database", "table", "row", "query", "dataset", WEBSITE)
"""The kinds of pages that people look at, if they are HTML: of no bucket's log."""

_KEYS = ("dataset", "agent_class", "value")


class SessionPages:
    """Finds the first and last pages of the sessions of a day.

    It holds 25 bytes a session, and eight more while a batch is added.
    """

    def __init__(self, day: CountedDay, schema: pa.Schema) -> None:
        """Begin without an event.

        Args:
            day: the day.
            schema: of the table.
        """
        self._day, self._schema = day, schema
        self._totals = Totals(_KEYS, day.new_file)
        self._is_use = np.zeros(0, bool)
        self._ends = {"entry": _End(is_last=False), "exit": _End(is_last=True)}

    def add(self, events: Rows) -> None:
        """Add a batch of events."""
        sessions = events.numbers("session")
        most = max(len(self._is_use), int(sessions.max(initial=-1)) + 1)
        self._is_use = np.append(self._is_use, np.zeros(most - len(self._is_use), bool))
        self._is_use[sessions[events.holds("outcome", COUNTED)]] = True
        rows = np.flatnonzero(_are_pages(events))
        paths = only_chunk(events["path"])
        values = named_only(paths, self._day.named["path"])
        seen = events.table.select(_KEYS[:2]).append_column("value", values)
        self._totals.take(Rows(seen.take(pa.array(rows))))
        times = events["timestamp"].cast(pa.int64()).to_numpy()[rows]
        for end in self._ends.values():
            end.add(most, sessions[rows], times, self._totals.groups)

    def tables(self) -> list[pa.Table]:
        """The rows of each end."""
        return [self._table(name, end) for name, end in self._ends.items()]

    def _table(self, name: str, end: "_End") -> pa.Table:
        is_known = end.groups >= 0
        groups, number = end.groups[is_known], len(self._totals)
        is_use = self._is_use[: len(is_known)][is_known]
        rows = self._totals.table(
            self._schema,
            date=self._day.date,
            source=self._day.source,
            attribute=name,
            requests=np.bincount(groups, minlength=number),
            counted=np.bincount(groups[is_use], minlength=number),
        )
        return rows.filter(pc.greater(rows["requests"], 0))


class _End:
    """An end of each session: the group of its first or of its last page."""

    def __init__(self, *, is_last: bool) -> None:
        """Begin without a session."""
        self._is_last = is_last
        self._times = np.empty(0, np.int64)
        self.groups = np.empty(0, np.int32)
        """By the number of the session; -1 if it has no page."""

    def add(self, sessions: int, of_row: Any, times: Any, groups: Any) -> None:
        """Go on with some pages: the session, time and group of each."""
        more = sessions - len(self.groups)
        limits = np.iinfo(np.int64)
        never = limits.min if self._is_last else limits.max
        before = np.append(self._times, np.full(more, never))
        self._times = before.copy()
        self.groups = np.append(self.groups, np.full(more, -1, np.int32))
        reach = np.maximum if self._is_last else np.minimum
        reach.at(self._times, of_row, times)
        is_end = times == self._times[of_row]
        if not self._is_last:
            is_end &= times < before[of_row]
        # Of pages at the same time, the first row is the first, and the last the last:
        # the last assignment to an element wins.
        found = np.flatnonzero(is_end)[:: 1 if self._is_last else -1]
        self.groups[of_row[found]] = groups[found]


def _are_pages(events: Rows) -> Any:
    """Which events are answers with a page that people look at."""
    page, format_ = only_chunk(events["page"]), only_chunk(events["format"])
    is_answered = pc.is_in(events["status"], pa.array(ANSWERED, INTEGER))
    is_html = events.holds("format", "html") | mask_of(format_.is_null())
    kinds = named_only(page, pa.array(PAGES))
    return mask_of(is_answered) & is_html & mask_of(kinds.is_valid())
