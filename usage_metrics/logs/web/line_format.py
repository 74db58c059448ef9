"""Reads the lines of a web server, in one format or in several that are mixed."""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pyarrow as pa

from usage_metrics.arrow import STRING
from usage_metrics.logs.blocks import Block, Integers, Mask, cleaned, read_blocks
from usage_metrics.logs.web.fast_path import Plan
from usage_metrics.logs.web.format_string import LineLayout
from usage_metrics.logs.web.parts import Part, in_order, table_of, unreadable
from usage_metrics.logs.web.rule import Rule, Texts
from usage_metrics.logs.web.schema import LOG
from usage_metrics.logs.web.values import typed, unescaped

Reader = Callable[[Block], tuple[Texts, Mask]]
"""Reads some lines: their texts by column, and which lines they are."""


class LineLog:
    """Lines, each in the first of some formats that reads it."""

    title = "access logs of a web server"
    schema = LOG
    time = "time"

    def __init__(self, layouts: Sequence[LineLayout]) -> None:
        """Take the formats, the most frequent first."""
        rules = [Rule(layout) for layout in layouts]
        self._reason = rules[0].reason
        self._readers: list[tuple[LineLayout, Reader]] = []
        for rule in rules:
            plan = Plan(rule.layout)
            self._readers += [(rule.layout, plan.read), (rule.layout, rule.read)]
        self._readers += [(rule.layout, rule.read_loosely) for rule in rules]

    def blocks(self, raw: pa.NativeFile, name: str) -> Iterator[Block]:
        """Unpack a file and cut it into blocks of whole lines.

        Raises:
            InputError: if the file is damaged.
        """
        return read_blocks(raw, name)

    def read(self, block: Block) -> pa.Table:
        """Read the lines of a block: entries, or lines that no format reads."""
        whole = cleaned(block)
        parts, rows = self._entries(whole)
        if len(rows):
            lines = (whole.line(row).decode() for row in rows.tolist())
            parts.append(unreadable(whole, rows, list(map(self._reason, lines))))
        return in_order(parts, block)

    def mention(self, day: dt.date) -> bytes | None:
        """Nothing: a line says the day of its own zone, if any."""
        return None

    def _entries(self, block: Block) -> tuple[list[Part], Integers]:
        """The entries, and the rows of the lines that are none."""
        parts, refused = [], []
        rows, rest = np.arange(len(block)), block
        for layout, read in self._readers:
            texts, found = read(rest)
            if not found.any():
                continue
            table = _typed(texts, layout, has_escapes=b"\\" in rest.text)
            here = rows[found]
            if table["time"].null_count:
                is_time = table["time"].is_valid().to_numpy()
                refused.append(here[~is_time])
                here, table = here[is_time], table.filter(is_time)
            parts.append(Part(here, table))
            rows = rows[~found]
            if not len(rows):
                break
            rest = rest.only(~found)
        return parts, np.concatenate([*refused, rows])


def _typed(texts: Texts, layout: LineLayout, *, has_escapes: bool) -> pa.Table:
    """The values of some lines, in their types."""
    by_column = {variable.column: variable for variable in layout.variables}
    columns = {}
    for name, found in texts.items():
        type_ = LOG.field(name).type
        column = typed(found, by_column[name], type_)
        is_escaped = has_escapes and type_ == STRING
        columns[name] = unescaped(column, layout.is_json) if is_escaped else column
    return table_of(columns)
