"""Use of a day as the COUNTER Code of Practice for Research Data counts it.

A unique investigation or request counts a dataset once per session. Every figure may be
summed over days, countries and access methods: a session has one country and one access
method, and ends with its hour. None may be summed over versions, which is why these
have a table of their own.
"""

from typing import Any

import numpy as np
import pyarrow as pa

from usage_metrics.arrow import INTEGER, NUMBER, STRING, column
from usage_metrics.counting.clicks import COUNTED, PARTIAL
from usage_metrics.counting.columns import schema_of
from usage_metrics.counting.datasets import REQUEST
from usage_metrics.counting.grouping import (
    Groups,
    any_of,
    group_rows,
    holds,
    mask_of,
    numbers_of,
)
from usage_metrics.counting.usage import CountedDay

METRICS = (
    "total_dataset_investigations",
    "unique_dataset_investigations",
    "total_dataset_requests",
    "unique_dataset_requests",
)
"""The standard's metrics, in the order of a report."""

MACHINE, REGULAR = "machine", "regular"
"""Access methods: scripts, and everybody else except robots and ourselves."""

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


def usage_counter(day: CountedDay) -> pa.Table:
    """Count the events of a day by dataset; of schema ``USAGE_COUNTER``."""
    return _count(day, USAGE_COUNTER, "dataset")


def usage_counter_versions(day: CountedDay) -> pa.Table:
    """Count the events of a day by version; of schema ``USAGE_COUNTER_VERSIONS``."""
    # Only datasets of which the registry has versions have one in the events.
    return _count(day, USAGE_COUNTER_VERSIONS, "dataset", "version")


def _count(day: CountedDay, schema: pa.Schema, *of: str) -> pa.Table:
    counts = holds(day.events["outcome"], any_of(COUNTED, "range_repeat"))
    counts &= mask_of(day.events[of[-1]].is_valid())
    events = day.events.select(_NEEDED).filter(pa.array(counts))
    is_machine = pa.array(holds(events["agent_class"], any_of(MACHINE)).astype(np.int8))
    method = pa.DictionaryArray.from_arrays(is_machine, pa.array([REGULAR, MACHINE]))
    events = events.append_column("access_method", method)
    groups = group_rows(events, [*of, "access_method", "country"])
    counted = holds(events["outcome"], any_of(COUNTED))
    request = counted & holds(events["kind"], any_of(REQUEST))
    sessions = events["session"].to_numpy()
    size = numbers_of(events["bytes"])
    is_range = numbers_of(events["status"]) == PARTIAL
    figures = {
        METRICS[0]: groups.count(counted),
        METRICS[1]: groups.distinct(sessions, counted),
        METRICS[2]: groups.count(request),
        METRICS[3]: groups.distinct(sessions, request),
        "volume": groups.total(size),
        "range_bytes": groups.total(np.where(is_range, size, 0)),
        "range_downloads": _downloads(groups, events, size, is_range),
    }
    return groups.table(schema, date=day.date, source=day.source, **figures)


def _downloads(groups: Groups, events: pa.Table, size: Any, is_range: Any) -> pa.Array:
    """How many downloads the range reads amount to; null if a size is unknown."""
    whole = numbers_of(events["object_bytes"])
    shares = np.divide(size, whole, out=np.zeros(len(size)), where=whole > 0)
    unknown = groups.count(is_range & (whole == 0)) > 0
    return pa.array(groups.sum(shares), mask=unknown)
