"""Entries of S3 server access logs as JSON, as CloudWatch Logs delivers them.

The fields are those of the text, some under other names, with null in place of ``-``
and times in milliseconds. Members that the schema does not have come into ``further``.
"""

import datetime as dt
import json
import re
from typing import Any

import pyarrow as pa

from usage_metrics.arrow import INTEGER, STRING
from usage_metrics.logs.blocks import Block
from usage_metrics.logs.s3.entry import ENTRY, FIRST, FURTHER, LATER

_NAMES = {
    "bucket_name": "bucket",
    "bucket_owner_id": "bucket_owner",
    "key_name": "key",
    "request_time": "time",
}
"""The fields that have another name than in the text."""
_WRITTEN = {name: as_json for as_json, name in _NAMES.items()}
_FIELDS = {field.name: field.type for field in (*FIRST, *LATER)}
_NEEDED = ("bucket", "time", "operation")

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z", re.ASCII)
_DIGITS = re.compile(r"[0-9]{1,18}")
_SHOWN = 80
"""How many characters of an invalid value the reason quotes."""


class _NoEntryError(ValueError):
    """A line is not an entry; the message says why."""


def read_json(block: Block) -> pa.Table:
    """Read lines of JSON.

    Returns:
        A table of schema ``ENTRY`` without ids of lines, a row per line, in order.
    """
    rows = []
    for row in range(len(block)):
        line = block.line(row).decode("utf-8", "replace").rstrip("\r")
        try:
            rows.append(_entry(line))
        except _NoEntryError as error:
            reason = f"{block.place(row)} {error}"
            rows.append({"unreadable": line, "unreadableReason": reason})
    return pa.Table.from_pylist(rows, schema=ENTRY)


def _entry(line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        raise _NoEntryError("is not JSON") from None
    if not isinstance(value, dict):
        raise _NoEntryError("is no JSON object")
    row: dict[str, Any] = {}
    further: dict[str, Any] = {}
    for name, item in value.items():
        field = str(_NAMES.get(name, name))
        if field in _FIELDS and item is not None:
            row[field] = _value(name, item, _FIELDS[field])
        elif item is not None:
            further[name] = item
    if missing := next((name for name in _NEEDED if row.get(name) is None), None):
        raise _NoEntryError(f"has no {_WRITTEN.get(missing, missing)}")
    if further:
        text = json.dumps(further, sort_keys=True, ensure_ascii=False)
        row[FURTHER.name] = _without_surrogates(text)
    return row


def _value(name: str, value: Any, type_: pa.DataType) -> Any:
    """What a field says; null for ``-``, which the text has."""
    if value == "-":
        return None
    found: Any = None
    if type_ == STRING:
        found = _without_surrogates(value) if isinstance(value, str) else None
    elif type_ == INTEGER:
        is_number = isinstance(value, int | str) and not isinstance(value, bool)
        found = int(value) if is_number and _DIGITS.fullmatch(str(value)) else None
    elif isinstance(value, str) and _TIME.fullmatch(value):
        try:
            found = dt.datetime.fromisoformat(value)
        except ValueError:  # no such day
            found = None
    if found is None:
        what = {STRING: "text", INTEGER: "a whole number"}.get(type_, "a time in UTC")
        shown = repr(str(value)[:_SHOWN])
        raise _NoEntryError(f"has {name} = {shown}, which is not {what}")
    return found


def _without_surrogates(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
