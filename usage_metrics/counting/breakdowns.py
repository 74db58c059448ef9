"""Use of a day by path, by city and by agent.

The events hold none of these, so they are added up while the requests of the day are at
hand. The tables stay short whatever a day brings: only the most requested paths and the
most active agents are named, and the rest share one row.
"""

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import STRING, column, only_chunk, take_encoded
from usage_metrics.counting.columns import schema_of
from usage_metrics.counting.datasets import targets_of, without_query
from usage_metrics.counting.usage import CountedDay, summarise_day

PATHS_A_DAY = 1_000
"""Paths named per day: more than a site has tables, and fewer than it has rows."""
AGENTS_A_DAY = 500
"""Agents named per day: robots invent names without end."""

USAGE_BY_PATH = schema_of(
    *("date", "source", "dataset"),
    column("host", STRING, "Host of the URL; null where the path is null"),
    column(
        "path",
        STRING,
        "Path of the URL, without its query; null: all beyond the day's "
        f"{PATHS_A_DAY:,} most requested",
    ),
    *("agent_class", "requests", "counted"),
)
USAGE_BY_CITY = schema_of(
    *("date", "source", "dataset", "country"),
    column("region", STRING, "Region or state; null: unknown"),
    column("city", STRING, "City; null: unknown, or the database has countries only"),
    *("agent_class", "requests", "counted"),
)
USAGE_BY_AGENT = schema_of(
    *("date", "source", "dataset", "agent_class"),
    column("agent_kind", STRING, "browser, library, data client, search, …"),
    column(
        "agent_name",
        STRING,
        "Name of the agent: curl, DuckDB, Googlebot, Chrome; null: unknown, or "
        f"beyond the day's {AGENTS_A_DAY} with the most requests",
    ),
    *("requests", "counted", "unique_sessions", "unique_visitors", "bytes"),
)

AGENTS = ("agent_kind", "agent_name")
"""The geocoded columns that ``usage_by_agent`` reads, where a source has them."""
PLACES = ("remote_ip_city", "remote_ip_region")
"""The geocoded columns that ``usage_by_city`` reads, where a source has them."""

_HOST = r"^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?(?P<host>[^/?#]+)"


def usage_by_path(day: CountedDay) -> pa.Table:
    """Add up the events of a day by path; of schema ``USAGE_BY_PATH``."""
    urls = only_chunk(day.requests["request_url"])
    paths = without_query(targets_of(urls.dictionary))
    hosts = pc.struct_field(pc.extract_regex(urls.dictionary, _HOST), [0])
    named = _is_frequent(paths, urls.indices, PATHS_A_DAY)
    columns = {
        name: take_encoded(pc.if_else(named, texts, None), urls.indices)
        for name, texts in (("host", pc.utf8_lower(hosts)), ("path", paths))
    }
    return summarise_day(day, USAGE_BY_PATH, **columns)


def host_of_site(by_path: pa.Table) -> str | None:
    """The host of the site: that of the most counted requests; None if none is known.

    Args:
        by_path: rows of ``usage_by_path``, of any days.
    """
    rows = by_path.select(["host", "counted", "requests"])
    named = rows.set_column(0, "host", rows["host"].cast(STRING)).drop_null()
    sums = named.group_by("host").aggregate([("counted", "sum"), ("requests", "sum")])
    order = [("counted_sum", "descending"), ("requests_sum", "descending")]
    hosts = sums.sort_by([*order, ("host", "ascending")])["host"]
    return re.sub(":(?:80|443)$", "", hosts[0].as_py()) if len(hosts) else None


def usage_by_city(day: CountedDay) -> pa.Table:
    """Add up the events of a day by city; of schema ``USAGE_BY_CITY``."""
    columns = {
        name.removeprefix("remote_ip_"): _column(day.requests, name) for name in PLACES
    }
    return summarise_day(day, USAGE_BY_CITY, **columns)


def usage_by_agent(day: CountedDay) -> pa.Table:
    """Add up the events of a day by agent; of schema ``USAGE_BY_AGENT``."""
    kinds, agents = (_column(day.requests, name) for name in AGENTS)
    names = agents.dictionary
    named = _is_frequent(names, agents.indices, AGENTS_A_DAY)
    agents = take_encoded(pc.if_else(named, names, None), agents.indices)
    return summarise_day(day, USAGE_BY_AGENT, agent_kind=kinds, agent_name=agents)


def _column(requests: pa.Table, name: str) -> pa.DictionaryArray:
    """A text column; all null where the source does not have it."""
    if name in requests.column_names:
        return only_chunk(requests[name])
    return pa.nulls(requests.num_rows, STRING).dictionary_encode()


def _is_frequent(texts: pa.Array, codes: pa.Array, number: int) -> pa.Array:
    """Whether each text is among those with the most requests; ties go by name."""
    requests = np.bincount(codes.drop_null().to_numpy(), minlength=len(texts))
    found = pa.table({"text": texts, "requests": requests})
    counts = found.group_by("text").aggregate([("requests", "sum")])
    order = [("requests_sum", "descending"), ("text", "ascending")]
    frequent = counts.sort_by(order)["text"].drop_null()[:number]
    return pc.is_in(texts, frequent.combine_chunks())
