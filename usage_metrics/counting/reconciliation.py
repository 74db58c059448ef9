"""Nothing lost, nothing doubled: every log line of a day, and what became of it.

Two equations hold for every day, or the day is not published:

    lines    = requests + not_requests + other_logs + rejected + duplicates
    requests = counted + each reason for not counting
"""

from collections import Counter

import pyarrow as pa

from usage_metrics.arrow import INTEGER, column
from usage_metrics.counting.columns import schema_of
from usage_metrics.counting.grouping import Rows
from usage_metrics.counting.outcomes import COUNTED, OUTCOMES, REASONS
from usage_metrics.counting.usage import CountedDay
from usage_metrics.errors import StorageError

_APART = {
    "duplicates": "Lines that repeat another line",
    "rejected": "Lines that could not be parsed",
    "not_requests": "Lines that are not requests",
    "other_logs": "Requests in other logs, or of other services or hosts",
}

USAGE_RECONCILIATION = schema_of(
    *("date", "source", column("lines", INTEGER, "Log lines of the day")),
    *(column(name, INTEGER, text) for name, text in _APART.items()),
    column("requests", INTEGER, "Requests: the remaining lines"),
    column("counted", INTEGER, "Requests that count under the COUNTER rules"),
    *(
        column(f"not_counted_{reason}", INTEGER, f"Not counted: {OUTCOMES[reason]}")
        for reason in REASONS
    ),
)


class Reconciliation:
    """Accounts for every log line of a day; one row of ``USAGE_RECONCILIATION``."""

    def __init__(self, day: CountedDay) -> None:
        """Begin without events."""
        self._day = day
        self._requests = 0
        self._outcomes: Counter[str] = Counter()

    def add(self, events: Rows) -> None:
        """Account for a batch of events."""
        self._requests += len(events)
        for item in events["outcome"].value_counts().to_pylist():
            self._outcomes[item["values"]] += item["counts"]

    def table(self) -> pa.Table:
        """The row.

        Raises:
            StorageError: if a line is missing or doubled.
        """
        day, counts = self._day, dict(self._outcomes)
        lines, requests = int(day.lines["rows_in"]), self._requests
        # Files of before there was other_logs have none.
        apart = {name: int(day.lines.get(name) or 0) for name in _APART}
        if lines != requests + sum(apart.values()):
            parts = [f"{requests:,} requests"]
            parts += [f"{count:,} {name}" for name, count in apart.items()]
            raise StorageError(
                f"{day.source} {day.date}: {lines:,} log lines do not add up to "
                f"{', '.join(parts)}: its files were not made from each other; delete "
                "those of the stages after raw and rerun"
            )
        row = {
            "date": day.date,
            "source": day.source,
            "lines": lines,
            **apart,
            "requests": requests,
            "counted": counts.pop(COUNTED, 0),
            **{f"not_counted_{reason}": counts.pop(reason, 0) for reason in REASONS},
        }
        if counts:
            raise StorageError(
                f"{day.source} {day.date}: unknown outcomes in its counted file: "
                f"{', '.join(map(repr, counts))}; delete it and rerun"
            )
        return pa.Table.from_pylist([row], schema=USAGE_RECONCILIATION)
