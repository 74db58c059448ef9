"""A month, from the events of its days.

Sums over days are sums. A session belongs to one day, so the unique sessions of a month
are those of its days together. Quantiles are taken over all responses of the month, not
over the quantiles of its days. There are no unique visitors of a month: by design,
nobody can tell who came on two days.
"""

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import INTEGER, column
from usage_metrics.counting.columns import FIGURES, schema_of
from usage_metrics.counting.grouping import concatenated
from usage_metrics.counting.usage import CountedMonth, summarise

USAGE_MONTHLY = schema_of(
    *("month", "source", "dataset", "agent_class"),
    column("days", INTEGER, "Days of the month that are counted so far", "days"),
    *FIGURES,
)

NEEDED = (
    *("dataset", "agent_class", "outcome", "is_suspect", "session"),
    *("is_assistant", "bytes", "status", "latency"),
)
"""The columns of a day's events that are read for its month."""


def usage_monthly(month: CountedMonth) -> pa.Table:
    """Add up the events of a month's days; of schema ``USAGE_MONTHLY``."""
    days, sessions = [], 0
    for day in month.events:
        index = day.column_names.index("session")
        renumbered = pc.add(day["session"], sessions)
        sessions += int(pc.max(day["session"]).as_py() or 0) + 1
        days.append(day.set_column(index, "session", renumbered))
    if not days:
        return USAGE_MONTHLY.empty_table()
    constants = {"month": month.month, "source": month.source, "days": len(days)}
    return summarise(concatenated(days), USAGE_MONTHLY, **constants)
