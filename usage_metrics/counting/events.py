"""Each request of a day: who asked for which dataset, and whether it counts.

The table has a row per request, in the order of the geocoded file, and no address, user
agent or URL. So it can be kept when those have to go, and while they are there,
``timestamp`` and ``insert_id`` lead from any figure back to the requests. All tables of
figures are sums over it, some with further columns of the requests.
"""

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.agents.rules import ASSISTANT
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
from usage_metrics.counting.clicks import OK, PARTIAL, WINDOW, outcomes
from usage_metrics.counting.columns import schema_of
from usage_metrics.counting.datasets import Registry
from usage_metrics.counting.derived import with_derived
from usage_metrics.counting.grouping import (
    any_of,
    codes_of,
    compact,
    concatenated,
    holds,
    in_order_of_appearance,
    mask_of,
    numbers_of,
    shortened,
)
from usage_metrics.counting.visitors import (
    WHOLE_ADDRESS,
    fresh_salt,
    one_spelling,
    session_numbers,
    visitor_keys,
)

EVENTS = schema_of(
    column("insert_id", STRING, "Id of the log entry, as in the geocoded file"),
    column("timestamp", TIMESTAMP, "Time of the request", "UTC"),
    column(
        "outcome",
        STRING,
        "counted, or why not: status, method, not_data, unmapped, internal, robot, "
        "double_click, range_repeat",
    ),
    "dataset",
    column("version", STRING, "Dataset version, if the registry has several"),
    column("table", STRING, "Table of the dataset; null: none, or unknown to the site"),
    column("kind", STRING, "request (retrieves the data) or investigation"),
    *("format", "page", "agent_class", "network_class"),
    column(
        "is_suspect",
        BOOLEAN,
        "A browser in a hosting network, or an address that sent more than half of "
        "the day's requests; counted nevertheless",
    ),
    column(
        "is_assistant",
        BOOLEAN,
        "Whether an AI assistant fetched this because a person had asked it",
    ),
    *("country", "organization", "referrer"),
    column("visitor", INTEGER, "Number of the visitor within this day"),
    column("session", INTEGER, "Number of visitor and UTC hour within this day"),
    column("status", INTEGER, "HTTP status of the response"),
    column("bytes", INTEGER, "Size of the response, headers included", "bytes"),
    column(
        "object_bytes",
        INTEGER,
        "For a range read: size of the whole object, as the log says or else of the "
        "day's largest complete response for that URL; null if there was none",
        "bytes",
    ),
    column("latency", NUMBER, "Response time", "seconds"),
)
"""The columns of the ``counted`` files."""

OPTIONAL = (
    *("request_method", "response_size", "object_size", "referer", "latency"),
    *("database", "table"),
    *("format", "page", "network_class", "is_suspect", "agent_kind"),
    *("remote_ip_country", "remote_ip_org"),
)
"""The geocoded columns that are null for a source that does not have them."""
NEEDED = (
    *("insert_id", "timestamp", "request_url", "status", "user_agent", "remote_ip"),
    *("agent_class", *OPTIONAL),
)
"""The geocoded columns that are read."""
_DECIDING = [
    *NEEDED[: -len(OPTIONAL)],
    *("request_method", "database", "format", "page"),
]
"""Those that decide whether a request counts."""
_TYPES = {
    "timestamp": TIMESTAMP,
    "is_suspect": BOOLEAN,
    "latency": NUMBER,
    "status": INTEGER,
    "response_size": INTEGER,
    "object_size": INTEGER,
}
"""Of the columns that are not text."""

DOMINANT_SHARE = 0.5
"""An address with more than this share of a day's requests is suspect …"""
DOMINANT_FROM = 100
"""… on a day with at least this many requests."""

_ABSENT = (400, 404)
"""Answers to a request for a table, row or format that is not there."""
_HOST = r"^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?(?i:www\.)?(?P<host>[^/?#:]+)"


def count_requests(
    requests: pa.Table,
    following: pa.Table,
    registry: Registry,
    ipv6_bits: int = WHOLE_ADDRESS,
) -> pa.Table:
    """Decide what became of each request of a day.

    Args:
        requests: the geocoded requests of one UTC day, with the columns ``NEEDED``.
        following: those of the next day, or the first of them; only the first half
            minute is looked at. Empty if that day is not available yet.
        registry: the datasets.
        ipv6_bits: how much of an IPv6 address tells visitors apart.

    Returns:
        A table of schema ``EVENTS``, a row per request, in their order, with strings
        dictionary-encoded. The same requests always give the same table.
    """
    today = _needed(requests)
    about, outcome, visitors = _decided(today, following, registry, ipv6_bits)
    found = {
        **{name: today[name] for name in set(today.column_names) & set(EVENTS.names)},
        **about,
        "outcome": outcome,
        "table": _tables(today, about["table"]),
        "format": _formats(today),
        "is_suspect": _suspect(today),
        "is_assistant": _is_assistant(today),
        "country": today["remote_ip_country"],
        "organization": today["remote_ip_org"],
        "referrer": _hosts(only_chunk(today["referer"])),
        "visitor": pa.array(visitors),
        "session": pa.array(session_numbers(visitors, today["timestamp"])),
        "bytes": today["response_size"],
        "object_bytes": _object_sizes(today),
    }
    columns = {f.name: _encoded(f.name, f.type, found[f.name]) for f in EVENTS}
    return pa.table(columns)


