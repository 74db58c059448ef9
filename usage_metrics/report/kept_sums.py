"""Sums of periods that are over, so that a report adds up new days only.

The sums of a period are right as long as the content ids of its days are the same: a
day that is new, changed or gone has them made again. What is made of sums is kept with
them, as long as these are the same.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from usage_metrics.arrow import dictionary, used

MADE_FROM = b"made_from"
"""Where the schema of kept sums says what each period was made from."""


@dataclass(frozen=True)
class Sums:
    """The sums of some periods."""

    rows: pa.Table
    """``period`` and other columns."""
    made_from: Mapping[str, str]
    """For each period, a hash of the content ids of its days."""

    def still_right(self, now: Mapping[str, str]) -> "Sums":
        """Those of the periods that would be made from the same now.

        Their texts are not encoded again: names may be left that are in no row.
        """
        right = {p: made for p, made in self.made_from.items() if now.get(p) == made}
        if len(right) == len(self.made_from):
            return self
        periods = dictionary(self.rows["period"])
        is_right = [period in right for period in periods.dictionary.to_pylist()]
        of_row = np.array(is_right, dtype=bool)[periods.indices.to_numpy()]
        edges = np.flatnonzero(np.diff(of_row, prepend=False, append=False))
        parts = [
            self.rows.slice(start, stop - start) for start, stop in edges.reshape(-1, 2)
        ]
        return Sums(pa.concat_tables([self.rows.slice(0, 0), *parts]), right)


@dataclass
class KeptSums:
    """The sums of a report, by question, and those that an earlier one has kept.

    All are as they are written: a report asks for them one by one.
    """

    earlier: dict[str, bytes] = field(default_factory=dict)
    now: dict[str, bytes] = field(default_factory=dict)

    def of(self, question: str) -> Sums | None:
        """What is known of a question."""
        found = self.now.get(question) or self.earlier.get(question)
        return _sums(found) if found else None

    def keep(self, question: str, sums: Sums) -> None:
        """Keep what this report has found."""
        self.now[question] = _as_bytes(sums)

    def keep_earlier(self, question: str) -> None:
        """Keep what is known of a question as it is."""
        if question not in self.now:
            self.now[question] = self.earlier[question]

    @classmethod
    def parse(cls, content: bytes | None) -> "KeptSums":
        """Read what :meth:`content` of an earlier report gave; None is nothing."""
        if content is None:
            return cls()
        kept = pa.ipc.open_stream(content).read_all()
        return cls(dict(zip(*kept.to_pydict().values(), strict=True)))

    def content(self) -> bytes:
        """The sums that this report was made of."""
        rows = pa.array(self.now.values(), pa.binary())
        return _stream(pa.table({"question": list(self.now), "rows": rows}), None)


def digest(content_ids: Iterable[tuple[str, str]]) -> str:
    """What a period is made from: its days, each with its content id."""
    text = json.dumps(sorted(content_ids))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def encoded(rows: pa.Table) -> pa.Table:
    """The rows with each text stated once, and no text that is in no row."""
    for index, name in enumerate(rows.column_names):
        column = rows[name]
        if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
            rows = rows.set_column(index, name, used(dictionary(column)))
    return rows.combine_chunks()


def _as_bytes(sums: Sums) -> bytes:
    made_from = {MADE_FROM: json.dumps(dict(sums.made_from))}
    return _stream(sums.rows.replace_schema_metadata(made_from), "zstd")


def _sums(content: bytes) -> Sums:
    rows = pa.ipc.open_stream(content).read_all()
    return Sums(rows, json.loads(rows.schema.metadata[MADE_FROM]))


def _stream(rows: pa.Table, compression: str | None) -> bytes:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(sink, rows.schema, options=options) as stream:
        stream.write(rows)
    content: bytes = sink.getvalue().to_pybytes()
    return content
