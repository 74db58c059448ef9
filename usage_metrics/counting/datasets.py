"""The registry: which dataset a URL is about, and whether it gets the data themselves.

A registry is a TOML file; the one in the package, ``datasets.toml``, says how it is
written. It is checked when it is read: whoever makes a mistake in it is told the line.
A URL is looked at once, however many requests are for it.
"""

import functools
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import STRING, each_distinct, take_encoded

UNMAPPED = "unmapped"
"""The dataset of a request that no pattern matches."""
NONE = "none"
"""The dataset of a request for a page that is about none."""
ALL = "all"
"""The dataset of figures over all of them."""

INVESTIGATION = "investigation"
REQUEST = "request"

_TABLE = "(?P<table>[^/?]+?)"
_HOST = r"^[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*"


@dataclass(frozen=True)
class Pattern:
    """What the path of a URL looks like, the whole of it."""

    text: str
    """As in the registry: a regular expression, and ``{table}``."""

    @functools.cached_property
    def expression(self) -> str:
        """The regular expression that the path and query have to match."""
        query = "" if r"\?" in self.text else r"(?:\?.*)?"
        # By replace and not by format: braces count repetitions, too.
        return f"^(?:{self.text.replace('{table}', _TABLE)}){query}$"

    @functools.cached_property
    def table_group(self) -> int | None:
        """The number of the group that is the table, if there is one."""
        return re.compile(self.expression).groupindex.get("table")

    def matches(self, targets: pa.Array) -> pa.Array:
        """Which of some paths with their queries it matches."""
        return pc.match_substring_regex(targets, self.expression)

    def tables(self, targets: pa.Array) -> pa.Array:
        """The table in each of some paths that it matches."""
        if self.table_group is None:
            return pa.nulls(len(targets), STRING)
        captured = rf"\{self.table_group}"
        found = pc.replace_substring_regex(targets, self.expression, captured)
        return each_distinct(found, unquote)


@dataclass(frozen=True)
class Dataset:
    """A dataset, or one version of it."""

    id: str
    title: str
    publisher: str
    publisher_id: dict[str, str]
    investigations: tuple[Pattern, ...]
    requests: tuple[Pattern, ...]
    version: str | None = None
    doi: str | None = None
    uri: str | None = None
    yop: str = "0001"
    published: str | None = None
    creators: tuple[str, ...] = ()
    investigation_examples: tuple[str, ...] = ()
    request_examples: tuple[str, ...] = ()

    def patterns(self) -> Iterator[tuple[str, Pattern]]:
        """Its patterns in the order in which they are tried, each with its kind."""
        yield from ((REQUEST, pattern) for pattern in self.requests)
        yield from ((INVESTIGATION, pattern) for pattern in self.investigations)

    def kind_of(self, url: str) -> str | None:
        """What one URL is to the dataset; None if it is not about it."""
        target = targets_of(pa.array([url]))
        kinds = (kind for kind, p in self.patterns() if p.matches(target)[0].as_py())
        return next(kinds, None)


@dataclass(frozen=True)
class Registry:
    """All datasets, in the order in which they are tried."""

    platform: str
    created_by: str
    not_data: tuple[Pattern, ...]
    datasets: tuple[Dataset, ...]
    digest: str = field(default="", compare=False)
    """A hash of the file, by which to see that it has changed."""

    def attribute(self, urls: pa.DictionaryArray) -> dict[str, pa.Array]:
        """Say what each request is about.

        Args:
            urls: the URLs asked for; null is about nothing known.

        Returns:
            ``dataset`` (an id, ``unmapped`` or ``none``), ``version``, ``kind``
            (investigation or request) and ``table``.
        """
        targets = targets_of(urls.dictionary)
        found = self._attribute_distinct(targets)
        lost = {"dataset": UNMAPPED}
        codes = pc.fill_null(urls.indices, len(targets))
        return {
            name: take_encoded(
                pa.concat_arrays([array, pa.array([lost.get(name)], STRING)]), codes
            )
            for name, array in found.items()
        }

    def _attribute_distinct(self, targets: pa.Array) -> dict[str, pa.Array]:
        columns: dict[str, list[str | None]] = {
            "dataset": [UNMAPPED] * len(targets),
            **{name: [None] * len(targets) for name in ("version", "kind", "table")},
        }
        rest = pa.array(range(len(targets)), pa.int64())
        for said, pattern in self._tried():
            matched = pattern.matches(targets.take(rest))
            rows = rest.filter(matched)
            tables = pattern.tables(targets.take(rows)).to_pylist()
            for row, table in zip(rows.to_pylist(), tables, strict=True):
                for name, value in (*said.items(), ("table", table)):
                    columns[name][row] = value
            rest = rest.filter(pc.invert(matched))
        return {name: pa.array(values, STRING) for name, values in columns.items()}

    def _tried(self) -> Iterator[tuple[dict[str, str | None], Pattern]]:
        """Every pattern in the order of trial, and what is said if it matches."""
        for pattern in self.not_data:
            yield {"dataset": NONE}, pattern
        for dataset in self.datasets:
            for kind, pattern in dataset.patterns():
                about = {"dataset": dataset.id, "version": dataset.version}
                yield {**about, "kind": kind}, pattern


def targets_of(urls: pa.Array) -> pa.Array:
    """Path and query of URLs, or of what is only a path already."""
    rest = pc.replace_substring_regex(urls, _HOST, "")
    rest = pc.replace_substring_regex(rest, r"#.*", "")
    return pc.replace_substring_regex(rest, r"^(\?|$)", r"/\1")


def digest_of(text: str) -> str:
    """A short hash of what decides how days are counted."""
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
