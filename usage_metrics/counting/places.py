"""Attributes requests to the places that a registry names: buckets, hosts, databases.

Each distinct pair of names (bucket and key, host and path) is looked at once. The pairs
are sorted, and a pattern is tried only on those that begin as it does, so a thousand
datasets take little longer than one.
"""

import bisect
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import STRING, each_distinct, only_chunk, take_encoded
from usage_metrics.cleaning.pages import is_data_page, is_public
from usage_metrics.cleaning.percent import decoded
from usage_metrics.counting.attribution import hosts_of, targets_of, without_query
from usage_metrics.counting.datasets import (
    CAPTURED,
    NAMES,
    NONE,
    UNMAPPED,
    URL,
    Place,
    Registry,
)
from usage_metrics.counting.derived import (
    LOOKED_AT,
    Attribution,
    dataset_id,
    kinds_of_use,
)
from usage_metrics.counting.globs import BETWEEN, Glob
from usage_metrics.counting.grouping import any_of, codes_of, holds, mask_of

_PORT = r":[0-9]*$"

_FOUND = ("dataset", "version", "table", "database")
"""What a place says of a request: the last is the name that its id is made of."""


class Pairs(NamedTuple):
    """The distinct pairs of names in a batch."""

    texts: pa.Array
    codes: pa.Array
    """Of each request."""


def with_places(
    about: Attribution, requests: pa.Table, registry: Registry
) -> tuple[Attribution, pa.Table]:
    """Attribute to places what no pattern of a URL has.

    Args:
        about: what the registry says by its patterns.
        requests: with the columns ``NEEDED``, encoded in one chunk each.
        registry: that of the source.

    Returns:
        What each request is about, and the requests, with what was captured in place of
        the table, and of the database as the name of the dataset.
    """
    open_ = (UNMAPPED, NONE) if registry.is_general else (UNMAPPED,)
    for by, read in READ.items():
        if places := [place for place in registry.places if place.by == by]:
            pairs = read(requests)
            found = _found(pairs.texts, places)
            is_found = mask_of(found["dataset"].is_valid().take(pairs.codes))
            is_found &= holds(about["dataset"], any_of(*open_)) & is_use(requests, by)
            columns = {n: take_encoded(found[n], pairs.codes) for n in _FOUND}
            about, requests = _with_found(about, requests, columns, is_found)
    return about, requests


def _with_found(
    about: Attribution, requests: pa.Table, found: dict[str, pa.Array], is_found: Any
) -> tuple[Attribution, pa.Table]:
    """What is known of requests, with what was found of some."""
    kind = kinds_of_use(about["kind"], requests, is_found)
    about = about | {"kind": kind}
    for name in ("dataset", "version"):
        about[name] = _where(is_found, found[name], about[name])
    for name in ("table", "database"):
        is_captured = is_found & mask_of(found[name].is_valid())
        if is_captured.any():
            column = _where(is_captured, found[name], only_chunk(requests[name]))
            index = requests.column_names.index(name)
            requests = requests.set_column(index, name, pa.chunked_array([column]))
    return about, requests


def _where(
    mask: Any, one: pa.DictionaryArray, other: pa.DictionaryArray
) -> pa.DictionaryArray:
    """The texts of one column where a mask is true, elsewhere those of the other."""
    texts = pa.concat_arrays([other.dictionary, one.dictionary])
    codes = pc.add(one.indices.cast(pa.int32()), len(other.dictionary))
    chosen = pc.if_else(pa.array(mask), codes, other.indices.cast(pa.int32()))
    return take_encoded(texts, chosen)


def is_use(requests: pa.Table, by: str) -> Any:
    """Which requests are for pages that may be about a dataset."""
    is_data = holds(requests["page"], is_data_page)
    if by == NAMES:
        return is_data & holds(requests["database"], is_public)
    return is_data | holds(requests["page"], any_of(*LOOKED_AT))


