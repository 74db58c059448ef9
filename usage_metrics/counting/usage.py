"""The everyday questions about a day, answered in small tables.

Everything is in them, robots and failures too, each under its class; ``counted`` says
how much of it is use by the COUNTER rules. Requests, bytes and errors can be added up
along every column. Unique sessions can be added up over days, because a session never
reaches over midnight, and over classes, countries and organisations, because a visitor,
an address with a user agent, has one of each; but not over datasets, tables or formats,
because one session may have seen several. Unique visitors cannot be added up over days,
either.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import INTEGER, NUMBER, STRING, column
from usage_metrics.counting.clicks import COUNTED
from usage_metrics.counting.datasets import ALL
from usage_metrics.counting.grouping import Groups, as_table, constant, group_rows

DATE = column("date", STRING, "The UTC day, YYYY-MM-DD")
SOURCE = column("source", STRING, "The kind of log")
DATASET = column(
    "dataset",
    STRING,
    "Id in the registry; unmapped: no pattern matches; none: about no dataset",
)
AGENT_CLASS = column(
    "agent_class", STRING, "human, machine, robot, internal or unknown"
)
NETWORK_CLASS = column("network_class", STRING, "hosting, education, government, …")

REQUESTS = column("requests", INTEGER, "All requests, whoever made them")
COUNTED_REQUESTS = column(
    "counted",
    INTEGER,
    "Those that count by the COUNTER rules; usage_reconciliation "
    "has the reasons for the others",
)
SUSPECT = column(
    "suspect",
    INTEGER,
    "Requests of browsers in hosting networks and of addresses that "
    "sent more than half of a day's requests; they are in the other columns, too",
)
SESSIONS = column(
    "unique_sessions",
    INTEGER,
    "Different sessions: visitor and UTC hour. May be added up over days, and over "
    "who asked and from where (classes, countries, organisations): each session has "
    "one of each. Not over datasets, tables, formats, pages and referrers",
)
VISITORS = column(
    "unique_visitors",
    INTEGER,
    "Different visitors of a day: address and user agent. May be added up over who "
    "asked and from where, and over nothing else: who comes on two days, or asks for "
    "two tables, is in both figures",
)
BYTES = column("bytes", INTEGER, "Sizes of the responses with their headers", "bytes")
ERRORS = column("errors", INTEGER, "Responses with a status from 400 on")
LATENCY_P50 = column(
    "latency_p50", NUMBER, "Half of the responses took at most so long", "seconds"
)
LATENCY_P95 = column(
    "latency_p95", NUMBER, "95 % of the responses took at most so long", "seconds"
)
FIGURES = (
    *(REQUESTS, COUNTED_REQUESTS, SUSPECT, SESSIONS),
    *(BYTES, ERRORS, LATENCY_P50, LATENCY_P95),
)

USAGE_DAILY = pa.schema(
    [
        *(DATE, SOURCE, DATASET),
        column("table", STRING, "Table of the dataset; null for what is no table's"),
        column("format", STRING, "html, json, csv, db, …"),
        column("page", STRING, "Kind of page, as in the cleaned file"),
        *(AGENT_CLASS, NETWORK_CLASS),
        column("country", STRING, "Of the address, ISO 3166-1 alpha-2; null: unknown"),
        *FIGURES,
        VISITORS,
    ]
)
"""Use of a day, in full detail."""

USAGE_BY_ORGANIZATION = pa.schema(
    [
        *(DATE, SOURCE, DATASET),
        column(
            "organization",
            STRING,
            "AS number and name that route the address, if known",
        ),
        *(NETWORK_CLASS, AGENT_CLASS),
        *(REQUESTS, COUNTED_REQUESTS, SUSPECT, SESSIONS, VISITORS, BYTES),
    ]
)
"""Use of a day by the organisation that routes the address."""

USAGE_BY_REFERRER = pa.schema(
    [
        *(DATE, SOURCE, DATASET),
        column(
            "referrer",
            STRING,
            "Host of the page that led here, without www; null: none was named",
        ),
        AGENT_CLASS,
        *(REQUESTS, COUNTED_REQUESTS, SESSIONS, VISITORS),
    ]
)
"""Use of a day by the site that led there."""

USAGE_BY_CLASS = pa.schema(
    [
        *(DATE, SOURCE),
        column(
            "dataset",
            STRING,
            "Id in the registry, unmapped or none; all: whatever was asked for, which "
            "is not to be added to the others",
        ),
        AGENT_CLASS,
        *(REQUESTS, COUNTED_REQUESTS, SUSPECT, SESSIONS, VISITORS, BYTES, ERRORS),
    ]
)
"""Use of a day by who asked; sessions and visitors of all datasets together, too."""

ERROR = 400
"""The lowest status of an error."""


class CountedDay(NamedTuple):
    """What the tables of a day are made from."""

    events: pa.Table
    """Of schema ``EVENTS``."""
    requests: pa.Table
    """The geocoded requests, in the same order, as counting has read them."""
    lines: Mapping[str, Any]
    """What became of the log lines, as the footer of the requests says."""
    date: str
    """The UTC day, YYYY-MM-DD."""
    source: str


class CountedMonth(NamedTuple):
    """What the tables of a month are made from."""

    events: Sequence[pa.Table]
    """The events of each counted day; of a day without requests, no rows."""
    tallies: Sequence[pa.Table]
    """What ``concentration.tally`` says of each."""
    month: str
    """The UTC month, YYYY-MM."""
    source: str


def usage_by_class(day: CountedDay) -> pa.Table:
    """Add up the events of a day by who asked; of schema ``USAGE_BY_CLASS``."""
    return pa.concat_tables(
        summarise(rows, USAGE_BY_CLASS, date=day.date, source=day.source)
        for rows in (day.events, over_all_datasets(day.events))
    )


def over_all_datasets(events: pa.Table) -> pa.Table:
    """The same events, as if they were all about one dataset, ``all``."""
    index = events.column_names.index("dataset")
    return events.set_column(index, "dataset", constant(ALL, events.num_rows))


def summarise(events: pa.Table, schema: pa.Schema, **constants: Any) -> pa.Table:
    """Add up events by those columns of a schema that the events have.

    Args:
        events: of schema ``EVENTS``, or some of its columns.
        schema: what is wanted: constants, columns of the events, and figures.
        constants: values of columns that are the same in every row.
    """
    figures = {field.name for field in (*FIGURES, VISITORS)}
    keys = [name for name in schema.names if name not in figures | set(constants)]
    groups = group_rows(events, keys)
    columns: dict[str, Any] = {
        name: np.full(groups.keys.num_rows, value) for name, value in constants.items()
    }
    columns |= {name: groups.keys[name] for name in keys}
    wanted = figures & set(schema.names)
    columns |= {name: figure(groups, events, name) for name in wanted}
    return as_table(schema, columns)


def figure(groups: Groups, events: pa.Table, name: str) -> Any:
    """One of ``FIGURES``, or the visitors, for each group of events."""
    match name:
        case "requests":
            return groups.count()
        case "counted":
            return groups.count(is_counted(events))
        case "suspect":
            return groups.count(events["is_suspect"].to_numpy().astype(bool))
        case "unique_sessions":
            return groups.distinct(events["session"].to_numpy())
        case "unique_visitors":
            return groups.distinct(events["visitor"].to_numpy())
        case "bytes":
            return groups.total(numbers(events["bytes"]))
        case "errors":
            return groups.count(numbers(events["status"]) >= ERROR)
        case "latency_p50":
            return groups.quantile(_seconds(events), 0.50)
        case _:
            return groups.quantile(_seconds(events), 0.95)


def is_counted(events: pa.Table) -> Any:
    """Which events count, as a numpy mask."""
    return pc.equal(events["outcome"], COUNTED).to_numpy().astype(bool)


def numbers(values: pa.ChunkedArray) -> Any:
    """Whole numbers with zero for what is not known."""
    return pc.fill_null(values, 0).to_numpy()


def _seconds(events: pa.Table) -> Any:
    return pc.fill_null(events["latency"], np.nan).to_numpy()
