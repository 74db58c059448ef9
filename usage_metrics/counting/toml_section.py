"""A table of a TOML file that keeps the lines of what is wrong in it.

All mistakes of a file are found at once: what cannot be read is noted and left out.
"""

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

Reader = Callable[["Section", str, Any], Any]
"""Reads the value of a key, or refuses it."""


class MistakeError(Exception):
    """A value cannot be used; its section has noted why."""


@dataclass(frozen=True, order=True)
class Mistake:
    """Something wrong in the file."""

    line: int
    sentence: str


@dataclass(frozen=True)
class Section:
    """A table of the file, with its place there."""

    lines: list[str]
    start: int
    """The number of its first line, from zero."""
    content: Mapping[str, Any]
    mistakes: list[Mistake] = field(default_factory=list)
    """Those found so far in the whole file."""

    def note(self, sentence: str, key: str = "", text: str = "") -> None:
        """Note a mistake with the line where a text or a key stands."""
        self.mistakes.append(Mistake(self.line(key, text), sentence))

    def refuse(self, sentence: str, key: str = "", text: str = "") -> NoReturn:
        """Note a mistake and give up the value."""
        self.note(sentence, key, text)
        raise MistakeError

    def holds(self, mistake: Mistake) -> bool:
        """Whether a mistake stands in this section."""
        return mistake.line - 1 in self._own_lines

    @functools.cached_property
    def _own_lines(self) -> range:
        following = range(self.start + 1, len(self.lines))
        headers = (n for n in following if self.lines[n].lstrip().startswith("[["))
        return range(self.start, next(headers, len(self.lines)))

    def line(self, key: str, text: str = "") -> int:
        """The number of the line where a text or a key stands, from one."""
        own = [n for n in self._own_lines if not self.lines[n].lstrip().startswith("#")]
        assigned = re.compile(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=")
        quoted = [f"{quote}{text}{quote}" for quote in "'\""]
        found = [n for n in own if text and any(q in self.lines[n] for q in quoted)]
        found += [n for n in own if text and text in self.lines[n]]
        found += [n for n in own if key and assigned.match(self.lines[n])]
        return (found[0] if found else self.start) + 1

    def within(self, header: str, content: Mapping[str, Any]) -> "Section":
        """A table of this one, by its header, if that stands in a line of its own."""
        sought = re.compile(rf"\s*\[\s*{re.escape(header)}\s*\]")
        own = (n for n in self._own_lines if sought.match(self.lines[n]))
        start = next(own, self.start)
        return Section(self.lines, start, content, self.mistakes)

    def read(
        self, required: Mapping[str, Reader], optional: Mapping[str, Reader]
    ) -> dict[str, Any]:
        """Read the values of all keys that can be read; note what is wrong."""
        readers = {**required, **optional}
        for key in self.content.keys() - readers.keys():
            known = ", ".join(readers)
            self.note(f"unknown key {key!r}; the keys are {known}", key)
        for key in required.keys() - self.content.keys():
            self.note(f"{key} is missing")
        found: dict[str, Any] = {}
        for key in self.content.keys() & readers.keys():
            try:
                found[key] = readers[key](self, key, self.content[key])
            except MistakeError:
                continue
        return found


def string(section: Section, key: str, value: Any) -> str:
    """Read a text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        section.refuse(f"{key} = {value!r} should be a string", key)
    return str(value)


def strings(section: Section, key: str, value: Any) -> tuple[str, ...]:
    """Read a list of texts."""
    if not isinstance(value, list):
        section.refuse(f"{key} should be a list of strings in brackets", key)
    return tuple(string(section, key, item) for item in value)


def matching(expression: str, form: str) -> Reader:
    """Read a text that matches an expression."""

    def read(section: Section, key: str, value: Any) -> str:
        text = string(section, key, value)
        if not re.fullmatch(expression, text):
            section.refuse(f"{key} = {text!r} should be {form}", key)
        return text

    return read
