"""Adds up the rows of a day, or of more, by some of their columns.

The rows come in batches, in the order of the day. What is held is a row per group, and
outside memory what the distinct values and the quantiles need. In whatever batches they
come, the figures are the same to the last digit: whole numbers are added up exactly,
and others in the order of the rows.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from usage_metrics.arrow import STRING
from usage_metrics.counting.aside import NewFile
from usage_metrics.counting.columns import FIGURES
from usage_metrics.counting.distinct import Distinct, Numbering
from usage_metrics.counting.grouping import (
    Groups,
    Rows,
    group_rows,
    table_of_groups,
)
from usage_metrics.counting.hashes import hashes_of_rows
from usage_metrics.counting.outcomes import COUNTED
from usage_metrics.counting.quantiles import Quantiles

ERROR = 400
"""The lowest status of an error."""

_SHARES = {"latency_p50": 0.50, "latency_p95": 0.95}
_MASKS = {"suspect": "is_suspect", "assistants": "is_assistant"}
_DISTINCT = {"unique_sessions": "session", "unique_visitors": "visitor"}


class Totals:
    """Sums and counts of each group of rows."""

    def __init__(self, keys: Sequence[str], new_file: NewFile) -> None:
        """Begin without a group.

        Args:
            keys: the columns of text that the rows of a group have in common.
            new_file: makes a file for what is not held in memory.
        """
        self._names = list(keys)
        self._numbering = Numbering()
        self._keys: list[pa.Table] = []
        self._sums: dict[str, Any] = {}
        self._distinct: dict[str, Distinct] = defaultdict(lambda: Distinct(new_file))
        nothing = np.empty(0, np.int64)
        self._groups = Groups(pa.table({}), nothing, nothing)
        self._numbers = self.groups = nothing
        """The number of each group of the batch, and of that of each row."""

    def __len__(self) -> int:
        """How many groups there are so far."""
        return len(self._numbering)

    def take(self, rows: Rows) -> None:
        """Go on to a batch of rows, about which the other methods are told."""
        before = len(self)
        groups = self._groups = group_rows(rows, self._names)
        hashes = hashes_of_rows(rows, self._names, groups.first)
        self._numbers = self._numbering.of(hashes)
        self.groups = self._numbers[groups.codes]
        new = groups.first[self._numbers >= before]
        texts = pa.schema([(name, STRING) for name in self._names])
        self._keys.append(groups.columns.take(pa.array(new)).cast(texts))

    def count(self, name: str, among: Any = ...) -> None:
        """Count the rows of the batch, or those for which a mask is true."""
        sums = self._sums_of(name, np.int64)
        sums[self._numbers] += self._groups.count(among)

    def add(self, name: str, values: Any) -> None:
        """Add numbers, one of each row of the batch, to those of the rows before."""
        sums = self._sums_of(name, np.float64)
        sums[self._numbers] = self._groups.sum(values, sums[self._numbers])

    def distinct(self, name: str, values: Any, among: Any = ...) -> None:
        """Note the values of the rows, to count the distinct ones."""
        self._distinct[name].add(self.groups[among], values[among])

    def counts(self, name: str) -> Any:
        """The rows that were counted in each group."""
        return self._sums_of(name, np.int64)[: len(self)]

    def sums(self, name: str) -> Any:
        """The sum of each group."""
        return self._sums_of(name, np.float64)[: len(self)]

    def whole(self, name: str) -> Any:
        """The sum of whole numbers; exact up to nine thousand terabytes."""
        return self.sums(name).astype(np.int64)

    def values(self, name: str) -> Any:
        """The number of distinct values of each group."""
        return self._distinct[name].counts(len(self))

    @property
    def keys(self) -> pa.Table:
        """The columns of the groups, in the order of their numbers."""
        texts = pa.schema([(name, STRING) for name in self._names])
        return pa.concat_tables([texts.empty_table(), *self._keys])

    def table(self, schema: pa.Schema, **columns: Any) -> pa.Table:
        """Make a table with a row per group, sorted by its columns."""
        return table_of_groups(self.keys, schema, **columns)

    def _sums_of(self, name: str, type_: Any) -> Any:
        sums = self._sums.get(name, np.zeros(0, type_))
        if len(sums) < len(self):
            more = np.zeros(2 * len(self) - len(sums), type_)
            sums = self._sums[name] = np.append(sums, more)
        return sums


class Summary:
    """The rows of a table of figures, one for each group of events."""

    def __init__(
        self, schema: pa.Schema, new_file: NewFile, **constants: str | int
    ) -> None:
        """Begin without a row.

        Args:
            schema: constants, columns of the events, and figures.
            new_file: makes a file for what is not held in memory.
            constants: values of columns that are the same in every row.
        """
        self._schema, self._constants = schema, constants
        figures = {*FIGURES, "unique_visitors"}
        self._figures = [name for name in schema.names if name in figures]
        apart = {*figures, *constants}
        keys = [name for name in schema.names if name not in apart]
        self._totals = Totals(keys, new_file)
        self._latencies = Quantiles(new_file)

    def add(self, events: Rows) -> None:
        """Add up a batch of events."""
        self._totals.take(events)
        for name in self._figures:
            self._add(name, events)
        if set(_SHARES) & set(self._figures):
            latencies = events.numbers("latency", np.nan)
            self._latencies.add(self._totals.groups, latencies)

    def _add(self, name: str, events: Rows) -> None:
        totals = self._totals
        if name == "requests":
            totals.count(name)
        elif name == "counted":
            totals.count(name, events.holds("outcome", COUNTED))
        elif name == "errors":
            totals.count(name, events.numbers("status") >= ERROR)
        elif name == "bytes":
            totals.add(name, events.numbers("bytes"))
        elif name in _MASKS:
            totals.count(name, events.mask(_MASKS[name]))
        elif name in _DISTINCT:
            totals.distinct(name, events.numbers(_DISTINCT[name]))

    def table(self) -> pa.Table:
        """The rows."""
        totals, figures = self._totals, {}
        for name in set(self._figures) - set(_SHARES):
            if name in _DISTINCT:
                figures[name] = totals.values(name)
            else:
                is_sum = name == "bytes"
                figures[name] = totals.whole(name) if is_sum else totals.counts(name)
        if wanted := [name for name in _SHARES if name in self._figures]:
            shares = [_SHARES[name] for name in wanted]
            found = self._latencies.of(len(totals), *shares)
            figures |= dict(zip(wanted, found, strict=True))
        return totals.table(self._schema, **self._constants, **figures)
