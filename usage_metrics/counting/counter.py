"""Use of a day as the COUNTER Code of Practice for Research Data counts it.

A unique investigation or request is a dataset once per session. Every figure here may
be added up over days and countries, and over access methods: a session has one country
and one way of access, and ends with its hour. None may be added up over versions, which
is why these have a table of their own.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import INTEGER, NUMBER, STRING, column
from usage_metrics.counting.clicks import COUNTED
from usage_metrics.counting.datasets import REQUEST
from usage_metrics.counting.events import PARTIAL
from usage_metrics.counting.grouping import as_table, group_rows
from usage_metrics.counting.usage import DATE, SOURCE, CountedDay, numbers

METRICS = (
    "total_dataset_investigations",
    "unique_dataset_investigations",
    "total_dataset_requests",
    "unique_dataset_requests",
)
"""The standard's metrics, in the order of a report."""

MACHINE, REGULAR = "machine", "regular"
"""Access methods: scripts, and everybody else but robots and ourselves."""

_DATASET = column("dataset", STRING, "Id in the registry")
_FIGURES = (
    column(METRICS[0], INTEGER, "Looks at the dataset, its data included"),
    column(METRICS[1], INTEGER, "Sessions that looked at it"),
    column(METRICS[2], INTEGER, "Retrievals of its data"),
    column(METRICS[3], INTEGER, "Sessions that retrieved its data"),
    column(
        "volume",
        INTEGER,
        "Sizes of the responses that count, and of all ranges of an object that counts",
        "bytes",
    ),
    column("range_bytes", INTEGER, "What of the volume was read in ranges", "bytes"),
    column(
        "range_downloads",
        NUMBER,
        "To how many downloads the ranges amount: their bytes over the size of the "
        "whole object, as a whole response of that day tells it; null where none does",
        "downloads",
    ),
)
_BY = (
    column("access_method", STRING, "machine: scripts; regular: all others"),
    column("country", STRING, "Of the address, ISO 3166-1 alpha-2; null: unknown"),
)

USAGE_COUNTER = pa.schema([DATE, SOURCE, _DATASET, *_BY, *_FIGURES])
"""Use of a day, over all versions of a dataset."""

USAGE_COUNTER_VERSIONS = pa.schema(
    [
        *(DATE, SOURCE, _DATASET),
        column("version", STRING, "Version of the dataset, as in the registry"),
        *_BY,
        *_FIGURES,
    ]
)
"""Use of a day by version, of those datasets of which the registry has versions."""

_NEEDED = [
    *("dataset", "version", "kind", "outcome", "agent_class", "country", "session"),
    *("bytes", "object_bytes", "status"),
]
"""The columns of the events that are added up."""


def usage_counter(day: CountedDay) -> pa.Table:
    """Count the events of a day by dataset; of schema ``USAGE_COUNTER``."""
    return _count(day, day.events, USAGE_COUNTER)


def usage_counter_versions(day: CountedDay) -> pa.Table:
    """Count the events of a day by version; of schema ``USAGE_COUNTER_VERSIONS``."""
    has_version = day.events["version"].is_valid()
    versioned = day.events.select(_NEEDED).filter(has_version)
    return _count(day, versioned, USAGE_COUNTER_VERSIONS)


def _count(day: CountedDay, events: pa.Table, schema: pa.Schema) -> pa.Table:
    events = events.select(_NEEDED).filter(
        pc.is_in(events["outcome"], pa.array([COUNTED, "range_repeat"]))
    )
    is_machine = pc.fill_null(pc.equal(events["agent_class"], MACHINE), False)
    method = pc.if_else(is_machine, MACHINE, REGULAR)
    events = events.append_column("access_method", method)
    figures = {field.name for field in _FIGURES}
    keys = [n for n in schema.names if n not in figures | {"date", "source"}]
    groups = group_rows(events, keys)
    counted = _is(events["outcome"], COUNTED)
    request = counted & _is(events["kind"], REQUEST)
    sessions = events["session"].to_numpy()
    size = numbers(events["bytes"])
    in_ranges = numbers(events["status"]) == PARTIAL
    rows = groups.keys.num_rows
    columns: dict[str, Any] = {
        **{name: groups.keys[name] for name in keys},
        "date": np.full(rows, day.date),
        "source": np.full(rows, day.source),
        METRICS[0]: groups.count(counted),
        METRICS[1]: groups.distinct(sessions, counted),
        METRICS[2]: groups.count(request),
        METRICS[3]: groups.distinct(sessions, request),
        "volume": groups.total(size),
        "range_bytes": groups.total(np.where(in_ranges, size, 0)),
        "range_downloads": _downloads(groups.codes, rows, events, size),
    }
    return as_table(schema, columns)


def _is(values: pa.ChunkedArray, value: str) -> Any:
    return pc.fill_null(pc.equal(values, value), False).to_numpy().astype(bool)


def _downloads(codes: Any, rows: int, events: pa.Table, size: Any) -> pa.Array:
    whole = numbers(events["object_bytes"])
    in_ranges = numbers(events["status"]) == PARTIAL
    shares = np.divide(size, whole, out=np.zeros(len(size)), where=whole > 0)
    unknown = np.bincount(codes[in_ranges & (whole == 0)], minlength=rows) > 0
    return pa.array(np.bincount(codes, weights=shares, minlength=rows), mask=unknown)
