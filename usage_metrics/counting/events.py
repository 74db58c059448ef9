"""What became of each request of a day: who, what, and whether it counts.

The table has a row per request, in the order of the geocoded file, and no address, no
user agent and no URL. So it can be kept when those have to go, and with ``timestamp``
and ``insert_id`` it leads from any figure back to the requests as long as they are
there. All other tables of this package are sums over it.
"""

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import (
    BOOLEAN,
    INTEGER,
    NUMBER,
    STRING,
    TIMESTAMP,
    column,
    only_chunk,
    take_encoded,
)
from usage_metrics.counting.clicks import WINDOW, outcomes
from usage_metrics.counting.datasets import Registry
from usage_metrics.counting.grouping import (
    codes_of,
    compact,
    in_order_of_appearance,
    shortened,
)
from usage_metrics.counting.visitors import fresh_salt, session_numbers, visitor_keys

EVENTS = pa.schema(
    [
        column("insert_id", STRING, "Id of the log entry, as in the geocoded file"),
        column("timestamp", TIMESTAMP, "When the request came", "UTC"),
        column(
            "outcome",
            STRING,
            "counted, or why not: status, method, not_data, unmapped, internal, robot, "
            "double_click, range_repeat",
        ),
        column(
            "dataset",
            STRING,
            "Id in the registry; unmapped: no pattern matches; none: about no dataset",
        ),
        column(
            "version", STRING, "Version of the dataset, if the registry has several"
        ),
        column(
            "table", STRING, "Table of it; null if the site knows none of that name"
        ),
        column("kind", STRING, "request: it gets the data; investigation: it looks"),
        column("format", STRING, "html, json, csv, db, …"),
        column("page", STRING, "Kind of page, as in the cleaned file"),
        column("agent_class", STRING, "human, machine, robot, internal or unknown"),
        column("network_class", STRING, "hosting, education, government, …"),
        column(
            "is_suspect",
            BOOLEAN,
            "A browser in a hosting network, or an address that sent more than half of "
            "the day's requests; it is counted nevertheless",
        ),
        column("country", STRING, "Country of the address, ISO 3166-1 alpha-2 code"),
        column("organization", STRING, "AS number and name that route the address"),
        column("referrer", STRING, "Host of the page that led here"),
        column("visitor", INTEGER, "Number of the visitor, of this day only"),
        column("session", INTEGER, "Number of visitor and UTC hour, of this day only"),
        column("status", INTEGER, "HTTP status of the response"),
        column("bytes", INTEGER, "Size of the response with its headers", "bytes"),
        column(
            "object_bytes",
            INTEGER,
            "Of a range read: size of the largest whole response for that path on that "
            "day; null if there was none",
            "bytes",
        ),
        column("latency", NUMBER, "Time that the response took", "seconds"),
    ]
)
"""The columns of the ``counted`` files."""

OPTIONAL = (
    *("request_method", "response_size", "referer", "latency", "table", "format"),
    *("page", "network_class", "is_suspect", "remote_ip_country", "remote_ip_org"),
)
"""The geocoded columns that are null for a source that does not have them."""
DECIDING = [
    *("insert_id", "timestamp", "request_url", "status", "user_agent", "remote_ip"),
    *("agent_class", "request_method"),
]
"""Those that decide whether a request counts."""
NEEDED = (
    *("insert_id", "timestamp", "request_url", "status", "user_agent", "remote_ip"),
    *("agent_class", *OPTIONAL),
)
"""The geocoded columns that are read."""

DOMINANT_SHARE = 0.5
"""An address with more than this share of a day's requests is suspect …"""
DOMINANT_FROM = 100
"""… on a day with at least so many requests."""

OK, PARTIAL, NOT_FOUND = 200, 206, 404

_HOST = r"^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?(?i:www\.)?(?P<host>[^/?#:]+)"


def count_requests(
    requests: pa.Table, following: pa.Table, registry: Registry
) -> pa.Table:
    """Say of each request of a day what became of it.

    Args:
        requests: the geocoded requests of one UTC day, with the columns ``NEEDED``.
        following: those of the next day, or the first of them; only what
            :func:`edge_of` leaves of them is looked at. A day that is not there yet
            is an empty table.
        registry: the datasets.

    Returns:
        A table of schema ``EVENTS``, a row per request, in their order; its strings are
        dictionaries. It is the same whenever it is made from the same requests.
    """
    today = _needed(requests)
    about, outcome, numbers = _decided(today, following, registry)
    found = {
        **{name: today[name] for name in set(today.column_names) & set(EVENTS.names)},
        **about,
        "outcome": outcome,
        "table": _tables(today, about["table"]),
        "is_suspect": _suspect(today),
        "country": today["remote_ip_country"],
        "organization": today["remote_ip_org"],
        "referrer": _hosts(only_chunk(today["referer"])),
        "visitor": pa.array(numbers),
        "session": pa.array(session_numbers(numbers, today["timestamp"])),
        "bytes": today["response_size"],
        "object_bytes": _object_sizes(today),
    }
    return pa.table({field.name: _as(field, found[field.name]) for field in EVENTS})


