"""Which UTC days of a source are over, and which of them can be read.

A day is over some hours after midnight UTC, when its late log entries have settled;
whether it is exported by then, the source's reader knows. The time zone of the machine
makes no difference.
"""

import datetime as dt
import functools
import os
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from usage_metrics.dates import utc_now
from usage_metrics.errors import InputError
from usage_metrics.sources import get_source
from usage_metrics.sources.settings import source_section
from usage_metrics.tasks.settings_check import check_sections

if TYPE_CHECKING:
    from usage_metrics.logs.reader import LogReader
    from usage_metrics.logs.unread import Unread
    from usage_metrics.sources.settings import SourceSection

READER_SECONDS = 60
"""How long a reader that knows which days are available is kept."""


def first_running_day(source: str) -> dt.date:
    """The first UTC day that is not over, or not over for ``settle_hours``."""
    return running_since(source_section(source))


def running_since(settings: "SourceSection") -> dt.date:
    """As :func:`first_running_day`, for whoever has the settings of the source."""
    return (utc_now() - dt.timedelta(hours=settings.settle_hours)).date()


def unavailable_reason(source: str, day: dt.date) -> str | None:
    """Say why the log entries of a day are not available; None if they are.

    Logs of a day that was given up for lost are available if they turn up after all.
    """
    return unavailable_reasons(source, [day]).get(day)


def unavailable_reasons(source: str, days: Iterable[dt.date]) -> dict[dt.date, str]:
    """The days whose log entries are not available, each with the reason."""
    settings, asked = source_section(source), [*days]
    running = running_since(settings)
    missing = _missing(source, [day for day in asked if day < running])
    not_over = (
        f"is not over: a day is extracted {settings.settle_hours:g} hours after it "
        f"ends in UTC ([{source}] settle_hours)"
    )
    return {
        day: missing.get(day, f"{day} {not_over}")
        for day in asked
        if day in missing or day >= running
    }


def _missing(source: str, days: Sequence[dt.date]) -> dict[dt.date, str]:
    """The days, of those that are over, that logs do not hold; each with the reason."""
    if not days:
        return {}
    # Whoever reads logs imports Arrow.
    from usage_metrics.logs.listing import looking_once

    lost = source_section(source).lost_days
    named = f"is lost: [{source}] lost_days names it, and no logs hold it"
    with looking_once():
        reasons = ((day, _unavailable(source, day)) for day in days)
        return {
            day: f"{day} {named}" if day in lost else why
            for day, why in reasons
            if why is not None
        }


def _unavailable(source: str, day: dt.date) -> str | None:
    """Ask the reader about a day.

    Raises:
        InputError: if the logs cannot be read; it says how they can, if it is known.
    """
    try:
        return _reader(source).unavailable(day)
    except InputError as error:
        sentence = _read_otherwise(source, _minute())
        if sentence is None:
            raise
        raise InputError(sentence) from error


@functools.lru_cache(maxsize=8)
def _read_otherwise(source: str, minute: int) -> str | None:
    """Say how the logs can be read; they are looked into once a minute."""
    from usage_metrics.sources.kinds import read_otherwise

    return read_otherwise(source, source_section(source))


def passed_over(source: str) -> dict[dt.date, str]:
    """The days with files that are not read, and a sentence about each."""
    return _reader(source).passed_over()


def has_changed(source: str, unread: "list[Unread]") -> bool:
    """Whether files that a day was read without may be readable, or are gone."""
    return _reader(source).has_changed(unread)


def _reader(source: str) -> "LogReader":
    return _open_reader(source, _minute(), os.getpid())


def _minute() -> int:
    return int(time.monotonic() / READER_SECONDS)


@functools.lru_cache(maxsize=8)
def _open_reader(source: str, minute: int, process: int) -> "LogReader":
    """Open a source's logs, once a minute: Luigi asks about each day several times.

    A reader does not survive a fork, so each process has its own.
    """
    check_sections([source])
    return get_source(source).open_logs(source_section(source))
