"""DataCite: views and downloads that repositories report for a DOI, and citations."""

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from usage_metrics.errors import ReplyError
from usage_metrics.platforms import (
    CUMULATIVE,
    DOI,
    LEVEL,
    MONTH,
    Figure,
    Named,
    Platform,
    Request,
)
from usage_metrics.platforms.shapes import count, items, member, name, quoted

COUNTED = {"views": "view", "downloads": "download"}

METRICS = {
    "views": "Views that repositories have reported for the DOI, by COUNTER's rules",
    "downloads": "Downloads that they have reported",
    "views_by_month": "Such views in a month",
    "downloads_by_month": "Such downloads in a month",
    "citations": "Publications known to cite the DOI",
}

_MONTH = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])")


def read(kind: str, pages: Sequence[Any], taken: dt.date) -> Iterator[Figure]:
    """The figures of a DOI.

    Raises:
        ReplyError: if one is not what it should be.
    """
    about = member(pages[0], "data", "attributes")
    yield Figure("citations", count(about, "citationCount"), LEVEL)
    for metric, word in COUNTED.items():
        yield Figure(metric, count(about, f"{word}Count"), CUMULATIVE)
        for entry in items(about, f"{word}sOverTime"):
            month = name(entry, "yearMonth")
            if not _MONTH.fullmatch(month):
                raise ReplyError(f"yearMonth is {quoted(month)}, not a month")
            value = count(entry, "total")
            yield Figure(f"{metric}_by_month", value, MONTH, about=month)


PLATFORM = Platform(
    name="datacite",
    title="DataCite",
    endpoint="https://api.datacite.org",
    subjects=lambda settings: settings.dois,
    requests=lambda doi: [Request("doi", f"/dois/{quote(doi, safe='')}")],
    read=read,
    metrics=METRICS,
    named=Named("dois", DOI),
    robots="Repositories count by COUNTER's rules, without robots",
)
