"""What a request to a Datasette site asked for, read from its URL.

The path says it, as Datasette's own router reads it: ``/database``,
``/database/table`` and ``/database/table/row``, each also in a format, with an
extension: ``.json``, ``.csv`` or one of a plugin; ``/database.db`` to download a whole
database; ``/database?sql=…`` or, since 1.0, ``/database/-/query?sql=…``. All other
pages under ``/-/`` are about the site or, below a database, a table or a row, about
that: metadata, forms, what a form asks for at each keystroke.

What a path alone does not show is decided so:

* A last segment that ends in a dot and letters or digits has a format: since 0.61,
  Datasette writes the dot in the name of a table or row as ``~2E``. A table of an older
  site is known with its dot where more follows: ``/database/my.table.json`` or
  ``/database/my.table/1``.
* A database's name that ends in a hyphen and seven hexadecimal digits ends in the hash
  that Datasette up to 0.60 and the plugin datasette-hashed-urls put there.
* Files such as websites have, style sheets or ``/robots.txt``, are no pages of data.
"""

import re
from collections.abc import Callable, Sequence
from urllib.parse import unquote_plus

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics import arrow
from usage_metrics.arrow import BOOLEAN, STRING, column
from usage_metrics.cleaning.pages import about_data
from usage_metrics.cleaning.urls import split_urls
from usage_metrics.sources.request_log import URL

PAGE = [
    *URL,
    column(
        "database",
        STRING,
        "The Datasette database that the page is of, decoded and without a hash",
    ),
    column(
        "table",
        STRING,
        "The table, view or stored query that the page is of, decoded",
    ),
    column(
        "format",
        STRING,
        "The format asked for: html, json, csv, db, …; null if not a data page",
    ),
    column(
        "page",
        STRING,
        "Kind of page: index, database, table, row, query, download, static, internal "
        "(under /-/: about the site, a database, a table or a row) or other",
    ),
    column(
        "is_data_request",
        BOOLEAN,
        "Whether it asks for a database, table, row, query or download, in any format, "
        "and was not answered 404; with [datasette] data_request_patterns, whether the "
        "path contains one of them and is neither static nor internal",
    ),
]

# Any extension is a format: which there are depends on the site's plugins.
_SEGMENTS = (
    r"^/(?P<first>[^/.]*)(?:\.(?P<first_format>\w+)"
    r"|/(?P<second>[^/.][^/]*?)(?:\.(?P<second_format>\w+)"
    r"|/(?P<third>[^/]+?)(?:\.(?P<third_format>\w+)"
    r"|(?P<rest>/+[^/].*))?)?)?/*$"
)
_HASH = re.compile(r"(?<=.)-[0-9a-f]{7}\Z")
_SQL = r"(?:^|&)sql=[^&]"
# Since 0.61 Datasette puts this into some links but no longer reads it.
_QUERY_FORMAT = (
    r"(?:^|&)_format=(?P<format>json|jsono|csv|tsv|blob|db|geojson|atom|ics|yaml"
    r"|Notebook)(?:&|$)"
)
_STATIC = r"^/(?:-/)?static(?:-plugins)?/"
_FILES_OF_PAGES = (
    *("css", "js", "mjs", "map", "woff", "woff2", "ttf", "otf", "eot"),
    *("ico", "png", "jpg", "jpeg", "gif", "svg", "webp"),
)
"""Extensions of what pages consist of, in any folder that the site mounts."""
_FILES_OF_SITES = ("txt", "xml", "webmanifest", "php", "asp", "aspx", "jsp", "cgi")
"""Extensions of what visitors look for at the top of any site."""
_INDEX = r"^/(?:-/)?(?:\.jsono?)?$"
_OF_SITE = r"^/-(?:[/.]|$)"

_TILDE_ESCAPE = re.compile("~([0-9A-Fa-f]{2})")


def asked_for(
    urls: pa.Array, patterns: Sequence[str], base_url: str = ""
) -> dict[str, pa.Array]:
    """The derived columns of distinct URLs.

    Args:
        urls: distinct; null for an entry without one.
        patterns: texts in the paths of data requests.
        base_url: the path under which the site lies, such as ``/data/``.
    """
    parts = split_urls(urls)
    # Without a path it is the home page; without a host either, not a URL.
    no_path = pc.if_else(parts["netloc"].is_valid(), "/", "")
    # Many URLs differ only in their query.
    paths = pc.coalesce(parts["path"], no_path).dictionary_encode()
    by_path = _pages(below(base_url, paths.dictionary))
    by_path["is_data_request"] = (
        _contains_any(patterns, paths.dictionary, by_path["page"])
        if patterns
        else about_data(by_path["page"], by_path["database"])
    )
    asked = {name: array.take(paths.indices) for name, array in by_path.items()}
    return {
        **{f"request_url_{part}": array for part, array in parts.items()},
        **_with_query(asked, pc.fill_null(parts["query"], "")),
    }


