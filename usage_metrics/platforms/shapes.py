"""Looks into the JSON of a reply; says in a sentence what is not as it should be."""

import math
from typing import Any

from usage_metrics.errors import ReplyError

LONGEST = 60
"""Characters of a reply that a message quotes."""


def member(body: Any, *path: str) -> Any:
    """What a JSON object holds at the end of a path of names.

    Raises:
        ReplyError: naming the first name that is not there.
    """
    for number, name in enumerate(path):
        if not isinstance(body, dict) or name not in body:
            raise ReplyError(f"it has no {'.'.join(path[: number + 1])}")
        body = body[name]
    return body


def items(body: Any, *path: str) -> list[Any]:
    """The list at the end of a path.

    Raises:
        ReplyError: if there is none.
    """
    found = member(body, *path)
    if not isinstance(found, list):
        raise ReplyError(f"{_name(path)} is {quoted(found)}, not a list")
    return found


def count(body: Any, *path: str) -> int:
    """The number of something, which may be written ``173`` or ``173.0``.

    Raises:
        ReplyError: if it is not a whole number from 0 on.
    """
    found = member(body, *path)
    is_number = isinstance(found, int | float) and not isinstance(found, bool)
    if not is_number or not math.isfinite(found) or found != int(found) or found < 0:
        raise ReplyError(f"{_name(path)} is {quoted(found)}, not a count")
    if found > 2**63 - 1:
        raise ReplyError(f"{_name(path)} is {quoted(found)}, which nobody counts to")
    return int(found)


def name(body: Any, *path: str) -> str:
    """A text that is not empty; numbers, as ids sometimes are, become text.

    Raises:
        ReplyError: if there is none.
    """
    found = member(body, *path)
    if isinstance(found, int) and not isinstance(found, bool):
        found = str(found)
    if not isinstance(found, str) or not found.strip():
        raise ReplyError(f"{_name(path)} is {quoted(found)}, not a text")
    return found.encode("utf-8", "replace").decode()


def quoted(found: Any) -> str:
    """The beginning of a value, for a message."""
    text = repr(found)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _name(path: tuple[str, ...]) -> str:
    return ".".join(path) or "it"
