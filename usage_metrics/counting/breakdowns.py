"""Use of a day by path, by city and by agent.

The events hold none of these, so they are added up while the requests of the day are at
hand. The tables stay short whatever a day brings: only the most requested paths and the
most active agents are named, and the rest share one row.
"""

import re

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import STRING, column, only_chunk, take_encoded
from usage_metrics.counting.attribution import hosts_of, without_query
from usage_metrics.counting.columns import schema_of
from usage_metrics.counting.grouping import Rows, holds
from usage_metrics.counting.naming import AGENTS_A_DAY, PATHS_A_DAY
from usage_metrics.counting.usage import CountedDay, of_day

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


def hosts_and_paths(urls: pa.DictionaryArray, targets: pa.Array) -> dict[str, pa.Array]:
    """The host and the path of each request, encoded.

    Args:
        urls: the requested URLs.
        targets: of the distinct ones, path and query.
    """
    paths = without_query(targets)
    texts = {"host": hosts_of(urls.dictionary), "path": paths}
    return {name: take_encoded(found, urls.indices) for name, found in texts.items()}


class UsageOfFrequent:
    """Adds up the events of a day by some texts, of which only a few are named."""

    def __init__(
        self, schema: pa.Schema, named: pa.Array, by: str, day: CountedDay, *also: str
    ) -> None:
        """Begin without events.

        Args:
            schema: of the table.
            named: the texts that are named.
            by: the column of the texts.
            day: the day.
            also: columns that are null where the text is not named.
        """
        self._summary = of_day(day, schema)
        self._named, self._by, self._also = named, by, also

    def add(self, events: Rows) -> None:
        """Add up a batch of events."""
        is_named = holds(events[self._by], lambda texts: pc.is_in(texts, self._named))
        for name in (self._by, *self._also):
            column = only_chunk(events[name])
            codes = pc.if_else(pa.array(is_named), column.indices, None)
            kept = pa.DictionaryArray.from_arrays(codes, column.dictionary)
            events = events.with_column(name, kept)
        self._summary.add(events)

    def table(self) -> pa.Table:
        """The rows."""
        return self._summary.table()


def usage_by_path(day: CountedDay) -> UsageOfFrequent:
    """Adds up the events of a day by path; of schema ``USAGE_BY_PATH``."""
    return UsageOfFrequent(USAGE_BY_PATH, day.named["path"], "path", day, "host")


def usage_by_agent(day: CountedDay) -> UsageOfFrequent:
    """Adds up the events of a day by agent; of schema ``USAGE_BY_AGENT``."""
    return UsageOfFrequent(USAGE_BY_AGENT, day.named["agent_name"], "agent_name", day)


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