def _decided(
    today: pa.Table, following: pa.Table, registry: Registry
) -> tuple[dict[str, pa.Array], pa.Array, Any]:
    """What each request of a day is about, its outcome, its visitor's number."""
    rows = today.num_rows
    both = today.select(DECIDING)
    if following.num_rows:
        edge = _needed(edge_of(following)).select(DECIDING)
        if edge.num_rows:
            both = _one_after_the_other(both, edge)
    about = registry.attribute(only_chunk(both["request_url"]))
    both = both.append_column("dataset", about["dataset"])
    visitors = visitor_keys(both, fresh_salt())
    outcome = outcomes(both, visitors).slice(0, rows)
    about = {name: _shorter(array.slice(0, rows)) for name, array in about.items()}
    return about, outcome, in_order_of_appearance(visitors[:rows])


def _one_after_the_other(first: pa.Table, second: pa.Table) -> pa.Table:
    """Two tables as one, with one dictionary a column."""
    columns = {}
    for name in first.column_names:
        chunks = [*_long(first[name]).chunks, *_long(second[name]).chunks]
        columns[name] = pa.chunked_array(chunks)
    return pa.table(columns).unify_dictionaries().combine_chunks()


def _long(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """A dictionary with codes that have room for more values."""
    if not pa.types.is_dictionary(values.type):
        return values
    return values.cast(pa.dictionary(pa.int32(), STRING))


def edge_of(following: pa.Table) -> pa.Table:
    """Those requests of a day that can be second clicks on what the day before had."""
    if not following.num_rows:
        return following
    first = pc.min(following["timestamp"]).as_py()
    midnight = dt.datetime.combine(first.date(), dt.time(), dt.UTC)
    end = midnight + dt.timedelta(microseconds=WINDOW)
    return following.filter(
        pc.less_equal(following["timestamp"], pa.scalar(end, TIMESTAMP))
    )


def _needed(requests: pa.Table) -> pa.Table:
    """The columns ``NEEDED``, each text encoded, in one chunk: once for all of it."""
    types = {"timestamp": TIMESTAMP, "is_suspect": BOOLEAN, "latency": NUMBER}
    types |= dict.fromkeys(("status", "response_size"), INTEGER)
    columns = {}
    for name in NEEDED:
        type_ = types.get(name, STRING)
        if name in OPTIONAL and name not in requests.column_names:
            values = pa.chunked_array([pa.nulls(requests.num_rows, type_)])
        else:
            values = requests[name]
        columns[name] = _as(pa.field(name, type_), values)
    return pa.table(columns)


def _as(field: pa.Field, values: Any) -> pa.ChunkedArray:
    if not isinstance(values, pa.ChunkedArray):
        values = pa.chunked_array([values])
    if field.type != STRING or field.name == "insert_id":
        return values.cast(field.type)
    if not pa.types.is_dictionary(values.type):
        values = values.cast(STRING)
    return compact(values)


def _shorter(values: pa.Array) -> pa.Array:
    return shortened(values) if pa.types.is_dictionary(values.type) else values


def _tables(requests: pa.Table, captured: pa.DictionaryArray) -> pa.ChunkedArray:
    """The table as the source reads it, or as the registry does.

    Null where the site answered that there is none: else whoever tries out paths would
    fill the tables of figures with their names.
    """
    read = only_chunk(requests["table"])
    names = pa.concat_arrays([read.dictionary, captured.dictionary])
    later = pc.add(captured.indices.cast(pa.int32()), len(read.dictionary))
    codes = pc.coalesce(read.indices.cast(pa.int32()), later)
    missing = pc.fill_null(pc.equal(requests["status"], NOT_FOUND), False)
    codes = pc.if_else(missing.combine_chunks(), pa.scalar(None, pa.int32()), codes)
    encoded = names.dictionary_encode()  # which both may have named
    codes = encoded.indices.take(codes)
    return pa.chunked_array([pa.DictionaryArray.from_arrays(codes, encoded.dictionary)])


def _suspect(requests: pa.Table) -> pa.Array:
    flagged = pc.fill_null(requests["is_suspect"], False)
    codes, _ = codes_of(requests["remote_ip"])
    counts = np.bincount(codes)[codes] if len(codes) else codes
    dominant = counts > DOMINANT_SHARE * max(len(codes), DOMINANT_FROM)
    dominant &= requests["remote_ip"].is_valid().to_numpy().astype(bool)
    return pc.or_(flagged.combine_chunks(), pa.array(dominant))


def _hosts(referers: pa.DictionaryArray) -> pa.Array:
    found = pc.extract_regex(referers.dictionary, _HOST)
    return pc.utf8_lower(pc.struct_field(found, [0])).take(referers.indices)


def _object_sizes(requests: pa.Table) -> pa.Array:
    """For ranges, the largest whole response that the path had."""
    urls = only_chunk(requests["request_url"])
    paths = pc.replace_substring_regex(urls.dictionary, r"[?#].*", "")
    codes, count = codes_of(take_encoded(paths, urls.indices))
    status = pc.fill_null(requests["status"], 0).to_numpy()
    sizes = pc.fill_null(requests["response_size"], 0).to_numpy()
    largest = np.zeros(count, dtype=np.int64)
    np.maximum.at(largest, codes, np.where(status == OK, sizes, 0))
    known = (status == PARTIAL) & (largest[codes] > 0)
    return pa.array(largest[codes], mask=~known)
