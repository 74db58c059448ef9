"""One listing of each stage for a question that looks at many.

Whether a report is current is asked of some twenty stages, of most of them several
times. Outside of :func:`listing_once` nothing is kept: every listing is a new one.
"""

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator

Stage = tuple[str, str, str]
"""Its root, its name, its source."""

Days = dict[dt.date, str]

_listed: dict[Stage, Days] | None = None


@contextlib.contextmanager
def listing_once() -> Iterator[None]:
    """List a stage once while the block runs, and again after this process changed one.

    The block asks; it does not wait. What other processes write meanwhile is seen by
    the next question.
    """
    global _listed
    before = _listed
    _listed = {} if before is None else before
    try:
        yield
    finally:
        _listed = before


def listed(stage: Stage, listing: Callable[[str, str, str], Days]) -> Days:
    """The days of a stage, as they were listed or by a listing now."""
    if _listed is None:
        return listing(*stage)
    if stage not in _listed:
        _listed[stage] = listing(*stage)
    return dict(_listed[stage])


def forget() -> None:
    """Have the next question list again: this process changes a file."""
    if _listed is not None:
        _listed.clear()
