"""Reads lines that are JSON objects without depth, as columns of text by their keys.

:func:`_text` and Python's JSON reader are the rule. Arrow's reader does the same for a
whole block of plain ASCII whose values are texts.
"""

import functools
import json
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

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
    named = functools.cache(named)
    columns = _at_once(block, named)
    faults: dict[int, str] = {}
    if columns is None:
        columns, faults = _singly(block, named)
    fields = TextColumns(
        {name: _without(values, nulls) for name, values in columns.items()}, len(block)
    )
    fields.faults |= faults
    return fields


def _singly(
    block: Block, named: Callable[[str], str]
) -> tuple[dict[str, pa.Array], dict[int, str]]:
    """Read lines one by one; and say which are no objects."""
    rows: list[dict[str, str | None]] = []
    faults: dict[int, str] = {}
    for row in range(len(block)):
        value = _object(block.line(row))
        if value is None:
            faults[row] = "is no JSON object"
        rows.append({named(key): _text(item) for key, item in (value or {}).items()})
    names = dict.fromkeys(name for values in rows for name in values)
    columns = {
        name: pa.array([values.get(name) for values in rows], STRING) for name in names
    }
    return columns, faults


def _at_once(
    block: Block, named: Callable[[str], str]
) -> Mapping[str, pa.Array] | None:
    """Let Arrow read the lines; None if it may read them in another way."""
    first = _object(block.line(0)) or {}
    if not first or not block.text.isascii() or b"\\" in block.text:
        return None
    last = block.codes[block.ends - 1]
    if (block.codes[block.starts] != ord("{")).any() or (last != ord("}")).any():
        return None
    try:
        table = pj.read_json(
            pa.BufferReader(block.text),
            read_options=pj.ReadOptions(
                use_threads=False, block_size=len(block.text) + 1
            ),
            parse_options=pj.ParseOptions(
                explicit_schema=pa.schema(dict.fromkeys(first, STRING)),
                unexpected_field_behavior="error",
            ),
        )
    except pa.ArrowInvalid:
        return None
    names = list(map(named, table.column_names))
    if table.num_rows != len(block) or len(set(names)) < len(names):
        return None
    return {
        name: column.combine_chunks()
        for name, column in zip(names, table.columns, strict=True)
    }


def _without(texts: pa.Array, nulls: tuple[str, ...]) -> pa.Array:
    is_nothing = pc.is_in(texts, pa.array(nulls, STRING))
    return pc.if_else(is_nothing, pa.scalar(None, STRING), texts)


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
