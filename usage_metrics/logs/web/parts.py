"""Puts together what several readers have made of the lines of a block."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from usage_metrics.arrow import STRING
from usage_metrics.logs.blocks import Block, Integers
from usage_metrics.logs.format import UNREADABLE
from usage_metrics.logs.line_ids import line_ids
from usage_metrics.logs.text_columns import with_unreadable
from usage_metrics.logs.web.schema import LOG


class Part(NamedTuple):
    """Some rows of a block."""

    rows: Integers
    table: pa.Table


def in_order(parts: Sequence[Part], block: Block) -> pa.Table:
    """The rows of a block, each with the hash of its line."""
    table = pa.concat_tables([part.table for part in parts])
    if len(parts) > 1:
        order = np.argsort(np.concatenate([part.rows for part in parts]))
        table = table.take(pa.array(order))
    index = LOG.get_field_index("line_id")
    return table.set_column(index, LOG.field(index), line_ids(block))


def with_faults(
    columns: dict[str, pa.Array], faults: Mapping[int, str], block: Block
) -> pa.Table:
    """The rows of a block of which some lines are unreadable, each with its hash."""
    said = [
        columns.get(field.name, pa.nulls(len(block), field.type))
        for field in LOG
        if field not in UNREADABLE
    ]
    table = with_unreadable(said, faults, block, LOG)
    return in_order([Part(np.arange(len(block)), table)], block)


def table_of(columns: dict[str, pa.Array]) -> pa.Table:
    """A table of the schema; nulls where there is no such column."""
    rows = len(next(iter(columns.values())))
    return pa.table(
        [columns.get(f.name, pa.nulls(rows, f.type)) for f in LOG], schema=LOG
    )


def unreadable(block: Block, rows: Integers, reasons: Sequence[str]) -> Part:
    """The lines of a block that are no entries, and why."""
    lines = [block.line(row).decode() for row in rows.tolist()]
    sentences = [
        f"{block.place(row)} {reason}"
        for row, reason in zip(rows.tolist(), reasons, strict=True)
    ]
    columns = {"unreadable": lines, "unreadableReason": sentences}
    return Part(rows, table_of({k: pa.array(v, STRING) for k, v in columns.items()}))