def _names(requests: pa.Table) -> Pairs:
    """The pairs of database and table."""
    before, after = only_chunk(requests["database"]), only_chunk(requests["table"])
    rest = len(after.dictionary) + 1
    codes = pc.multiply(_codes(before), rest)
    distinct = pc.add(codes, _codes(after)).dictionary_encode()
    numbers = distinct.dictionary.to_numpy()
    texts = _joined(
        _with_empty(before.dictionary).take(pa.array(numbers // rest)),
        _with_empty(after.dictionary).take(pa.array(numbers % rest)),
    )
    return Pairs(texts, distinct.indices)


def _urls(requests: pa.Table) -> Pairs:
    """The pairs of host and path."""
    urls = only_chunk(requests["request_url"])
    texts = _with_empty(urls.dictionary)
    hosts = pc.replace_substring_regex(pc.fill_null(hosts_of(texts), ""), _PORT, "")
    paths = decoded(without_query(targets_of(texts)))
    return Pairs(_joined(hosts, paths), _codes(urls))


READ: dict[str, Callable[[pa.Table], Pairs]] = {NAMES: _names, URL: _urls}
"""Reads the pairs of each way in which places are known."""


def _codes(column: pa.DictionaryArray) -> pa.Array:
    """Codes of a column; that of null is one more than the last."""
    return pc.fill_null(column.indices.cast(pa.int64()), len(column.dictionary))


def _with_empty(texts: pa.Array) -> pa.Array:
    return pa.concat_arrays([texts, pa.array([""], STRING)])


def _joined(before: pa.Array, after: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(before, after, BETWEEN)


def _found(texts: pa.Array, places: Sequence[Place]) -> dict[str, pa.Array]:
    """What the first place that matches says of each of some distinct pairs."""
    index, is_left = _Index(texts), np.ones(len(texts), dtype=bool)
    rows: list[Any] = []
    said: list[dict[str, pa.Array]] = []
    for place in places:
        near = index.near(place.glob)
        near = near[is_left[near]]
        is_matched, captured = _matched(texts.take(pa.array(near)), place.glob)
        is_left[near[is_matched]] = False
        rows.append(near[is_matched])
        said.append(dict(_said(place, captured, pa.array(is_matched))))
    found = np.concatenate(rows)
    codes = np.full(len(texts), len(found))
    codes[found] = np.arange(len(found))
    null = pa.nulls(1, STRING)
    return {
        name: pa.concat_arrays([*(columns[name] for columns in said), null]).take(
            pa.array(codes)
        )
        for name in _FOUND
    }


class _Index:
    """Finds the few of many texts that a pattern may match."""

    def __init__(self, texts: pa.Array) -> None:
        """Sort them."""
        self._texts = texts
        order = pc.sort_indices(texts)
        self._in_order, self._order = texts.take(order), order.cast(pa.int64())
        self._segments: dict[int, dict[str, Any]] = {}

    def near(self, glob: Glob) -> Any:
        """The numbers of the texts that begin or have a segment as a pattern does."""
        if glob.telling is not None:
            number, segment = glob.telling
            if number not in self._segments:
                self._segments[number] = self._by_segment(number)
            return self._segments[number].get(segment, np.empty(0, np.int64))
        rows, prefix, texts = range(len(self._texts)), glob.prefix, self._in_order
        start = bisect.bisect_left(rows, True, key=lambda n: texts[n].as_py() >= prefix)
        stop = bisect.bisect_left(
            rows,
            True,
            lo=start,
            key=lambda n: not texts[n].as_py().startswith(prefix),
        )
        return self._order.slice(start, stop - start).to_numpy()

    def _by_segment(self, number: int) -> dict[str, Any]:
        """The numbers of the texts by one of their segments."""
        expression = rf"\x00(?:[^/\x00]*/){{{number}}}(?P<segment>[^/\x00]*)"
        found = pc.struct_field(pc.extract_regex(self._texts, expression), [0])
        codes, _ = codes_of(found.dictionary_encode())
        order = np.argsort(codes, kind="stable")
        starts = np.flatnonzero(np.diff(codes[order])) + 1
        groups = np.split(order, starts)
        return {found[int(group[0])].as_py(): group for group in groups if len(group)}


def _matched(texts: pa.Array, glob: Glob) -> tuple[Any, pa.StructArray | None]:
    """Which texts match, and what is captured."""
    if glob.is_prefix:
        return np.ones(len(texts), dtype=bool), None
    if glob.captures:
        captured = pc.extract_regex(texts, glob.expression)
        return mask_of(captured.is_valid()), captured
    return mask_of(pc.match_substring_regex(texts, glob.expression)), None


def _said(
    place: Place, captured: pa.StructArray | None, is_matched: pa.Array
) -> Iterator[tuple[str, pa.Array]]:
    """What a place says of the texts that match it."""
    count = pc.sum(is_matched).as_py() or 0

    def column(name: str, otherwise: str | None) -> pa.Array:
        if captured is None or captured.type.get_field_index(name) < 0:
            return pa.array([otherwise], STRING).take(pa.array(np.zeros(count, int)))
        return pc.struct_field(captured, name).filter(is_matched)

    names = column("dataset", None)
    yield "database", names
    yield "version", column("version", place.version)
    yield "table", column("table", None)
    if CAPTURED in place.dataset:
        before, after = place.dataset.split(CAPTURED)
        ids = each_distinct(names, lambda name: f"{before}{dataset_id(name)}{after}")
        yield "dataset", ids
    else:
        yield "dataset", column("", place.dataset)
