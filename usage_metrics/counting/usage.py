"""The everyday questions about a day, answered in small tables.

They include everything, robots and failures too, each under its class; ``counted`` says
how much of it is use under the COUNTER rules. Requests, bytes and errors may be summed
over every column. Unique sessions may be summed over days, because a session never
spans midnight, and over classes, countries and organisations, because a visitor (an
address with a user agent) has one of each; but not over datasets, tables or formats,
because one session may have seen several. Unique visitors may not be summed over days
either.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import pyarrow as pa

from usage_metrics.arrow import STRING, column
from usage_metrics.counting.aside import NewFile
from usage_metrics.counting.columns import DATASET_OR_ALL, FIGURES, schema_of
from usage_metrics.counting.datasets import ALL
from usage_metrics.counting.figure_names import BY_CLASS, BY_CLASS_KEYS
from usage_metrics.counting.grouping import Rows
from usage_metrics.counting.summary import Summary

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
    *(DATASET_OR_ALL if name == "dataset" else name for name in BY_CLASS_KEYS),
    *BY_CLASS,
)


class Figures(Protocol):
    """A table of figures, made from rows that come in batches, in the order of time."""

    def add(self, events: Rows, /) -> None:
        """Add up a batch of events."""

    def table(self) -> pa.Table:
        """The rows of the table."""


class CountedDay(NamedTuple):
    """What the tables of a day need to know besides its events."""

    date: str
    """The UTC day, YYYY-MM-DD."""
    source: str
    new_file: NewFile
    """Makes a file for what is not held in memory."""
    lines: Mapping[str, Any]
    """What became of the log lines, from the footer of the requests."""
    named: Mapping[str, pa.Array]
    """The texts that are named, by column; see :mod:`.naming`."""


def of_day(day: CountedDay, schema: pa.Schema, **constants: str) -> Summary:
    """Adds up the events of a day; of a schema with ``date`` and ``source``."""
    return Summary(schema, day.new_file, date=day.date, source=day.source, **constants)


class OfEachAndAll:
    """Adds up events by dataset, and once more over all datasets."""

    def __init__(self, of_each: Figures, of_all: Figures) -> None:
        """Begin with two tables without events."""
        self._of_each, self._of_all = of_each, of_all

    def add(self, events: Rows) -> None:
        """Add up a batch of events."""
        self._of_each.add(events)
        self._of_all.add(over_all_datasets(events))

    def table(self) -> pa.Table:
        """The rows of the datasets, then those of ``all``."""
        return pa.concat_tables([self._of_each.table(), self._of_all.table()])


def usage_by_class(day: CountedDay) -> OfEachAndAll:
    """Adds up the events of a day by agent class; of schema ``USAGE_BY_CLASS``."""
    return OfEachAndAll(of_day(day, USAGE_BY_CLASS), of_day(day, USAGE_BY_CLASS))


def over_all_datasets(events: Rows) -> Rows:
    """The same events, as if they were all about one dataset, ``all``."""
    codes = pa.repeat(pa.scalar(0, pa.int32()), len(events))
    same = pa.DictionaryArray.from_arrays(codes, pa.array([ALL]))
    return events.with_column("dataset", same)
