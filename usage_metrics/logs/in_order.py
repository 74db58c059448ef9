"""Puts together what a fast path has read of a block and what the rule has."""

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa

from usage_metrics.logs.blocks import Block, Mask

FEW = 1 / 16
"""Up to this share of lines, inserting them costs less than sorting all."""


def with_the_rest(
    table: pa.Table, there: Mask, block: Block, rule: Callable[[Block], pa.Table]
) -> pa.Table:
    """Read the lines missing in a table by the rule, and insert them in order."""
    if there.all():
        return table
    rest = rule(block.only(~there))
    if len(rest) <= FEW * len(block):
        pieces = _in_pieces(_only_batch(table), there, _only_batch(rest))
        return pa.Table.from_batches([pa.concat_batches(list(pieces))])
    order = np.empty(len(block), dtype=np.int64)
    order[there] = np.arange(len(table))
    order[~there] = np.arange(len(table), len(block))
    return pa.concat_tables([table, rest]).combine_chunks().take(pa.array(order))


def _only_batch(table: pa.Table) -> pa.RecordBatch:
    return table.combine_chunks().to_batches()[0]


def _in_pieces(
    rows: pa.RecordBatch, there: Mask, rest: pa.RecordBatch
) -> Iterator[pa.RecordBatch]:
    """The rows, and between them those of the rest, one by one."""
    done = 0
    for number, row in enumerate(np.flatnonzero(~there).tolist()):
        yield rows.slice(done, row - number - done)
        yield rest.slice(number, 1)
        done = row - number
    yield rows.slice(done)
