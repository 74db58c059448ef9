"""Which pages of a site are about its data."""

import pyarrow as pa
import pyarrow.compute as pc

DATA_PAGES = ("database", "table", "row", "query", "download")
"""The kinds of pages that show or give data."""

_HIDDEN = "^(?:_|:memory:$)"
"""The names of databases that Datasette keeps for itself."""


def about_data(page: pa.Array, database: pa.Array) -> pa.Array:
    """Whether a page, in whatever format, is one of a database for the public."""
    is_hidden = pc.fill_null(pc.match_substring_regex(database, _HIDDEN), True)
    return pc.and_not(pc.is_in(page, pa.array(DATA_PAGES)), is_hidden)
