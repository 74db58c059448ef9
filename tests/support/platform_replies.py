"""What each platform replies about a dataset, in the shape of its real replies."""

import datetime as dt
from collections.abc import Callable
from typing import Any, NamedTuple

from github_replies import serve
from platform_server import PlatformServer

FIRST = dt.date(2026, 3, 2)
ONE_DAY = dt.timedelta(days=1)

Serve = Callable[[PlatformServer, int], None]
"""Has a server answer as on a day, by its number."""


class Played(NamedTuple):
    """A platform that a server plays."""

    serve: Serve
    section: dict[str, str]
    """Its section of luigi.cfg."""
    path: str
    """The part on which tests try what can go wrong; it tells of ``metric``."""
    metric: str
    replies: int
    """The requests of a snapshot."""
    error: Any
    """An error that comes as a success …"""
    says: Any
    """… and what it says."""


def day_of(number: int) -> dt.date:
    """A day, by its number."""
    return FIRST + number * ONE_DAY


def github(server: PlatformServer, number: int) -> None:
    """Ten views a day, and the number of the day."""
    truth = {day_of(n): (10 + n % 30, 3) for n in range(-20, number + 1)}
    serve(server, day_of(number), truth)


def zenodo(server: PlatformServer, number: int) -> None:
    """A record of two versions, and a community of it and another record."""
    record = [version(1003, 1001, 30 + number, number), version(1002, 1001, 70, number)]
    answer(server, ZENODO, record)
    answer(server, COMMUNITY, [*record, version(2002, 2001, 5, number)])


def version(id_: int, concept: int, downloads: int, number: int) -> dict[str, Any]:
    """A version of a record as Zenodo tells it; what counts all versions is 100."""
    of_all = {"downloads": 100 + 3 * number, "views": 400 + 7 * number}
    of_this = {"downloads": downloads, "views": downloads}
    counts = {
        f"{prefix}{unique}{metric}": float(value)
        for prefix, values in (("", of_all), ("version_", of_this))
        for metric, value in values.items()
        for unique in ("", "unique_")
    }
    return {
        "created": "2025-01-10T09:00:00.000000+00:00",
        "id": id_,
        "conceptrecid": str(concept),
        "doi": f"10.5281/zenodo.{id_}",
        "conceptdoi": f"10.5281/zenodo.{concept}",
        "metadata": {"title": "Example data", "creators": [{"name": "Example"}]},
        "owners": [{"id": "1"}],
        "files": [{"key": "data.zip", "size": 1_000}],
        "stats": counts,
        "swh": {},
    }


