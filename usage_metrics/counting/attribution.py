"""Says of requests which dataset they are about, as a registry has it.

Each distinct URL is matched once, however many requests there are for it. What the
registry says nothing of is left to :mod:`usage_metrics.counting.derived`.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import STRING, each_distinct, take_encoded
from usage_metrics.counting.datasets import UNMAPPED, Pattern, Registry, Said
from usage_metrics.counting.grouping import mask_of

_HOST = r"^[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*"
_AUTHORITY = r"^[A-Za-z][A-Za-z0-9+.-]*://(?P<authority>[^/?#]+)"
_USER = r"(?s)^[^@]*@(.+)$"


def attribute(registry: Registry, urls: pa.DictionaryArray) -> dict[str, pa.Array]:
    """Say what each request is about.

    Args:
        registry: the datasets.
        urls: the requested URLs; a null is unmapped.

    Returns:
        ``dataset`` (an id, ``unmapped`` or ``none``), ``version``, ``kind``
        (investigation or request) and ``table``.
    """
    return attribute_targets(registry, targets_of(urls.dictionary), urls.indices)


def attribute_targets(
    registry: Registry, targets: pa.Array, codes: pa.Array
) -> dict[str, pa.Array]:
    """As :func:`attribute`, of distinct paths with queries and a code per row."""
    targets = pa.concat_arrays([targets, pa.nulls(1, STRING)])
    codes = pc.fill_null(codes, len(targets) - 1)
    answers, numbers, tables = _attribute_distinct(registry, targets)
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


def _attribute_distinct(
    registry: Registry, targets: pa.Array
) -> tuple[list[Said], Any, Any]:
    """What the patterns say, which of it of each target, and each one's table."""
    said: list[Said] = [{"dataset": UNMAPPED}]
    numbers = np.zeros(len(targets), np.int32)
    tables = np.full(len(targets), None)
    left, rows = targets, np.arange(len(targets))
    for about, pattern in registry.patterns():
        matched = mask_of(matches(pattern, left))
        if not matched.any():
            continue
        numbers[rows[matched]] = len(said)
        said.append(about)
        found = tables_in(pattern, left.filter(pa.array(matched)))
        tables[rows[matched]] = found.to_numpy(zero_copy_only=False)
        left, rows = left.filter(pa.array(~matched)), rows[~matched]
    return said, numbers, pa.array(tables, STRING)


def rows_matching(urls: Sequence[str]) -> Callable[[Pattern], list[int]]:
    """Gives the numbers of those URLs that match a pattern."""
    targets = targets_of(pa.array(urls, STRING))
    return lambda pattern: pc.indices_nonzero(matches(pattern, targets)).to_pylist()


def matches(pattern: Pattern, targets: pa.Array) -> pa.Array:
    """Which paths, with their queries, match a pattern."""
    return pc.match_substring_regex(targets, pattern.expression)


def tables_in(pattern: Pattern, targets: pa.Array) -> pa.Array:
    """The table in each path, of those that match a pattern."""
    group = re.compile(pattern.expression).groupindex.get("table")
    if group is None:
        return pa.nulls(len(targets), STRING)
    found = pc.replace_substring_regex(targets, pattern.expression, rf"\{group}")
    return each_distinct(found, unquote)


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
