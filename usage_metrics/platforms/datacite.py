"""DataCite: views and downloads that repositories report for a DOI, and citations."""

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from usage_metrics.dates import ONE_DAY
from usage_metrics.errors import ReplyError
from usage_metrics.platforms import (
    CUMULATIVE,
    DOI,
    LEVEL,
    MONTH,
    YEAR,
    Description,
    Figure,
    Named,
    Platform,
    Request,
)
from usage_metrics.platforms.shapes import (
    count,
    found,
    items,
    member,
    name,
    quoted,
    texts,
)

COUNTED = {"views": "view", "downloads": "download"}

METRICS = {
    "views": "Views that repositories have reported for the DOI, by COUNTER's rules",
    "downloads": "Downloads that they have reported",
    "views_by_month": "Such views in a month",
    "downloads_by_month": "Such downloads in a month",
    "citations": "Publications known to cite the DOI",
    "citations_by_year": "Such publications, by the year in which they were published",
}

_MONTH = re.compile(r"[12][0-9]{3}-(?:0[1-9]|1[0-2])")
_YEAR = re.compile(r"[12][0-9]{3}")


def read(kind: str, pages: Sequence[Any], taken: dt.date) -> Iterator[Figure]:
    """The figures of a DOI.

    Raises:
        ReplyError: if one is not what it should be.
    """
    about = member(pages[0], "data", "attributes")
    yield Figure("citations", count(about, "citationCount"), LEVEL)
    for year, number in _over_time(about, "citations", "year", _YEAR).items():
        yield Figure("citations_by_year", number, YEAR, about=year)
    for metric, word in COUNTED.items():
        yield Figure(metric, count(about, f"{word}Count"), CUMULATIVE)
        for month, number in _over_time(about, metric, "yearMonth", _MONTH).items():
            yield Figure(f"{metric}_by_month", number, MONTH, about=month)


def _over_time(
    about: Any, metric: str, field: str, form: re.Pattern[str]
) -> Counter[str]:
    """The sums of a metric by month or year; none if the reply has none.

    DataCite lists a month once for each report that counts the DOI, and a report
    without a date under no month.
    """
    sums: Counter[str] = Counter()
    name_of_list = f"{metric}OverTime"
    listed = found(about, name_of_list) is not None
    for entry in items(about, name_of_list) if listed else ():
        number = count(entry, "total")
        if member(entry, field) is not None:
            sums[_of(entry, field, form)] += number
    return sums


def _of(entry: Any, field: str, form: re.Pattern[str]) -> str:
    """The month or year of an entry."""
    text = name(entry, field)
    if not form.fullmatch(text):
        raise ReplyError(f"{field} is {quoted(text)}, which is none")
    return text


def describe(pages: Sequence[Any]) -> Iterator[Description]:
    """The title of a DOI, and what belongs to it."""
    about = found(pages[0], "data", "attributes")
    doi = found(about, "doi") or found(pages[0], "data", "id")
    title = found(about, "titles", 0, "title")
    of = texts(about, "relatedIdentifiers", of="relatedIdentifier")
    if isinstance(doi, str):
        yield Description(doi, str(title or doi), doi, of)


PLATFORM = Platform(
    name="datacite",
    title="DataCite",
    endpoint="https://api.datacite.org",
    subjects=lambda settings: settings.dois,
    requests=lambda doi, _: [Request("doi", f"/dois/{quote(doi, safe='')}")],
    read=read,
    metrics=METRICS,
    settled=31 * ONE_DAY,  # a month is reported within four weeks after its end
    describe=describe,
    named=Named("dois", DOI),
    robots="Repositories count by COUNTER's rules, without robots",
)
