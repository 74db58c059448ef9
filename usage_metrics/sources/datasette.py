"""Requests to a Datasette site, as Cloud Run logs them.

The entries are Google Cloud Logging's request logs (``run.googleapis.com/requests``),
from BigQuery or from JSON exports. The path says what was requested, following
Datasette's page layout: ``/database``, ``/database/table`` and
``/database/table/row``, each also as ``.json`` or ``.csv``; ``/database.db`` to
download a whole database; ``/database?sql=…`` or, since 1.0,
``/database/-/query?sql=…``. Pages about the site itself are under ``/-/``.
"""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote_plus

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics import arrow
from usage_metrics.agents import AGENT
from usage_metrics.arrow import BOOLEAN, STRING, column
from usage_metrics.cleaning import rejects
from usage_metrics.cleaning.urls import split_urls
from usage_metrics.cleaning.who_asked import (
    SETTINGS,
    comma_separated,
    settings_from,
    who_asked,
)
from usage_metrics.logs.cloud_logging.entry import ENTRY, EXPECTED
from usage_metrics.logs.reader import open_logs
from usage_metrics.sources import Cleaned, Source

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
    "httpRequest.requestUrl": ("The requested URL",),
    "httpRequest.requestSize": ("Size of the request with its headers", "bytes"),
    "httpRequest.status": ("HTTP status of the response",),
    "httpRequest.responseSize": ("Size of the response with its headers", "bytes"),
    "httpRequest.userAgent": ("What the client calls itself",),
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
    snake_case = re.sub("[A-Z]", lambda capital: f"_{capital[0].lower()}", name)
    return column(snake_case, EXPECTED[tuple(path.split("."))], *_ABOUT[path])


_TAKEN = {path: _column(path) for path in _ABOUT}
"""The cleaned columns copied from the entry, by the path of their field."""

_DERIVED = [
    column("request_url_scheme", STRING, "Scheme of the URL: http or https"),
    column("request_url_netloc", STRING, "Host of the URL, and port if given"),
    column("request_url_path", STRING, "Path of the URL, as it was sent"),
    column("request_url_query", STRING, "Query of the URL, after the question mark"),
    column("database", STRING, "The requested Datasette database, decoded"),
    column("table", STRING, "The requested table, view or stored query, decoded"),
    column("format", STRING, "html, json, csv, db, …; null if not a data page"),
    column(
        "page",
        STRING,
        "Kind of page: index, database, table, row, query, download, static, internal "
        "(under /-/) or other",
    ),
    column(
        "is_data_request",
        BOOLEAN,
        "Whether the path contains one of [datasette] data_request_patterns and is "
        "neither static nor internal",
    ),
]

CLEANED = pa.schema([*_TAKEN.values(), *_DERIVED, *AGENT])

_REPEATING = tuple(
    field.name
    for field in CLEANED
    if field.type == STRING and field.name not in ("insert_id", "trace", "span_id")
)
"""The text columns with repeated values."""

FORMATS = "json|jsono|csv|tsv|blob|db|geojson|atom|ics|yaml|Notebook"
"""Datasette's own formats and those of its common plugins."""

# Like Datasette's own router, but only FORMATS count as formats: /robots.txt is not a
# database, and a table's name may contain a dot, as it could before 0.61.
_SEGMENTS = (
    r"^/(?:-/)?(?P<first>[^/.]*)(?:\.(?P<first_format>FORMATS)"
    r"|/(?P<second>[^/.][^/]*?)(?:\.(?P<second_format>FORMATS)"
    r"|/(?P<third>[^/]+?)(?:\.(?P<third_format>FORMATS)"
    r"|(?P<rest>/+[^/].*))?)?)?/*$"
).replace("FORMATS", FORMATS)
_SQL = r"(?:^|&)sql=[^&]"
# Since 0.61 Datasette puts this into some links but no longer reads it.
_QUERY_FORMAT = rf"(?:^|&)_format=(?P<format>{FORMATS})(?:&|$)"
_STATIC = r"^/(?:-/)?static(?:-plugins)?/|^/favicon\.ico$"
_INDEX = r"^/(?:-/)?(?:\.jsono?)?$"
_INTERNAL = r"^/-(?:/|$)"

