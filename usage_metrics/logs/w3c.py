"""The extended log format of the W3C: lines whose fields a ``#Fields`` line names.

CloudFront and IIS write it. The fields are chosen in the service's settings, and their
names and order may change within a file.
"""

import functools
import re
from collections.abc import Iterator

import pyarrow as pa

from usage_metrics.logs.blocks import Block
from usage_metrics.logs.delimited import Delimiters, sections, text_columns
from usage_metrics.logs.text_columns import TextColumns

NULLS = ("-", "")
"""What stands in a field without a value."""

LOOKED_AT = 5
"""By how many of its first lines the delimiter of a block is known."""

_KEPT = (b"#Date", b"#Fields")


def column_name(field: str) -> str:
    """The name of a field as columns have it: ``cs_user_agent`` of ``cs(User-Agent)``.

    CloudFront names its fields so itself, in Parquet.
    """
    return re.sub("[^a-z0-9]+", "_", field.lower()).strip("_")


def w3c_blocks(blocks: Iterator[Block]) -> Iterator[Block]:
    """The lines of a file, each block with the ``#`` lines that its lines are under."""
    return sections(blocks, b"#", _with_directive)


def _with_directive(header: bytes, line: bytes) -> bytes:
    """Keep the ``#Date`` and the ``#Fields`` that are in force, a line each."""
    key, _, value = line.partition(b":")
    if key not in _KEPT:
        return header
    others = [kept for kept in header.splitlines() if not kept.startswith(key)]
    return b"\n".join([*others, key + b":" + value])


@functools.lru_cache(maxsize=64)
def directives(header: bytes) -> dict[str, str]:
    """What the ``#`` lines say, by what is before their colon."""
    lines = header.decode("utf-8", "replace").split("\n")
    return {key: value.strip() for key, _, value in (x.partition(":") for x in lines)}


def w3c_columns(block: Block, delimiters: str) -> TextColumns:
    """The fields of the lines of a block, by the names of their columns.

    Args:
        block: lines, and the ``#`` lines before them as the header.
        delimiters: characters of which one is between the fields; the first, if none
            fits.
    """
    fields = directives(block.header).get("#Fields", "").split()
    if not fields:
        columns = TextColumns({}, len(block))
        columns.require(pa.nulls(len(block)), "comes before a line with #Fields")
        return columns
    names = list(map(column_name, fields))
    delimiter = _delimiter(block, len(fields), delimiters)
    return text_columns(block, names, Delimiters(NULLS, delimiter))


def _delimiter(block: Block, fields: int, candidates: str) -> str:
    """The character that the first lines have between their fields."""
    first = [block.line(row) for row in range(min(len(block), LOOKED_AT))]
    for character in candidates if len(candidates) > 1 else ():
        if any(line.count(character.encode()) == fields - 1 for line in first):
            return character
    return candidates[0]
