"""What the paths of a site mean, by the software that answers.

A kind of site is a table of patterns with examples, or a Datasette.
"""

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.cleaning.pages import is_data_page
from usage_metrics.cleaning.urls import split_urls
from usage_metrics.sources import datasette_pages
from usage_metrics.sources.request_log import AskedFor
from usage_metrics.sources.sites.catalogs import CKAN, DATAVERSE
from usage_metrics.sources.sites.data_servers import ERDDAP, THREDDS
from usage_metrics.sources.sites.file_server import FILES, with_hosts
from usage_metrics.sources.sites.page_patterns import Page, pages_of

DATASETTE = "datasette"

TABLES: dict[str, tuple[Page, ...]] = {
    "files": FILES,
    "ckan": CKAN,
    "dataverse": DATAVERSE,
    "erddap": ERDDAP,
    "thredds": THREDDS,
}
"""The pages of each kind of site that is no Datasette."""


def asked_of(site: str, hosts: Sequence[str] = (), base_url: str = "") -> AskedFor:
    """What says of URLs what they ask a site for.

    Args:
        site: its kind: ``datasette``, or one of ``TABLES``.
        hosts: those of the site, if they are named.
        base_url: the path under which the site lies; empty: at the top.
    """
    if site == DATASETTE:
        return lambda urls: datasette_pages.asked_for(urls, (), base_url)

    def asked_for(urls: pa.Array) -> Mapping[str, pa.Array]:
        parts = split_urls(urls)
        path = datasette_pages.below(base_url, pc.fill_null(parts["path"], ""))
        query = pc.binary_join_element_wise("?", pc.fill_null(parts["query"], ""), "")
        has_query = parts["query"].is_valid()
        target = pc.if_else(
            has_query, pc.binary_join_element_wise(path, query, ""), path
        )
        found = pages_of(TABLES[site], target)
        if site == "files":
            found = with_hosts(found, parts["netloc"], hosts)
        found["is_data_request"] = is_data_page(found["page"])
        return {f"request_url_{name}": part for name, part in parts.items()} | found

    return asked_for
