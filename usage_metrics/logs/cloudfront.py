"""Amazon CloudFront's standard logs, of both versions.

Version 1 is tabs under a ``#Fields`` line. Version 2 is the same with fields,
order and delimiter of one's own, or JSON lines, or Parquet with columns of text.
"""

import codecs
import datetime as dt
import itertools
import re
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from usage_metrics.arrow import INTEGER, NUMBER, STRING, TIMESTAMP, column
from usage_metrics.cleaning.entry_ids import insert_ids
from usage_metrics.errors import InputError
from usage_metrics.logs.blocks import BLOCK_BYTES, Block, blocks_of
from usage_metrics.logs.format import UNREADABLE
from usage_metrics.logs.json_objects import json_columns
from usage_metrics.logs.line_ids import line_ids
from usage_metrics.logs.text_columns import TextColumns, earlier, with_unreadable
from usage_metrics.logs.unpacking import unpacked
from usage_metrics.logs.w3c import NULLS, column_name, w3c_blocks, w3c_columns

_TEXTS = (
    *("x_edge_location", "c_ip", "cs_method", "cs_host", "cs_uri_stem"),
    *("cs_referer", "cs_user_agent", "cs_uri_query", "cs_cookie"),
    *("x_edge_result_type", "x_host_header", "cs_protocol"),
    *("x_forwarded_for", "ssl_protocol", "ssl_cipher"),
    *("x_edge_response_result_type", "cs_protocol_version", "fle_status"),
    *("x_edge_detailed_result_type", "sc_content_type"),
)
_INTEGERS = (
    *("sc_status", "sc_bytes", "cs_bytes", "fle_encrypted_fields", "c_port"),
    *("sc_content_len", "sc_range_start", "sc_range_end"),
)
_SECONDS = ("time_taken", "time_to_first_byte")
_ID = "x_edge_request_id"
_FIELDS = (
    *(pa.field(name, STRING) for name in _TEXTS),
    column(_ID, STRING, "CloudFront's id, or a hash of the line"),
    *(pa.field(name, INTEGER) for name in _INTEGERS),
    *(pa.field(name, NUMBER) for name in _SECONDS),
)
_TIME_TAKEN = [field.name for field in _FIELDS].index("time_taken")
_KNOWN = frozenset(("date", "time", *(field.name for field in _FIELDS)))

_DELIMITERS = "\t ,|;"
"""What version 2 may have between fields, the usual one first."""

_ROWS = 4_000
"""How many rows of a Parquet file become a block."""

_PARQUET = b"PAR1"
_BEGINNINGS = (b"#", b"{", b"[", codecs.BOM_UTF8)
_OF_IIS = b"#Software: Microsoft Internet Information Services"
_REAL_TIME = re.compile(rb"[0-9]{10}\.[0-9]{1,6}\t")


class CloudFront:
    """Turns the bytes of a standard log into rows."""

    title = "CloudFront standard logs"
    schema = pa.schema(
        [
            column("timestamp", TIMESTAMP, "When the request came: ended - time_taken"),
            column("ended", TIMESTAMP, "When the response ended: date and time"),
            *_FIELDS,
            column("other_fields", STRING, "Fields without a column, as JSON"),
            *UNREADABLE,
        ]
    )
    time = "timestamp"

    def blocks(self, raw: pa.NativeFile, name: str) -> Iterator[Block]:
        """Cut a file into blocks of lines; Parquet and JSON as they would be lines.

        Raises:
            InputError: if it is a real-time log.
        """
        chunks = unpacked(raw, name, BLOCK_BYTES)
        first = next(chunks, b"")
        chunks = itertools.chain([first], chunks)
        if first.startswith(_PARQUET):
            return _parquet_blocks(b"".join(chunks), name)
        is_ours = not first or first.lstrip().startswith(_BEGINNINGS)
        if not is_ours or _OF_IIS in first:
            _refuse(first, name)
        return w3c_blocks(blocks_of(chunks, name))

    def read(self, block: Block) -> pa.Table:
        """Read the lines of a block."""
        fields = _fields(block)
        ended = fields.moment(fields.text("date"), "time")
        fields.require(ended, "has no date and time; choose both among the fields")
        fields.fill(_ID, lambda: insert_ids(line_ids(block)))
        values = [fields.typed(field) for field in _FIELDS]
        took = pc.round(pc.multiply(values[_TIME_TAKEN], 1e6)).cast(INTEGER)
        columns = [earlier(ended, took), ended, *values]
        columns.append(fields.others(_KNOWN))
        return with_unreadable(columns, fields.faults, block, self.schema)

    def mention(self, day: dt.date) -> bytes | None:
        """Nothing: a line says when the response ended, perhaps on a later day."""
        return None


def _refuse(beginning: bytes, name: str) -> None:
    if _OF_IIS in beginning:
        raise InputError(
            f"{name} is a log of IIS; source web reads it, with format = iis"
        )
    if _REAL_TIME.match(beginning):
        raise InputError(
            f"{name} is a real-time log of CloudFront, whose fields only its "
            "configuration names; have CloudFront write standard logs, too"
        )
    raise InputError(
        f"{name} is no standard log of CloudFront: it begins neither with #Version or "
        "#Fields, nor with JSON; deliver the log as W3C, JSON or Parquet, and move "
        "other files out of the folder"
    )


def _fields(block: Block) -> TextColumns:
    """The fields of the lines, which are JSON or under a ``#Fields`` line."""
    if block.text.startswith(b"{"):
        return json_columns(block, NULLS, column_name)
    return w3c_columns(block, _DELIMITERS)


def _parquet_blocks(content: bytes, name: str) -> Iterator[Block]:
    """The rows of a Parquet file, as lines under a ``#Fields`` line.

    Raises:
        InputError: if it is damaged, or columns are not text or numbers.
    """
    try:
        file = pq.ParquetFile(pa.BufferReader(content))
        columns = map(column_name, file.schema_arrow.names)
        header = "#Fields: " + " ".join(columns)
        number = 1
        for batch in file.iter_batches(_ROWS):
            texts = [_as_field(column) for column in batch.columns]
            lines = pc.binary_join_element_wise(*texts, "\t").to_pylist()
            text = "".join(f"{line}\n" for line in lines).encode()
            yield Block(text, number, name, header.encode())
            number += len(lines)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise InputError(
            f"{name} cannot be read as a Parquet file of CloudFront ({error}); copy it "
            "again"
        ) from error


def _as_field(column: pa.Array) -> pa.Array:
    """Values as CloudFront writes them into lines."""
    texts = column.cast(STRING)
    for character, escape in (("\t", "%09"), ("\n", "%0A"), ("\r", "%0D")):
        texts = pc.replace_substring(texts, character, escape)
    return pc.fill_null(texts, "-")
