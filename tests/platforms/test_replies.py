"""What the replies of each platform say, in the shapes that they have had."""

import datetime as dt
import json
from typing import Any

import pytest

from usage_metrics.errors import ReplyError
from usage_metrics.platforms import Figure, get_platform

TODAY = dt.date(2026, 4, 21)


def read(platform: str, kind: str, *pages: Any) -> list[Figure]:
    return list(get_platform(platform).read(kind, pages, TODAY))


def version(recid: int, downloads: float, of_all: float) -> dict[str, Any]:
    """A version of record 1001 as Zenodo tells it."""
    names = ("downloads", "unique_downloads", "views", "unique_views")
    stats = dict.fromkeys(names, of_all)
    stats |= {f"version_{name}": downloads for name in names}
    return {"id": recid, "conceptrecid": "1001", "stats": stats}


def page(*hits: Any, total: Any = None) -> dict[str, Any]:
    return {
        "hits": {"hits": list(hits), "total": len(hits) if total is None else total}
    }


def values(figures: list[Figure], metric: str) -> dict[str | None, int]:
    """By version, of the total."""
    return {
        figure.version: figure.value
        for figure in figures
        if (figure.metric, figure.measure) == (metric, "total")
    }


def test_zenodo_tells_of_each_version_and_of_all() -> None:
    figures = read(
        "zenodo", "versions", page(version(1003, 5.0, 171.0), version(1002, 166, 171))
    )
    assert values(figures, "downloads") == {None: 171, "1003": 5, "1002": 166}
    assert {figure.subject for figure in figures} == {"1001"}


def test_zenodo_with_fewer_records_than_it_says_is_not_complete() -> None:
    """For months somebody archived 25 records of many more."""
    with pytest.raises(ReplyError, match="1 of 26 records"):
        read("zenodo", "versions", page(version(1002, 1, 1), total=26))
    twice = page(version(1002, 1, 1), version(1002, 1, 1))
    with pytest.raises(ReplyError, match="1 of 2 records"):
        read("zenodo", "versions", twice)


def test_another_invenio_has_another_shape() -> None:
    counts = {"views": 9.0, "unique_views": 8.0, "downloads": 7.0, "data_volume": 1e9}
    counts |= {"unique_downloads": 6.0}
    hit = {
        "id": "abcde-12345",
        "parent": {"id": "fghij-67890"},
        "stats": {"all_versions": counts, "this_version": counts | {"views": 3.0}},
    }
    figures = read("zenodo", "versions", page(hit, total={"value": 1}))
    assert values(figures, "views") == {None: 9, "abcde-12345": 3}
    assert {figure.subject for figure in figures} == {"fghij-67890"}


FLAT = {"totalDownloads": 1702, "totalViews": 15210, "totalVotes": 31, "title": "Data"}


@pytest.mark.parametrize(
    "body",
    [
        {"info": FLAT, "errorMessage": "", "hasErrorMessage": False},
        FLAT,
        json.dumps(FLAT),
        {"downloadCount": 1702, "viewCount": 15210, "voteCount": 31},
    ],
    ids=["info", "flat", "JSON in JSON", "other names"],
)
def test_kaggle_has_had_several_shapes(body: Any) -> None:
    found = {figure.metric: figure.value for figure in read("kaggle", "dataset", body)}
    assert found == {"downloads": 1702, "views": 15210, "votes": 31}


def test_an_error_of_kaggles_that_comes_as_a_success_is_one() -> None:
    error = {"hasErrorMessage": True, "errorMessage": "404 - Not Found"}
    with pytest.raises(ReplyError, match="404 - Not Found"):
        read("kaggle", "dataset", error)


def test_hugging_face_tells_a_window_a_counter_and_a_level() -> None:
    body = {"downloads": 412, "downloadsAllTime": 50210, "likes": 12}
    assert {
        (f.metric, f.value, f.reading) for f in read("huggingface", "dataset", body)
    } == {
        ("downloads", 50210, "cumulative"),
        ("downloads_30_days", 412, "window"),
        ("likes", 12, "level"),
    }


def test_pypi_tells_days_with_and_without_mirrors() -> None:
    rows = [
        {"category": "with_mirrors", "date": "2026-04-01", "downloads": 900},
        {"category": "without_mirrors", "date": "2026-04-01", "downloads": 210},
    ]
    found = {
        f.metric: (f.about, f.value) for f in read("pypi", "overall", {"data": rows})
    }
    assert found["downloads"] == ("2026-04-01", 210)
    assert found["downloads_with_mirrors"] == ("2026-04-01", 900)


