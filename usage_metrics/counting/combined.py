"""Use of a day by all that the report ranks, together.

So it can be asked which tables Germany uses, and with which programs. There may be as
many combinations as requests, so only the frequent ones are kept. What ``usage_daily``
has beyond their sums is the use of all others.
"""

from typing import Any

import numpy as np
import pyarrow as pa

from usage_metrics.arrow import only_chunk
from usage_metrics.counting.aside import Records, Tables
from usage_metrics.counting.breakdowns import (
    USAGE_BY_AGENT,
    USAGE_BY_CITY,
    USAGE_BY_PATH,
)
from usage_metrics.counting.columns import schema_of
from usage_metrics.counting.grouping import Rows, group_rows, summed
from usage_metrics.counting.hashes import hashes_of_rows
from usage_metrics.counting.naming import named_only
from usage_metrics.counting.outcomes import COUNTED
from usage_metrics.counting.summary import ERROR, Totals
from usage_metrics.counting.usage import USAGE_DAILY, CountedDay

COMBINATIONS_A_DAY = 5_000
"""Combinations kept: all that a site of ten thousand requests a day has."""

IN_ALL = (
    "dataset",
    "table",
    "format",
    "page",
    "agent_class",
    "network_class",
    "country",
)
"""The columns by which ``usage_daily`` tells how much there is of the others."""
BEYOND = (
    *("region", "city", "organization", "referrer"),
    *("agent_kind", "agent_name", "path"),
)
"""The columns that ``usage_daily`` does not have."""
SUMS = ("requests", "counted", "bytes", "errors")

USAGE_COMBINED = schema_of(
    *("date", "source"),
    *(USAGE_DAILY.field(name) for name in IN_ALL),
    *(USAGE_BY_CITY.field(name) for name in ("region", "city")),
    *("organization", "referrer"),
    *(USAGE_BY_AGENT.field(name) for name in ("agent_kind", "agent_name")),
    USAGE_BY_PATH.field("path"),
    *SUMS,
)


class UsageCombined:
    """Adds up the events of a day by all columns, and keeps the frequent rows."""

    def __init__(self, day: CountedDay) -> None:
        """Begin without events."""
        self._day = day
        self._requests = Records(day.new_file)
        self._combinations = Tables(day.new_file)

    def add(self, events: Rows) -> None:
        """Add up a batch of events."""
        for name in ("path", "agent_name"):
            named = named_only(only_chunk(events[name]), self._day.named[name])
            events = events.with_column(name, named)
        groups = group_rows(events, [*IN_ALL, *BEYOND])
        names = groups.columns.column_names
        hashes = hashes_of_rows(events, names, groups.first).view(np.int64)
        requests = groups.count()
        self._requests.add(hash=hashes, requests=requests)
        sums = {
            "requests": requests,
            "counted": groups.count(events.holds("outcome", COUNTED)),
            "bytes": groups.total(events.numbers("bytes")),
            "errors": groups.count(events.numbers("status") >= ERROR),
            "hash": hashes,
        }
        found = dict(zip(groups.keys.column_names, groups.keys.columns, strict=True))
        self._combinations.add(pa.table({**found, **sums}))

    def table(self) -> pa.Table:
        """The rows."""
        frequent = self._frequent()
        totals = Totals([*IN_ALL, *BEYOND], self._day.new_file)
        for found in self._combinations:
            is_kept = pa.array(np.isin(found["hash"].to_numpy(), frequent))
            kept = found.filter(is_kept)
            totals.take(Rows(kept))
            for name in SUMS:
                totals.add(name, kept[name].to_numpy())
        sums = {name: totals.whole(name) for name in SUMS}
        of_day = {"date": self._day.date, "source": self._day.source}
        return totals.table(USAGE_COMBINED, **of_day, **sums)

    def _frequent(self) -> Any:
        """The hashes of the combinations that are kept.

        These have more requests than the first that has no place: of equally frequent
        ones all are kept or none, so that it matters to none which came first.
        """
        hashes, requests, least = np.empty(0, np.int64), np.empty(0, np.int64), 0
        for part in self._requests.parts():
            of_part, sums = summed(part["hash"], part["requests"])
            hashes, requests = np.append(hashes, of_part), np.append(requests, sums)
            if len(requests) > COMBINATIONS_A_DAY:
                place = len(requests) - COMBINATIONS_A_DAY - 1
                least = max(least, np.partition(requests, place)[place])
            is_above = requests > least
            hashes, requests = hashes[is_above], requests[is_above]
        return hashes