def _decided(
    today: pa.Table, following: pa.Table, registry: Registry, ipv6_bits: int
) -> tuple[dict[str, pa.Array], pa.Array, Any]:
    """What each request of a day is about, its outcome, its visitor's number."""
    rows = today.num_rows
    both = today.select(_DECIDING)
    edge = _first_half_minute(following)
    if edge.num_rows:
        both = concatenated([both, _needed(edge).select(_DECIDING)]).combine_chunks()
    about = registry.attribute(only_chunk(both["request_url"]))
    about = with_derived(about, both, registry, rows)
    both = both.append_column("dataset", about["dataset"])
    visitors = visitor_keys(both, fresh_salt(), ipv6_bits)
    outcome = outcomes(both, visitors).slice(0, rows)
    about = {name: shortened(array.slice(0, rows)) for name, array in about.items()}
    return about, outcome, in_order_of_appearance(visitors[:rows])


def _first_half_minute(following: pa.Table) -> pa.Table:
    """The requests that can be second clicks on those of the day before."""
    if not following.num_rows:
        return following
    first = pc.min(following["timestamp"]).as_py()
    midnight = dt.datetime.combine(first.date(), dt.time(), dt.UTC)
    end = pa.scalar(midnight + dt.timedelta(microseconds=WINDOW), TIMESTAMP)
    return following.filter(pc.less_equal(following["timestamp"], end))


def _needed(requests: pa.Table) -> pa.Table:
    """The columns ``NEEDED``, with each text column encoded, once and in one chunk."""
    columns = {}
    for name in NEEDED:
        type_ = _TYPES.get(name, STRING)
        if name in OPTIONAL and name not in requests.column_names:
            values = pa.nulls(requests.num_rows, type_)
        else:
            values = requests[name]
        columns[name] = _encoded(name, type_, values)
    return pa.table(columns)


def _encoded(
    name: str, type_: pa.DataType, values: pa.Array | pa.ChunkedArray
) -> pa.ChunkedArray:
    """A column of a type; text encoded, except ids, which are all distinct."""
    if not isinstance(values, pa.ChunkedArray):
        values = pa.chunked_array([values])
    if name == "insert_id" or type_ != STRING:
        return values.cast(type_)
    if not pa.types.is_dictionary(values.type):
        values = values.cast(STRING)
    return compact(values)


def _tables(requests: pa.Table, captured: pa.DictionaryArray) -> pa.DictionaryArray:
    """The table as the source reads it, or else as the registry does.

    See :func:`_there`.
    """
    read = only_chunk(requests["table"])
    names = pa.concat_arrays([read.dictionary, captured.dictionary])
    later = pc.add(captured.indices.cast(pa.int32()), len(read.dictionary))
    codes = pc.coalesce(read.indices.cast(pa.int32()), later)
    return take_encoded(names, _there(codes, requests))


def _formats(requests: pa.Table) -> pa.DictionaryArray:
    """The format as the source reads it; see :func:`_there`."""
    read = only_chunk(requests["format"])
    return take_encoded(read.dictionary, _there(read.indices, requests))


def _there(codes: pa.Array, requests: pa.Table) -> pa.Array:
    """The codes of values; null where the site answered that it has no such thing.

    Otherwise, whoever probes paths would fill the tables of figures with their names.
    """
    absent = pc.is_in(requests["status"], pa.array(_ABSENT, INTEGER))
    return pc.if_else(pa.array(mask_of(absent)), None, codes)


def _suspect(requests: pa.Table) -> pa.Array:
    addresses = one_spelling(requests["remote_ip"])
    codes, _ = codes_of(addresses)
    counts = np.bincount(codes)[codes] if len(codes) else codes
    dominant = counts > DOMINANT_SHARE * max(len(codes), DOMINANT_FROM)
    dominant &= mask_of(addresses.is_valid())
    return pa.array(mask_of(requests["is_suspect"]) | dominant)


def _is_assistant(requests: pa.Table) -> pa.Array:
    return pa.array(holds(requests["agent_kind"], any_of(ASSISTANT)))


def _hosts(referers: pa.DictionaryArray) -> pa.DictionaryArray:
    found = pc.extract_regex(referers.dictionary, _HOST)
    return take_encoded(pc.utf8_lower(pc.struct_field(found, [0])), referers.indices)


def _object_sizes(requests: pa.Table) -> pa.Array:
    """For range reads, the size of the whole object.

    A response with several ranges may be longer; it is one download, too.
    """
    codes, count = codes_of(requests["request_url"])
    status = numbers_of(requests["status"])
    sizes = numbers_of(requests["response_size"])
    largest = np.zeros(count, dtype=np.int64)
    np.maximum.at(largest, codes, np.where(status == OK, sizes, 0))
    said = numbers_of(requests["object_size"])
    whole = np.where(said > 0, np.maximum(said, sizes), largest[codes])
    known = (status == PARTIAL) & (whole > 0)
    return pa.array(whole, mask=~known)
