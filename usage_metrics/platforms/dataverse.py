"""Dataverse: views and downloads of datasets, by the rules of Make Data Count."""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

from usage_metrics.dates import ONE_DAY
from usage_metrics.platforms import (
    CUMULATIVE,
    DOI,
    MONTH,
    TOTAL,
    UNIQUE,
    Figure,
    Named,
    Platform,
    Request,
)
from usage_metrics.platforms.shapes import count, member

KINDS = {
    "viewsTotal": ("views", TOTAL),
    "viewsUnique": ("views", UNIQUE),
    "downloadsTotal": ("downloads", TOTAL),
    "downloadsUnique": ("downloads", UNIQUE),
}

NOTHING = "No metrics available"
"""Begins what Dataverse says in place of a figure."""

METRICS = {
    "views": "How often the dataset's page was looked at; unique: once for a visitor "
    "and hour",
    "downloads": "Files of the dataset that were downloaded; unique: once for a "
    "visitor and hour",
    "views_by_month": "Such views in a month",
    "downloads_by_month": "Such downloads in a month",
}


def requests(doi: str, day: dt.date) -> Iterator[Request]:
    """A request for each figure, in all and of this month and the last."""
    this = day.replace(day=1)
    for month in ("", f" {this - ONE_DAY:%Y-%m}", f" {this:%Y-%m}"):
        for kind in KINDS:
            path = f"/api/datasets/:persistentId/makeDataCount/{kind}"
            of = month.replace(" ", "/")
            yield Request(f"{kind}{month}", f"{path}{of}?persistentId=doi:{doi}")


def read(kind: str, pages: Sequence[Any], taken: dt.date) -> Iterator[Figure]:
    """A figure of a dataset; none before anything was counted.

    Raises:
        ReplyError: if the reply says neither.
    """
    field, _, month = kind.partition(" ")
    metric, measure = KINDS[field]
    told = member(pages[0], "data")
    if isinstance(told, dict) and str(told.get("message")).startswith(NOTHING):
        return
    value = count(pages[0], "data", field)
    if month:
        yield Figure(f"{metric}_by_month", value, MONTH, measure, about=month)
    else:
        yield Figure(metric, value, CUMULATIVE, measure)


PLATFORM = Platform(
    name="dataverse",
    title="Dataverse",
    endpoint="https://dataverse.harvard.edu",
    subjects=lambda settings: settings.dois,
    requests=requests,
    read=read,
    metrics=METRICS,
    settled=14 * ONE_DAY,  # its logs are processed some days later
    named=Named("dois", DOI),
    robots="Dataverse counts by Make Data Count, without robots",
)
