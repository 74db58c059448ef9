"""A month, from the events of its days.

Sums over days are sums. A session belongs to one day, so unique sessions of a month are
those of its days together. Quantiles of a month are taken of all its responses, not of
its days' quantiles. Unique visitors of a month there are none: who came on two days
cannot be told, by design.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import INTEGER, STRING, column
from usage_metrics.counting.usage import (
    AGENT_CLASS,
    DATASET,
    FIGURES,
    SOURCE,
    CountedMonth,
    summarise,
)

USAGE_MONTHLY = pa.schema(
    [
        column("month", STRING, "The UTC month, YYYY-MM"),
        *(SOURCE, DATASET, AGENT_CLASS),
        column("days", INTEGER, "Days of the month that are counted so far", "days"),
        *FIGURES,
    ]
)
"""Use of a month."""

NEEDED = (
    *("dataset", "agent_class", "outcome", "is_suspect", "session"),
    *("bytes", "status", "latency"),
)
"""The columns of a day's events that are read for its month."""


def usage_monthly(month: CountedMonth) -> pa.Table:
    """Add up the events of the days of a month; of schema ``USAGE_MONTHLY``."""
    tables, sessions = [], 0
    for day in month.events:
        renumbered = pc.add(day["session"], sessions)
        sessions += int(pc.max(day["session"]).as_py() or 0) + 1
        rest = day.select([name for name in NEEDED if name != "session"])
        tables.append(rest.append_column("session", renumbered))
    if not tables:
        return USAGE_MONTHLY.empty_table()
    constants = {
        "month": month.month,
        "source": month.source,
        "days": np.int64(len(tables)),
    }
    return summarise(pa.concat_tables(tables), USAGE_MONTHLY, **constants)
