"""A first look at logs: which hosts and databases are in them."""

import datetime as dt
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from usage_metrics.errors import InputError
from usage_metrics.sources import Cleaned, get_source
from usage_metrics.sources.settings import source_section

if TYPE_CHECKING:
    import pyarrow as pa

    from usage_metrics.logs.reader import LogReader

DAYS = 3
"""Of how many days entries are read."""

MOST_ENTRIES = 50_000
"""About how many entries of a day are read."""

HOST = "request_url_netloc"


class Content(NamedTuple):
    """What some entries of the logs are about."""

    days: Sequence[dt.date]
    """The days whose entries were read."""
    entries_a_day: int
    is_more: bool
    """Whether a day has more entries than were read."""
    settings: dict[str, str]
    """Settings of the source that the requests need, unless they are set so."""
    other_logs: Mapping[str, int]
    """The entries that witness a request again, by log."""
    services: list[str]
    """The services that answered requests for data, the most used first."""
    hosts: list[str]
    """Their hosts, likewise."""
    databases: dict[str, list[str]]
    """The tables of the databases of which pages were answered; the most used first."""

    @property
    def span(self) -> str:
        """The days, in words."""
        first, last = self.days[0], self.days[-1]
        return str(first) if first == last else f"{first} to {last}"


def open_logs(
    source: str, logs: str, settings: Mapping[str, str] = MappingProxyType({})
) -> "LogReader":
    """Open logs that the settings need not name.

    Raises:
        UsageMetricsError: if they cannot be opened.
    """
    return get_source(source).open_logs(_section(source, logs=logs, **settings))


def sample_of(days: Sequence[dt.date]) -> Sequence[dt.date]:
    """Some of the newest days, but not the newest: it may not be complete yet."""
    return days[-DAYS - 1 : -1] or days


def look_into(
    source: str,
    logs: str,
    days: Sequence[dt.date],
    settings: Mapping[str, str] = MappingProxyType({}),
) -> Content | None:
    """Read some entries of some days; None if they have none.

    Args:
        source: the kind of log.
        logs: where they are.
        days: whose entries to read.
        settings: those without which they cannot be read.

    Raises:
        UsageMetricsError: if they cannot be read, or none of them is a request.
    """
    import pyarrow as pa

    reader, schema = open_logs(source, logs, settings), get_source(source).raw
    tables = [_first_entries(reader, day, schema) for day in days]
    numbers = [table.num_rows for table in tables]
    if not any(numbers):
        return None
    settings, cleaned = _understood(source, pa.concat_tables(tables), settings)
    if not cleaned.requests.num_rows:
        raise InputError(f"logs = {logs}: {_no_request(cleaned)}")
    return Content(
        days,
        round(statistics.median(numbers)),
        max(numbers) >= MOST_ENTRIES,
        settings,
        cleaned.other_logs,
        *_answered(cleaned.requests),
    )


def _section(source: str, **settings: str) -> Any:
    return type(source_section(source))(**settings)


def _understood(
    source: str, entries: "pa.Table", needed: Mapping[str, str]
) -> tuple[dict[str, str], Cleaned]:
    """Clean entries, with the settings that they need."""
    from usage_metrics.sources.datasette_pages import base_url_of

    settings = dict(needed)
    cleaned = _clean(source, entries, settings)
    if cleaned.other_logs and not cleaned.requests.num_rows:
        log = max(cleaned.other_logs, key=lambda log: cleaned.other_logs[log])
        settings["request_logs"] = log
        cleaned = _clean(source, entries, settings)
    if not hasattr(_section(source), "base_url"):
        return settings, cleaned
    base_url = base_url_of(cleaned.requests["request_url_path"])
    if base_url.strip("/") != str(_section(source).base_url).strip("/"):
        settings["base_url"] = base_url
        cleaned = _clean(source, entries, settings)
    return settings, cleaned


def _clean(source: str, entries: "pa.Table", settings: dict[str, str]) -> Cleaned:
    """Clean entries, and have plain texts."""
    import numpy as np
    import pyarrow as pa

    from usage_metrics.cleaning.duplicates import REPEAT

    declared = get_source(source)
    if declared.equals_are_real:
        first = pa.array(np.zeros(entries.num_rows, np.int32))
        entries = entries.append_column(REPEAT, first)
    found = declared.clean(entries, _section(source, **settings))
    return replace(found, requests=found.requests.cast(declared.cleaned))


def _first_entries(
    reader: "LogReader", day: dt.date, schema: "pa.Schema"
) -> "pa.Table":
    import pyarrow as pa

    batches, number = [], 0
    for batch in reader.read(day):
        batches.append(batch)
        number += batch.num_rows
        if number >= MOST_ENTRIES:
            break
    return pa.Table.from_batches(batches, schema)


def _no_request(cleaned: Cleaned) -> str:
    from usage_metrics.cleaning.rejects import without_value

    rejected, others = cleaned.rejected, cleaned.not_requests
    if not rejected.num_rows:
        return f"none of {others:,} entries is a request; name logs of requests"
    reason = without_value(rejected["reason"][0].as_py())
    return (
        f"none of {rejected.num_rows + others:,} entries is a request that can be "
        f"read; the first {reason}"
    )


def _answered(
    requests: "pa.Table",
) -> tuple[list[str], list[str], dict[str, list[str]]]:
    """The services, hosts and databases, with their tables, of answered data pages."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from usage_metrics.counting.derived import ANSWERED

    is_data = pc.fill_null(requests["is_data_request"], False)
    is_answered = pc.is_in(requests["status"].cast(pa.int64()), pa.array(ANSWERED))
    is_page = pc.and_(is_answered, requests["database"].is_valid())
    pages = requests.filter(pc.and_(is_data, is_page))
    tables = pages.group_by(["database", "table"]).aggregate([([], "count_all")])
    databases: dict[str, list[str]] = {name: [] for name in _by_use(pages, "database")}
    for row in tables.sort_by([("count_all", "descending")]).to_pylist():
        if row["table"] is not None:
            databases[row["database"]].append(row["table"])
    return _by_use(pages, "service_name"), _by_use(pages, HOST), databases


def _by_use(pages: "pa.Table", column: str) -> list[str]:
    """The values of a column, the most frequent first; none if there is no such."""
    if column not in pages.column_names:
        return []
    counts = pages[column].drop_null().value_counts().to_pylist()
    found = Counter({pair["values"]: pair["counts"] for pair in counts})
    return [value for value, _ in found.most_common()]
