"""Kinds of pages by patterns of their paths, and what a path then says.

The first pattern of a table that matches decides. A pattern sees the path and the
query, without the host. Its groups ``database``, ``table`` and ``format`` are the
columns of these names. Each has an example, and ``tests/sources/test_sites.py`` runs
them all.
"""

from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics import arrow
from usage_metrics.arrow import STRING, empty_as_null

_GROUPS = ("database", "table", "format")


class Page(NamedTuple):
    """A kind of page of a site."""

    page: str
    """What it is, as in the column ``page``."""
    pattern: str
    example: str
    """A path that is of this kind."""
    gives: str = ""
    """What the example is about: database, table and format, separated by blanks; a
    hyphen for one that is not said."""
    format: str | None = None
    """The format of all such pages; null: as the pattern finds."""


_FURNITURE = (
    r"(?i)\.(?:css|js|mjs|map|woff2?|ttf|otf|eot|ico|png|jpe?g|gif|svg|webp)(?:$|\?)"
)
OF_ANY_SITE = (
    Page(
        "other",
        r"(?i)\.(?:php|aspx?|jsp|cgi|env|git)(?:$|[/?])|^/(?:robots|ads|humans|security)"
        r"\.txt|^/sitemap|^/\.well-known/|^/(?:wp-|xmlrpc)",
        "/wp-login.php",
    ),
    Page("static", _FURNITURE, "/theme/site.css?v=3"),
)
EXTENSION = r"\.(?P<format>[A-Za-z][A-Za-z0-9]{0,9})(?:\.(?:gz|bz2|xz|zst))?"
"""The ending of a file's name, without that of its compression."""


def pages_of(table: Sequence[Page], targets: pa.Array) -> dict[str, pa.Array]:
    """The page of each path with its query, and what it is about."""
    encoded = targets.dictionary_encode()
    rest, rows = encoded.dictionary, pa.array(range(len(encoded.dictionary)))
    parts, places = [], []
    for page in table:
        found = pc.extract_regex(rest, f"(?P<all>{page.pattern})")
        is_it = found.is_valid()
        parts.append(_columns(found.filter(is_it), page))
        places.append(rows.filter(is_it))
        rest, rows = rest.filter(found.is_null()), rows.filter(found.is_null())
    nothing = pa.nulls(len(rest), STRING)
    page = pc.fill_null(nothing, "other")
    parts.append(pa.table([page, nothing, nothing, nothing], ["page", *_GROUPS]))
    order = pc.sort_indices(pa.concat_arrays([*places, rows]))
    columns = pa.concat_tables(parts).take(order).take(encoded.indices)
    return {name: columns[name].combine_chunks() for name in columns.column_names}


def _columns(found: pa.StructArray, page: Page) -> pa.Table:
    """What the pattern of a page found."""
    names = [field.name for field in found.type]
    nothing = pa.nulls(len(found), STRING)
    values = {
        name: empty_as_null(found.field(name)) if name in names else nothing
        for name in _GROUPS
    }
    for name in ("database", "table"):
        values[name] = arrow.each_distinct(values[name], unquote)
    if page.format:
        values["format"] = pc.fill_null(nothing, page.format)
    values["format"] = pc.utf8_lower(values["format"])
    return pa.table({"page": pc.fill_null(nothing, page.page)} | values)
