"""The log entry: one schema for BigQuery and JSON exports, which loses no field.

It is Google Cloud Logging's ``LogEntry`` with an ``httpRequest``, in the names and
nesting that the service uses and the types of its BigQuery sink: sizes are integers,
latency is in seconds, times are in microseconds. The last three columns are ours:

* ``otherFields``: every field that the schema does not declare, as one JSON object with
  sorted keys and without nulls; null if there is none.
* ``unreadable`` and ``unreadableReason``: a line that is not a log entry, as text, and
  why. In such a row all other columns are null.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pyarrow as pa

from usage_metrics.arrow import BOOLEAN, INTEGER, NUMBER, STRING, TIMESTAMP

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
"""The columns that a log entry has."""

WHOLE_UP_TO = 2**53
"""From here on not every whole number is a floating-point number."""

Path = tuple[str, ...]
"""The name of a field, after the names of the records that contain it."""

Tree = Any
"""A type as plain Python: a dict for a struct, a list of one for a list, or a leaf."""


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


def tree_of(
    type_: pa.DataType, leaf: Callable[[pa.DataType], Any] = lambda _: None
) -> Tree:
    """A type as plain Python; ``leaf`` converts the types that are not nested."""
    if pa.types.is_struct(type_):
        return {field.name: tree_of(field.type, leaf) for field in type_}
    if pa.types.is_list(type_):
        return [tree_of(type_.value_type, leaf)]
    return leaf(type_)


_DECLARED = tree_of(pa.struct(ENTRY_FIELDS))


def other_fields(entry: dict[str, Any]) -> str | None:
    """Write the fields of an entry that ``ENTRY`` does not declare.

    Args:
        entry: a log entry, or part of one, as ``json.loads`` gives it.

    Returns:
        One JSON object; None if there is no such field.

    Raises:
        RecursionError: if it is nested hundreds of levels deep.
    """
    rest = _undeclared(entry, _DECLARED)
    if rest is None:
        return None
    text = json.dumps(rest, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return without_surrogates(text)


def snake_case(name: str) -> str:
    """The name of a field as columns have it."""
    return re.sub("[A-Z]", lambda capital: f"_{capital[0].lower()}", name)


def without_surrogates(text: str) -> str:
    """Replace lone surrogates, which are valid in JSON but not in UTF-8."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _undeclared(value: Any, names: Tree) -> Any:
    """The part of a JSON value under undeclared names; None if there is none."""
    if isinstance(value, dict) and isinstance(names, dict):
        return _not_null(
            {
                key: _undeclared(item, names[key]) if key in names else _pruned(item)
                for key, item in value.items()
            }
        )
    if isinstance(value, list) and isinstance(names, list):
        rests = [_undeclared(item, names[0]) for item in value]
        return rests if any(rest is not None for rest in rests) else None
    return None


def _pruned(value: Any) -> Any:
    """A JSON value without nulls and empty containers; None if nothing is left."""
    if isinstance(value, dict):
        return _not_null({key: _pruned(item) for key, item in value.items()})
    if isinstance(value, list):
        return [_pruned(item) for item in value] or None
    if isinstance(value, float) and value.is_integer() and abs(value) < WHOLE_UP_TO:
        return int(value)
    return value


def _not_null(fields: dict[str, Any]) -> dict[str, Any] | None:
    return {key: item for key, item in fields.items() if item is not None} or None
