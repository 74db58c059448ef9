"""A site of files in folders, as nginx or Apache serve them."""

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import STRING
from usage_metrics.sources.sites.page_patterns import EXTENSION, OF_ANY_SITE, Page

_AT_THE_TOP = "website"
"""The database of files in no folder, where the host is not known."""

FILES = (
    *OF_ANY_SITE[:1],
    Page("index", r"^/(?:index\.html?)?(?:$|\?)", "/?lang=en"),
    Page(
        "folder",
        r"^/(?P<database>[^/?]+)/(?P<table>[^?]*/)?(?:$|\?)",
        "/census/2020/",
        "census 2020/ html",
        "html",
    ),
    Page("page", r"(?i)^/(?:[^?]*/)?[^/?]*\.x?html?(?:$|\?)", "/about/us.html"),
    Page(
        "static",
        r"(?i)\.(?:css|js|mjs|map|woff2?|ttf|otf|eot|ico|svg)(?:$|\?)",
        "/theme/site.css",
    ),
    Page("other", r"(?i)^/(?:favicon|apple-touch-icon|logo)[^/]*$", "/favicon.png"),
    Page(
        "file",
        rf"^/(?P<database>[^/?]+)/(?P<table>[^?]*?{EXTENSION})(?:$|\?)",
        "/census/2020/Age%20groups.csv.gz",
        "census 2020/Age_groups.csv.gz csv",
    ),
    Page(
        "file",
        rf"^/(?P<table>[^/?]+?{EXTENSION})(?:$|\?)",
        "/all.zip",
        "- all.zip zip",
    ),
    Page(
        "file",
        r"^/(?P<database>[^/?]+)/(?P<table>[^?]+)(?:$|\?)",
        "/census/README",
        "census README -",
    ),
)
"""A folder with files, as nginx or Apache serve it: each top folder is a dataset."""


def with_hosts(
    found: Mapping[str, pa.Array], netloc: pa.Array, hosts: Sequence[str]
) -> dict[str, pa.Array]:
    """What was found, with the host in the names of databases.

    Args:
        found: by the table ``FILES``.
        netloc: the host of each URL, if it is known.
        hosts: those of the site, if they are named. Of a single one, each top folder
            is a database; of several, the host and the folder.
    """
    host = pc.replace_substring_regex(pc.utf8_lower(netloc), r":[0-9]*$", "")
    folder = found["database"]
    if len(hosts) != 1:
        within = pc.binary_join_element_wise(host, folder, "/")
        folder = pc.coalesce(within, folder)
    is_file = pc.equal(found["page"], "file")
    top = pc.if_else(is_file, pc.coalesce(host, _AT_THE_TOP), pa.scalar(None, STRING))
    return dict(found) | {"database": pc.coalesce(folder, top)}
