"""What there is in the logs: databases, folders of buckets and sites, and whose it is.

It is found by the registry as it is now, so that a change of the file shows at once.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import INTEGER, only_chunk
from usage_metrics.counting.attribution import attribute
from usage_metrics.counting.datasets import NONE, UNMAPPED, Registry
from usage_metrics.counting.derived import ANSWERED, SHOWING, Databases, with_derived
from usage_metrics.counting.events import needed
from usage_metrics.counting.globs import BETWEEN
from usage_metrics.counting.grouping import any_of, codes_of, holds, mask_of
from usage_metrics.counting.places import READ, is_use, with_places

COLUMNS = ("request_url", "table", *SHOWING)
"""The columns that are read."""

MOST = 100_000
"""Parts that are told apart: a bucket may have millions of files in no folder."""

_DATABASE = r"(?s)^(?P<part>[^\x00]*)"
_FOLDERS = (
    r"(?s)^(?P<part>[^\x00]*\x00(?:/?(?:[^/\x00]+/){1,2}|[^/\x00]*$|/[^/\x00]*$)?)"
)
"""Two folders of a key or path, or its name if it is in none."""


class Found(NamedTuple):
    """A part of what is in the logs of a source."""

    container: str
    """The database, bucket or host."""
    part: str
    """A folder, two at most, or the name of what is in none; empty: all there is."""
    dataset: str
    """The dataset that it is, or ``unmapped``."""
    is_named: bool
    """Whether the registry says so."""


class Inventory:
    """Adds up requests that were answered, by what they were for."""

    def __init__(self, registry: Registry, by: str, *, is_split: bool) -> None:
        """Begin without a request.

        Args:
            registry: that of the source.
            by: how its places are known.
            is_split: whether there are folders within.
        """
        self.requests: Counter[Found] = Counter()
        self._registry, self._by = registry, by
        self._part = _FOLDERS if is_split else _DATABASE
        self._ids = {dataset.id for dataset in registry.datasets}

    def add(self, batches: Iterable[pa.Table], databases: Mapping[str, str]) -> None:
        """Add requests with ``COLUMNS``.

        Args:
            batches: the requests of a day.
            databases: what :func:`databases_of` gives for it.
        """
        for batch in batches:
            self._add(needed(batch, COLUMNS), databases)

    def _add(self, requests: pa.Table, databases: Mapping[str, str]) -> None:
        pairs = READ[self._by](requests)
        said = attribute(self._registry, only_chunk(requests["request_url"]))
        said, _ = with_places(said, requests, self._registry)
        datasets = with_derived(said, requests, databases)["dataset"]
        is_named = ~holds(said["dataset"], any_of(UNMAPPED))
        meant = is_use(requests, self._by) & ~holds(datasets, any_of(NONE))
        meant &= mask_of(pc.is_in(requests["status"], pa.array(ANSWERED, INTEGER)))
        parts = pc.struct_field(pc.extract_regex(pairs.texts, self._part), [0])
        parts = parts.dictionary_encode()
        numbers, of = codes_of(datasets)
        numbers = parts.indices.take(pairs.codes).to_numpy() * of + numbers
        keys, counts = np.unique(
            2 * numbers[meant] + is_named[meant], return_counts=True
        )
        for key, count in zip(keys.tolist(), counts.tolist(), strict=True):
            part, dataset = divmod(key // 2, of)
            found = self._found(parts.dictionary[part], datasets.dictionary[dataset])
            is_known = bool(key % 2) or found[-1] in self._ids
            part_of = Found(*found, is_known)
            if part_of not in self.requests and len(self.requests) >= MOST:
                part_of = part_of._replace(part="")
            self.requests[part_of] += count

    def _found(self, part: Any, dataset: Any) -> tuple[str, str, str]:
        container, _, rest = part.as_py().partition(BETWEEN)
        return container, rest, dataset.as_py()


def databases_of(batches: Iterable[pa.Table], registry: Registry) -> dict[str, str]:
    """The databases that a day shows, and the ids of the datasets that they are."""
    databases = Databases()
    for batch in batches:
        databases.add(needed(batch, SHOWING))
    return databases.ids(registry)


def by_top(found: Counter[Found]) -> Counter[Found]:
    """The same by the first folder only."""
    tops: Counter[Found] = Counter()
    for each, requests in found.items():
        lead = each.part[:1] == "/"
        first, slash, _ = each.part[lead:].partition("/")
        tops[each._replace(part=f"{'/' * lead}{first}{slash}")] += requests
    return tops


def unnamed(found: Collection[Found]) -> list[Found]:
    """What the registry says nothing of."""
    return [each for each in found if not each.is_named]
