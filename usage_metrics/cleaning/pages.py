"""Which pages of a site are about its data."""

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.cleaning.objects import COPY, OBJECT, WEBSITE

METADATA = "metadata"
"""A dataset's description for machines."""

DATA_PAGES = (
    *("database", "table", "row", "query", "download"),
    *("dataset", "file", METADATA),
    *(OBJECT, COPY, WEBSITE),
)
"""The kinds of pages that show, describe or give data, of a site or of a bucket."""

_HIDDEN = "^(?:_|:memory:$)"
"""The names of databases that Datasette keeps for itself."""


def about_data(page: pa.Array, database: pa.Array) -> pa.Array:
    """Whether a page, in whatever format, is one of a database for the public."""
    return pc.and_(is_data_page(page), is_public(database))


def is_data_page(page: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Whether a page is of a kind that shows or gives data."""
    return pc.is_in(page, pa.array(DATA_PAGES))


def is_public(database: pa.Array) -> pa.Array:
    """Whether a name is that of a database for the public; a null is not."""
    return pc.invert(pc.fill_null(pc.match_substring_regex(database, _HIDDEN), True))
