"""The rule: what a line of a format means, by one regular expression (RE2).

First texts are read as servers write them, with their quotes escaped. A server that
does not escape them writes lines that this does not read; then a text may have any
quotes, as long as the line does not have two times and so is two lines in one.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import re2

from usage_metrics.logs.blocks import Block, Mask
from usage_metrics.logs.cutting import whole_lines
from usage_metrics.logs.web.format_string import Element, LineLayout
from usage_metrics.logs.web.variables import TEXT, USER, Variable

LOOSE = {TEXT: ".*?", USER: r"[^\[]*?"}
"""Texts whose quotes may be unescaped."""

MORE = "(?: .*)?"
"""Further fields, behind a blank."""

SHOWN = 60
"""How many characters of a line a reason quotes."""

Texts = Mapping[str, pa.Array]
"""The values of the variables that are kept, as texts, by column."""


@dataclass(frozen=True)
class Rule:
    """Reads the lines of a format."""

    layout: LineLayout

    def read(self, block: Block) -> tuple[Texts, Mask]:
        """Read the lines whose texts are escaped.

        Returns:
            The texts of the variables that are kept, and which lines they are of.
        """
        return self._read(block, loose=False)

    def read_loosely(self, block: Block) -> tuple[Texts, Mask]:
        """Read the lines whose texts may have quotes, and which have one time."""
        return self._read(block, loose=True)

    def _read(self, block: Block, *, loose: bool) -> tuple[Texts, Mask]:
        lines = whole_lines(block)
        more = MORE if self.layout.takes_more else ""
        pattern = pattern_of(self.layout.elements, loose=loose)
        found = pc.extract_regex(lines, f"^{pattern}{more}$")
        is_read = found.is_valid()
        if loose:
            time = next(v for v in self.layout.variables if v.column == "time")
            times = pc.count_substring_regex(lines, time.kind.pattern)
            is_read = pc.and_(is_read, pc.equal(times, 1))
        names = [field.name for field in found.type]
        texts = dict(zip(names, found.filter(is_read).flatten(), strict=True))
        return texts, np.asarray(is_read.to_numpy(zero_copy_only=False))

    def reason(self, line: str) -> str:
        """Say what is wrong with a line that is not of the format."""
        elements = self.layout.elements
        for number in range(len(elements), -1, -1):
            found = re2.match(pattern_of(elements[:number], loose=False), line)
            if found is not None and number == len(elements):
                return self._wrong_time(found["time"])
            if found is not None and elements[number]:
                return _difference(elements[number], line[found.end() :])
        return "is empty"

    def _wrong_time(self, text: str) -> str:
        time = next(v for v in self.layout.variables if v.column == "time")
        return f"has {time.name} = {text!r}, which is no time"


def pattern_of(elements: tuple[Element, ...], *, loose: bool) -> str:
    """The expression for some elements; a group for each variable that is kept."""
    return "".join(_piece(element, loose=loose) for element in elements)


def _piece(element: Element, *, loose: bool) -> str:
    if isinstance(element, str):
        return re.escape(element)
    kind = element.kind
    pattern = LOOSE.get(kind, kind.pattern) if loose else kind.pattern
    name = f"?P<{element.column}>" if element.column else "?:"
    return f"({name}{pattern})"


def _difference(wrong: Element, rest: str) -> str:
    """What stands in a line in place of an element of its format."""
    text = wrong if isinstance(wrong, str) else wrong.name
    if not rest.strip():
        return f"ends before {text!r}"
    shown = repr(rest[:SHOWN]) + ("…" if len(rest) > SHOWN else "")
    if isinstance(wrong, Variable):
        return f"has {text} = {shown}, which is not {wrong.kind.expected}"
    return f"has no {text!r} {'before' if text in rest else 'in'} {shown}"
