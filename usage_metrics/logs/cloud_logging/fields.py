"""Learns which fields log entries have, so that Arrow can read many entries at once.

Arrow's JSON reader is fast if it is told the fields, and slower for each one that never
comes. Text fields that ``ENTRY`` does not declare are learnt, too, because a site's own
labels, for example, are in every entry.
"""

import functools
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from usage_metrics.arrow import INTEGER, NUMBER, STRING, TIMESTAMP
from usage_metrics.logs.blocks import Block, Mask
from usage_metrics.logs.cloud_logging.entry import EXPECTED, Path, other_fields

Fields = frozenset[Path]
"""Fields with a value that is not an object."""

SAMPLE = 50
"""How many lines to learn from."""

MOST_FIELDS = 100
"""If there are more, the undeclared fields are not a fixed set, and not learnt."""

DEEPEST = 10
"""Fields nested deeper than this are not learnt."""

NUMBERS_IN_JSON = frozenset({"status", "index", "totalSplits"})
"""32-bit integers are numbers in JSON; 64-bit integers are text."""

_ANY_OBJECT = pa.struct([])


def _json_type(name: str, type_: pa.DataType) -> pa.DataType:
    if type_ in (TIMESTAMP, NUMBER):
        return STRING
    return STRING if type_ == INTEGER and name not in NUMBERS_IN_JSON else type_


JSON_TYPES = {
    path: _json_type(path[-1], type_)
    for path, type_ in EXPECTED.items()
    if not pa.types.is_nested(type_)
}
"""The JSON types of fields with a value; entries with lists are read one by one."""


def learnt(fields: Fields, block: Block, rows: Mask) -> Fields:
    """Add the fields of some lines of a block to the known fields."""
    candidates = np.flatnonzero(rows)
    seen = [
        leaf
        for row in candidates[:: len(candidates) // SAMPLE + 1].tolist()
        for leaf in _leaves(_parsed(block.line(row)))
    ]
    fields |= {path for path, _ in seen if path in JSON_TYPES}
    others = {
        path for path, value in seen if isinstance(value, str) and _is_other(path)
    }
    return fields | others if len(fields | others) <= MOST_FIELDS else fields


def _is_other(path: Path) -> bool:
    """Whether ``ENTRY`` declares neither a field nor values where its parents are."""
    above = [path[:length] for length in range(1, len(path))]
    return (
        path not in EXPECTED
        and all(pa.types.is_struct(EXPECTED.get(p, _ANY_OBJECT)) for p in above)
        and "".join(path).isascii()
    )


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        entry: dict[str, Any] = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return entry


def _leaves(entry: dict[str, Any], above: Path = ()) -> Iterator[tuple[Path, Any]]:
    for name, value in entry.items():
        path = (*above, name)
        if not isinstance(value, dict):
            yield path, value
        elif len(path) < DEEPEST:
            yield from _leaves(value, path)


@functools.lru_cache(maxsize=32)
def json_schema(fields: Fields) -> pa.Schema:
    """The schema of some fields in JSON."""
    types = {path: JSON_TYPES.get(path, STRING) for path in sorted(fields)}
    return pa.schema(_struct(_nested(types)))


def _struct(tree: dict[str, Any]) -> pa.DataType:
    return pa.struct(
        [
            (name, _struct(type_) if isinstance(type_, dict) else type_)
            for name, type_ in tree.items()
        ]
    )


def _nested(values: dict[Path, Any]) -> dict[str, Any]:
    """Nest values by their paths; one below another value is left out."""
    tree: dict[str, Any] = {}
    for path, value in values.items():
        place: Any = tree
        for name in path[:-1]:
            place = place.setdefault(name, {}) if isinstance(place, dict) else None
        if isinstance(place, dict):
            place[path[-1]] = value
    return tree


def columns_of(entries: pa.StructArray, above: Path = ()) -> dict[Path, pa.Array]:
    """Every field of some entries, at any depth, including objects."""
    columns = {}
    for field, column in zip(entries.type, entries.flatten(), strict=True):
        path = (*above, field.name)
        columns[path] = column
        if pa.types.is_struct(field.type):
            columns |= columns_of(column, path)
    return columns


def other_fields_column(columns: dict[Path, pa.Array], rows: int) -> pa.Array:
    """The column ``otherFields``, written once per distinct content."""
    others = {
        path: column
        for path, column in columns.items()
        if path not in EXPECTED and not pa.types.is_struct(column.type)
    }
    if not others:
        return pa.nulls(rows, STRING)
    codes = np.zeros(rows, dtype=np.int64)
    for column in others.values():
        encoded = column.dictionary_encode(null_encoding="encode")
        codes = codes * len(encoded.dictionary) + encoded.indices.to_numpy()
        codes = np.unique(codes, return_inverse=True)[1]
    _, examples, codes = np.unique(codes, return_index=True, return_inverse=True)
    texts = [
        other_fields(_nested({path: col[row].as_py() for path, col in others.items()}))
        for row in examples.tolist()
    ]
    return pa.array(texts, STRING).take(pa.array(codes))
