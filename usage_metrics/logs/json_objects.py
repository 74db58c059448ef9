"""Reads lines that are JSON objects without depth, as columns of text by their keys."""

import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from usage_metrics.arrow import STRING
from usage_metrics.logs.blocks import Block
from usage_metrics.logs.cloud_logging.entry import without_surrogates
from usage_metrics.logs.text_columns import TextColumns


def json_columns(
    block: Block, nulls: tuple[str, ...], named: Callable[[str], str] = str
) -> TextColumns:
    """The values of each line's object, as text; numbers as they are written in JSON.

    Args:
        block: lines, of which each is an object.
        nulls: what stands in place of a value that there is not, besides ``null``.
        named: the name of the column for a key.
    """
    rows: list[dict[str, str]] = []
    faults: dict[int, str] = {}
    for row in range(len(block)):
        value = _object(block.line(row))
        if value is None:
            faults[row] = "is no JSON object"
        texts = ((named(key), _text(item)) for key, item in (value or {}).items())
        rows.append({key: t for key, t in texts if t is not None and t not in nulls})
    names = dict.fromkeys(name for values in rows for name in values)
    columns = {
        name: pa.array([values.get(name) for values in rows], STRING) for name in names
    }
    fields = TextColumns(columns, len(block))
    fields.faults |= faults
    return fields


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        value = _decode(line.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value and without_surrogates(value)
    if isinstance(value, bool | dict | list):
        value = json.dumps(value, ensure_ascii=False)
    return without_surrogates(str(value))


_decode = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str).decode
"""Numbers stay as they are written: a whole number may be longer than Python's."""
