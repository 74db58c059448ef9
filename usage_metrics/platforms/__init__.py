"""What platforms count for us: what a platform is, and the registry of all.

GitHub, Zenodo and others count views and downloads by themselves, and tell the present
numbers only, or those of some days. So they are asked once a day, and what they reply
is kept as it came. A platform is one module that declares what to ask for and what a
reply says; it runs nothing. :mod:`usage_metrics.tasks.snapshots` is written once, for
all of them.
"""

import datetime as dt
import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from usage_metrics.dates import ONE_DAY
from usage_metrics.errors import ConfigError

PLATFORMS: dict[str, str] = {
    name: f"usage_metrics.platforms.{name}"
    for name in (
        *("github", "zenodo", "kaggle", "huggingface", "pypi", "datacite"),
        "dataverse",
    )
}
"""The module of each platform; its ``PLATFORM`` is the declaration."""

DAY, WINDOW, LEVEL = "day", "window", "level"
CUMULATIVE, EVENT, MONTH, YEAR = "cumulative", "event", "month", "year"
"""How a figure is to be read: of a day, month or year that it names, of the days up to
the snapshot, as it is now, since the beginning, or things that happened on a day; of
these, a snapshot tells all that are left."""

TOTAL, UNIQUE = "total", "unique"

ID = r"[\w.-]+"
OWNER_AND_NAME = rf"{ID}/{ID}"
DOI = r"10\.\d{4,9}/[\w.;()/:-]+"
"""What the names of subjects are made of."""


class Named(NamedTuple):
    """How a registry of datasets names what a platform counts of one."""

    key: str
    expression: str
    """What such a name is."""
    asked: str = "{}"
    """What the platform is then asked about."""


class Login(NamedTuple):
    """The environment variables of a name and a key, which go together."""

    name: str
    key: str

    def __str__(self) -> str:
        return f"{self.name} and {self.key}"


class Request(NamedTuple):
    """Something to ask a platform for."""

    kind: str
    """What it is; with the subject, it names a part of a snapshot."""
    path: str
    """Path and query below the platform's endpoint."""
    accept: str = ""
    """The media type to ask for, if it is not the platform's usual one."""
    most_pages: int | None = None
    """After so many pages the platform tells no more."""


class Reply(NamedTuple):
    """A reply as it was received: a page of a part of a snapshot."""

    taken_at: dt.datetime
    """When the snapshot was taken."""
    subject: str
    """What was asked about, as in the settings."""
    kind: str
    url: str
    status: int
    etag: str | None
    body: str
    complete: bool
    """Whether its part was answered in full; else no figure is read from it."""


class Figure(NamedTuple):
    """A number that a reply tells."""

    metric: str
    value: int
    reading: str
    measure: str = TOTAL
    about: str | None = None
    """The day, month or year that it is of; None: the moment of the snapshot."""
    name: str | None = None
    """What it is of, within the subject: a referrer, a path, a file."""
    version: str | None = None
    subject: str | None = None
    """What it is about, if that is not the subject that was asked for."""


class Description(NamedTuple):
    """What a platform tells of something besides numbers."""

    subject: str
    title: str
    doi: str | None
    related: tuple[str, ...]
    """Addresses and DOIs of what belongs to it."""


class Identity(NamedTuple):
    """What stays of a subject when it is renamed, and its name now."""

    id: str
    name: str


@dataclass(frozen=True)
class Platform:
    """One platform, declared."""

    name: str
    """Its name in task parameters and paths, and of its section in luigi.cfg."""
    title: str
    """Its name for people."""
    endpoint: str
    """The beginning of its URLs."""
    subjects: Callable[[Any], Sequence[str]]
    """What the section of luigi.cfg asks about."""
    requests: Callable[[str, dt.date], Iterable[Request]]
    """The first page of each part of a snapshot of a subject on a day."""
    read: Callable[[str, Sequence[Any], dt.date], Iterable[Figure]]
    """Pure: the kind of a part, the JSON of its pages and the day of the snapshot give
    its figures. Raises ReplyError if they are not what they should be."""
    metrics: Mapping[str, str]
    """What each metric is, in a sentence for people."""
    describe: Callable[[Sequence[Any]], Iterable[Description]] = lambda _: ()
    """What the pages of a part tell of subjects besides numbers, as far as they do."""
    named: Named | None = None
    """How a registry of datasets names subjects, if it may."""
    robots: str = ""
    """Who counts, and whether robots are in it, in a few words for people."""
    next_page: Callable[[Any], str | None] = lambda _: None
    """The URL of the page after one, if its JSON and not its header names it."""
    identify: Callable[[str, Sequence[Any]], Identity | None] = lambda *_: None
    """Who a part of a snapshot says that its subject is."""
    people: Sequence[str] = ()
    """Fields of a reply that hold an account; they are not kept."""
    token: str = ""
    """The environment variable that holds the token, if there is one."""
    authorization: str = "Bearer {token}"
    """The header that sends it."""
    login: Login | None = None
    """What may be set in place of the token."""
    headers: Mapping[str, str] = field(default_factory=dict)
    pause: float = 0.0
    """Seconds between two requests, so that its limits are kept."""
    retention: dt.timedelta | None = None
    """For how long a day can be asked for later; None: not at all."""
    settled: dt.timedelta = dt.timedelta(0)
    """For how long the figures of a day may still change."""
    version: int = 1
    """Raise it when ``read`` gives other figures, so that they are read again."""

    def last_chance(self, day: dt.date) -> dt.date | None:
        """The last day on which it still tells of a day; None: that day alone."""
        return None if self.retention is None else day + self.retention - ONE_DAY


def get_platform(name: str) -> Platform:
    """Find a platform by name.

    Raises:
        ConfigError: if there is none of that name.
    """
    if name not in PLATFORMS:
        raise ConfigError(
            f"there is no platform {name!r}; the platforms are "
            f"{', '.join(sorted(PLATFORMS))}"
        )
    platform: Platform = importlib.import_module(PLATFORMS[name]).PLATFORM
    return platform
