"""Hugging Face: downloads of datasets in 30 days, and since they were published.

The latter has been seen to fall. Since September 2024, requests for files of a dataset
within five minutes are one download.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

from usage_metrics.platforms import (
    CUMULATIVE,
    LEVEL,
    OWNER_AND_NAME,
    WINDOW,
    Figure,
    Named,
    Platform,
    Request,
)
from usage_metrics.platforms.shapes import count

FIELDS = {
    "downloads": ("downloadsAllTime", CUMULATIVE),
    "downloads_30_days": ("downloads", WINDOW),
    "likes": ("likes", LEVEL),
}

METRICS = {
    "downloads": "Downloads of the dataset since it was published; requests within "
    "five minutes are one",
    "downloads_30_days": "Downloads of the 30 days up to the snapshot",
    "likes": "Accounts that like it",
}

_EXPAND = "&".join(f"expand[]={field}" for field, _ in FIELDS.values())


def read(kind: str, pages: Sequence[Any], taken: dt.date) -> Iterator[Figure]:
    """The figures of a dataset.

    Raises:
        ReplyError: if one is not what it should be.
    """
    for metric, (field, reading) in FIELDS.items():
        yield Figure(metric, count(pages[0], field), reading)


PLATFORM = Platform(
    name="huggingface",
    title="Hugging Face",
    endpoint="https://huggingface.co",
    subjects=lambda settings: settings.datasets,
    requests=lambda of, _: [Request("dataset", f"/api/datasets/{of}?{_EXPAND}")],
    read=read,
    metrics=METRICS,
    named=Named("datasets", OWNER_AND_NAME),
    robots="Hugging Face counts; scripts and robots are in it",
    token="HF_TOKEN",  # noqa: S106  a name, not a token
)