def answer(server: PlatformServer, path: str, hits: list[dict[str, Any]]) -> None:
    """Answer a search as InvenioRDM does, 25 hits a page."""
    for start in range(0, len(hits), 25):
        page, following = (
            path.replace("page=1&", f"page={n}&")
            for n in (start // 25 + 1, start // 25 + 2)
        )
        links = {"self": f"{server.url}{page}"}
        if start + 25 < len(hits):
            links["next"] = f"{server.url}{following}"
        body = {"hits": hits[start : start + 25], "total": len(hits)}
        server.give(page, {"hits": body, "aggregations": {}, "links": links})


def kaggle(server: PlatformServer, number: int) -> None:
    """A dataset with its files."""
    about = {
        "datasetId": 1234567,
        "ownerUser": "example",
        "usabilityRating": 0.94,
        "totalViews": 400 + 7 * number,
        "totalVotes": 31,
        "totalDownloads": 100 + 3 * number,
        "title": "Example data",
        "licenses": [{"name": "CC-BY-4.0", "hasName": True}],
        "data": [],
    }
    body = {"info": about, "errorMessage": "", "hasErrorMessage": False}
    server.give(KAGGLE, body)


def huggingface(server: PlatformServer, number: int) -> None:
    """A dataset with the fields that are asked for."""
    body = {
        "_id": "6",
        "id": "example/data",
        "downloads": 412,
        "downloadsAllTime": 100 + 3 * number,
        "likes": 12,
    }
    server.give(HUGGINGFACE, body)


def pypi(server: PlatformServer, number: int) -> None:
    """A package downloaded three times a day, and four times by mirrors."""
    rows = [
        {"category": category, "date": str(day_of(n)), "downloads": downloads}
        for category, downloads in (("with_mirrors", 7), ("without_mirrors", 3))
        for n in range(number - 180, number)
    ]
    body = {"data": rows, "package": "example", "type": "overall_downloads"}
    server.give(PYPI, body)


def datacite(server: PlatformServer, number: int) -> None:
    """A DOI that was viewed in two months."""
    about = {
        "doi": "10.5281/zenodo.1002",
        "viewCount": 210 + number,
        "viewsOverTime": [
            {"yearMonth": "2026-01", "total": 110},
            {"yearMonth": "2026-02", "total": 100 + number},
        ],
        "downloadCount": 100 + 3 * number,
        "downloadsOverTime": [{"yearMonth": "2026-02", "total": 100 + 3 * number}],
        "citationCount": 2,
        "citationsOverTime": [{"year": "2025", "total": 2}],
    }
    body = {"id": "10.5281/zenodo.1002", "type": "dois", "attributes": about}
    server.give(DATACITE, {"data": body})


def dataverse(server: PlatformServer, number: int) -> None:
    """Each figure is a reply of its own."""
    for kind in ("viewsTotal", "viewsUnique", "downloadsTotal", "downloadsUnique"):
        body = {"status": "OK", "data": {kind: 100 + 3 * number}}
        server.give(DATAVERSE.format(kind), body)
        for month in ("2026-02", "2026-03"):
            nothing = f"No metrics available for dataset 42 for {month}."
            body = {"status": "OK", "data": {"message": nothing}}
            server.give(DATAVERSE.format(f"{kind}/{month}"), body)


ZENODO = "/api/records/1001/versions?size=25&page=1&sort=newest"
COMMUNITY = (
    "/api/communities/example/records?size=25&page=1&sort=newest&allversions=true"
)
KAGGLE = "/api/v1/datasets/view/example/data"
HUGGINGFACE = (
    "/api/datasets/example/data?expand[]=downloadsAllTime&expand[]=downloads"
    "&expand[]=likes"
)
PYPI = "/api/packages/example/overall"
DATACITE = "/dois/10.5281/zenodo.1002"
DATAVERSE = (
    "/api/datasets/:persistentId/makeDataCount/{}?persistentId=doi:10.7910/DVN/ABCDEF"
)

PLAYED = {
    "github": Played(
        github,
        {"repositories": "example/data"},
        *("/repos/example/data/traffic/views", "views", 7),
        {"message": "Bad credentials", "documentation_url": "https://docs.github.com"},
        "Bad credentials",
    ),
    "zenodo": Played(
        zenodo,
        {"records": "1001", "communities": "example"},
        *(ZENODO, "downloads", 2),
        {"status": 429, "message": "Rate limit exceeded."},
        "Rate limit exceeded.",
    ),
    "kaggle": Played(
        kaggle,
        {"datasets": "example/data"},
        *(KAGGLE, "downloads", 1),
        {"hasErrorMessage": True, "errorMessage": "404 - Not Found"},
        "404 - Not Found",
    ),
    "huggingface": Played(
        huggingface,
        {"datasets": "example/data"},
        *(HUGGINGFACE, "downloads", 1),
        {"error": "Repository not found"},
        "Repository not found",
    ),
    "pypi": Played(
        pypi,
        {"packages": "example"},
        *(PYPI, "downloads", 1),
        {"message": "Package not found"},
        "Package not found",
    ),
    "datacite": Played(
        datacite,
        {"dois": "10.5281/zenodo.1002"},
        *(DATACITE, "downloads", 1),
        {"errors": [{"status": "404", "title": "Not found"}]},
        [{"status": "404", "title": "Not found"}],
    ),
    "dataverse": Played(
        dataverse,
        {"dois": "10.7910/DVN/ABCDEF"},
        *(DATAVERSE.format("downloadsTotal"), "downloads", 12),
        {"status": "ERROR", "message": "Dataset not found"},
        "Dataset not found",
    ),
}
"""Each platform, about one dataset."""
