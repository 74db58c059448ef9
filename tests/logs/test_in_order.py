"""What a fast path has read of a block, and what the rule has, in the block's order."""

import numpy as np
import pyarrow as pa
import pytest

from usage_metrics.logs.blocks import Block
from usage_metrics.logs.in_order import with_the_rest


@pytest.mark.parametrize(
    "missing", [[], [0], [99], [0, 1, 50, 99], [*range(0, 100, 2)]]
)
def test_lines_that_only_the_rule_reads_stand_where_they_were(
    missing: list[int],
) -> None:
    lines = [f"{number:02}" for number in range(100)]
    block = Block("".join(f"{line}\n" for line in lines).encode(), 1, "a")
    there = np.ones(100, dtype=bool)
    there[missing] = False

    def rule(others: Block) -> pa.Table:
        found = [others.line(row).decode() for row in range(len(others))]
        return pa.table({"line": found})

    found = with_the_rest(rule(block.only(there)), there, block, rule)
    assert found["line"].to_pylist() == lines
