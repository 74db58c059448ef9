"""What the schema of a log entry does not know: kept as JSON, written in one way.

An export and a BigQuery table give the same field in different ways: a table has a
column for every entry, null where an export has no key, and its numbers are all
floating point. So that equal content is equal text, keys are sorted, what holds
nothing (null, ``{}``, ``[]``) is left out, and whole numbers have no fraction.
"""

import json
from typing import Any

import pyarrow as pa

from usage_metrics.logs.entry import ENTRY_FIELDS

Names = dict[str, Any] | list[Any] | None
"""The names in a type: a dict for a struct, a list of one for a list, else None."""

WHOLE_UP_TO = 2**53
"""From here on floating point has no fractions, nor every whole number."""


def names_in(type_: pa.DataType) -> Names:
    """The names of a type's fields, nested as they are."""
    if pa.types.is_struct(type_):
        return {field.name: names_in(field.type) for field in type_}
    if pa.types.is_list(type_):
        return [names_in(type_.value_type)]
    return None


ENTRY_NAMES = names_in(pa.struct(ENTRY_FIELDS))
"""The fields that a log entry is known to have."""


def other_fields(entry: dict[str, Any]) -> str | None:
    """Write the fields of an entry that ``ENTRY`` does not declare.

    Args:
        entry: a log entry, or part of one, as ``json.loads`` gives it.

    Returns:
        One JSON object; None when there is no such field.

    Raises:
        RecursionError: if it is nested some hundreds deep.
    """
    rest = _undeclared(entry, ENTRY_NAMES)
    if rest is None:
        return None
    text = json.dumps(rest, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return without_surrogates(text)


def without_surrogates(text: str) -> str:
    """Replace lone surrogates, which JSON can spell and UTF-8 cannot."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _undeclared(value: Any, names: Names) -> Any:
    """What of a JSON value stands under no declared name; None when nothing does."""
    if isinstance(value, dict) and isinstance(names, dict):
        return _filled(
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
    """A JSON value without what holds nothing; None when nothing is left."""
    if isinstance(value, dict):
        return _filled({key: _pruned(item) for key, item in value.items()})
    if isinstance(value, list):
        return [_pruned(item) for item in value] or None
    if isinstance(value, float) and value.is_integer() and abs(value) < WHOLE_UP_TO:
        return int(value)
    return value


def _filled(fields: dict[str, Any]) -> dict[str, Any] | None:
    return {key: item for key, item in fields.items() if item is not None} or None
