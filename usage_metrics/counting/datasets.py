"""The registry: which dataset a URL is about, and whether it retrieves the data.

A registry is a TOML file; ``docs/what-counts.md`` explains the format. It is checked
when it is read, and errors name their lines. Each distinct URL is matched once, however
many requests there are for it. What it says nothing of is left to
:mod:`usage_metrics.counting.derived`.
"""

import functools
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import STRING, each_distinct, take_encoded
from usage_metrics.counting.globs import Glob
from usage_metrics.counting.grouping import mask_of

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

_Said = dict[str, str | None]
"""What a pattern says of the URLs that match it."""

_TABLE = "(?P<table>[^/?-]|[^/?]{2,}?)"
"""Never ``-``: below that are pages about a database."""
_HOST = r"^[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*"
_AUTHORITY = r"^[A-Za-z][A-Za-z0-9+.-]*://(?P<authority>[^/?#]+)"
_USER = r"(?s)^[^@]*@(.+)$"

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

    def matches(self, targets: pa.Array) -> pa.Array:
        """Which paths, with their queries, match."""
        return pc.match_substring_regex(targets, self.expression)

    def tables(self, targets: pa.Array) -> pa.Array:
        """The table in each matching path."""
        group = re.compile(self.expression).groupindex.get("table")
        if group is None:
            return pa.nulls(len(targets), STRING)
        found = pc.replace_substring_regex(targets, self.expression, rf"\{group}")
        return each_distinct(found, unquote)


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

    def attribute(self, urls: pa.DictionaryArray) -> dict[str, pa.Array]:
        """Say what each request is about.

        Args:
            urls: the requested URLs; a null is unmapped.

        Returns:
            ``dataset`` (an id, ``unmapped`` or ``none``), ``version``, ``kind``
            (investigation or request) and ``table``.
        """
        return self.attribute_targets(targets_of(urls.dictionary), urls.indices)

    def attribute_targets(
        self, targets: pa.Array, codes: pa.Array
    ) -> dict[str, pa.Array]:
        """As :meth:`attribute`, of distinct paths with queries and a code per row."""
        targets = pa.concat_arrays([targets, pa.nulls(1, STRING)])
        codes = pc.fill_null(codes, len(targets) - 1)
        answers, numbers, tables = self._attribute_distinct(targets)
        used = pa.array(numbers).dictionary_encode()
        texts = {
            name: [answers[n].get(name) for n in used.dictionary.to_pylist()]
            for name in ("dataset", "version", "kind")
        }
        numbers_of_rows = used.indices.take(codes)
        return {
            **{
                name: take_encoded(pa.array(values, STRING), numbers_of_rows)
                for name, values in texts.items()
            },
            "table": take_encoded(tables, codes),
        }

    def _attribute_distinct(self, targets: pa.Array) -> tuple[list[_Said], Any, Any]:
        """What the patterns say, which of it of each target, and each one's table."""
        said: list[_Said] = [{"dataset": UNMAPPED}]
        numbers = np.zeros(len(targets), np.int32)
        tables = np.full(len(targets), None)
        left, rows = targets, np.arange(len(targets))
        for about, pattern in self._patterns():
            matched = mask_of(pattern.matches(left))
            if not matched.any():
                continue
            numbers[rows[matched]] = len(said)
            said.append(about)
            found = pattern.tables(left.filter(pa.array(matched)))
            tables[rows[matched]] = found.to_numpy(zero_copy_only=False)
            left, rows = left.filter(pa.array(~matched)), rows[~matched]
        return said, numbers, pa.array(tables, STRING)

    def _patterns(self) -> Iterator[tuple[_Said, Pattern]]:
        """Every pattern in matching order, with what a match says of a URL."""
        for pattern in self.not_data:
            yield {"dataset": NONE}, pattern
        for dataset in self.datasets:
            about = {"dataset": dataset.id, "version": dataset.version}
            for kind, pattern in dataset.patterns():
                yield {**about, "kind": kind}, pattern


def targets_of(urls: pa.Array) -> pa.Array:
    """Path and query of URLs, or of mere paths."""
    rest = pc.replace_substring_regex(urls, _HOST, "")
    if pc.any(pc.match_substring(rest, "#")).as_py():
        rest = pc.replace_substring_regex(rest, r"#.*", "")
    if pc.all(pc.starts_with(rest, "/")).as_py():
        return rest
    return pc.replace_substring_regex(rest, r"^(\?|$)", r"/\1")


def without_query(urls: pa.Array) -> pa.Array:
    """URLs or paths without query and fragment."""
    return pc.struct_field(pc.extract_regex(urls, r"(?s)^(?P<path>[^?#]*)"), [0])


def hosts_of(urls: pa.Array) -> pa.Array:
    """The hosts of URLs, without the user that may stand before; few are distinct."""
    found = pc.struct_field(pc.extract_regex(urls, _AUTHORITY), [0])
    authorities = found.dictionary_encode()
    hosts = pc.replace_substring_regex(authorities.dictionary, _USER, r"\1")
    return pc.utf8_lower(hosts).take(authorities.indices)


def digest_of(text: str) -> str:
    """A short hash of what determines how days are counted."""
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
