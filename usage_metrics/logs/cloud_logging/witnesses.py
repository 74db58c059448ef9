"""Tells the requests that are meant from entries that witness a request again.

A request to a Cloud Run service may be in several logs of a project: the service's
request log, the application's own, a load balancer's, Firebase's. Each entry has an
``httpRequest``, so each would count. Only the logs that ``request_logs`` names hold the
requests; the equal ``trace`` of an entry in another log proves that it is one of them.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics import arrow
from usage_metrics.arrow import BOOLEAN, STRING
from usage_metrics.cleaning.urls import split_urls
from usage_metrics.cleaning.who_asked import comma_separated

SETTINGS = ("request_logs", "services", "hosts")
"""The settings of a source's section that say which entries are meant."""

MOST_NAMES = 5
"""How many logs a sentence names."""

_PARENTS = ("projects/", "folders/", "organizations/", "billingAccounts/")
_HOST = r"^(?:[^@]*@)?(?P<host>\[[^\]]*\]|[^:]*)(?::[0-9]*)?$"


class Meant(NamedTuple):
    """Which entries are meant; what is empty means all."""

    logs: tuple[str, ...]
    services: tuple[str, ...]
    hosts: tuple[str, ...]

    @classmethod
    def from_settings(cls, section: Any) -> "Meant":
        """Read the settings of a source's section."""
        logs, services, hosts = (
            comma_separated(getattr(section, name, "")) for name in SETTINGS
        )
        return cls(
            tuple(log_id(log) or "" for log in logs),
            services,
            tuple(host.lower() for host in hosts),
        )

    def among(self, entries: pa.Table) -> pa.ChunkedArray | pa.Array:
        """Which of some entries with an ``httpRequest`` are meant.

        An entry that does not say its log, as in an export of some fields only, may be
        of any.
        """
        logs = log_ids(entries)
        meant = pc.or_(logs.is_null(), _is_one_of(logs, self.logs))
        if self.services:
            services = pc.struct_field(entries["resource"], ["labels", "service_name"])
            meant = pc.and_(meant, _is_one_of(services, self.services))
        if self.hosts:
            urls = pc.struct_field(entries["httpRequest"], "requestUrl")
            meant = pc.and_(meant, _is_one_of(_hosts(urls), self.hosts))
        return meant


def log_id(name: str) -> str | None:
    """The id of a log, such as ``run.googleapis.com/requests``, from its name.

    In a name it stands behind the project, with its slash encoded. An empty name
    says nothing.
    """
    if name.startswith(_PARENTS):
        name = name.partition("/logs/")[2]
    return unquote(name) or None


def log_ids(entries: pa.Table) -> pa.DictionaryArray:
    """The id of each entry's log."""
    names = arrow.dictionary(entries["logName"])
    ids = arrow.each_distinct(names.dictionary, log_id)
    return arrow.take_encoded(ids, names.indices)


def per_log(entries: pa.Table) -> Counter[str]:
    """How many of some entries each log holds, by its id."""
    counts = log_ids(entries).value_counts().to_pylist()
    return Counter({pair["values"] or "": pair["counts"] for pair in counts})


class Seen(NamedTuple):
    """What some entries with an ``httpRequest`` are."""

    requests: int
    """Those that are meant."""
    others: Counter[str]
    """The others, by log."""
    repeated: int
    """How many of the others have the trace of one that is meant."""


def look_at(entries: pa.Table, section: Any) -> Seen:
    """Compare the entries that are meant with the others."""
    entries = entries.filter(entries["httpRequest"].is_valid())
    is_meant = Meant.from_settings(section).among(entries)
    others = entries.filter(pc.invert(is_meant))
    traces = pc.drop_null(entries.filter(is_meant)["trace"])
    return Seen(
        entries.num_rows - others.num_rows,
        per_log(others),
        arrow.count(pc.is_in(others["trace"], value_set=traces)),
    )


def nothing_meant(others: Mapping[str, int], section: Any) -> str | None:
    """What to do where none of a day's entries with an ``httpRequest`` is meant.

    Args:
        others: how many of them each log holds.
        section: the source's section.

    Returns:
        A sentence; None if a log that is meant holds some, of other services or hosts.
    """
    logs = Meant.from_settings(section).logs
    if not others or not logs or not set(others).isdisjoint(logs):
        return None
    return (
        f"none of {sum(others.values()):,} entries with an httpRequest is in the log "
        f"that request_logs = {section.request_logs} names; they are in "
        f"{named(others)}. If those are the requests, name their log in request_logs"
    )


def named(logs: Mapping[str, int]) -> str:
    """Name the logs with the most entries, for people."""
    most = sorted(logs.items(), key=lambda item: (-item[1], item[0]))
    names = ", ".join(f"{log!r} ({number:,})" for log, number in most[:MOST_NAMES])
    more = len(most) - MOST_NAMES
    return f"{names} and {more:,} more logs" if more > 0 else names


def _is_one_of(texts: pa.Array | pa.ChunkedArray, wanted: tuple[str, ...]) -> pa.Array:
    """Which texts are among those wanted; all, if none is."""
    if not wanted:
        return pa.repeat(pa.scalar(True, BOOLEAN), len(texts))
    encoded = arrow.dictionary(texts)
    found = pc.is_in(encoded.dictionary, pa.array(wanted, STRING))
    return pc.fill_null(found.take(encoded.indices), fill_value=False)


def _hosts(urls: pa.ChunkedArray) -> pa.Array:
    """The host of each URL in lower case, without a port."""
    encoded = arrow.dictionary(urls)
    netlocs = split_urls(encoded.dictionary)["netloc"]
    hosts = pc.struct_field(pc.extract_regex(netlocs, _HOST), "host")
    return arrow.take_encoded(pc.utf8_lower(hosts), encoded.indices)
