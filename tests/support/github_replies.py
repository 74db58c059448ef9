"""What GitHub replies about a repository of which the truth is known."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from platform_server import PlatformServer

ONE_DAY = dt.timedelta(days=1)

Truth = Mapping[dt.date, tuple[int, int]]
"""The number and the uniques of each day."""


def traffic(kind: str, truth: Truth, today: dt.date) -> dict[str, Any]:
    """Views or clones as GitHub tells them: 14 days and half of today, no zeros."""
    window = {today - number * ONE_DAY for number in range(15)}
    days = [
        {
            "timestamp": f"{day}T00:00:00Z",
            "count": (count + 1) // 2 if day == today else count,
            "uniques": uniques,
        }
        for day, (count, uniques) in sorted(truth.items())
        if day in window and count
    ]
    counted = [counts for day, counts in truth.items() if day in window]
    return {
        "count": sum(count for count, _ in counted),
        "uniques": max((uniques for _, uniques in counted), default=0),
        kind: days,
    }


def serve(
    server: PlatformServer,
    today: dt.date,
    views: Truth,
    clones: Truth | None = None,
    name: str = "example/data",
    **fields: Any,
) -> None:
    """Have a server answer as GitHub would on a day."""
    of = f"/repos/{name}"
    repository = {
        "id": 7,
        "full_name": name,
        "owner": {"login": "example", "id": 1},
        "stargazers_count": 30,
        "forks_count": 4,
        "subscribers_count": 5,
        "open_issues_count": 6,
        **fields,
    }
    server.give(of, repository)
    server.give(f"{of}/traffic/views", traffic("views", views, today))
    server.give(f"{of}/traffic/clones", traffic("clones", clones or views, today))
    server.give(
        f"{of}/traffic/popular/referrers",
        [{"referrer": "Google", "count": 92, "uniques": 34}],
    )
    server.give(
        f"{of}/traffic/popular/paths",
        [{"path": f"/{name}", "title": "Data", "count": 197, "uniques": 91}],
    )
    asset = {
        "name": "data.zip",
        "download_count": 12,
        "uploader": {"login": "somebody"},
    }
    release = {"tag_name": "v1", "author": {"login": "somebody"}, "assets": [asset]}
    server.give(f"{of}/releases?per_page=100", [release])
    stars = [
        {"starred_at": f"2021-0{n}-05T12:00:00Z", "user": {"login": "somebody"}}
        for n in (3, 4)
    ]
    server.give(f"{of}/stargazers?per_page=100", stars)
