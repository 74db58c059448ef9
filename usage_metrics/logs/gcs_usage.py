"""Google Cloud Storage's usage logs: CSV with every value in quotes, under a header."""

import datetime as dt
from collections.abc import Iterator

import pyarrow as pa

from usage_metrics.arrow import INTEGER, STRING, TIMESTAMP, column
from usage_metrics.errors import InputError
from usage_metrics.logs.blocks import Block, read_blocks
from usage_metrics.logs.delimited import (
    Delimiters,
    fields_of_line,
    sections,
    text_columns,
)
from usage_metrics.logs.format import UNREADABLE
from usage_metrics.logs.text_columns import earlier, with_unreadable

_FIELDS = (
    *(pa.field(name, STRING) for name in ("c_ip", "c_ip_type", "c_ip_region")),
    *(pa.field(name, STRING) for name in ("cs_method", "cs_uri")),
    *(pa.field(name, INTEGER) for name in ("sc_status", "cs_bytes", "sc_bytes")),
    pa.field("time_taken_micros", INTEGER),
    *(pa.field(name, STRING) for name in ("cs_host", "cs_referer", "cs_user_agent")),
    *(pa.field(name, STRING) for name in ("s_request_id", "cs_operation")),
    *(pa.field(name, STRING) for name in ("cs_bucket", "cs_object")),
)
_TIME, _ID = "time_micros", "s_request_id"
_KNOWN = frozenset((_TIME, *(field.name for field in _FIELDS)))
_TIME_TAKEN = [field.name for field in _FIELDS].index("time_taken_micros")

_HEADER = b'"time_micros"'
_STORAGE = b'"bucket","storage_byte_hours"'

_LONGEST_TIME = 16
"""Digits of microseconds since 1970, until the year 2286."""

_BY = Delimiters(nulls=("",), is_quoted=True)


class GcsUsage:
    """Turns the bytes of a usage log into rows."""

    title = "usage logs of Google Cloud Storage"
    schema = pa.schema(
        [
            column("timestamp", TIMESTAMP, "When the request came", "UTC"),
            column("ended", TIMESTAMP, "When it was completed: time_micros", "UTC"),
            *_FIELDS,
            column("other_fields", STRING, "Fields without a column, as JSON"),
            *UNREADABLE,
        ]
    )
    time = "timestamp"

    def blocks(self, raw: pa.NativeFile, name: str) -> Iterator[Block]:
        """Cut a file into blocks of lines, each under the header before them.

        Raises:
            InputError: if it is a storage log, or has no header.
        """
        for block in sections(read_blocks(raw, name), _HEADER, lambda _, line: line):
            if not block.header:
                _refuse(block)
            yield block

    def read(self, block: Block) -> pa.Table:
        """Read the lines of a block."""
        names = fields_of_line(block.header.decode("utf-8", "replace"), _BY) or []
        fields = text_columns(block, names, _BY)
        ended = fields.integer(_TIME, _LONGEST_TIME)
        fields.require(ended, f"has no {_TIME}")
        fields.require(fields.text(_ID), f"has no {_ID}")
        values = [fields.typed(field) for field in _FIELDS]
        ended = ended.cast(TIMESTAMP)
        columns = [earlier(ended, values[_TIME_TAKEN]), ended, *values]
        columns.append(fields.others(_KNOWN))
        return with_unreadable(columns, fields.faults, block, self.schema)

    def mention(self, day: dt.date) -> bytes | None:
        """Nothing: times are microseconds."""
        return None


def _refuse(block: Block) -> None:
    """Refuse a file that does not begin with the header of usage logs."""
    if block.text.startswith(_STORAGE):
        raise InputError(
            f"{block.name} is a storage log, which lists sizes and no requests; move "
            "it out of the folder, or name it as Google does, with _storage_"
        )
    raise InputError(
        f"{block.name} does not begin with the header of a usage log, "
        f"{_HEADER.decode()}, …; copy the file again as Google wrote it"
    )
