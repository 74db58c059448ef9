"""``usage-metrics datasets``: what there is, whose it is, and entries for the rest."""

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import pytest
from flow import Flow
from github_replies import serve
from platform_server import PlatformServer, json_of
from project import Settings
from snapshot_flow import Days

from usage_metrics.commands import main
from usage_metrics.tasks.datasets_registry import datasets_registry
from usage_metrics.tasks.stages import Geocode

DAY = dt.date(2026, 2, 7)
TODAY = dt.date(2026, 3, 20)
OWNER = "8787a3c41bf7ce0d54359d9348ad5b08e16bd5bb8ae5aa4e1508b435773a066e"
KEYS = (
    *("rivers/v1.0/levels.parquet", "rivers/v2.0/levels.parquet", "rivers/README"),
    *("lakes/depths.csv", "a*b/x.csv", "%7Bdataset%7D/x.csv", "bell%07%22/%1B.csv"),
    "index.html",
)
REGISTRY = """
[[dataset]]
id = "rivers"
[dataset.at.s3]
buckets = ["open-data"]
keys = ["rivers/{version}/**", "rivers/"]
"""
HIT = {
    "id": 11,
    "conceptrecid": "10",
    "conceptdoi": "10.5281/zenodo.10",
    "metadata": {
        "title": 'Rivers \u202eand\x07 their "levels"',
        "related_identifiers": [
            {"identifier": "https://github.com/Example/Data/tree/v1"}
        ],
    },
    "stats": {
        f"{prefix}{name}": 5
        for prefix in ("", "version_")
        for name in ("downloads", "unique_downloads", "views", "unique_views")
    },
}
OF_RECORD = "/api/records/11/versions?size=25&page=1&sort=newest"
OF_CONCEPT = "/api/records?q=parent.id:10&size=25&page=1&sort=newest&allversions=true"


def line_of(number: int, key: str) -> str:
    """A line of the log of a bucket, in which keys are encoded twice."""
    encoded = key.replace("%", "%25")
    return (
        f"{OWNER} open-data [07/Feb/2026:00:00:{number:02} +0000] 192.0.2.7 - "
        f"A{number} "
        f'REST.GET.OBJECT {encoded} "GET /{key} HTTP/1.1" 200 - 10 10 5 4 "-" "curl/8" '
        f"- {number}= - - - open-data.s3.amazonaws.com TLSv1.3 - -\n"
    )


@pytest.fixture
def used(
    flow: Flow, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Days]:
    """A day of a bucket, and snapshots of a repository and a record."""
    settings("datasette", logs="")
    settings("s3", logs=flow.logs, start=DAY, stop=DAY + dt.timedelta(1))
    lines = [line_of(number, key) for number, key in enumerate(KEYS)]
    (flow.logs / "2026-02-07-01-00-00-0123456789ABCDEF").write_text("".join(lines))
    with PlatformServer() as server:
        for name, subject in (("github", "repositories"), ("zenodo", "records")):
            value = "example/data" if name == "github" else "10"
            settings(name, endpoint=server.url, attempts=1, **{subject: value})
        days = Days(flow, server, monkeypatch)
        for number in range(2):
            today = TODAY + dt.timedelta(number)
            days.on(today)
            serve(server, today, {today - dt.timedelta(2): (12, 3)})
            path = "/api/records/10/versions?size=25&page=1&sort=newest"
            server.give(path, {"hits": {"hits": [HIT], "total": 1}})
            assert days.run().scheduling_succeeded
        assert flow.build(Geocode(date=DAY, source="s3")).scheduling_succeeded
        yield days


def listed(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["datasets", "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_what_there_is_is_listed_and_what_is_suggested_leaves_nothing_out(
    used: Days, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["datasets"]) == 0
    said = capsys.readouterr().out
    assert "s3: 8 requests, 1 day, 2026-02-07 to 2026-02-07" in said
    assert "\x07" not in said
    assert "\u202e" not in said
    lines = [line.split() for line in said.splitlines()]
    assert ["open-data/rivers/", "3", "open-data", "*"] in lines
    assert any(
        line[0] == "example/data" and line[-2:] == ["unmapped", "*"]
        for line in lines
        if line
    )

    registry = used.flow.folder / "datasets.toml"
    registry.write_text(REGISTRY)
    settings("counting", datasets=str(registry))
    found = listed(capsys)
    of_parts = {each["part"]: each["dataset"] for each in found["logs"]["s3"]["found"]}
    assert of_parts["rivers/v1.0/"] == "rivers"
    assert of_parts["lakes/"] == "unmapped"

    assert main(["datasets", "--suggest"]) == 0
    suggested = capsys.readouterr().out
    assert "\x07" not in suggested
    assert "\u202e" not in suggested
    registry.write_text(REGISTRY + suggested)
    found = listed(capsys)
    of_parts = {each["part"]: each["dataset"] for each in found["logs"]["s3"]["found"]}
    assert all(each["is_named"] for each in found["logs"]["s3"]["found"])
    assert of_parts["a*b/"].startswith("a-b-")
    assert of_parts["rivers/"] == "rivers"
    title = 'Rivers \u202eand\x07 their "levels"'
    (row,) = {tuple(each["datasets"]) for each in found["platforms"]}
    assert len(row) == 1  # the record and the repository that belongs to it
    main(["datasets", "--suggest"])
    assert "names everything" in capsys.readouterr().out
    (dataset,) = [d for d in datasets_registry().datasets if d.id == row[0]]
    assert (dataset.title, dataset.doi) == (title, "10.5281/zenodo.10")

    # The record is asked for once, although the registry names it, too.
    used.on(TODAY + dt.timedelta(2))
    assert used.run().scheduling_succeeded
    assert OF_CONCEPT not in used.server.asked
    settings("zenodo", records="")
    used.server.give(OF_CONCEPT, {"hits": {"hits": [HIT], "total": 1}})
    assert used.run().scheduling_succeeded
    assert used.server.asked[-1] == OF_CONCEPT


def test_the_first_run_of_all_asks_once_for_a_record_that_the_registry_names_too(
    flow: Flow, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the concept, it is asked for if the other request fails."""
    settings("datasette", logs="")
    registry = flow.folder / "datasets.toml"
    registry.write_text('[[dataset]]\nid = "a"\nat.zenodo.concepts = ["10"]\n')
    settings("counting", datasets=str(registry))
    with PlatformServer() as server:
        settings("zenodo", endpoint=server.url, attempts=1, records="11")
        days = Days(flow, server, monkeypatch, "zenodo")
        days.on(TODAY)
        page = {"hits": {"hits": [HIT], "total": 1}}
        server.give(OF_RECORD, page)
        assert days.run().scheduling_succeeded
        assert server.asked == [OF_RECORD]
        assert days.raw(TODAY).facts()["unanswered"] == 0
        assert days.run().scheduling_succeeded
        assert server.asked == [OF_RECORD], "there is nothing to do"

        days.raw(TODAY).delete()
        server.once(OF_RECORD, json_of({}, status=404))
        server.give(OF_CONCEPT, page)
        assert not days.run().scheduling_succeeded
        assert server.asked[1:] == [OF_RECORD, OF_CONCEPT]
        assert days.raw(TODAY).facts()["unanswered"] == 1
        assert days.run().scheduling_succeeded
        assert server.asked[3:] == [OF_RECORD]
