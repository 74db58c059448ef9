"""Use of a day by the path asked for, the city it was asked from, and the program.

The events name none of them. All are added up while the day's requests are at hand, and
the tables are short whatever a day brings: beyond the paths most asked for, and the
programs that asked most, all others are one row.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import STRING, column, only_chunk, take_encoded
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
    CountedDay,
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


def usage_by_path(day: CountedDay) -> pa.Table:
    """Add up the events of a day by path; of schema ``USAGE_BY_PATH``."""
    urls = only_chunk(day.requests["request_url"])
    paths = pc.replace_substring_regex(targets_of(urls.dictionary), r"\?.*", "")
    hosts = pc.struct_field(pc.extract_regex(urls.dictionary, _HOST), [0])
    named = pc.is_in(paths, _most_frequent(paths, urls.indices, PATHS_A_DAY))
    columns = {
        name: take_encoded(_where(named, texts), urls.indices)
        for name, texts in (("host", pc.utf8_lower(hosts)), ("path", paths))
    }
    return _summarised(day, columns, USAGE_BY_PATH)


def usage_by_city(day: CountedDay) -> pa.Table:
    """Add up the events of a day by city; of schema ``USAGE_BY_CITY``."""
    columns = {
        name.removeprefix("remote_ip_"): _column(day.requests, name) for name in PLACES
    }
    return _summarised(day, columns, USAGE_BY_CITY)


def usage_by_agent(day: CountedDay) -> pa.Table:
    """Add up the events of a day by what asked; of schema ``USAGE_BY_AGENT``."""
    columns = {name: _column(day.requests, name) for name in AGENTS}
    agents = columns["agent_name"]
    names = agents.dictionary
    named = pc.is_in(names, _most_frequent(names, agents.indices, AGENTS_A_DAY))
    columns["agent_name"] = take_encoded(_where(named, names), agents.indices)
    return _summarised(day, columns, USAGE_BY_AGENT)


def _column(requests: pa.Table, name: str) -> pa.DictionaryArray:
    """A column of texts; all null where the source does not have it."""
    if name in requests.column_names:
        return only_chunk(requests[name])
    return pa.nulls(requests.num_rows, STRING).dictionary_encode()


def _where(named: pa.Array, texts: pa.Array) -> pa.Array:
    """The texts that are to be named, and null for the others."""
    return pc.if_else(named, texts, pa.scalar(None, STRING))


def _most_frequent(texts: pa.Array, codes: pa.Array, number: int) -> pa.Array:
    """The texts that most requests have; of equals, the first by name."""
    requests = np.bincount(codes.drop_null().to_numpy(), minlength=len(texts))
    found = pa.table({"text": texts, "requests": requests})
    counts = found.group_by("text").aggregate([("requests", "sum")])
    order = [("requests_sum", "descending"), ("text", "ascending")]
    return counts.sort_by(order)["text"].drop_null()[:number].combine_chunks()


def _summarised(
    day: CountedDay, columns: dict[str, pa.DictionaryArray], schema: pa.Schema
) -> pa.Table:
    """Add up the events of a day with further columns."""
    events = day.events
    for name, values in columns.items():
        events = events.append_column(name, values)
    return summarise(events, schema, date=day.date, source=day.source)
