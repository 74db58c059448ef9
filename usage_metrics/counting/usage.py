"""The everyday questions about a day, answered in small tables.

They include everything, robots and failures too, each under its class; ``counted`` says
how much of it is use under the COUNTER rules. Requests, bytes and errors may be summed
over every column. Unique sessions may be summed over days, because a session never
spans midnight, and over classes, countries and organisations, because a visitor (an
address with a user agent) has one of each; but not over datasets, tables or formats,
because one session may have seen several. Unique visitors may not be summed over days
either.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from usage_metrics.arrow import STRING, column
from usage_metrics.counting.clicks import COUNTED
from usage_metrics.counting.columns import DATASET_OR_ALL, FIGURES, schema_of
from usage_metrics.counting.datasets import ALL
from usage_metrics.counting.grouping import (
    Groups,
    any_of,
    group_rows,
    holds,
    mask_of,
    numbers_of,
)

USAGE_DAILY = schema_of(
    *("date", "source", "dataset"),
    column("table", STRING, "Table of the dataset; null: the URL is not a table's"),
    *("format", "page", "agent_class", "network_class", "country"),
    *FIGURES,
    "unique_visitors",
)
USAGE_BY_ORGANIZATION = schema_of(
    *("date", "source", "dataset", "organization", "network_class", "agent_class"),
    *("requests", "counted", "suspect", "unique_sessions", "unique_visitors", "bytes"),
)
USAGE_BY_REFERRER = schema_of(
    *("date", "source", "dataset", "referrer", "agent_class"),
    *("requests", "counted", "unique_sessions", "unique_visitors"),
)
USAGE_BY_CLASS = schema_of(
    *("date", "source", DATASET_OR_ALL, "agent_class"),
    *("requests", "counted", "suspect", "assistants", "unique_sessions"),
    *("unique_visitors", "bytes", "errors"),
)

ERROR = 400
"""The lowest status of an error."""


class CountedDay(NamedTuple):
    """What the tables of a day are made from."""

    events: pa.Table
    """Of schema ``EVENTS``."""
    requests: pa.Table
    """The geocoded requests as read for counting, in the same order."""
    lines: Mapping[str, Any]
    """What became of the log lines, from the footer of the requests."""
    date: str
    """The UTC day, YYYY-MM-DD."""
    source: str


class CountedMonth(NamedTuple):
    """What the tables of a month are made from."""

    events: Sequence[pa.Table]
    """The events of each counted day; no rows for a day without requests."""
    tallies: Sequence[pa.Table]
    """The ``concentration.tally`` of each day."""
    month: str
    """The UTC month, YYYY-MM."""
    source: str


def usage_by_class(day: CountedDay) -> pa.Table:
    """Add up the events of a day by agent class; of schema ``USAGE_BY_CLASS``."""
    together = day._replace(events=over_all_datasets(day.events))
    return pa.concat_tables(
        summarise_day(part, USAGE_BY_CLASS) for part in (day, together)
    )


def over_all_datasets(events: pa.Table) -> pa.Table:
    """The same events, as if they were all about one dataset, ``all``."""
    codes = pa.repeat(pa.scalar(0, pa.int8()), events.num_rows)
    same = pa.DictionaryArray.from_arrays(codes, pa.array([ALL]))
    return events.set_column(events.column_names.index("dataset"), "dataset", same)


def summarise_day(day: CountedDay, schema: pa.Schema, **columns: Any) -> pa.Table:
    """Add up the events of a day.

    Args:
        day: the day.
        schema: as for :func:`summarise`, with ``date`` and ``source``.
        columns: further columns of the events.
    """
    events = day.events
    for name, values in columns.items():
        events = events.append_column(name, values)
    return summarise(events, schema, date=day.date, source=day.source)


def summarise(events: pa.Table, schema: pa.Schema, **constants: Any) -> pa.Table:
    """Add up events by those columns of a schema that the events have.

    Args:
        events: of schema ``EVENTS``, or some of its columns.
        schema: of the result: constants, columns of the events, and figures.
        constants: values of columns that are the same in every row.
    """
    groups, figures = add_up(events, schema, *constants)
    return groups.table(schema, **constants, **figures)


def add_up(
    events: pa.Table, schema: pa.Schema, *constants: str
) -> tuple[Groups, dict[str, Any]]:
    """The groups of events for :func:`summarise`, and the figures of each group."""
    names = {*FIGURES, "unique_visitors"} & set(schema.names)
    keys = [name for name in schema.names if name not in names | set(constants)]
    groups = group_rows(events, keys)
    return groups, {name: _figure(groups, events, name) for name in names}


def _figure(groups: Groups, events: pa.Table, name: str) -> Any:
    match name:
        case "requests":
            return groups.count()
        case "counted":
            return groups.count(holds(events["outcome"], any_of(COUNTED)))
        case "suspect":
            return groups.count(mask_of(events["is_suspect"]))
        case "assistants":
            return groups.count(mask_of(events["is_assistant"]))
        case "unique_sessions":
            return groups.distinct(events["session"].to_numpy())
        case "unique_visitors":
            return groups.distinct(events["visitor"].to_numpy())
        case "bytes":
            return groups.total(numbers_of(events["bytes"]))
        case "errors":
            return groups.count(numbers_of(events["status"]) >= ERROR)
    share = {"latency_p50": 0.50, "latency_p95": 0.95}[name]
    return groups.quantile(numbers_of(events["latency"], np.nan), share)
