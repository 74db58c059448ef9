"""The format of S3's server access logs: text in a bucket, JSON from CloudWatch."""

import datetime as dt
import re
from collections.abc import Iterator

import pyarrow as pa

from usage_metrics.logs.blocks import Block, cleaned, read_blocks
from usage_metrics.logs.line_ids import LINE_ID, line_ids
from usage_metrics.logs.moments import MONTHS
from usage_metrics.logs.s3.cloudwatch import read_json
from usage_metrics.logs.s3.entry import ENTRY
from usage_metrics.logs.s3.fast_path import read_lines

_STAMP = re.compile(rb"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}Z (?=\{)", re.MULTILINE)
"""What an export task of CloudWatch writes before each entry."""


_JSON = b"json"
"""The header of lines of JSON, so that they are not joined with lines of text."""


class _JsonBlock(Block):
    """Lines of JSON. They mention a day in another way, so none is left out."""

    def mentioning(self, word: bytes) -> Block:
        """All lines."""
        return self


class S3AccessLog:
    """Lines of text, or of JSON; a file has one or the other."""

    title = "S3 server access logs"
    schema = ENTRY
    time = "time"

    def blocks(self, raw: pa.NativeFile, name: str) -> Iterator[Block]:
        """Cut a file, packed or not, into blocks of lines."""
        for block in read_blocks(raw, name):
            text = block.text
            if _STAMP.match(text):
                text = _STAMP.sub(b"", text)
            is_json = text.startswith(b"{")
            yield _JsonBlock(text, block.numbered, name, _JSON) if is_json else block

    def read(self, block: Block) -> pa.Table:
        """Read the lines of a block."""
        is_json = block.header == _JSON
        table = read_json(block) if is_json else read_lines(cleaned(block))
        index = table.column_names.index(LINE_ID.name)
        return table.set_column(index, LINE_ID, line_ids(block))

    def mention(self, day: dt.date) -> bytes:
        """The day as the time of a line of text has it."""
        return f" [{day:%d}/{MONTHS[day.month - 1]}/{day:%Y}:".encode()


S3_ACCESS_LOG = S3AccessLog()
