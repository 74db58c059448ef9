"""Texts that a visitor has typed or come from: searches, SQL and referring pages.

They may say something about a person. So a text is shortened, has no address in it, and
is named only if ``LEAST_VISITORS`` of that day have it, robots apart. Everything is
done once per distinct text.
"""

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.addresses.redaction import without
from usage_metrics.arrow import STRING, empty_as_null
from usage_metrics.cleaning.percent import unquoted

LEAST_VISITORS = 3
"""A person at a desk and on a phone is two visitors."""
LONGEST_SEARCH, LONGEST_SQL, LONGEST_PAGE = 100, 1_000, 200
"""Characters that are kept."""

_SEARCH = r"[?&](?:_search(?:_[^=&]*)?|q)=(?P<text>[^&]+)"
_SQL = r"[?&]sql=(?P<text>[^&]+)"
_BLANK = (
    r"[\t-\r\x1c-\x1f\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}"
    r"\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]"
)
"""What :meth:`str.split` takes for blanks, besides the usual one."""
_PAGE = (
    r"^(?i:https?)://(?:[^/?#@]*@)?(?i:www\.)?(?P<host>[^/?#:@]+)(?::[0-9]*)?"
    r"(?P<path>/[^?#;]+)"
)
_PUBLIC = r"\.[a-z][a-z0-9-]*$"
"""The end of a host that is neither an address nor a name within a network …"""
_PRIVATE = r"\.(?:local|localdomain|internal|intranet|lan|corp|home|private)$"
"""… unless it is one of these."""
_KEY = (
    r"/[^/]*(?:@|%40|[0-9A-Za-z]{20}|"
    r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-)[^/]*(?:/.*)?$"
)
"""From a part of a path on that may be a key, an id or somebody's name in e-mail."""


def searches(targets: pa.Array) -> pa.Array:
    """What each path with query searches for, in small letters; null: nothing."""
    return pc.utf8_lower(_typed(targets, _SEARCH, LONGEST_SEARCH))


def statements(targets: pa.Array) -> pa.Array:
    """The SQL in each path with query; null: none."""
    return _typed(targets, _SQL, LONGEST_SQL)


def pages(referers: pa.Array) -> dict[str, pa.Array]:
    """The ``host`` and the ``page`` that each referer names.

    The page is host and path, without what may be a key. It is null if the referer says
    no more than the host, or is within somebody's own network.
    """
    found = pc.extract_regex(referers, _PAGE)
    host = pc.utf8_lower(pc.struct_field(found, [0]))
    path = pc.replace_substring_regex(pc.struct_field(found, [1]), _KEY, "/…")
    is_public = pc.and_not(
        pc.match_substring_regex(host, _PUBLIC),
        pc.match_substring_regex(host, _PRIVATE),
    )
    page = pc.binary_join_element_wise(host, path, "")
    page = pc.if_else(is_public, page, pa.scalar(None, STRING))
    return {"host": host, "page": _safe(page, LONGEST_PAGE)}


def _typed(targets: pa.Array, pattern: str, longest: int) -> pa.Array:
    """What a parameter of a query says, as typed, with single blanks."""
    has_any = pc.fill_null(pc.match_substring_regex(targets, pattern), False)
    found = pc.extract_regex(targets.filter(has_any), pattern)
    typed = unquoted(pc.replace_substring(pc.struct_field(found, [0]), "+", " "))
    # Two steps: one that replaced each blank by one would take three times as long.
    blanks = pc.replace_substring_regex(typed, _BLANK, " ")
    single = pc.replace_substring_regex(blanks, "  +", " ")
    safe = _safe(pc.utf8_trim(single, " "), longest)
    return pc.replace_with_mask(pa.nulls(len(targets), STRING), has_any, safe)


def _safe(texts: pa.Array, longest: int) -> pa.Array:
    """Texts without an address, of a length that people read."""
    masked = without(texts, lambda _: True)
    texts = empty_as_null(texts if masked is None else masked)
    short = pc.binary_join_element_wise(
        pc.utf8_slice_codeunits(texts, 0, longest), "…", ""
    )
    return pc.if_else(pc.greater(pc.utf8_length(texts), longest), short, texts)
