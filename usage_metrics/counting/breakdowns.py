"""Use of a day by the path asked for, the city it was asked from, and the program.

The events name none of them. All are added up while the day's requests are at hand, and
the tables are short whatever a day brings: beyond the paths most asked for, and the
programs that asked most, all others are one row.
"""

import datetime as dt

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import STRING, column, dictionary, take_encoded
from usage_metrics.counting.datasets import targets_of
from usage_metrics.counting.usage import (
    AGENT_CLASS,
    BYTES,
    COUNTED_REQUESTS,
    DATASET,
    DATE,
    REQUESTS,
    SESSIONS,
    SOURCE,
    VISITORS,
    summarise,
)

PATHS_A_DAY = 1_000
"""So many are named: more than a site has tables, and fewer than it has rows."""

USAGE_BY_PATH = pa.schema(
    [
        *(DATE, SOURCE, DATASET),
        column("host", STRING, "Of the URL; null for a path that is not named"),
        column(
            "path",
            STRING,
            "Of the URL, without its query; null: all beyond the day's "
            f"{PATHS_A_DAY:,} most asked for",
        ),
        *(AGENT_CLASS, REQUESTS, COUNTED_REQUESTS),
    ]
)
"""Use of a day by path."""

USAGE_BY_CITY = pa.schema(
    [
        *(DATE, SOURCE, DATASET),
        column("country", STRING, "Of the address, ISO 3166-1 alpha-2; null: unknown"),
        column("region", STRING, "Region or state; null: unknown"),
        column("city", STRING, "City; null: unknown, as with a database of countries"),
        *(AGENT_CLASS, REQUESTS, COUNTED_REQUESTS),
    ]
)
"""Use of a day by city."""

AGENTS_A_DAY = 500
"""So many programs are named: of robots' names there is no end."""

USAGE_BY_AGENT = pa.schema(
    [
        *(DATE, SOURCE, DATASET, AGENT_CLASS),
        column("agent_kind", STRING, "browser, library, data client, search, …"),
        column(
            "agent_name",
            STRING,
            "What asked: curl, DuckDB, Googlebot, Chrome; null: not known, or beyond "
            f"the day's {AGENTS_A_DAY} that asked most",
        ),
        *(REQUESTS, COUNTED_REQUESTS, SESSIONS, VISITORS, BYTES),
    ]
)
"""Use of a day by what asked."""

AGENTS = ("agent_kind", "agent_name")
"""The geocoded columns that are read for it, where a source has them."""

PLACES = ("remote_ip_city", "remote_ip_region")
"""The geocoded columns that are read for it, where a source has them."""

_HOST = r"^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?(?P<host>[^/?#]+)"


def usage_by_path(
    events: pa.Table, urls: pa.ChunkedArray, date: dt.date, source: str
) -> pa.Table:
    """Add up a day's events by path; of schema ``USAGE_BY_PATH``.

    Args:
        events: of schema ``EVENTS``.
        urls: of the same requests, in the same order.
        date: the day.
        source: the kind of log.
    """
    encoded = dictionary(urls)
    distinct = encoded.dictionary.cast(STRING)
    paths = pc.replace_substring_regex(targets_of(distinct), r"\?.*", "")
    hosts = pc.utf8_lower(pc.struct_field(pc.extract_regex(distinct, _HOST), [0]))
    named = pc.is_in(paths, _most_frequent(paths, encoded.indices, PATHS_A_DAY))
    nothing = pa.scalar(None, STRING)
    columns = {
        "host": take_encoded(pc.if_else(named, hosts, nothing), encoded.indices),
        "path": take_encoded(pc.if_else(named, paths, nothing), encoded.indices),
    }
    return _summarised(events, columns, USAGE_BY_PATH, date, source)


def usage_by_city(
    events: pa.Table, requests: pa.Table, date: dt.date, source: str
) -> pa.Table:
    """Add up a day's events by city; of schema ``USAGE_BY_CITY``.

    Args:
        events: of schema ``EVENTS``.
        requests: the same ones, geocoded, in the same order; a source may lack
            ``PLACES``.
        date: the day.
        source: the kind of log.
    """
    columns = {
        name.removeprefix("remote_ip_"): _column(requests, name) for name in PLACES
    }
    return _summarised(events, columns, USAGE_BY_CITY, date, source)


def usage_by_agent(
    events: pa.Table, requests: pa.Table, date: dt.date, source: str
) -> pa.Table:
    """Add up a day's events by what asked; of schema ``USAGE_BY_AGENT``.

    Args:
        events: of schema ``EVENTS``.
        requests: the same ones, geocoded, in the same order; a source may lack
            ``AGENTS``.
        date: the day.
        source: the kind of log.
    """
    columns = {name: _column(requests, name) for name in AGENTS}
    encoded = dictionary(columns["agent_name"])
    names = encoded.dictionary.cast(STRING)
    named = pc.is_in(names, _most_frequent(names, encoded.indices, AGENTS_A_DAY))
    names = pc.if_else(named, names, pa.scalar(None, STRING))
    columns["agent_name"] = pa.chunked_array([take_encoded(names, encoded.indices)])
    return _summarised(events, columns, USAGE_BY_AGENT, date, source)


def _column(requests: pa.Table, name: str) -> pa.ChunkedArray:
    if name in requests.column_names:
        return requests[name]
    return pa.chunked_array([pa.nulls(requests.num_rows, STRING)])


def _most_frequent(texts: pa.Array, codes: pa.Array, number: int) -> pa.Array:
    """The texts that most requests have; of equals, the first by name."""
    requests = np.bincount(codes.drop_null().to_numpy(), minlength=len(texts))
    found = pa.table({"text": texts, "requests": requests})
    counts = found.group_by("text").aggregate([("requests", "sum")])
    order = [("requests_sum", "descending"), ("text", "ascending")]
    return counts.sort_by(order)["text"].drop_null()[:number].combine_chunks()


def _summarised(
    events: pa.Table,
    columns: dict[str, pa.Array | pa.ChunkedArray],
    schema: pa.Schema,
    date: dt.date,
    source: str,
) -> pa.Table:
    for name, values in columns.items():
        events = events.append_column(name, values)
    return summarise(events, schema, date=date.isoformat(), source=source)
