"""Puts together what a fast path has read of a block and what the rule has."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from usage_metrics.logs.blocks import Block, Mask


def with_the_rest(
    table: pa.Table, there: Mask, block: Block, rule: Callable[[Block], pa.Table]
) -> pa.Table:
    """Read the lines missing in a table by the rule, and insert them in order."""
    if there.all():
        return table
    rest = rule(block.only(~there))
    order = np.empty(len(block), dtype=np.int64)
    order[there] = np.arange(len(table))
    order[~there] = np.arange(len(table), len(block))
    return pa.concat_tables([table, rest]).combine_chunks().take(pa.array(order))
