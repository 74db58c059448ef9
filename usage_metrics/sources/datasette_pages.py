"""What a request to a Datasette site asked for, read from its URL.

The path says it, following Datasette's page layout: ``/database``,
``/database/table`` and ``/database/table/row``, each also as ``.json`` or ``.csv``;
``/database.db`` to download a whole database; ``/database?sql=…`` or, since 1.0,
``/database/-/query?sql=…``. Pages about the site itself are under ``/-/``.
"""

import re
from collections.abc import Sequence
from urllib.parse import unquote_plus

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics import arrow
from usage_metrics.arrow import BOOLEAN, STRING, column
from usage_metrics.cleaning.pages import DATA_PAGES, about_data
from usage_metrics.cleaning.urls import split_urls

PAGE = [
    column("request_url_scheme", STRING, "Scheme of the URL: http or https"),
    column("request_url_netloc", STRING, "Host of the URL, and port if given"),
    column("request_url_path", STRING, "Path of the URL, as it was sent"),
    column("request_url_query", STRING, "Query of the URL, after the question mark"),
    column("database", STRING, "The requested Datasette database, decoded"),
    column("table", STRING, "The requested table, view or stored query, decoded"),
    column("format", STRING, "html, json, csv, db, …; null if not a data page"),
    column(
        "page",
        STRING,
        "Kind of page: index, database, table, row, query, download, static, internal "
        "(under /-/) or other",
    ),
    column(
        "is_data_request",
        BOOLEAN,
        "Whether it asks for a database, table, row, query or download, in any format, "
        "and was not answered 404; with [datasette] data_request_patterns, whether the "
        "path contains one of them and is neither static nor internal",
    ),
]

FORMATS = "json|jsono|csv|tsv|blob|db|geojson|atom|ics|yaml|Notebook"
"""Datasette's own formats and those of its common plugins."""

# Like Datasette's own router, but only FORMATS count as formats: /robots.txt is not a
# database, and a table's name may contain a dot, as it could before 0.61.
_SEGMENTS = (
    r"^/(?:-/)?(?P<first>[^/.]*)(?:\.(?P<first_format>FORMATS)"
    r"|/(?P<second>[^/.][^/]*?)(?:\.(?P<second_format>FORMATS)"
    r"|/(?P<third>[^/]+?)(?:\.(?P<third_format>FORMATS)"
    r"|(?P<rest>/+[^/].*))?)?)?/*$"
).replace("FORMATS", FORMATS)
_SQL = r"(?:^|&)sql=[^&]"
# Since 0.61 Datasette puts this into some links but no longer reads it.
_QUERY_FORMAT = rf"(?:^|&)_format=(?P<format>{FORMATS})(?:&|$)"
_STATIC = r"^/(?:-/)?static(?:-plugins)?/|^/favicon\.ico$"
_INDEX = r"^/(?:-/)?(?:\.jsono?)?$"
_INTERNAL = r"^/-(?:/|$)"

_TILDE_ESCAPE = re.compile("~([0-9A-Fa-f]{2})")


def asked_for(urls: pa.Array, patterns: Sequence[str]) -> dict[str, pa.Array]:
    """The derived columns of distinct URLs."""
    parts = split_urls(urls)
    # Without a path it is the home page; without a host either, not a URL.
    no_path = pc.if_else(parts["netloc"].is_valid(), "/", "")
    # Many URLs differ only in their query.
    paths = pc.coalesce(parts["path"], no_path).dictionary_encode()
    by_path = _pages(paths.dictionary, patterns)
    asked = {name: array.take(paths.indices) for name, array in by_path.items()}
    return {
        **{f"request_url_{part}": array for part, array in parts.items()},
        **_with_query(asked, pc.fill_null(parts["query"], "")),
    }


def _pages(path: pa.Array, patterns: Sequence[str]) -> dict[str, pa.Array]:
    """Recognise Datasette's pages by distinct paths.

    The format of a data page is empty if the path does not say it.
    """
    found = pc.extract_regex(path, _SEGMENTS)
    part = {
        field.name: pc.fill_null(pc.struct_field(found, field.name), "")
        for field in found.type
    }
    first, second, third = part["first"], part["second"], part["third"]
    no_second = pc.equal(second, "")
    page = pc.case_when(
        pc.make_struct(
            pc.match_substring_regex(path, _STATIC),
            pc.match_substring_regex(path, _INDEX),
            pc.match_substring_regex(path, _INTERNAL),
            pc.or_(pc.equal(first, ""), pc.not_equal(part["rest"], "")),
            pc.equal(part["first_format"], "db"),
            no_second,
            pc.and_(pc.equal(second, "-"), pc.equal(third, "query")),
            pc.equal(second, "-"),
            pc.equal(third, ""),
        ),
        "static",
        "index",
        "internal",
        "other",
        "download",
        "database",
        "query",
        "other",
        "table",
        "row",
    )
    in_database = pc.is_in(page, pa.array(DATA_PAGES))
    in_table = pc.is_in(page, pa.array(["table", "row"]))
    no_data = pc.is_in(page, pa.array(["static", "internal", "other"]))
    # At most one of these is not empty.
    formats = [part[f"{place}_format"] for place in ("first", "second", "third")]
    format_ = pc.binary_join_element_wise(*formats, "")
    database = _names(first, in_database)
    return {
        "page": page,
        "database": database,
        "table": _names(second, in_table),
        "format": pc.if_else(no_data, pa.scalar(None, STRING), format_),
        "is_data_request": (
            _contains_any(patterns, path, page)
            if patterns
            else about_data(page, database)
        ),
    }


def _contains_any(patterns: Sequence[str], path: pa.Array, page: pa.Array) -> pa.Array:
    """Whether a path contains a pattern, and is not that of a page without data."""
    matches = pa.array([False] * len(path), BOOLEAN)
    for pattern in patterns:
        matches = pc.or_(matches, pc.match_substring(path, pattern))
    return pc.and_not(matches, pc.is_in(page, pa.array(["static", "internal"])))


def _with_query(asked: dict[str, pa.Array], query: pa.Array) -> dict[str, pa.Array]:
    """Add what the query says: whether it is SQL, and the format."""
    page, format_ = asked["page"], asked["format"]
    is_sql = pc.match_substring_regex(query, _SQL)
    is_query = pc.and_(pc.equal(page, "database"), is_sql)
    named = pc.struct_field(pc.extract_regex(query, _QUERY_FORMAT), "format")
    is_open = pc.equal(format_, "")
    return asked | {
        "page": pc.if_else(is_query, "query", page),
        "format": pc.if_else(is_open, pc.coalesce(named, "html"), format_),
    }


def _names(segment: pa.Array, applies: pa.Array) -> pa.Array:
    """Decode the segments that are names."""
    names = pc.if_else(applies, segment, pa.scalar(None, STRING))
    return arrow.each_distinct(arrow.empty_as_null(names), _decoded)


def _decoded(segment: str) -> str:
    """Undo %-escapes, and Datasette's own since 0.61: ~2F for a slash, + for a space.

    Both at once, because Datasette redirects ``a%2Fb`` to ``a~2Fb``.
    """
    return unquote_plus(_TILDE_ESCAPE.sub(r"%\1", segment))
