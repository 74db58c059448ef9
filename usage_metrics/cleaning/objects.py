"""What is asked of a bucket: kinds of operations, and formats of objects."""

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import empty_as_null

OBJECT, HEAD, LIST, COPY, OTHER = "object", "head", "list", "copy", "other"
WEBSITE = "website"
"""Kinds of operations, as in the column ``page``: an object is read; only what is known
of it; a bucket is listed; an object is copied within the cloud; the rest."""

_NOT_FOUND = 404

_FORMAT = r"^.+?\.(?P<format>[A-Za-z][A-Za-z0-9]{0,9})(?:\.(?i:gz|bz2|xz|zst))?$"
"""The ending of a name, without that of its compression."""


def formats(names: pa.Array) -> pa.Array:
    """The format of each object, by the ending of its name; null without one."""
    last = pc.replace_substring_regex(names, "^.*/", "")
    found = pc.struct_field(pc.extract_regex(last, _FORMAT), [0])
    return empty_as_null(pc.utf8_lower(found))


def are_read(pages: pa.Array, status: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Whether each request is for the content of an object, which is there."""
    reads = pc.is_in(pages, pa.array((OBJECT, COPY)))
    return pc.and_not(reads, pc.fill_null(pc.equal(status, _NOT_FOUND), False))
