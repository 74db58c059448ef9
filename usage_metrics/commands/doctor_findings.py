"""What the doctor finds: a text, which may be a note or bad."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

OK, NOTE, BAD = "ok", "note", "BAD"

COLOURS = {OK: "green", NOTE: "yellow", BAD: "red"}


class Finding(NamedTuple):
    """What was checked, its state, and what was found."""

    what: str
    state: str
    found: str


class Note(str):
    """A finding that keeps nothing from running, but could be better."""


class Bad(str):
    """A finding that would keep a run from its work."""


STATES = {Note: NOTE, Bad: BAD}

Check = Callable[[], Iterator[str]]
"""Gives its findings: texts, notes and bad ones; an error is a bad one."""
