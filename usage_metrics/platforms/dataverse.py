"""Dataverse: views and downloads of datasets, by the rules of Make Data Count."""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

from usage_metrics.platforms import (
    CUMULATIVE,
    DOI,
    TOTAL,
    UNIQUE,
    Figure,
    Named,
    Platform,
    Request,
)
from usage_metrics.platforms.shapes import count

KINDS = {
    "viewsTotal": ("views", TOTAL),
    "viewsUnique": ("views", UNIQUE),
    "downloadsTotal": ("downloads", TOTAL),
    "downloadsUnique": ("downloads", UNIQUE),
}

METRICS = {
    "views": "How often the dataset's page was looked at; unique: once for a visitor "
    "and hour",
    "downloads": "Files of the dataset that were downloaded; unique: once for a "
    "visitor and hour",
}


def requests(doi: str) -> Iterator[Request]:
    """A request for each figure."""
    for kind in KINDS:
        path = f"/api/datasets/:persistentId/makeDataCount/{kind}"
        yield Request(kind, f"{path}?persistentId=doi:{doi}")


def read(kind: str, pages: Sequence[Any], taken: dt.date) -> Iterator[Figure]:
    """A figure of a dataset.

    Raises:
        ReplyError: if it is not there, as before anything was counted.
    """
    metric, measure = KINDS[kind]
    yield Figure(metric, count(pages[0], "data", kind), CUMULATIVE, measure)


PLATFORM = Platform(
    name="dataverse",
    title="Dataverse",
    endpoint="https://dataverse.harvard.edu",
    subjects=lambda settings: settings.dois,
    requests=requests,
    read=read,
    metrics=METRICS,
    named=Named("dois", DOI),
    robots="Dataverse counts by Make Data Count, without robots",
)
