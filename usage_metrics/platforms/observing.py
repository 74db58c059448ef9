"""Reads what replies say: pure functions of the raw files."""

import datetime as dt
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from usage_metrics.errors import ReplyError
from usage_metrics.platforms import Identity, Platform, Reply
from usage_metrics.platforms.schemas import OBSERVATIONS
from usage_metrics.platforms.snapshot_tables import OBSERVATION_KEY
from usage_metrics.platforms.taking import bodies, by_part, is_complete

log = logging.getLogger("luigi-interface")

VERSION = 2
"""Raise it when observations are made in another way."""


def observations(
    platform: Platform, replies: Sequence[Reply], names: Mapping[str, str]
) -> pa.Table:
    """What the replies of a day say.

    Args:
        platform: who replied.
        replies: all of the day; of a part that is not complete, nothing is read.
        names: the present name of each subject.
    """
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for (subject, kind), pages in by_part(replies).items():
        if is_complete(pages):
            for row in _rows(platform, names.get(subject, subject), kind, pages):
                # A record may be asked about as such and as one of a community.
                rows.setdefault(tuple(row[name] for name in OBSERVATION_KEY), row)
    return pa.Table.from_pylist([*rows.values()], schema=OBSERVATIONS)


def _rows(
    platform: Platform, subject: str, kind: str, pages: Sequence[Reply]
) -> Iterator[dict[str, Any]]:
    taken_at = pages[0].taken_at
    try:
        figures = list(platform.read(kind, bodies(pages), taken_at.date()))
    except ReplyError as error:
        # It was checked when it was taken, by an earlier version.
        log.warning(
            "%s of %s on %s cannot be read, and is left out: %s",
            *(kind, subject, taken_at.date(), error),
        )
        return
    for figure in figures:
        row = figure._asdict()
        yield row | {
            "source": platform.name,
            "subject": figure.subject or subject,
            "taken_at": taken_at,
        }


Identities = Mapping[dt.date, Mapping[str, Identity | None]]
"""Who each subject was on each day, as far as that is known."""


def present_names(known: Identities) -> dict[dt.date, dict[str, str]]:
    """What each subject of each day is called today.

    On a day that does not tell who a subject was, it was who it is on the next day that
    does, or else the last. Two subjects may have had one name after the other.
    """
    newest = {
        identity.id: identity.name
        for day in sorted(known)
        for identity in known[day].values()
        if identity is not None
    }
    names: dict[dt.date, dict[str, str]] = {day: {} for day in known}
    for days in (sorted(known, reverse=True), sorted(known)):
        ids: dict[str, str] = {}
        for day in days:
            for subject, identity in known[day].items():
                if identity is not None:
                    ids[subject] = identity.id
                if subject in ids:
                    names[day].setdefault(subject, newest[ids[subject]])
    return names