def test_datacite_tells_months_and_citations() -> None:
    months = [
        {"yearMonth": "2026-03", "total": 110},
        {"yearMonth": "2026-04", "total": 100},
    ]
    about = {
        "viewCount": 210,
        "viewsOverTime": months,
        "downloadCount": 0,
        "downloadsOverTime": [],
        "citationCount": 2,
        "citationsOverTime": [{"year": "2025", "total": 2}],
    }
    figures = read("datacite", "doi", {"data": {"attributes": about}})
    assert {f.about: f.value for f in figures if f.metric == "views_by_month"} == {
        "2026-03": 110,
        "2026-04": 100,
    }
    assert Figure("citations", 2, "level") in figures
    assert Figure("citations_by_year", 2, "year", about="2025") in figures


def test_datacite_lists_a_month_once_for_each_report_that_counts_the_doi() -> None:
    months = [
        {"yearMonth": None, "total": 1},
        {"yearMonth": "2026-03", "total": 110},
        {"yearMonth": "2026-03", "total": 5},
    ]
    about = {
        "citationCount": 2,
        "citationsOverTime": None,
        "viewCount": 116,
        "viewsOverTime": months,
        "downloadCount": 7,
    }
    assert read("datacite", "doi", {"data": {"attributes": about}}) == [
        Figure("citations", 2, "level"),
        Figure("views", 116, "cumulative"),
        Figure("views_by_month", 115, "month", about="2026-03"),
        Figure("downloads", 7, "cumulative"),
    ]


def test_dataverse_tells_one_figure_a_request() -> None:
    body = {"status": "OK", "data": {"downloadsUnique": 7}}
    assert read("dataverse", "downloadsUnique", body) == [
        Figure("downloads", 7, "cumulative", "unique")
    ]


def test_dataverse_tells_months_and_that_nothing_was_counted() -> None:
    body = {"status": "OK", "data": {"viewsTotal": 7}}
    assert read("dataverse", "viewsTotal 2026-03", body) == [
        Figure("views_by_month", 7, "month", about="2026-03")
    ]
    nothing = {"data": {"message": "No metrics available for dataset 1 for 2026-03."}}
    assert read("dataverse", "viewsTotal 2026-03", nothing) == []
    kinds = [r.kind for r in get_platform("dataverse").requests("10.1/a", TODAY)]
    months = {kind.partition(" ")[2] for kind in kinds}
    assert months == {"", "2026-03", "2026-04"}


def test_github_tells_when_stars_were_given() -> None:
    stars = [{"starred_at": f"2026-04-{day}T10:00:00Z"} for day in ("02", "02", "09")]
    figures = read("github", "stargazers", stars[:2], stars[2:])
    assert {figure.about: figure.value for figure in figures} == {
        "2026-04-02": 2,
        "2026-04-09": 1,
        str(TODAY): 0,
    }


@pytest.mark.parametrize(
    "full_name",
    [
        "",
        "data",
        "a/b/c",
        "example/data\n",
        "<b>/data",
        "a'/*",
        "\x1b[2J/data",
        "\u0430/b",
    ],
    ids=ascii,
)
def test_a_repository_is_renamed_to_nothing_that_is_no_name(full_name: str) -> None:
    """What it is called now becomes the name of all its figures."""
    levels = ("stargazers_count", "forks_count", "subscribers_count")
    repository: dict[str, Any] = dict.fromkeys([*levels, "open_issues_count"], 1)
    repository |= {"id": 7, "full_name": "Example/da-ta_.1"}
    github = get_platform("github")
    assert len(read("github", "repository", repository)) == 4
    assert github.identify("repository", [repository]) == ("7", "Example/da-ta_.1")
    repository["full_name"] = full_name
    with pytest.raises(ReplyError, match="full_name is .*, not a"):
        read("github", "repository", repository)
    with pytest.raises(ReplyError, match="full_name is .*, not a"):
        github.identify("repository", [repository])


SHAPES = [
    ("zenodo", "versions", "hits.hits"),
    ("kaggle", "dataset", "totalDownloads"),
    ("huggingface", "dataset", "downloadsAllTime"),
    ("pypi", "overall", "data"),
    ("datacite", "doi", "data"),
    ("dataverse", "viewsTotal", "data"),
    ("github", "views", "views"),
    ("github", "releases", "not a list"),
    ("github", "stargazers", "starred_at"),
    ("dataverse", "viewsTotal 2026-03", "data"),
]


