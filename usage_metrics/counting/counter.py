"""Use of a day as the COUNTER Code of Practice for Research Data counts it.

A unique investigation or request counts a dataset once per session. Every figure may be
summed over days, countries and access methods: a session has one country and one access
method, and ends with its hour. None may be summed over versions, which is why these
have a table of their own.
"""

import numpy as np
import pyarrow as pa

from usage_metrics.arrow import INTEGER, NUMBER, STRING, column
from usage_metrics.counting.clicks import PARTIAL
from usage_metrics.counting.columns import schema_of
from usage_metrics.counting.counter_names import MACHINE, METRICS, REGULAR
from usage_metrics.counting.datasets import REQUEST
from usage_metrics.counting.grouping import Rows, any_of, holds, mask_of
from usage_metrics.counting.outcomes import COUNTED
from usage_metrics.counting.summary import Totals
from usage_metrics.counting.usage import CountedDay

_DATASET = column("dataset", STRING, "Dataset id, from the registry or of the database")
_METHOD = column("access_method", STRING, "machine: scripts; regular: everybody else")
_FIGURES = (
    column(METRICS[0], INTEGER, "Investigations of the dataset, requests included"),
    column(METRICS[1], INTEGER, "Sessions that investigated the dataset"),
    column(METRICS[2], INTEGER, "Requests for the data of the dataset"),
    column(METRICS[3], INTEGER, "Sessions that requested its data"),
    column(
        "volume",
        INTEGER,
        "Sizes of the counted responses and of all range reads of a counted object",
        "bytes",
    ),
    column("range_bytes", INTEGER, "Part of the volume sent for range reads", "bytes"),
    column(
        "range_downloads",
        NUMBER,
        "Downloads that the range reads amount to: their bytes over the size of the "
        "whole object, as the log says or from a complete response of that day; null "
        "if neither is known",
        "downloads",
    ),
)

USAGE_COUNTER = schema_of("date", "source", _DATASET, _METHOD, "country", *_FIGURES)
USAGE_COUNTER_VERSIONS = schema_of(
    *("date", "source", _DATASET),
    column("version", STRING, "Version of the dataset, from the registry"),
    *(_METHOD, "country", *_FIGURES),
)

_NEEDED = [
    *("dataset", "version", "kind", "outcome", "agent_class", "country", "session"),
    *("bytes", "object_bytes", "status"),
]
"""The columns of the events that are added up."""


class CounterUsage:
    """Counts the events of a day by dataset, or by version."""

    def __init__(self, day: CountedDay, schema: pa.Schema, *of: str) -> None:
        """Begin without events."""
        self._day, self._schema, self._of = day, schema, of[-1]
        self._totals = Totals([*of, "access_method", "country"], day.new_file)

    def add(self, events: Rows) -> None:
        """Add up a batch of events."""
        counts = events.holds("outcome", COUNTED)
        counts = counts | events.holds("outcome", "range_repeat")
        counts &= mask_of(events[self._of].is_valid())
        table = events.table.select(_NEEDED).filter(pa.array(counts)).combine_chunks()
        is_machine = holds(table["agent_class"], any_of(MACHINE)).astype(np.int32)
        method = pa.DictionaryArray.from_arrays(
            is_machine, pa.array([REGULAR, MACHINE])
        )
        rows, totals = Rows(table.append_column("access_method", method)), self._totals
        totals.take(rows)
        counted = rows.holds("outcome", COUNTED)
        request = counted & rows.holds("kind", REQUEST)
        sessions = rows.numbers("session")
        totals.count(METRICS[0], counted)
        totals.distinct(METRICS[1], sessions, counted)
        totals.count(METRICS[2], request)
        totals.distinct(METRICS[3], sessions, request)
        self._add_sizes(rows)

    def _add_sizes(self, rows: Rows) -> None:
        totals = self._totals
        size, whole = rows.numbers("bytes"), rows.numbers("object_bytes")
        is_range = rows.numbers("status") == PARTIAL
        shares = np.divide(size, whole, out=np.zeros(len(size)), where=whole > 0)
        totals.add("volume", size)
        totals.add("range_bytes", np.where(is_range, size, 0))
        totals.add("range_downloads", shares)
        totals.count("unknown", is_range & (whole == 0))

    def table(self) -> pa.Table:
        """The rows."""
        totals, day = self._totals, self._day
        unknown = totals.counts("unknown") > 0
        figures = {
            METRICS[0]: totals.counts(METRICS[0]),
            METRICS[1]: totals.values(METRICS[1]),
            METRICS[2]: totals.counts(METRICS[2]),
            METRICS[3]: totals.values(METRICS[3]),
            "volume": totals.whole("volume"),
            "range_bytes": totals.whole("range_bytes"),
            "range_downloads": pa.array(totals.sums("range_downloads"), mask=unknown),
        }
        return totals.table(self._schema, date=day.date, source=day.source, **figures)


def usage_counter(day: CountedDay) -> CounterUsage:
    """Counts the events of a day by dataset; of schema ``USAGE_COUNTER``."""
    return CounterUsage(day, USAGE_COUNTER, "dataset")


def usage_counter_versions(day: CountedDay) -> CounterUsage:
    """Counts the events of a day by version; of schema ``USAGE_COUNTER_VERSIONS``."""
    # Only datasets of which the registry has versions have one in the events.
    return CounterUsage(day, USAGE_COUNTER_VERSIONS, "dataset", "version")
