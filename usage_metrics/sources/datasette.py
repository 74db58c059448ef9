"""Requests to a Datasette site, as Cloud Run logs them.

The entries are Google Cloud Logging's request logs (``run.googleapis.com/requests``),
from BigQuery or from JSON exports. What their URLs asked for is read in
:mod:`usage_metrics.sources.datasette_pages`.
"""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics import arrow
from usage_metrics.agents.classifier import AGENT
from usage_metrics.arrow import STRING, column
from usage_metrics.cleaning import rejects
from usage_metrics.cleaning.who_asked import (
    SETTINGS,
    comma_separated,
)
from usage_metrics.logs.cloud_logging import witnesses
from usage_metrics.logs.cloud_logging.entry import ENTRY, EXPECTED, snake_case
from usage_metrics.logs.cloud_logging.exports import JsonEntries
from usage_metrics.logs.reader import open_logs
from usage_metrics.sources import Cleaned, Source
from usage_metrics.sources.datasette_pages import PAGE, asked_for
from usage_metrics.sources.request_log import (
    one_spelling,
    requests_from,
    without_missing,
)

_ABOUT: dict[str, tuple[str, ...]] = {
    "insertId": ("Cloud Logging's id of the entry",),
    "timestamp": ("When the request arrived", "UTC"),
    "receiveTimestamp": ("When Cloud Logging received the entry", "UTC"),
    "logName": ("The log that the entry was written to",),
    "severity": ("INFO, or WARNING from 400, ERROR from 500",),
    "textPayload": ("A message of the service, if any",),
    "trace": ("Cloud Trace's id of the request",),
    "spanId": ("Cloud Trace's id of the span",),
    "traceSampled": ("Whether the trace was kept",),
    "httpRequest.requestMethod": ("GET, HEAD, …",),
    "httpRequest.requestUrl": (
        "The requested URL; if long, its beginning and a digest",
    ),
    "httpRequest.requestSize": ("Size of the request with its headers", "bytes"),
    "httpRequest.status": ("HTTP status of the response",),
    "httpRequest.responseSize": ("Size of the response with its headers", "bytes"),
    "httpRequest.userAgent": (
        "What the client calls itself; if long, its beginning and a digest",
    ),
    "httpRequest.remoteIp": (
        "Address of the client; after cleaning, what [privacy] addresses leaves of it",
    ),
    "httpRequest.serverIp": ("Address of the server",),
    "httpRequest.referer": ("The page that contained the link",),
    "httpRequest.latency": (
        "Time from the request to the end of the response",
        "seconds",
    ),
    "httpRequest.protocol": ("HTTP/1.1, HTTP/2, …",),
    "httpRequest.cacheLookup": ("Whether a cache was consulted",),
    "httpRequest.cacheHit": ("Whether the response came from a cache",),
    "httpRequest.cacheValidatedWithOriginServer": (
        "Whether the cached response was validated before it was sent",
    ),
    "httpRequest.cacheFillBytes": ("Size of what was written to a cache", "bytes"),
    "resource.labels.service_name": ("The Cloud Run service",),
    "resource.labels.revision_name": ("The revision of the service",),
    "resource.labels.location": ("The region of the service",),
    "resource.labels.project_id": ("The Google Cloud project",),
    "resource.labels.configuration_name": ("The configuration of the service",),
    "labels.instanceId": ("The container that answered",),
}
"""The fields of the entry to keep, by path: description and, if any, unit."""


def _column(path: str) -> pa.Field:
    name = path.rpartition(".")[2]
    return column(snake_case(name), EXPECTED[tuple(path.split("."))], *_ABOUT[path])


_TAKEN = {path: _column(path) for path in _ABOUT}
"""The cleaned columns copied from the entry, by the path of their field."""

CLEANED = pa.schema([*_TAKEN.values(), *PAGE, *AGENT])

_REPEATING = tuple(
    field.name
    for field in CLEANED
    if field.type == STRING and field.name not in ("insert_id", "trace", "span_id")
)
"""The text columns with repeated values."""

_REASONS = {"timestamp": "has no timestamp", "insertId": "has no insertId"}
"""The fields that identify an entry, and why one without them is rejected."""


def clean(entries: pa.Table, settings: Any) -> Cleaned:
    """Turn log entries into requests.

    Args:
        entries: a table of schema ``ENTRY``; its strings may be dictionaries.
        settings: the source's section: ``data_request_patterns``, and the settings
            about entries that are meant and about known agents.
    """
    unreadable = entries["unreadableReason"].is_valid()
    reason = pc.coalesce(
        entries["unreadableReason"],
        *(
            pc.if_else(entries[name].is_null(), reason, pa.scalar(None, STRING))
            for name, reason in _REASONS.items()
        ),
    )
    understood = reason.is_null()
    has_request = pc.and_(understood, entries["httpRequest"].is_valid())
    is_meant = witnesses.Meant.from_settings(settings).among(entries)
    is_request = pc.and_(has_request, is_meant)
    others = entries.filter(pc.and_not(has_request, is_meant))
    return Cleaned(
        requests=_requests(arrow.kept(entries, is_request), settings),
        rejected=_rejected(entries, reason, unreadable),
        not_requests=arrow.count(pc.and_not(understood, has_request)),
        other_logs=witnesses.per_log(others),
    )


def _rejected(
    entries: pa.Table, reason: pa.ChunkedArray, unreadable: pa.ChunkedArray
) -> pa.Table:
    others = pc.and_not(reason.is_valid(), unreadable)
    readable = entries.drop_columns(["unreadable", "unreadableReason"])
    return pa.concat_tables(
        [
            rejects.unreadable_lines(entries),
            rejects.reject(readable.filter(others), reason.filter(others)),
        ]
    )


def _requests(entries: pa.Table, settings: Any) -> pa.Table:
    said = {
        field.name: _at(entries, *path.split("."), type_=field.type)
        for path, field in _TAKEN.items()
    }
    said["server_ip"] = one_spelling(said["server_ip"])
    patterns = comma_separated(settings.data_request_patterns)
    requests = requests_from(
        said,
        lambda urls: asked_for(urls, patterns, getattr(settings, "base_url", "")),
        settings,
        CLEANED,
    )
    return requests if patterns else without_missing(requests)


def _at(
    entries: pa.Table, name: str, *path: str, type_: pa.DataType
) -> pa.ChunkedArray:
    """The column at a path into nested records; nulls if older entries lack it."""
    try:
        return pc.struct_field(entries[name], path) if path else entries[name]
    except (KeyError, pa.ArrowInvalid):
        return pa.chunked_array([pa.nulls(entries.num_rows, type_)])


SOURCE = Source(
    name="datasette",
    open_logs=lambda settings: open_logs(
        settings.logs, settings.late_days, witnesses.Meant.from_settings(settings).logs
    ),
    raw=ENTRY,
    raw_dictionaries=tuple(
        path for path, field in _TAKEN.items() if field.name in _REPEATING
    ),
    time="timestamp",
    key=("logName", "insertId"),
    order_column="receiveTimestamp",
    clean=clean,
    cleaned=CLEANED,
    version=3,
    recipe_settings=(
        *("data_request_patterns", "base_url"),
        *witnesses.SETTINGS,
        *SETTINGS,
    ),
    address="remote_ip",
    recognises=lambda beginning: {} if beginning.is_read_by(JsonEntries()) else None,
    nothing_meant=witnesses.nothing_meant,
)