@pytest.mark.parametrize(("platform", "kind", "named"), SHAPES)
@pytest.mark.parametrize(
    "body", [{}, [], None, 1, "x", {"hits": 1}, {"data": None}], ids=str
)
def test_a_body_of_another_shape_is_a_sentence(
    platform: str, kind: str, named: str, body: Any
) -> None:
    if platform == "github" and kind != "views" and body == []:
        assert read(platform, kind, body)[0].value == 0, "there are none"
        return
    with pytest.raises(ReplyError) as error:
        read(platform, kind, body)
    assert "Traceback" not in str(error.value)


@pytest.mark.parametrize("count", ["-1", "true", "1.5", "NaN", "1e400", '"3"', "1e30"])
def test_what_is_no_count_is_a_sentence(count: str) -> None:
    body = json.loads(f'{{"count": {count}, "uniques": 1, "views": []}}')
    with pytest.raises(ReplyError, match="count is .*, (not a count|which nobody)"):
        read("github", "views", body)


def test_a_day_that_is_none_is_a_sentence() -> None:
    day = {"timestamp": "today", "count": 1, "uniques": 1}
    with pytest.raises(ReplyError, match="timestamp is 'today', not a day"):
        read("github", "views", {"count": 1, "uniques": 1, "views": [day]})


def test_what_a_message_quotes_of_a_reply_is_short_and_has_no_address() -> None:
    limited = {"message": f"rate limit exceeded for 198.51.100.7 {'x' * 10_000}"}
    with pytest.raises(ReplyError) as error:
        read("github", "views", limited)
    assert "198.51.100.7" not in str(error.value)
    assert len(str(error.value)) < 200


HF = '{"downloadsAllTime": %s, "downloads": 1, "likes": 1}'


@pytest.mark.parametrize("number", ["1" + "0" * 400, "2e12", "1000000000001"])
def test_a_number_that_nobody_counts_to_is_none(number: str) -> None:
    """Sums and differences of larger ones would be wrong, or end the run."""
    with pytest.raises(ReplyError, match="downloadsAllTime is .*which nobody counts"):
        read("huggingface", "dataset", json.loads(HF % number))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e400", "-1", "1.5", "true"])
def test_what_is_no_number_of_things_is_none(number: str) -> None:
    with pytest.raises(ReplyError, match="downloadsAllTime is .*not a count"):
        read("huggingface", "dataset", json.loads(HF % number))


@pytest.mark.parametrize(
    "day", ["0001-01-01", "1999-12-31", "2026-04-23", "9999-12-31"]
)
@pytest.mark.parametrize(
    ("platform", "kind", "body"),
    [
        ("pypi", "overall", {"data": [{"category": "with_mirrors", "date": "DAY"}]}),
        ("github", "stargazers", [{"starred_at": "DAYT12:00:00Z"}]),
        ("github", "history", [{"time_iso8601": "DAY"}]),
        (
            "github",
            "views",
            {"count": 1, "uniques": 1, "views": [{"timestamp": "DAY"}]},
        ),
    ],
    ids=["pypi", "stars", "history", "views"],
)
def test_a_day_of_which_no_such_snapshot_can_tell_is_none(
    platform: str, kind: str, body: Any, day: str
) -> None:
    """A series has a row, and a file, for each day between the first and the last."""
    reply = json.loads(json.dumps(body).replace("DAY", day))
    with pytest.raises(ReplyError, match=f"it has {day}, which no snapshot of 2026"):
        read(platform, kind, reply)


def test_a_snapshot_that_goes_on_after_midnight_may_tell_of_the_new_day() -> None:
    star = {"starred_at": "2026-04-22T00:00:01Z"}
    assert read("github", "stargazers", [star])[-1].about == "2026-04-22"


@pytest.mark.parametrize("month", ["0000-01", "9999-12", "2026-13", "٢٠٢٦-01"])
def test_a_month_that_is_none_is_refused(month: str) -> None:
    about: dict[str, Any] = {}
    for word in ("citation", "view", "download"):
        about |= {f"{word}Count": 1, f"{word}sOverTime": []}
    about["viewsOverTime"] = [{"yearMonth": month, "total": 1}]
    with pytest.raises(ReplyError, match="yearMonth is .*, which is none"):
        read("datacite", "doi", {"data": {"attributes": about}})
