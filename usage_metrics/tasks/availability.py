"""Which UTC days of a source are over, and which of them can be read.

A day is over some hours after midnight UTC, when its late log entries have settled;
whether it is exported by then, the source's reader knows. The time zone of the machine
makes no difference.
"""

import datetime as dt
import functools
import os
import time
from typing import TYPE_CHECKING

from usage_metrics.dates import utc_now
from usage_metrics.sources import get_source
from usage_metrics.sources.settings import source_section
from usage_metrics.tasks.settings_check import check_sections

if TYPE_CHECKING:
    from usage_metrics.logs.reader import LogReader
    from usage_metrics.logs.unread import Unread

READER_SECONDS = 60
"""How long a reader that knows which days are available is kept."""


def first_running_day(source: str) -> dt.date:
    """The first UTC day that is not over, or not over for ``settle_hours``."""
    settled = dt.timedelta(hours=source_section(source).settle_hours)
    return (utc_now() - settled).date()


def unavailable_reason(source: str, day: dt.date) -> str | None:
    """Say why the log entries of a day are not available; None if they are.

    Logs of a day that was given up for lost are available if they turn up after all.
    """
    if day >= first_running_day(source):
        hours = source_section(source).settle_hours
        return (
            f"{day} is not over: a day is extracted {hours:g} hours after it "
            f"ends in UTC ([{source}] settle_hours)"
        )
    why = _reader(source).unavailable(day)
    if why is not None and day in source_section(source).lost_days:
        return f"{day} is lost: [{source}] lost_days names it, and no logs hold it"
    return why


def passed_over(source: str) -> dict[dt.date, str]:
    """The days with files that are not read, and a sentence about each."""
    return _reader(source).passed_over()


def has_changed(source: str, unread: "list[Unread]") -> bool:
    """Whether files that a day was read without may be readable, or are gone."""
    return _reader(source).has_changed(unread)


def _reader(source: str) -> "LogReader":
    minute = int(time.monotonic() / READER_SECONDS)
    return _open_reader(source, minute, os.getpid())


@functools.lru_cache(maxsize=8)
def _open_reader(source: str, minute: int, process: int) -> "LogReader":
    """Open a source's logs, once a minute: Luigi asks about each day several times.

    A reader does not survive a fork, so each process has its own.
    """
    check_sections([source])
    return get_source(source).open_logs(source_section(source))
