"""Pure Arrow functions that two or more sources clean their entries with.

Nothing here opens anything. The work is done once per distinct value: a column is
dictionary-encoded, the few values of its dictionary are looked at, and the answer is
spread over the rows by their codes.
"""

import json
import re

import pyarrow as pa

from usage_metrics.arrow import STRING, column

REJECTED = pa.schema(
    [
        column("reason", STRING, "Why the entry could not be understood"),
        column("entry", STRING, "The entry as it was: the line, or the row as JSON"),
    ]
)
"""The columns of what is kept apart, the same for every source."""


def without_value(reason: str) -> str:
    """A reason without the value that it shows, which may be somebody's address."""
    return re.sub(r" = .*(?=, which is not )", "", reason, flags=re.DOTALL)


def reject(entries: pa.Table, reasons: pa.Array) -> pa.Table:
    """Keep entries apart, as JSON, with the reason for each."""
    text = [json.dumps(row, default=str, sort_keys=True) for row in entries.to_pylist()]
    return pa.table([reasons.cast(STRING), pa.array(text, STRING)], schema=REJECTED)
