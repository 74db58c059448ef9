"""For what a file is made again: the moment that a refresh or a rebuild names.

It is noted in the file, as an id. So what they have done is known without comparing
clocks: a store counts in whole seconds, and no two machines agree.
"""

import contextlib
import datetime as dt
from collections.abc import Iterator
from contextvars import ContextVar

from usage_metrics.dates import utc_now
from usage_metrics.parameters import Moment

_purpose: ContextVar[str | None] = ContextVar("purpose", default=None)


@contextlib.contextmanager
def made_for(moment: dt.datetime) -> Iterator[None]:
    """Note a moment in all files that the block writes or finds up to date."""
    token = _purpose.set(name_of(moment))
    try:
        yield
    finally:
        _purpose.reset(token)


def purpose() -> str | None:
    """What files are made for now; None if they are made because they are missing."""
    return _purpose.get()


def name_of(moment: dt.datetime) -> str:
    """The name of a moment in files."""
    return Moment().serialize(moment)


def is_for(noted: str | None, moment: dt.datetime) -> bool:
    """Whether what a file notes is a moment, or one between that and now.

    What comes after now was noted by a clock that was wrong, and says nothing.
    """
    if noted is None or noted == name_of(moment):
        return noted is not None
    with contextlib.suppress(ValueError, TypeError):
        return moment <= dt.datetime.fromisoformat(noted) <= utc_now()
    return False
