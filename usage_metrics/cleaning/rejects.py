"""Log entries that could not be understood, kept with the reason."""

import json

import pyarrow as pa

from usage_metrics.arrow import STRING, column

REJECTED = pa.schema(
    [
        column("reason", STRING, "Why the entry could not be understood"),
        column("entry", STRING, "The entry as it was: the line, or the row as JSON"),
    ]
)
"""The columns of rejected entries, the same for every source."""


def without_value(reason: str) -> str:
    """A reason without the value it quotes, which may be a visitor's address."""
    field, _, rest = reason.partition(" = ")
    _, mark, expected = rest.rpartition(", which is not ")
    return f"{field}{mark}{expected}" if mark else reason


def reject(entries: pa.Table, reasons: pa.Array) -> pa.Table:
    """Keep entries as JSON, each with its reason."""
    text = [json.dumps(row, default=str, sort_keys=True) for row in entries.to_pylist()]
    return pa.table([reasons.cast(STRING), pa.array(text, STRING)], schema=REJECTED)


def unreadable_lines(entries: pa.Table) -> pa.Table:
    """The lines that their format could not read."""
    lines = entries.filter(entries["unreadableReason"].is_valid())
    return pa.table([lines["unreadableReason"], lines["unreadable"]], schema=REJECTED)
