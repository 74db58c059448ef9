"""Datasets that nobody has named: each database of a Datasette is one.

What the patterns of the registry leave unmapped is attributed by the cleaned columns. A
data page or a file of a database is a request, an HTML page is an investigation; the
site's own pages, metadata and hidden databases are about no dataset. A database is one
if the site answered a request for one of its pages that day, so ``/wp-admin/setup.php``
makes no dataset. A database that the registry names by patterns is left to them.
"""

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, quote_plus

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import INTEGER, STRING, only_chunk, take_encoded
from usage_metrics.cleaning.pages import METADATA, is_data_page, is_public
from usage_metrics.counting.attribution import attribute
from usage_metrics.counting.datasets import (
    ID,
    INVESTIGATION,
    NAMES,
    NONE,
    REQUEST,
    RESERVED,
    UNMAPPED,
    Registry,
)
from usage_metrics.counting.globs import divided
from usage_metrics.counting.grouping import (
    Rows,
    any_of,
    codes_of,
    group_rows,
    holds,
    mask_of,
)
from usage_metrics.counting.outcomes import COUNTED

LONGEST_ID = 60
"""Characters of an id that a name is cut to."""

_SQL = r"[?&]sql=[^&#]"
ANSWERED = (*range(200, 300), 304)
"""The status of an answer that shows that a page is there."""
SHOWING = ("database", "page", "format", "request_method", "status")
"""The columns by which it is known what a site has."""
LOOKED_AT = ("page", "folder", "index")
"""Pages that are about a dataset only if a registry names their place."""
_PAGE_FORMATS = ("html", "json", "jsono")
"""The formats in which a database's page exists; /ads.txt is a file of the site."""

Attribution = dict[str, pa.Array]
"""What each request is about: ``dataset``, ``version``, ``kind`` and ``table``."""


class Databases:
    """The databases that a site had on a day, and what their datasets are called."""

    def __init__(self) -> None:
        """Begin with none."""
        self._names: set[str] = set()

    def add(self, requests: pa.Table) -> None:
        """Add those that answered some of the day's requests.

        Args:
            requests: with the columns ``SHOWING``, encoded in one chunk each.
        """
        seen = group_rows(Rows(requests), SHOWING).keys
        is_data, _ = _kinds_of_pages(seen)
        answered = pa.array(is_data & _answered(seen))
        self._names |= set(seen["database"].filter(answered).to_pylist()) - {None}

    def ids(self, registry: Registry) -> dict[str, str]:
        """The id of each, without those that the registry's patterns decide about."""
        ids = {name: dataset_id(name) for name in sorted(self._names)}
        named = _named(ids, registry)
        return {name: id_ for name, id_ in ids.items() if name not in named}


def with_derived(
    about: Attribution, requests: pa.Table, ids: Mapping[str, str]
) -> Attribution:
    """Attribute what is unmapped to the databases that were asked for.

    Args:
        about: what the registry says.
        requests: with the columns ``SHOWING`` and ``request_url``, encoded in one chunk
            each.
        ids: what :class:`Databases` found in the whole day.
    """
    databases = only_chunk(requests["database"])
    codes, _ = codes_of(databases)
    is_data, is_site = _kinds_of_pages(requests)
    found = [*map(ids.get, databases.dictionary.to_pylist()), None]
    is_unmapped = holds(about["dataset"], any_of(UNMAPPED))
    known = np.array([id_ is not None for id_ in found])
    is_derived = is_unmapped & is_data & known[codes]
    names = about["dataset"].dictionary.to_pylist()
    numbers = about["dataset"].indices.cast(pa.int64()).to_numpy().copy()
    numbers[is_unmapped & is_site] = len(names)
    numbers[is_derived] = len(names) + 1 + codes[is_derived]
    dataset = _texts(numbers, [*names, NONE, *(id_ or UNMAPPED for id_ in found)])
    kind = kinds_of_use(about["kind"], requests, is_derived)
    return about | {"dataset": dataset, "kind": kind}


