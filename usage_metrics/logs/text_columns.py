"""Turns columns of text, as fields stand in a log, into columns with types.

What a field may be is said once, here, for all formats that are made of text: a value
of another form makes its line unreadable, and the reason names the field.
"""

import json
from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import (
    INTEGER,
    NUMBER,
    STRING,
    TIMESTAMP,
    each_distinct,
    empty_as_null,
)
from usage_metrics.logs.blocks import Block
from usage_metrics.logs.moments import day_times

LONGEST_INTEGER = 15
"""Digits; no size, number of a port or duration in microseconds has more."""

_NUMBER = r"^[0-9]{1,9}(?:\.[0-9]{1,6})?$"
_A_MOMENT = "a day and time such as 2024-05-03 23:59:59"

SHOWN = 80
"""How many characters of a value the reason quotes."""


class TextColumns:
    """The fields of some lines as text, and what is wrong with lines so far."""

    def __init__(self, texts: Mapping[str, pa.Array], rows: int) -> None:
        """Keep the texts; a null is a field without a value."""
        self._texts = texts
        self._rows = rows
        self.faults: dict[int, str] = {}
        """What is wrong, by row: the first that was found."""

    @property
    def names(self) -> list[str]:
        """The fields that some line has."""
        return list(self._texts)

    def text(self, name: str) -> pa.Array:
        """A field as it stands; nulls if the lines have no such field."""
        texts = self._texts.get(name)
        return pa.nulls(self._rows, STRING) if texts is None else texts

    def fill(self, name: str, values: Callable[[], pa.Array]) -> None:
        """Give a field values in the lines that have none."""
        texts = self.text(name)
        if texts.null_count:
            self._texts = {**self._texts, name: pc.coalesce(texts, values())}

    def typed(self, field: pa.Field) -> pa.Array:
        """A field in the type of the column that is named like it."""
        if field.type == INTEGER:
            return self.integer(field.name)
        if field.type == NUMBER:
            return self.number(field.name)
        return self.text(field.name)

    def integer(self, name: str, most: int = LONGEST_INTEGER) -> pa.Array:
        """A field that is a whole number, with so many digits at most."""
        texts = self.text(name)
        good = pc.and_(
            pc.ascii_is_decimal(texts), pc.less_equal(pc.binary_length(texts), most)
        )
        return self._only(name, texts, good, "a whole number").cast(INTEGER)

    def number(self, name: str) -> pa.Array:
        """A field that is a number, with decimals or without."""
        texts = self.text(name)
        good = pc.match_substring_regex(texts, _NUMBER)
        return self._only(name, texts, good, "a number").cast(NUMBER)

    def moment(self, date: pa.Array | str, time: str) -> pa.Array:
        """A day, such as 2024-05-03, and a field such as 23:59:59, as one time."""
        clocks = self.text(time)
        if isinstance(date, str):
            date = pa.repeat(date, self._rows)
        found = day_times(date, clocks)
        if found.null_count:
            texts = pc.binary_join_element_wise(date, clocks, " ")
            self._only(time, texts, found.is_valid(), _A_MOMENT)
        return found

    def require(self, column: pa.Array, fault: str) -> None:
        """Note a fault for each row without a value."""
        if column.null_count:
            self._note(column.is_null(), lambda _: fault)

    def others(self, known: "set[str] | frozenset[str]") -> pa.Array:
        """The fields that no column is named like, as one JSON object."""
        pairs = [
            pc.binary_join_element_wise(
                f",{json.dumps(name)}", each_distinct(self.text(name), _as_json), ":"
            )
            for name in sorted(self.names)
            if name not in known
        ]
        if not pairs:
            return pa.nulls(self._rows, STRING)
        joined = pc.binary_join_element_wise(
            *(pc.fill_null(pair, "") for pair in pairs), ""
        )
        inside = empty_as_null(pc.utf8_ltrim(joined, ","))
        return pc.binary_join_element_wise("{", inside, "}", "")

    def _only(
        self, name: str, texts: pa.Array, good: pa.Array, expected: str
    ) -> pa.Array:
        """The values of the right form; the others are faults."""
        if pc.all(good, min_count=0).as_py():
            return texts
        bad = pc.and_(texts.is_valid(), pc.invert(pc.fill_null(good, True)))
        self._note(
            bad,
            lambda row: f"has {name} = {_shown(texts[row])}, which is not {expected}",
        )
        return pc.if_else(bad, pa.scalar(None, STRING), texts)

    def _note(self, bad: pa.Array, fault: Callable[[int], str]) -> None:
        for row in np.flatnonzero(bad.to_numpy(zero_copy_only=False)).tolist():
            self.faults.setdefault(row, fault(row))


def with_unreadable(
    columns: list[pa.Array], faults: Mapping[int, str], block: Block, schema: pa.Schema
) -> pa.Table:
    """The rows of a block, those with faults as unreadable lines.

    Args:
        columns: those of the schema but the last two.
        faults: what is wrong with which row, to follow "line N of NAME".
        block: the lines.
        schema: ends with ``UNREADABLE``.
    """
    if not faults:
        nothing = pa.nulls(len(block), STRING)
        return pa.Table.from_arrays([*columns, nothing, nothing], schema=schema)
    bad = sorted(faults)
    good = np.ones(len(block), dtype=bool)
    good[bad] = False
    mask = pa.array(good)
    lines = [block.line(row).decode("utf-8", "replace").rstrip("\r") for row in bad]
    reasons = [f"{block.place(row)} {faults[row]}" for row in bad]
    nothing = pa.nulls(len(block), STRING)
    unreadable = [
        pc.replace_with_mask(nothing, pc.invert(mask), pa.array(texts, STRING))
        for texts in (lines, reasons)
    ]
    kept = [
        pc.if_else(mask, column, pa.scalar(None, column.type)) for column in columns
    ]
    return pa.Table.from_arrays([*kept, *unreadable], schema=schema)


def earlier(times: pa.Array, microseconds: pa.Array) -> pa.Array:
    """Times, each so many microseconds earlier; a null takes nothing away."""
    taken = pc.fill_null(microseconds, 0)
    return pc.subtract(times.cast(INTEGER), taken).cast(TIMESTAMP)


def _as_json(text: str) -> str | None:
    return None if text is None else json.dumps(text, ensure_ascii=False)


def _shown(value: pa.Scalar) -> str:
    text = value.as_py()
    return repr(text[:SHOWN]) + ("…" if len(text) > SHOWN else "")
