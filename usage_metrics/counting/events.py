"""Each request of a day: who asked for which dataset, and whether it counts.

The table has a row per request, in the order of the geocoded file, and no address, user
agent or URL. So it can be kept when those have to go, and while they are there,
``timestamp`` and ``insert_id`` lead from any figure back to the requests. All tables of
figures are sums over it, some with further columns of the requests.
"""

from collections.abc import Mapping, Sequence

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
from usage_metrics.counting.columns import schema_of
from usage_metrics.counting.grouping import any_of, encoded, holds, mask_of

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
_TYPES = {
    "timestamp": TIMESTAMP,
    "is_suspect": BOOLEAN,
    "latency": NUMBER,
    "status": INTEGER,
    "response_size": INTEGER,
    "object_size": INTEGER,
}
"""Of the columns that are not text."""

_ABSENT = (400, 404)
"""Answers to a request for a table, row or format that is not there."""
_HOST = r"^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?(?i:www\.)?(?P<host>[^/?#:]+)"


def needed(requests: pa.Table, names: Sequence[str]) -> pa.Table:
    """Some columns, null where a source lacks them, each text encoded in one chunk."""
    columns = {}
    for name in names:
        type_ = _TYPES.get(name, STRING)
        if name not in NEEDED[: -len(OPTIONAL)] and name not in requests.column_names:
            values = pa.nulls(requests.num_rows, type_)
        else:
            values = requests[name]
        columns[name] = _encoded(name, type_, values)
    return pa.table(columns)


def seen_at_once(
    requests: pa.Table, about: Mapping[str, pa.Array]
) -> dict[str, pa.ChunkedArray]:
    """The columns of events that need no other request to be known.

    Args:
        requests: with the columns ``NEEDED``, encoded in one chunk each.
        about: what each request is about.
    """
    found = {
        **{
            name: requests[name]
            for name in set(requests.column_names) & set(EVENTS.names)
        },
        **about,
        "table": _tables(requests, about["table"]),
        "format": _formats(requests),
        "is_suspect": pa.array(mask_of(requests["is_suspect"])),
        "is_assistant": _is_assistant(requests),
        "country": requests["remote_ip_country"],
        "organization": requests["remote_ip_org"],
        "referrer": _hosts(only_chunk(requests["referer"])),
        "bytes": requests["response_size"],
    }
    types = ((name, EVENTS.field(name).type) for name in found)
    return {name: _encoded(name, type_, found[name]) for name, type_ in types}


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
    return encoded(values)


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


def _is_assistant(requests: pa.Table) -> pa.Array:
    return pa.array(holds(requests["agent_kind"], any_of(ASSISTANT)))


def _hosts(referers: pa.DictionaryArray) -> pa.DictionaryArray:
    found = pc.extract_regex(referers.dictionary, _HOST)
    return take_encoded(pc.utf8_lower(pc.struct_field(found, [0])), referers.indices)
