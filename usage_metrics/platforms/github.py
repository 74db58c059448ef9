"""GitHub: views and clones of the last 14 days, referrers, stars, downloads.

Views and clones are of UTC days. The reply has up to 14 days before today, and leaves
out those without any; today and the day before may still grow. Referrers and paths are
the ten most frequent of those days, and their uniques may not be added up. A renamed or
transferred repository answers under its old name, and keeps its id.
"""

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from usage_metrics.dates import ONE_DAY
from usage_metrics.errors import ReplyError
from usage_metrics.platforms import (
    CUMULATIVE,
    DAY,
    EVENT,
    LEVEL,
    OWNER_AND_NAME,
    TOTAL,
    UNIQUE,
    WINDOW,
    Figure,
    Identity,
    Named,
    Platform,
    Request,
)
from usage_metrics.platforms.shapes import count, day_in, items, name, quoted

LOOKS_BACK = 14
"""Days before today that are in a reply about views or clones."""

OPENED = dt.date(2008, 1, 1)
"""GitHub tells of nothing before."""

LEVELS = {
    "stars": "stargazers_count",
    "forks": "forks_count",
    "watchers": "subscribers_count",
    "open_issues": "open_issues_count",
}

WITH_TIMES = "application/vnd.github.star+json"
"""Stars with the times at which they were given."""

PAGES_OF_STARS = 400
"""GitHub refuses later pages: it tells of the first 40,000 stars."""

TOP = {"referrers": ("referrer_views", "referrer"), "paths": ("path_views", "path")}
"""The lists of the ten most frequent: the metric, and the field that names an item."""

PEOPLE = ("author", "uploader", "owner", "user", "organization")
"""Fields that hold an account."""

METRICS = {
    "views": "Pages of the repository that were looked at on github.com, by day",
    "clones": "Times the repository was cloned, mostly by machines, by day",
    "views_14_days": "Views of the 14 days up to the snapshot",
    "clones_14_days": "Clones of the 14 days up to the snapshot",
    "referrer_views": "Views that came from a site, in 14 days; the ten most frequent",
    "path_views": "Views of a page, in 14 days; the ten most frequent",
    "stars": "Accounts that have starred the repository",
    "stars_given": "Stars that were given on a day and not taken back since; of the "
    "first 40,000",
    "forks": "Copies of the repository in other accounts",
    "watchers": "Accounts that are notified of what happens there",
    "open_issues": "Open issues and pull requests",
    "release_downloads": "Downloads of the files of releases that still exist",
}


def requests(repository: str, day: dt.date) -> Iterator[Request]:
    """The parts of a snapshot of a repository."""
    of = f"/repos/{repository}"
    yield Request("repository", of)
    yield Request("views", f"{of}/traffic/views")
    yield Request("clones", f"{of}/traffic/clones")
    yield Request("referrers", f"{of}/traffic/popular/referrers")
    yield Request("paths", f"{of}/traffic/popular/paths")
    yield Request("releases", f"{of}/releases?per_page=100")
    yield Request(
        "stargazers", f"{of}/stargazers?per_page=100", WITH_TIMES, PAGES_OF_STARS
    )


def read(kind: str, pages: Sequence[Any], taken: dt.date) -> Iterator[Figure]:
    """The figures of a part of a snapshot.

    Raises:
        ReplyError: if a page is not what GitHub documents.
    """
    if kind in ("views", "clones"):
        for page in pages:
            yield from _traffic(kind, page, taken)
    elif kind in TOP:
        for page in pages:
            yield from _top(kind, page)
    elif kind == "stargazers":
        yield from _stars(pages, taken)
    elif kind == "history":
        yield from _history(pages[0], taken)
    elif kind == "repository":
        _full_name(pages[0])
        for metric, field in LEVELS.items():
            yield Figure(metric, count(pages[0], field), LEVEL)
    else:
        yield from _releases(pages)


def _traffic(kind: str, page: Any, taken: dt.date) -> Iterator[Figure]:
    """Each day of the window; one that is left out had none."""
    days = {
        day_in(entry, "timestamp", taken=taken, back=LOOKS_BACK + 1): entry
        for entry in items(page, kind)
    }
    first = min([*days, taken - (LOOKS_BACK - 1) * ONE_DAY])
    nothing = {"count": 0, "uniques": 0}
    for field, measure in (("count", TOTAL), ("uniques", UNIQUE)):
        yield Figure(f"{kind}_14_days", count(page, field), WINDOW, measure)
        for number in range((taken - first).days + 1):
            day = first + number * ONE_DAY
            value = count(days.get(day, nothing), field)
            yield Figure(kind, value, DAY, measure, about=day.isoformat())


def _top(kind: str, page: Any) -> Iterator[Figure]:
    metric, field = TOP[kind]
    for item in items(page):
        of = name(item, field)
        yield Figure(metric, count(item, "count"), WINDOW, TOTAL, name=of)
        yield Figure(metric, count(item, "uniques"), WINDOW, UNIQUE, name=of)


def _stars(pages: Sequence[Any], taken: dt.date) -> Iterator[Figure]:
    """How many stars were given on each day, but not by whom."""
    days, back = Counter({taken: 0}), (taken - OPENED).days
    days.update(
        day_in(star, "starred_at", taken=taken, back=back)
        for page in pages
        for star in items(page)
    )
    for day, given in days.items():
        yield Figure("stars_given", given, EVENT, about=day.isoformat())


def _releases(pages: Sequence[Any]) -> Iterator[Figure]:
    """The downloads of each file, and of all; they vanish with the file."""
    total = 0
    for release in (release for page in pages for release in items(page)):
        for asset in items(release, "assets"):
            of = f"{name(release, 'tag_name')}/{name(asset, 'name')}"
            value = count(asset, "download_count")
            total += value
            yield Figure("release_downloads", value, CUMULATIVE, name=of)
    yield Figure("release_downloads", total, CUMULATIVE)


HISTORY = {
    "views_total": ("views", TOTAL),
    "views_unique": ("views", UNIQUE),
    "clones_total": ("clones", TOTAL),
    "clones_unique": ("clones", UNIQUE),
}
"""The columns in which github-repo-stats has the days that it knows."""


def _history(rows: Any, taken: dt.date) -> Iterator[Figure]:
    back = (taken - OPENED).days
    for row in items(rows):
        about = day_in(row, "time_iso8601", taken=taken, back=back).isoformat()
        for column, (metric, measure) in HISTORY.items():
            yield Figure(metric, count(row, column), DAY, measure, about=about)


def _full_name(repository: Any) -> str:
    """What a repository is called now, which becomes the name of its figures."""
    found = name(repository, "full_name")
    if not re.fullmatch(OWNER_AND_NAME, found, re.ASCII):
        raise ReplyError(f"full_name is {quoted(found)}, not an owner and a name")
    return found


def identify(kind: str, pages: Sequence[Any]) -> Identity | None:
    """The id and the present name of a repository."""
    if kind != "repository":
        return None
    return Identity(name(pages[0], "id"), _full_name(pages[0]))


PLATFORM = Platform(
    name="github",
    title="GitHub",
    endpoint="https://api.github.com",
    subjects=lambda settings: settings.repositories,
    requests=requests,
    read=read,
    metrics=METRICS,
    named=Named("repositories", OWNER_AND_NAME),
    robots="GitHub counts; no robots are taken out",
    identify=identify,
    people=PEOPLE,
    token="GITHUB_TOKEN",  # noqa: S106  a name, not a token
    headers={
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
    },
    retention=LOOKS_BACK * ONE_DAY,
    settled=2 * ONE_DAY,
)
