"""Kaggle: views and downloads of datasets.

The reply had three shapes within a year: below ``info`` or not, once as JSON within
JSON, with names that begin with ``total`` or end with ``Count``. Errors come with the
status 200.
"""

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from typing import Any

from usage_metrics.errors import ReplyError
from usage_metrics.platforms import (
    CUMULATIVE,
    LEVEL,
    OWNER_AND_NAME,
    Figure,
    Login,
    Named,
    Platform,
    Request,
)
from usage_metrics.platforms.shapes import count, member, quoted

FIELDS = {
    "downloads": (CUMULATIVE, "totalDownloads", "downloadCount"),
    "views": (CUMULATIVE, "totalViews", "viewCount"),
    "votes": (LEVEL, "totalVotes", "voteCount"),
}
"""How to read each metric, and the names that its field has had."""

METRICS = {
    "downloads": "Downloads of the dataset since it was published",
    "views": "How often its page was looked at since then",
    "votes": "Accounts that have voted for it",
}


def read(kind: str, pages: Sequence[Any], taken: dt.date) -> Iterator[Figure]:
    """The figures of a dataset.

    Raises:
        ReplyError: with what Kaggle says, if it is an error.
    """
    about = _about(pages[0])
    for metric, (reading, *names) in FIELDS.items():
        field = next((name for name in names if name in about), names[0])
        yield Figure(metric, count(about, field), reading)


def _about(body: Any) -> dict[str, Any]:
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except (ValueError, RecursionError):
            raise ReplyError(f"it is the text {quoted(body)}") from None
    if not isinstance(body, dict):
        raise ReplyError(f"it is {quoted(body)}, not an object")
    if body.get("hasErrorMessage"):
        raise ReplyError(f"it says {quoted(body.get('errorMessage'))}")
    about = member(body, "info") if "info" in body else body
    if not isinstance(about, dict):
        raise ReplyError(f"info is {quoted(about)}, not an object")
    return about


PLATFORM = Platform(
    name="kaggle",
    title="Kaggle",
    endpoint="https://www.kaggle.com",
    subjects=lambda settings: settings.datasets,
    requests=lambda of, _: [Request("dataset", f"/api/v1/datasets/view/{of}")],
    read=read,
    metrics=METRICS,
    named=Named("datasets", OWNER_AND_NAME),
    robots="Kaggle counts, and does not say what it leaves out",
    token="KAGGLE_API_TOKEN",  # noqa: S106  a name, not a token
    login=Login("KAGGLE_USERNAME", "KAGGLE_KEY"),
    pause=1.0,
)
