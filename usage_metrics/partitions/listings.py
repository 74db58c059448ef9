"""One answer to each question that is asked of many stages, or of the database.

Whether a report is current is asked of some twenty stages, of most of them several
times. Outside of :func:`listing_once` nothing is kept: every listing is a new one.
"""

import contextlib
import datetime as dt
from collections.abc import Callable, Hashable, Iterator
from typing import Any, TypeVar

Stage = tuple[str, str, str]
"""Its root, its name, its source."""

Days = dict[dt.date, str]

Answer = TypeVar("Answer")

_answers: dict[Hashable, Any] | None = None


@contextlib.contextmanager
def listing_once() -> Iterator[None]:
    """Ask each question once while the block runs, and again after a change of ours.

    The block asks; it does not wait. What other processes write meanwhile is seen by
    the next question.
    """
    global _answers
    before = _answers
    _answers = {} if before is None else before
    try:
        yield
    finally:
        _answers = before


def listed(stage: Stage, listing: Callable[[str, str, str], Days]) -> Days:
    """The days of a stage, as they were listed or by a listing now."""
    return dict(once(stage, lambda: listing(*stage)))


def once(question: Hashable, ask: Callable[[], Answer]) -> Answer:
    """The answer to a question, as it was or by asking now; nobody changes it."""
    if _answers is None:
        return ask()
    if question not in _answers:
        _answers[question] = ask()
    answer: Answer = _answers[question]
    return answer


def forget() -> None:
    """Have the next question asked again: this process changes a file."""
    if _answers is not None:
        _answers.clear()
