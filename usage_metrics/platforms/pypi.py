"""PyPI: downloads of packages by day, of the last 180 days, from pypistats.org."""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

from usage_metrics.dates import ONE_DAY
from usage_metrics.platforms import (
    DAY,
    ID,
    Figure,
    Named,
    Platform,
    Request,
)
from usage_metrics.platforms.shapes import count, day_in, items, name

CATEGORIES = {
    "without_mirrors": "downloads",
    "with_mirrors": "downloads_with_mirrors",
}

MOST_DAYS = 366
"""It tells of 180 days before the snapshot; more would do no harm."""

METRICS = {
    "downloads": "Downloads of the package on a day, without mirrors; most are made by "
    "machines, such as automatic tests",
    "downloads_with_mirrors": "The same with those of mirrors",
}


def read(kind: str, pages: Sequence[Any], taken: dt.date) -> Iterator[Figure]:
    """The figures of each day.

    Raises:
        ReplyError: if one is not what it should be.
    """
    for row in items(pages[0], "data"):
        if metric := CATEGORIES.get(name(row, "category")):
            day = day_in(row, "date", taken=taken, back=MOST_DAYS).isoformat()
            yield Figure(metric, count(row, "downloads"), DAY, about=day)


PLATFORM = Platform(
    name="pypi",
    title="PyPI",
    endpoint="https://pypistats.org",
    subjects=lambda settings: settings.packages,
    requests=lambda of, _: [Request("overall", f"/api/packages/{of}/overall")],
    read=read,
    metrics=METRICS,
    named=Named("packages", ID),
    robots="PyPI counts, without mirrors; automatic tests are in it",
    pause=1.0,
    retention=180 * ONE_DAY,
    settled=2 * ONE_DAY,
)
