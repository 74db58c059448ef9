"""The registry: which dataset a URL is about, and whether it retrieves the data.

A registry is a TOML file; ``docs/what-counts.md`` explains the format. It is checked
when it is read, and errors name their lines. :mod:`usage_metrics.counting.attribution`
applies it to requests; it needs Arrow, and this does not.
"""

import functools
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from usage_metrics.counting.globs import Glob

UNMAPPED = "unmapped"
"""The dataset of a request that no pattern matches."""
NONE = "none"
"""The dataset of a request for a page that belongs to none."""
ALL = "all"
"""The dataset of figures over all datasets."""

RESERVED = (UNMAPPED, NONE, ALL)
"""The ids that no dataset may have."""
ID = "[a-z0-9][a-z0-9_.-]*"
"""What an id is made of."""

INVESTIGATION = "investigation"
REQUEST = "request"

Said = dict[str, str | None]
"""What a pattern says of the URLs that match it."""

_TABLE = "(?P<table>[^/?-]|[^/?]{2,}?)"
"""Never ``-``: below that are pages about a database."""

NAMES, URL = "names", "url"
"""How a place is known: by database and table, or by host and path."""
CAPTURED = "{dataset}"
"""Stands in an id for what a pattern captures."""


@dataclass(frozen=True)
class Pattern:
    """A pattern for the whole path of a URL."""

    text: str
    """As in the registry: a regular expression in which ``{table}`` may stand."""

    @functools.cached_property
    def expression(self) -> str:
        """The regular expression that path and query have to match."""
        query = "" if r"\?" in self.text else r"(?:\?.*)?"
        # Not str.format: in regular expressions, braces also count repetitions.
        return f"^(?:{self.text.replace('{table}', _TABLE)}){query}$"


@dataclass(frozen=True)
class Dataset:
    """A dataset, or one version of it."""

    id: str
    title: str
    investigations: tuple[Pattern, ...] = ()
    requests: tuple[Pattern, ...] = ()
    publisher: str | None = None
    publisher_id: dict[str, str] | None = None
    version: str | None = None
    doi: str | None = None
    uri: str | None = None
    yop: str = "0001"
    published: str | None = None
    creators: tuple[str, ...] = ()
    investigation_examples: tuple[str, ...] = ()
    request_examples: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The id and, if it is one version, which."""
        return f"{self.id} {self.version}" if self.version else self.id

    def patterns(self) -> Iterator[tuple[str, Pattern]]:
        """Its patterns in matching order, each with its kind."""
        yield from ((REQUEST, pattern) for pattern in self.requests)
        yield from ((INVESTIGATION, pattern) for pattern in self.investigations)


@dataclass(frozen=True)
class Place:
    """Where a dataset is in the logs of a source."""

    source: str
    by: str
    glob: Glob
    dataset: str
    """Its id, in which ``{dataset}`` may stand."""
    version: str | None


@dataclass(frozen=True)
class Subject:
    """What a platform counts of a dataset."""

    source: str
    """The platform."""
    asked: str
    """What it is asked about."""
    name: str
    """What its figures are about."""
    dataset: str
    version: str | None
    is_shared: bool
    """Whether it may be of several datasets, so that its figures are of none alone."""


@dataclass(frozen=True)
class Registry:
    """The datasets that somebody has named, in matching order."""

    datasets: tuple[Dataset, ...] = ()
    not_data: tuple[Pattern, ...] = ()
    is_general: bool = False
    """Whether ``not_data`` is what holds on any site, and yields to places."""
    places: tuple[Place, ...] = ()
    subjects: tuple[Subject, ...] = ()
    many: tuple[Dataset, ...] = ()
    """Entries for many datasets, in whose ids ``{dataset}`` stands."""
    platform: str | None = None
    created_by: str | None = None

    @property
    def with_patterns(self) -> list[Dataset]:
        """The datasets of which patterns say what belongs to them."""
        return [d for d in self.datasets if d.requests or d.investigations]

    def at(self, source: str) -> "Registry":
        """The same for one source: without the places of others."""
        return replace(self, places=tuple(p for p in self.places if p.source == source))

    def unnamed(self, id_: str) -> Dataset:
        """The dataset of an id without an entry: as an entry for many has it, if any.

        In its title, DOI and URI, too, ``{dataset}`` stands for that part of the id.
        """
        for entry in self.many:
            before, after = entry.id.split(CAPTURED)
            part = id_.removeprefix(before).removesuffix(after)
            if f"{before}{part}{after}" == id_:
                return replace(
                    entry,
                    id=id_,
                    title=entry.title.replace(CAPTURED, part),
                    doi=entry.doi and entry.doi.replace(CAPTURED, part),
                    uri=entry.uri and entry.uri.replace(CAPTURED, part),
                )
        return Dataset(id_, title=id_)

    def digest(self) -> str:
        """A short hash of all that decides how days are counted."""
        about = [
            (dataset.id, dataset.version, dataset.investigations, dataset.requests)
            for dataset in self.with_patterns
        ]
        decides: tuple[Any, ...] = (about, self.not_data)
        if self.places:
            decides = (*decides, self.is_general, self.places)
        return digest_of(repr(decides))

    def patterns(self) -> Iterator[tuple[Said, Pattern]]:
        """Every pattern in matching order, with what a match says of a URL."""
        for pattern in self.not_data:
            yield {"dataset": NONE}, pattern
        for dataset in self.datasets:
            about = {"dataset": dataset.id, "version": dataset.version}
            for kind, pattern in dataset.patterns():
                yield {**about, "kind": kind}, pattern


def digest_of(text: str) -> str:
    """A short hash of what determines how days are counted."""
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
