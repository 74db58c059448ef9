"""A site of files in folders: the top folder is the dataset, a file the table."""

from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import STRING, each_distinct, empty_as_null
from usage_metrics.cleaning.urls import split_urls

FILE, FOLDER, OTHER = "file", "folder", "other"

_PATH = r"^/+(?P<top>[^/]+)/+(?P<rest>.*)$"
_FORMAT = r"\.(?P<format>[A-Za-z][A-Za-z0-9]{0,9})(?:\.(?i:gz|bz2|xz|zst|zip))?$"
_PAGES = r"(?i)\.(?:css|js|mjs|map|woff2?|ttf|otf|eot|ico|png|jpe?g|gif|svg|webp|php)$"
"""Files that pages consist of, or that visitors look for on any site."""


def asked_for(urls: pa.Array) -> dict[str, pa.Array]:
    """The columns that follow from distinct URLs."""
    parts = split_urls(urls)
    path = pc.coalesce(parts["path"], pa.scalar("", STRING))
    found = pc.extract_regex(path, _PATH)
    top, rest = (
        empty_as_null(pc.struct_field(found, name)) for name in ("top", "rest")
    )
    is_file = pc.and_not(rest.is_valid(), pc.ends_with(path, "/"))
    is_file = pc.and_not(is_file, pc.match_substring_regex(path, _PAGES))
    is_folder = pc.and_(top.is_valid(), pc.ends_with(path, "/"))
    page = pc.case_when(pc.make_struct(is_file, is_folder), FILE, FOLDER, OTHER)
    inside = pc.or_(is_file, is_folder)
    format_ = pc.struct_field(pc.extract_regex(path, _FORMAT), "format")
    nothing = pa.scalar(None, STRING)
    return {
        **{f"request_url_{name}": part for name, part in parts.items()},
        "database": each_distinct(pc.if_else(inside, top, nothing), unquote),
        "table": each_distinct(pc.if_else(is_file, rest, nothing), unquote),
        "format": pc.if_else(is_file, pc.utf8_lower(format_), nothing),
        "page": page,
        "is_data_request": is_file,
    }
