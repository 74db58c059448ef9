"""What a URL of a Datasette site asks for; Datasette itself is the witness."""

import asyncio
import re
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pytest
from datasette.app import Datasette
from datasette.utils import resolve_routes, tilde_decode, tilde_encode
from hypothesis import given
from hypothesis import strategies as st

from usage_metrics.sources.datasette_pages import asked_for, base_url_of

SITE = "https://data.example.org"
TABLES = ("plants", "plants.v2", "a/b c", "Café")


def page_of(path: str, base_url: str = "") -> tuple[str, str | None, str | None]:
    """The page, database and table that a path is said to ask for."""
    asked = asked_for(pa.array([SITE + path]), [], base_url)
    page, database, table = (asked[n][0].as_py() for n in ("page", "database", "table"))
    return page, database, table


# --- as Datasette answers ----------------------------------------------------------


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Datasette]:
    """A Datasette with a small database."""
    file = tmp_path_factory.mktemp("site") / "pudl.db"
    with sqlite3.connect(file) as database:
        for table in TABLES:
            database.execute(f'CREATE TABLE "{table}" (id TEXT PRIMARY KEY)')
            database.executemany(
                f'INSERT INTO "{table}" VALUES (?)', [("1",), ("-",), ("1.5",)]
            )
    database.close()
    datasette = Datasette(files=[str(file)])
    yield datasette
    datasette.get_database("pudl").close()


def shown(site: Datasette, path: str) -> str | None:
    """The kind of page that Datasette shows; None if it shows an error."""
    response = asyncio.run(site.client.get(path))
    body = re.search(r'<body class="(\S+) db-pudl', response.text)
    return {"db": "database"}.get(body[1], body[1]) if body else None


@pytest.mark.parametrize("table", [*map(tilde_encode, TABLES), "nowhere"])
@pytest.mark.parametrize("row", ["", "/1", "/-", "/1~2E5"])
@pytest.mark.parametrize("extension", ["", ".html", ".xyz", ".v2"])
def test_a_table_is_the_one_that_datasette_shows(
    site: Datasette, table: str, row: str, extension: str
) -> None:
    path = f"/pudl/{table}{row}{extension}"
    kind = "row" if row else "table"
    assert shown(site, path) == (None if table == "nowhere" else kind)
    assert page_of(path) == (kind, "pudl", tilde_decode(table))


@pytest.mark.parametrize("extension", ["", ".html", ".xyz", ".v2"])
@pytest.mark.parametrize("query", ["", "?sql=select+1"])
def test_a_database_is_the_one_that_datasette_shows(
    site: Datasette, extension: str, query: str
) -> None:
    path = f"/pudl{extension}{query}"
    assert page_of(path) == (shown(site, path), "pudl", None)


PIECES = st.lists(
    st.sampled_from(["/", "pudl", "-", "query", ".", "json", "x-1", "~2E", "a+b", "_"]),
    max_size=9,
)
VIEWS = {
    "IndexView": "index",
    "DatabaseDownload": "download",
    "DatabaseView": "database",
    "TableView": "table",
    "RowView": "row",
}


@given(PIECES)
def test_any_path_is_the_page_that_datasettes_router_finds(
    site: Datasette, pieces: Sequence[str]
) -> None:
    path = "/" + "".join(pieces)
    match, view = resolve_routes(site._routes(), path)
    if match is None or "/-" in path or "/." in path:
        return  # no page, or none that people ask for
    found: dict[str, Any] = match.groupdict()
    names = [
        None if found.get(name) is None else tilde_decode(found[name])
        for name in ("database", "table")
    ]
    assert page_of(path) == (VIEWS[view.__name__], *names)


# --- where the site lies -----------------------------------------------------------


@pytest.mark.parametrize("base_url", ["/data/", "/data", "data"])
@pytest.mark.parametrize(
    ("path", "page", "database", "table"),
    [
        ("/data/", "index", None, None),
        ("/data", "index", None, None),
        ("/data/pudl", "database", "pudl", None),
        ("/data/pudl/plants.json", "table", "pudl", "plants"),
        ("/data/-/versions", "internal", None, None),
        ("/data/-/static/app.css", "static", None, None),
        ("/data/data/plants", "table", "data", "plants"),
        # As Datasette does: a proxy may have taken the base away.
        ("/pudl/plants", "table", "pudl", "plants"),
        ("/database/plants", "table", "database", "plants"),
    ],
)
def test_a_site_may_lie_under_a_path(
    base_url: str, path: str, page: str, database: str | None, table: str | None
) -> None:
    assert page_of(path, base_url) == (page, database, table)


def test_the_path_in_the_log_stays_as_it_was() -> None:
    asked = asked_for(pa.array([f"{SITE}/data/pudl"]), [], "/data/")
    assert asked["request_url_path"].to_pylist() == ["/data/pudl"]


@pytest.mark.parametrize(
    ("paths", "base_url"),
    [
        (["/data/-/static/app.css", "/data/pudl"], "/data/"),
        (["/a/b/-/static/app.css", "/a/b/-/static/table.js?x"], "/a/b/"),
        (["/-/static/app.css", "/-/static/app.css", "/x/-/static/app.css"], "/"),
        (["/x/-/static/-/static/app.css"], "/x/"),
        (["/pudl/plants", "/static/app.css", None], "/"),
        ([], "/"),
    ],
)
def test_the_style_sheets_show_under_which_path_a_site_lies(
    paths: list[str | None], base_url: str
) -> None:
    assert base_url_of(pa.array(paths, pa.string())) == base_url
