"""The format of S3's server access logs, as the service delivers them to a bucket."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from usage_metrics.logs.blocks import Block, read_blocks
from usage_metrics.logs.line_ids import LINE_ID, line_ids
from usage_metrics.logs.s3.entry import ENTRY, MONTHS
from usage_metrics.logs.s3.fast_path import read_lines


@dataclass(frozen=True)
class S3AccessLog:
    """Lines of text, with fields between blanks."""

    title: str = "S3 server access logs"
    schema: pa.Schema = ENTRY
    time: str = "time"

    def blocks(self, raw: pa.NativeFile, name: str) -> Iterator[Block]:
        """Cut a file, packed or not, into blocks of lines."""
        return read_blocks(raw, name)

    def read(self, block: Block) -> pa.Table:
        """Read the lines of a block."""
        table = read_lines(_in_utf8(block))
        index = table.column_names.index(LINE_ID.name)
        return table.set_column(index, LINE_ID, line_ids(block))

    def mention(self, day: dt.date) -> bytes:
        """The day as the time of a line has it."""
        return f" [{day:%d}/{MONTHS[day.month - 1]}/{day:%Y}:".encode()


S3_ACCESS_LOG = S3AccessLog()


def _in_utf8(block: Block) -> Block:
    """The lines in valid UTF-8, each ending in a newline alone."""
    text = block.text
    if not text.isascii():
        text = text.decode("utf-8", "replace").encode()
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n")
    return block if text is block.text else Block(text, block.numbered, block.name)
