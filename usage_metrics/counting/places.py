"""Use of a day by the path asked for and by the city it was asked from.

The events name neither. Both are added up while the day's requests are at hand, and
both tables are short whatever a day brings: beyond the paths most asked for, all others
are one row.
"""

import datetime as dt

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.cleaning import dictionary, spread
from usage_metrics.columns import STRING, column
from usage_metrics.counting.datasets import targets_of
from usage_metrics.counting.usage import (
    AGENT_CLASS,
    COUNTED_REQUESTS,
    DATASET,
    DATE,
    REQUESTS,
    SOURCE,
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
    paths = spread(paths, encoded.indices).cast(STRING)
    hosts = pc.utf8_lower(pc.struct_field(pc.extract_regex(distinct, _HOST), [0]))
    named = pc.is_in(paths, _most_frequent(paths))
    nothing = pa.scalar(None, STRING)
    columns = {
        "host": pc.if_else(named, hosts.take(encoded.indices), nothing),
        "path": pc.if_else(named, paths, nothing),
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
    unknown = pa.nulls(requests.num_rows, STRING)
    columns = {
        name.removeprefix("remote_ip_"): requests[name]
        if name in requests.column_names
        else unknown
        for name in PLACES
    }
    return _summarised(events, columns, USAGE_BY_CITY, date, source)


def _most_frequent(paths: pa.Array) -> pa.Array:
    """The paths with most requests; of equals, the first by name."""
    counts = pa.table({"path": paths}).group_by("path").aggregate([([], "count_all")])
    order = [("count_all", "descending"), ("path", "ascending")]
    return counts.sort_by(order)["path"][:PATHS_A_DAY].combine_chunks().drop_null()


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
