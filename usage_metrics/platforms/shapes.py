"""Looks into the JSON of a reply; says in a sentence what is not as it should be."""

import datetime as dt
import json
import reprlib
from collections.abc import Collection
from typing import Any

from usage_metrics.errors import ReplyError

LONGEST = 60
"""Characters of a reply that a message quotes."""

_SHORTENED = reprlib.Repr()
_SHORTENED.maxstring = LONGEST

MOST = 10**12
"""More than anything was ever counted; sums of such numbers are exact everywhere."""

_SAYS = ("message", "errorMessage", "error", "errors")
"""Fields in which an error says what it is."""


def parsed(text: str) -> Any:
    """The JSON of a body; None if it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def without_people(body: str, fields: Collection[str]) -> str:
    """A body without the fields that hold an account; of what is no JSON, nothing."""
    with_people = parsed(body)
    if with_people is None:
        return ""
    try:
        without = _without(with_people, fields)
        return body if without == with_people else json.dumps(without)
    except RecursionError:
        return ""


def _without(body: Any, fields: Collection[str]) -> Any:
    if isinstance(body, list):
        return [_without(each, fields) for each in body]
    if isinstance(body, dict):
        return {k: _without(v, fields) for k, v in body.items() if k not in fields}
    return body


def member(body: Any, *path: str) -> Any:
    """What a JSON object holds at the end of a path of names.

    Raises:
        ReplyError: naming the first name that is not there.
    """
    for number, name in enumerate(path):
        if not isinstance(body, dict) or name not in body:
            missing = ".".join(path[: number + 1])
            raise ReplyError(f"it has no {missing}{_said_in(body)}")
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
    if is_number and MOST < found < float("inf"):
        raise ReplyError(f"{_name(path)} is {quoted(found)}, which nobody counts to")
    if not is_number or not 0 <= found <= MOST or found != int(found):
        raise ReplyError(f"{_name(path)} is {quoted(found)}, not a count")
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


def day_in(body: Any, *path: str, taken: dt.date, back: int) -> dt.date:
    """The UTC day of a day or time in ISO 8601.

    Args:
        body: the reply, or a part of it.
        path: where the day stands.
        taken: the day of the snapshot, which may go on after midnight.
        back: how many days before it there may be figures of.

    Raises:
        ReplyError: if there is none, or one that such a snapshot cannot tell of.
    """
    text = name(body, *path)
    try:
        day = dt.date.fromisoformat(text[:10])
    except ValueError:
        raise ReplyError(f"{_name(path)} is {quoted(text)}, not a day") from None
    if not -1 <= (taken - day).days <= back:
        raise ReplyError(f"it has {day}, which no snapshot of {taken} should")
    return day


def quoted(found: Any) -> str:
    """The beginning of a value, for a message."""
    from usage_metrics.addresses.redaction import anonymous

    text = anonymous(_SHORTENED.repr(found))
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _said_in(body: Any) -> str:
    """What an error that was sent in place of something says."""
    says = (body[field] for field in _SAYS if isinstance(body, dict) and field in body)
    return next((f"; it says {quoted(said)}" for said in says), "")


def _name(path: tuple[str, ...]) -> str:
    return ".".join(path) or "it"


def found(body: Any, *path: str | int) -> Any:
    """What stands somewhere in JSON; None if there is nothing."""
    for step in path:
        if isinstance(body, dict):
            body = body.get(step)
        elif isinstance(body, list) and isinstance(step, int) and step < len(body):
            body = body[step]
        else:
            return None
    return body


def texts(body: Any, *path: str | int, of: str) -> tuple[str, ...]:
    """The texts of a field of each item of a list, as far as they are there."""
    listed = found(body, *path)
    each = (found(item, of) for item in (listed if isinstance(listed, list) else ()))
    return tuple(text for text in each if isinstance(text, str))