def base_url_of(paths: pa.Array) -> str:
    """The path under which a site lies, by where it has Datasette's own style sheets.

    Args:
        paths: of many requests, each as often as it was requested.

    Returns:
        A value for the setting ``base_url``: ``/`` unless most say otherwise.
    """
    found = pc.extract_regex(paths, r"^(?P<base>/(?:.*?/)?)-/static/")
    counts = pc.struct_field(found, "base").drop_null().value_counts().to_pylist()
    most = max(counts, key=lambda one: (one["counts"], one["values"]), default=None)
    return most["values"] if most else "/"


def below(base_url: str, path: pa.Array) -> pa.Array:
    """Paths as Datasette sees them: without its base URL, if they have it."""
    base = f"/{base_url.strip('/')}"
    if base == "/":
        return path
    rest = pc.utf8_slice_codeunits(path, len(base))
    has_it = pc.or_(pc.equal(path, base), pc.starts_with(path, f"{base}/"))
    return pc.if_else(has_it, pc.if_else(pc.equal(rest, ""), "/", rest), path)


def _pages(path: pa.Array) -> dict[str, pa.Array]:
    """Recognise Datasette's pages by distinct paths.

    The format of a data page is empty if the path does not say it.
    """
    found = pc.extract_regex(path, _SEGMENTS)
    part = {
        field.name: pc.fill_null(pc.struct_field(found, field.name), "")
        for field in found.type
    }
    # At most one of these is not empty.
    formats = [part[f"{place}_format"] for place in ("first", "second", "third")]
    format_ = pc.binary_join_element_wise(*formats, "")
    page = _kinds(path, part, format_)
    no_data = pc.is_in(page, pa.array(["static", "internal", "other"]))
    about_site = pc.is_in(page, pa.array(["index", "static", "other"]))
    in_database = pc.and_not(pc.invert(about_site), pc.equal(part["first"], "-"))
    no_table = pc.is_in(part["second"], pa.array(["", "-"]))
    return {
        "page": page,
        "database": _names(part["first"], in_database, _database),
        "table": _names(part["second"], pc.and_not(in_database, no_table), _decoded),
        "format": pc.if_else(no_data, pa.scalar(None, STRING), format_),
    }


def _kinds(path: pa.Array, part: dict[str, pa.Array], format_: pa.Array) -> pa.Array:
    """The kind of page of each path."""
    is_file = pc.is_in(pc.ascii_lower(format_), pa.array(_FILES_OF_PAGES))
    is_top = pc.is_in(pc.ascii_lower(part["first_format"]), pa.array(_FILES_OF_SITES))
    second, third, rest = part["second"], part["third"], part["rest"]
    ends_there = pc.equal(rest, "")
    is_query = pc.and_(pc.equal(second, "-"), pc.equal(third, "query"))
    # /database/table/-/… or /database/table/row/-/…; /database/table/- is a row.
    below_table = pc.and_not(pc.equal(third, "-"), ends_there)
    below_row = pc.match_substring_regex(rest, r"^/-(?:/|$)")
    return pc.case_when(
        pc.make_struct(
            pc.or_(pc.match_substring_regex(path, _STATIC), is_file),
            pc.match_substring_regex(path, _INDEX),
            pc.match_substring_regex(path, _OF_SITE),
            pc.equal(part["first"], ""),
            is_top,
            pc.equal(part["first_format"], "db"),
            pc.equal(second, ""),
            pc.and_(is_query, ends_there),
            pc.or_(pc.equal(second, "-"), pc.or_(below_table, below_row)),
            pc.invert(ends_there),
            pc.equal(third, ""),
        ),
        "static",
        "index",
        "internal",
        "other",
        "other",
        "download",
        "database",
        "query",
        "internal",
        "other",
        "table",
        "row",
    )


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


def _names(
    segment: pa.Array, applies: pa.Array, decoded: Callable[[str], str]
) -> pa.Array:
    """Decode the segments that are names."""
    names = pc.if_else(applies, segment, pa.scalar(None, STRING))
    return arrow.each_distinct(arrow.empty_as_null(names), decoded)


def _database(segment: str) -> str:
    """The name of a database, without the hash that may stand behind it."""
    return _decoded(_HASH.sub("", segment))


def _decoded(segment: str) -> str:
    """Undo %-escapes, and Datasette's own since 0.61: ~2F for a slash, + for a space.

    Both at once, because Datasette redirects ``a%2Fb`` to ``a~2Fb``.
    """
    return unquote_plus(_TILDE_ESCAPE.sub(r"%\1", segment))
