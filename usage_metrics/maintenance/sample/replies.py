"""What platforms replied about the sample's datasets on each day, in their own shapes.

GitHub tells the last fortnight. Here only the last snapshot has that, so that the page
begins where the logs do.
"""

import datetime as dt
import json
import math
from collections.abc import Callable, Iterator
from typing import Any

from usage_metrics.maintenance.sample.days import Sample
from usage_metrics.platforms import Reply, get_platform
from usage_metrics.platforms.zenodo import CONCEPT

STANDS_STILL = range(9, 12)
"""The days on which Zenodo's downloads stand still, as they do."""

Bodies = Iterator[tuple[str, str, Any]]
"""Subject, kind and what is replied."""


def of(platform: str, sample: Sample, date: dt.date) -> list[Reply]:
    """All replies of a platform on a day."""
    moment = dt.datetime.combine(date, dt.time(4, 15), dt.UTC)
    endpoint = get_platform(platform).endpoint
    return [
        Reply(
            *(
                moment,
                subject,
                kind,
                f"{endpoint}{_path(platform, subject, kind, date)}",
            ),
            *(200, None, json.dumps(body, separators=(",", ":")), True),
        )
        for subject, kind, body in _REPLIES[platform](
            sample, (date - sample.start).days
        )
    ]


def _path(platform: str, subject: str, kind: str, date: dt.date) -> str:
    """What is asked for."""
    requests = get_platform(platform).requests(subject, date)
    return next(request.path for request in requests if request.kind == kind)


def _added(usual: float, day: int, of: int = 0) -> int:
    """What a day adds: more in the week than at its end, and slowly growing."""
    wave = 1 + 0.4 * math.sin((day + of) / 7 * 2 * math.pi)
    return round(usual * wave * (1 + day / 40))


def _total(usual: float, day: int, begins: int, still: range = range(0)) -> int:
    """A running total, which may stand still and then catch up."""
    until = still.start if day in still else day
    return begins + sum(_added(usual, number) for number in range(until + 1))


def _github(sample: Sample, day: int) -> Bodies:
    for of, (subject, usual) in enumerate(
        {"example/pudl": 40, "example/ferc1": 9}.items()
    ):
        about = {"id": 1_000 + of, "full_name": subject}
        levels = {
            "stargazers_count": _total(usual / 40, day, 12 * usual),
            "forks_count": 3 * usual,
            "subscribers_count": usual // 2,
            "open_issues_count": usual // 3,
        }
        yield subject, "repository", about | levels
        asset = {"name": "data.zip", "download_count": _total(usual / 3, day, 500)}
        yield subject, "releases", [{"tag_name": "v2026.2.0", "assets": [asset]}]
        if day != sample.days - 1:
            continue
        for kind, share in (("views", 1.0), ("clones", 0.4)):
            days: list[dict[str, Any]] = [
                {
                    "timestamp": f"{sample.start + dt.timedelta(n)}T00:00:00Z",
                    "count": _added(share * usual, n, of),
                    "uniques": _added(share * usual / 3, n, of),
                }
                for n in range(sample.days)
            ]
            sums = {
                key: sum(each[key] for each in days) for key in ("count", "uniques")
            }
            yield subject, kind, {**sums, kind: days}


def _zenodo(sample: Sample, day: int) -> Bodies:
    for concept, title, usual in (
        ("1001", "Public utility data", 21),
        ("2001", "FERC Form 1", 8),
    ):
        counts = {
            "downloads": _total(usual, day, 4_210, STANDS_STILL),
            "views": _total(2.5 * usual, day, 9_320),
        }
        stats = {
            f"{prefix}{unique}{name}": round(value * (0.8 if unique else 1))
            for name, value in counts.items()
            for prefix in ("", "version_")
            for unique in ("", "unique_")
        }
        hit = {
            "id": int(concept) + 1,
            "conceptrecid": concept,
            "conceptdoi": f"10.5072/zenodo.{concept}",
            "metadata": {"title": title},
            "stats": stats,
        }
        hits = {"hits": [hit], "total": 1}
        yield f"{CONCEPT}{concept}", "versions", {"hits": hits}


def _kaggle(sample: Sample, day: int) -> Bodies:
    counts = {
        "totalDownloads": _total(6, day, 1_804),
        "totalViews": _total(31, day, 15_022),
        "totalVotes": _total(0.4, day, 57),
    }
    yield "example/pudl", "dataset", {"info": counts, "hasErrorMessage": False}


def _huggingface(sample: Sample, day: int) -> Bodies:
    for subject, usual in (("example/pudl", 12), ("example/emissions", 26)):
        counts = {
            "downloads": 30 * usual,
            "downloadsAllTime": _total(usual, day, 300 * usual),
            "likes": _total(usual / 40, day, usual),
        }
        yield subject, "dataset", {"id": subject, **counts}


def _pypi(sample: Sample, day: int) -> Bodies:
    rows = [
        {
            "category": category,
            "date": str(sample.start + dt.timedelta(number)),
            "downloads": _added(usual, number),
        }
        for category, usual in (("with_mirrors", 170), ("without_mirrors", 120))
        for number in range(day)
    ]
    yield "example-pudl", "overall", {"data": rows, "type": "overall_downloads"}


def _datacite(sample: Sample, day: int) -> Bodies:
    for of, doi in enumerate(("10.5072/zenodo.1001", "10.5072/zenodo.2001")):
        about = {
            "citationCount": 14 - 9 * of + (day >= 6) + (day >= 12),
            "viewCount": _total(4 - of, day, 810),
            "downloadCount": _total(2 - of, day, 322),
            "citationsOverTime": [{"year": "2025", "total": 14 - 9 * of}],
            "viewsOverTime": [],
            "downloadsOverTime": [],
        }
        yield doi, "doi", {"data": {"id": doi, "attributes": about}}


def _dataverse(sample: Sample, day: int) -> Bodies:
    counts = {
        "viewsTotal": _total(17, day, 2_310),
        "viewsUnique": _total(11, day, 1_480),
        "downloadsTotal": _total(7, day, 940),
        "downloadsUnique": _total(5, day, 610),
    }
    for kind, value in counts.items():
        yield "10.5072/DVN/EXAMPL", kind, {"status": "OK", "data": {kind: value}}


_REPLIES: dict[str, Callable[[Sample, int], Bodies]] = {
    "github": _github,
    "zenodo": _zenodo,
    "kaggle": _kaggle,
    "huggingface": _huggingface,
    "pypi": _pypi,
    "datacite": _datacite,
    "dataverse": _dataverse,
}