class DatabaseNames:
    """The names of the databases used in a day, by dataset, where these differ."""

    def __init__(self) -> None:
        """Begin with none."""
        self._names: set[str] = set()
        self._datasets: set[str] = set()

    def add(self, events: Rows) -> None:
        """Add some events of the day, with the column ``database``."""
        is_counted = pa.array(events.holds("outcome", COUNTED))
        for chunk in events["database"].filter(is_counted).chunks:
            self._names |= set(chunk.unique().to_pylist()) - {None}
        for chunk in events["dataset"].chunks:
            self._datasets |= set(chunk.dictionary.to_pylist())

    def found(self) -> dict[str, str]:
        """The names by their dataset; of several, the first in the alphabet."""
        ids = {dataset_id(name): name for name in sorted(self._names, reverse=True)}
        used = self._datasets
        return {id_: name for id_, name in ids.items() if id_ in used and id_ != name}


def dataset_id(database: str) -> str:
    """The id of the dataset that a database is: its name, made fit for an id.

    Capitals become small and spaces hyphens. Names that differ in more than that have
    different ids: a digest of the name follows what is left of it.
    """
    plain = database.lower().replace(" ", "-")
    if re.fullmatch(ID, plain) and plain not in RESERVED and len(plain) <= LONGEST_ID:
        return plain
    letters = unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode()
    left = re.sub("[^a-z0-9]+", "-", letters)[:LONGEST_ID].strip("-") or "database"
    digest = hashlib.blake2b(database.encode(errors="replace"), digest_size=3)
    return f"{left}-{digest.hexdigest()}"


def _kinds_of_pages(requests: pa.Table) -> tuple[Any, Any]:
    """Which requests are for pages of a database, and which for others of the site."""
    is_data = holds(requests["page"], is_data_page)
    is_data &= holds(requests["database"], is_public)
    is_page = holds(requests["page"], pc.is_valid)
    return is_data, is_page & ~is_data & ~holds(requests["page"], any_of("other"))


def _answered(requests: pa.Table) -> Any:
    """Which requests show that there is such a page.

    Datasette answers OPTIONS for any path.
    """
    is_success = mask_of(pc.is_in(requests["status"], pa.array(ANSWERED, INTEGER)))
    is_options = holds(requests["request_method"], any_of("OPTIONS"))
    is_file = holds(requests["page"], any_of("database"))
    is_file &= ~holds(requests["format"], any_of(*_PAGE_FORMATS))
    return is_success & ~is_options & ~is_file


def _named(ids: Mapping[str, str], registry: Registry) -> set[str]:
    """The databases whose pages the registry's patterns decide about."""
    by_patterns = {dataset.id for dataset in registry.with_patterns}
    by_patterns |= {place.dataset for place in registry.places}
    said = [
        _said_of(registry, [f"/{encode(name, safe='')}" for name in ids])
        for encode in (quote, quote_plus)
    ]
    withins = {place.glob.within for place in registry.places if place.by == NAMES}
    return {
        name
        for name, *datasets in zip(ids, *said, strict=True)
        if ids[name] in by_patterns or set(datasets) != {UNMAPPED}
    } | divided([*ids], withins)


def _said_of(registry: Registry, paths: list[str]) -> list[str]:
    """What the patterns of the registry say of some paths."""
    encoded = pa.array(paths, STRING).dictionary_encode()
    found: list[str] = attribute(registry, encoded)["dataset"].to_pylist()
    return found


def kinds_of_use(
    kinds: pa.DictionaryArray, requests: pa.Table, is_derived: Any
) -> pa.Array:
    """The kind of use: as the registry says it or, where derived, by the page."""
    is_result = holds(requests["page"], any_of("query"))
    is_result &= holds(
        requests["request_url"], lambda urls: pc.match_substring_regex(urls, _SQL)
    )
    is_file = ~holds(requests["format"], any_of("html"))
    is_file &= ~holds(requests["page"], any_of(METADATA, *LOOKED_AT))
    values = kinds.dictionary.to_pylist()
    numbers = pc.fill_null(kinds.indices.cast(pa.int64()), len(values))
    numbers = numbers.to_numpy().copy()
    numbers[is_derived] = len(values) + 1 + (is_result | is_file)[is_derived]
    return _texts(numbers, [*values, None, INVESTIGATION, REQUEST])


def _texts(numbers: Any, values: list[str | None]) -> pa.Array:
    """A text per row, by its number."""
    return take_encoded(pa.array(values, STRING), pa.array(numbers))