_PORT = r"^(?:([0-9.]+)|\[([0-9A-Fa-f:.]+)\]):[0-9]+$"
"""An address with a port, as Google's ``remoteIp`` and ``serverIp`` may have."""

_TILDE_ESCAPE = re.compile("~([0-9A-Fa-f]{2})")

_REASONS = {"timestamp": "has no timestamp", "insertId": "has no insertId"}
"""The fields that identify an entry, and why one without them is rejected."""


def clean(entries: pa.Table, settings: Any) -> Cleaned:
    """Turn log entries into requests.

    Args:
        entries: a table of schema ``ENTRY``; its strings may be dictionaries.
        settings: the source's section: ``data_request_patterns`` and the settings
            about known agents.
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
    is_request = pc.and_(understood, entries["httpRequest"].is_valid())
    return Cleaned(
        requests=_requests(arrow.kept(entries, is_request), settings),
        rejected=_rejected(entries, reason, unreadable),
        not_requests=arrow.count(pc.and_not(understood, is_request)),
    )


def _rejected(
    entries: pa.Table, reason: pa.ChunkedArray, unreadable: pa.ChunkedArray
) -> pa.Table:
    lines = entries.filter(unreadable)
    others = pc.and_not(reason.is_valid(), unreadable)
    readable = entries.drop_columns(["unreadable", "unreadableReason"])
    return pa.concat_tables(
        [
            pa.table(
                [lines["unreadableReason"], lines["unreadable"]],
                schema=rejects.REJECTED,
            ),
            rejects.reject(readable.filter(others), reason.filter(others)),
        ]
    )


def _requests(entries: pa.Table, settings: Any) -> pa.Table:
    columns = {
        field.name: _at(entries, *path.split("."), type_=field.type)
        for path, field in _TAKEN.items()
    }
    for name in ("remote_ip", "server_ip"):
        address = arrow.dictionary(columns[name])
        bare = pc.replace_substring_regex(address.dictionary, _PORT, r"\1\2")
        columns[name] = arrow.take_encoded(bare, address.indices)
    urls = columns["request_url"] = arrow.dictionary(columns["request_url"])
    asked = _asked_for(
        pa.concat_arrays([urls.dictionary, pa.nulls(1, STRING)]),
        comma_separated(settings.data_request_patterns),
    )
    # A request without a URL takes the last row: page "other", and not for data.
    codes = pc.fill_null(urls.indices, len(urls.dictionary))
    columns |= {
        field.name: arrow.take_encoded(asked[field.name], codes) for field in _DERIVED
    }
    agents = arrow.dictionary(columns["user_agent"])
    columns |= who_asked(agents, columns["remote_ip"], settings_from(settings))
    return pa.table(columns)


def _at(
    entries: pa.Table, name: str, *path: str, type_: pa.DataType
) -> pa.ChunkedArray:
    """The column at a path into nested records; nulls if older entries lack it."""
    try:
        return pc.struct_field(entries[name], path) if path else entries[name]
    except (KeyError, pa.ArrowInvalid):
        return pa.chunked_array([pa.nulls(entries.num_rows, type_)])


def _asked_for(urls: pa.Array, patterns: Sequence[str]) -> dict[str, pa.Array]:
    """The derived columns of distinct URLs."""
    parts = split_urls(urls)
    # Without a path it is the home page; without a host either, not a URL.
    no_path = pc.if_else(parts["netloc"].is_valid(), "/", "")
    # Many URLs differ only in their query.
    paths = pc.coalesce(parts["path"], no_path).dictionary_encode()
    by_path = _pages(paths.dictionary, patterns)
    asked = {name: array.take(paths.indices) for name, array in by_path.items()}
    return {
        **{f"request_url_{part}": array for part, array in parts.items()},
        **_with_query(asked, pc.fill_null(parts["query"], "")),
    }


def _pages(path: pa.Array, patterns: Sequence[str]) -> dict[str, pa.Array]:
    """Recognise Datasette's pages by distinct paths.

    The format of a data page is empty if the path does not say it.
    """
    found = pc.extract_regex(path, _SEGMENTS)
    part = {
        field.name: pc.fill_null(pc.struct_field(found, field.name), "")
        for field in found.type
    }
    first, second, third = part["first"], part["second"], part["third"]
    no_second = pc.equal(second, "")
    page = pc.case_when(
        pc.make_struct(
            pc.match_substring_regex(path, _STATIC),
            pc.match_substring_regex(path, _INDEX),
            pc.match_substring_regex(path, _INTERNAL),
            pc.or_(pc.equal(first, ""), pc.not_equal(part["rest"], "")),
            pc.equal(part["first_format"], "db"),
            no_second,
            pc.and_(pc.equal(second, "-"), pc.equal(third, "query")),
            pc.equal(second, "-"),
            pc.equal(third, ""),
        ),
        "static",
        "index",
        "internal",
        "other",
        "download",
        "database",
        "query",
        "other",
        "table",
        "row",
    )
    in_database = pc.is_in(
        page, pa.array(["database", "table", "row", "query", "download"])
    )
    in_table = pc.is_in(page, pa.array(["table", "row"]))
    no_data = pc.is_in(page, pa.array(["static", "internal", "other"]))
    # At most one of these is not empty.
    formats = [part[f"{place}_format"] for place in ("first", "second", "third")]
    format_ = pc.binary_join_element_wise(*formats, "")
    return {
        "page": page,
        "database": _names(first, in_database),
        "table": _names(second, in_table),
        "format": pc.if_else(no_data, pa.scalar(None, STRING), format_),
        "is_data_request": _is_data_request(path, page, patterns),
    }


def _is_data_request(
    path: pa.Array, page: pa.Array, patterns: Sequence[str]
) -> pa.Array:
    matches = pa.array([False] * len(path), BOOLEAN)
    for pattern in patterns:
        matches = pc.or_(matches, pc.match_substring(path, pattern))
    return pc.and_not(matches, pc.is_in(page, pa.array(["static", "internal"])))


def _with_query(asked: dict[str, pa.Array], query: pa.Array) -> dict[str, pa.Array]:
    """Add what the query says: whether it is SQL, and the format."""
    page, format_ = asked["page"], asked["format"]
    is_sql = pc.match_substring_regex(query, _SQL)
    is_query = pc.and_(pc.equal(page, "database"), is_sql)
    named = pc.struct_field(pc.extract_regex(query, _QUERY_FORMAT), "format")
    is_open = pc.equal(format_, "")
    return asked | {
        "page": pc.if_else(is_query, "query", page),
        "format": pc.if_else(is_open, pc.coalesce(named, "html"), format_),
    }


def _names(segment: pa.Array, applies: pa.Array) -> pa.Array:
    """Decode the segments that are names."""
    names = pc.if_else(applies, segment, pa.scalar(None, STRING))
    return arrow.each_distinct(arrow.empty_as_null(names), _decoded)


def _decoded(segment: str) -> str:
    """Undo %-escapes, and Datasette's own since 0.61: ~2F for a slash, + for a space.

    Both at once, because Datasette redirects ``a%2Fb`` to ``a~2Fb``.
    """
    return unquote_plus(_TILDE_ESCAPE.sub(r"%\1", segment))


SOURCE = Source(
    name="datasette",
    open_logs=lambda settings: open_logs(settings.logs, settings.late_days),
    raw=ENTRY,
    raw_dictionaries=tuple(
        path for path, field in _TAKEN.items() if field.name in _REPEATING
    ),
    time="timestamp",
    key=("logName", "insertId"),
    order_column="receiveTimestamp",
    clean=clean,
    cleaned=CLEANED,
    recipe_settings=("data_request_patterns", *SETTINGS),
    address="remote_ip",
    table="datasette_request_logs",
    partition_column="timestamp",
    load_filter="is_data_request",
    primary_key=("timestamp", "insert_id"),  # in this order it also finds a day
    indexes=(("database", "table"), ("remote_ip_country",), ("remote_ip_org",)),
    description="Requests for data by anyone, one row each; the usage tables say which "
    "of them count as use",
    facets=("agent_class", "database", "format"),
)
