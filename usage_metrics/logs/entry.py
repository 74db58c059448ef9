"""The log entry: one schema for what BigQuery and JSON exports give.

It is Google Cloud Logging's ``LogEntry`` with an ``httpRequest``, in the names and
nesting the service uses and with the types of its BigQuery sink: sizes are integers,
latency is seconds, times are microseconds. The three columns at the end are ours:

* ``otherFields``: every field that the schema does not know, as one JSON object with
  sorted keys and without nulls, or null when there is none. Nothing is dropped.
* ``unreadable`` and ``unreadableReason``: a line that is no log entry, as text, and
  why. In such a row everything else is null.
"""

from collections.abc import Iterable, Iterator

import pyarrow as pa

from usage_metrics.columns import BOOLEAN, INTEGER, NUMBER, STRING, TIMESTAMP

HTTP_REQUEST = pa.struct(
    [
        ("requestMethod", STRING),
        ("requestUrl", STRING),
        ("requestSize", INTEGER),
        ("status", INTEGER),
        ("responseSize", INTEGER),
        ("userAgent", STRING),
        ("remoteIp", STRING),
        ("serverIp", STRING),
        ("referer", STRING),
        ("latency", NUMBER),
        ("cacheLookup", BOOLEAN),
        ("cacheHit", BOOLEAN),
        ("cacheValidatedWithOriginServer", BOOLEAN),
        ("cacheFillBytes", INTEGER),
        ("protocol", STRING),
    ]
)
RESOURCE_LABELS = pa.struct(
    [
        ("service_name", STRING),
        ("revision_name", STRING),
        ("location", STRING),
        ("project_id", STRING),
        ("configuration_name", STRING),
    ]
)
RESOURCE = pa.struct([("type", STRING), ("labels", RESOURCE_LABELS)])
LABELS = pa.struct([("instanceId", STRING)])
OPERATION = pa.struct(
    [("id", STRING), ("producer", STRING), ("first", BOOLEAN), ("last", BOOLEAN)]
)
SOURCE_LOCATION = pa.struct([("file", STRING), ("line", INTEGER), ("function", STRING)])
SPLIT = pa.struct([("uid", STRING), ("index", INTEGER), ("totalSplits", INTEGER)])
ERROR_GROUPS = pa.list_(pa.struct([("id", STRING)]))

ENTRY = pa.schema(
    [
        ("insertId", STRING),
        ("timestamp", TIMESTAMP),
        ("receiveTimestamp", TIMESTAMP),
        ("logName", STRING),
        ("severity", STRING),
        ("textPayload", STRING),
        ("httpRequest", HTTP_REQUEST),
        ("resource", RESOURCE),
        ("labels", LABELS),
        ("operation", OPERATION),
        ("trace", STRING),
        ("spanId", STRING),
        ("traceSampled", BOOLEAN),
        ("sourceLocation", SOURCE_LOCATION),
        ("split", SPLIT),
        ("errorGroups", ERROR_GROUPS),
        ("otherFields", STRING),
        ("unreadable", STRING),
        ("unreadableReason", STRING),
    ]
)
"""The raw columns of every log entry, whichever reader it came through."""

OUR_COLUMNS = ("otherFields", "unreadable", "unreadableReason")
"""The columns of :data:`ENTRY` that no log entry has."""

ENTRY_FIELDS = [field for field in ENTRY if field.name not in OUR_COLUMNS]
"""Those that a log entry has."""

Path = tuple[str, ...]
"""The name of a field behind those of the records that it is in."""


def _paths(
    fields: Iterable[pa.Field], above: Path = ()
) -> Iterator[tuple[Path, pa.DataType]]:
    for field in fields:
        path = (*above, field.name)
        yield path, field.type
        if pa.types.is_struct(field.type):
            yield from _paths(field.type, path)


EXPECTED: dict[Path, pa.DataType] = dict(_paths(ENTRY_FIELDS))
"""Every field that a log entry may have, at any depth, records included."""
