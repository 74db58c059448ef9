"""Takes log entries out of what they come in, and refuses what holds none.

Entries come in messages of Pub/Sub, as base64, or as a list in a reply of the API's
``entries.list``. The first lines of a file say which it is. They also say, in most
cases, when it holds no JSON entries at all: one sentence then, instead of a reason for
each of its lines.
"""

import base64
import binascii
import contextlib
import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from usage_metrics.addresses.redaction import anonymous
from usage_metrics.errors import InputError
from usage_metrics.logs.blocks import Block

LOOKED_AT = 20
"""By how many of its first lines a file is judged."""

FEWEST = 3
"""With fewer lines a file of unknown objects is left to the rule."""

_OF_ENTRIES = {"timestamp", "insertId", "logName", "httpRequest", "receiveTimestamp"}
"""Fields that tell an entry; each has some of them."""

_UNPACK = "unpack it, or pack it with gzip, zstd, bzip2 or xz instead"
_AS_JSON = "export the entries as JSON"
_WITH_GCLOUD = "export with gcloud logging read --format=json"

_OTHERS = (
    (rb"PK\x03\x04|7z\xbc\xaf|Rar!|\x04\x22M\x18", "a packed archive", _UNPACK),
    (rb"PAR1|Obj\x01|SQLite format 3", "a file of tables", _AS_JSON),
    (rb"(?i)\s*<(?:!doctype|\?xml|html|error)", "a web page or XML", _AS_JSON),
    (rb"---\s*$|\s*(?:httpRequest|insertId|labels):", "YAML", _WITH_GCLOUD),
    (rb"(?=.*,)(?=.*\b(?:timestamp|insertId)\b)[\"\w.,/@ -]+\r?$", "CSV", _AS_JSON),
    (rb"ERROR: \(gcloud", "an error message of gcloud", _WITH_GCLOUD),
)
"""First lines of what is often saved instead, what it is, and the remedy."""


def entries_in(blocks: Iterator[Block]) -> Iterator[Block]:
    """The lines of a file, each with an entry; as they are, if they are entries.

    Raises:
        InputError: if the file is recognised as one that holds no entries.
    """
    start = list(itertools.islice(blocks, 2))
    if not start:
        return
    first = start[0]
    _refuse_others(first)
    objects = [_object(first.line(row)) for row in range(min(len(first), LOOKED_AT))]
    if objects == [{}] and len(start) == 1:
        return  # a reply without entries
    blocks = itertools.chain(start, blocks)
    if _in_envelope(objects[0]) is not None:
        blocks = map(_opened, blocks)
    else:
        _refuse_unknown(objects, str(first.name))
    yield from blocks


def _refuse_others(first: Block) -> None:
    line = first.line(0)[:1000]
    for pattern, what, remedy in _OTHERS:
        if re.match(pattern, line):
            raise InputError(f"{first.name} is {what}, not JSON; {remedy}")


def _refuse_unknown(objects: list[dict[str, Any] | None], name: str) -> None:
    """Refuse a file whose first lines are all objects without any field of an entry."""
    fields = [set(found) if found is not None else _OF_ENTRIES for found in objects]
    if len(fields) < FEWEST or not all(_OF_ENTRIES.isdisjoint(each) for each in fields):
        return
    shown = ", ".join(repr(anonymous(each[:40])) for each in sorted(fields[0])[:5])
    raise InputError(
        f"{name} holds JSON objects, but no log entries: they have the fields "
        f"{shown or 'of nothing'}, and entries a timestamp and an insertId; export the "
        "entries of Cloud Logging as JSON, or move the file out of the folder"
    )


def _opened(block: Block) -> Block:
    """The entries in the envelopes of a block; other lines as they are."""
    lines: list[bytes] = []
    numbers: list[int] = []
    for row, number in enumerate(block.numbers.tolist()):
        line = block.line(row)
        inside = _in_envelope(_object(line))
        inside = [line] if inside is None else inside
        lines += inside
        numbers += [number] * len(inside)
    text = b"".join(line + b"\n" for line in lines)
    return Block(text, np.array(numbers, dtype=np.int64), block.name)


def _in_envelope(value: dict[str, Any] | None) -> list[bytes] | None:
    """The entries in an object, as lines; None if it is no envelope of entries."""
    if value is None or not _OF_ENTRIES.isdisjoint(value):
        return None
    match value:
        case {"entries": [*entries]}:
            return [json.dumps(entry).encode() for entry in entries]
        case {"nextPageToken": str()} if len(value) == 1:  # a page without entries
            return []
        case {"receivedMessages": [*messages]}:
            return [_in_message(m) or json.dumps(m).encode() for m in messages]
    message = _in_message(value)
    return None if message is None else [message]


def _in_message(value: Any) -> bytes | None:
    """The entry in a Pub/Sub message, pushed or pulled; None for anything else."""
    match value:
        case {"message": {"data": str(data)}} | {"messageId": str(), "data": str(data)}:
            with contextlib.suppress(binascii.Error, ValueError):
                text = base64.b64decode(data, validate=True)
                return text.replace(b"\n", b" ").strip() or None
    return None


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
