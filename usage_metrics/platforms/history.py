"""Reads what people have archived of platforms before they used this program.

Files are known by their names, which say the day: the archive of pudl-usage-metrics
(``github/views/2021-11-05.json``, ``zenodo/2026-04-16-1001.json``,
``kaggle/2025-09-14.json``), and the CSV files of github-repo-stats.
"""

import csv
import datetime as dt
import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from usage_metrics.dates import ONE_DAY
from usage_metrics.errors import ReplyError
from usage_metrics.platforms import Reply, get_platform

_DAY = r"(?P<day>\d{4}-\d\d-\d\d)"
_OLD_KINDS = {"popular_paths": "paths", "popular_referrers": "referrers"}

LONGEST_FILE = 64 << 20

OLDEST = dt.date(2000, 1, 1)
"""No platform counted before; a series has a row for each day since the first."""

_UNREADABLE = (
    *(OSError, ValueError, KeyError, TypeError, AttributeError),
    *(OverflowError, csv.Error),
)


class Pattern(NamedTuple):
    """Files that are replies of a kind."""

    name: re.Pattern[str]
    """Of the path, from the folder of its kind on."""
    kind: str
    """The kind of reply, unless a group of that name says it."""
    body: Callable[[str], str] = lambda text: text
    """Makes the body of a reply of the text of the file."""


def _top(field: str) -> Callable[[str], str]:
    """A list of github-repo-stats in GitHub's own shape."""

    def convert(text: str) -> str:
        rows = [*csv.reader(io.StringIO(text))][1:]
        return json.dumps(
            [{field: of, "count": int(n), "uniques": int(u)} for of, n, u in rows]
        )

    return convert


def _days(text: str) -> str:
    """The views and clones of many days, as github-repo-stats has put them together."""
    rows = [*csv.DictReader(io.StringIO(text))]
    numbers = [
        {k: v[:10] if k == "time_iso8601" else int(float(v)) for k, v in row.items()}
        for row in rows
    ]
    return json.dumps(numbers)


PATTERNS = {
    "github": (
        Pattern(
            re.compile(
                rf"(?P<kind>views|clones|popular_paths|popular_referrers)/{_DAY}\.json"
            ),
            "",
        ),
        Pattern(
            re.compile(rf"{_DAY}_(?P<kind>views|clones|paths|referrers)\.json"), ""
        ),
        *(
            Pattern(
                re.compile(rf"{_DAY}_(\d{{6}})_top_{kind}_snapshot\.csv"), kind, _top(f)
            )
            for kind, f in (("paths", "path"), ("referrers", "referrer"))
        ),
        Pattern(re.compile(r"\w*views_clones\w*\.csv"), "history", _days),
    ),
    "zenodo": (Pattern(re.compile(rf"{_DAY}-(?P<subject>\w+)\.json"), "versions"),),
    "kaggle": (Pattern(re.compile(rf"{_DAY}(?:_\w+)?\.json"), "dataset"),),
}
"""The files of each platform of which there is a history."""


class Found(NamedTuple):
    """What a folder holds of a platform."""

    replies: list[Reply]
    refused: list[str]
    """Files that cannot be taken, with the reason."""
    passed_over: list[str]
    """Files of other names."""


def history(platform: str, folder: Path, subject: str) -> Found:
    """Read what a folder and those below it hold.

    Args:
        platform: its name.
        folder: the folder.
        subject: what the replies are about, where their names do not say it.
    """
    found = Found([], [], [])
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = file.relative_to(folder).as_posix()
        matched = _match(platform, name)
        if matched is None:
            found.passed_over.append(name)
            continue
        try:
            found.replies.append(_reply(platform, file, subject, *matched))
        except ReplyError as error:
            found.refused.append(f"{name} is not taken: {error}")
    return found


def _match(platform: str, name: str) -> tuple[Pattern, dict[str, str]] | None:
    for pattern in PATTERNS[platform]:
        for start in (0, *(at.end() for at in re.finditer("/", name))):
            if match := pattern.name.fullmatch(name, start):
                return pattern, match.groupdict()
    return None


def _reply(
    platform: str, file: Path, subject: str, pattern: Pattern, named: dict[str, str]
) -> Reply:
    """The reply that a file holds.

    Raises:
        ReplyError: if it cannot be read, or does not say what it should.
    """
    from usage_metrics.platforms.shapes import without_people
    from usage_metrics.platforms.taking import bodies

    kind = pattern.kind or _OLD_KINDS.get(named["kind"], named["kind"])
    try:
        if file.stat().st_size > LONGEST_FILE:
            raise ReplyError(f"it has more than {LONGEST_FILE >> 20} MB")
        body = pattern.body(file.read_text("utf-8"))
        day = dt.date.fromisoformat(named["day"]) if "day" in named else _last(body)
    except _UNREADABLE as error:
        raise ReplyError(f"it cannot be read ({error})") from None
    if day < OLDEST:
        raise ReplyError(f"it is of {day}, before any platform counted")
    moment = dt.datetime.combine(day, dt.time(), dt.UTC)
    of = named.get("subject", subject)
    declared = get_platform(platform)
    if declared.people:
        body = without_people(body, declared.people)
    reply = Reply(moment, of, kind, file.name, 200, None, body, complete=True)
    list(declared.read(kind, bodies([reply]), day))
    return reply


def _last(body: str) -> dt.date:
    """The day after the last of a history, on which it may have been put together."""
    days = [row["time_iso8601"] for row in json.loads(body)]
    return dt.date.fromisoformat(max(days)) + ONE_DAY


def by_day(replies: list[Reply]) -> Iterator[tuple[dt.date, list[Reply]]]:
    """The replies of each day, oldest first; of each part, the last."""
    days: dict[dt.date, dict[Any, Reply]] = {}
    for reply in replies:
        parts = days.setdefault(reply.taken_at.date(), {})
        parts[reply.subject, reply.kind] = reply
    for day in sorted(days):
        yield day, [*days[day].values()]
