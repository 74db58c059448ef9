"""The second copy of raw snapshots: written after each, repaired, never poorer."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from flow import Flow
from platform_replies import PLAYED, day_of
from platform_server import PlatformServer
from project import Settings
from s3_server import S3Server, start_s3_server  # noqa: F401
from snapshot_flow import Days

from usage_metrics.commands import main
from usage_metrics.errors import ConfigError, LoadError
from usage_metrics.partitions.partition import Partition
from usage_metrics.tasks.snapshot_copies import CopySnapshots, copies
from usage_metrics.tasks.snapshots import TakeSnapshot

Output = pytest.CaptureFixture[str]


@pytest.fixture
def kaggle(
    flow: Flow, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Days]:
    """A platform with two snapshots, and no copy yet."""
    settings("datasette", logs="")
    with PlatformServer() as server:
        settings("kaggle", **PLAYED["kaggle"].section, endpoint=server.url)
        days = Days(flow, server, monkeypatch, "kaggle")
        for number in (0, 1):
            take(days, number)
        yield days


def take(days: Days, number: int) -> None:
    days.on(day_of(number))
    PLAYED["kaggle"].serve(days.server, number)
    TakeSnapshot(date=day_of(number), source="kaggle").run()


def copy(days: Days, to: str) -> Partition:
    return Partition(to, "raw", "kaggle", days.raw(day_of(0)).date)


@pytest.mark.parametrize("where", ["folder", "s3"])
def test_what_is_missing_is_copied_and_a_copy_is_repaired(
    kaggle: Days, settings: Settings, s3_server: S3Server, where: str
) -> None:
    to = str(kaggle.flow.folder / "copy")
    if where == "s3":
        s3_server.create("snapshots-copy")
        to = s3_server.uri("snapshots-copy/here")
    settings("snapshots", copy=to)
    assert copies("kaggle").behind == [day_of(0), day_of(1)]
    CopySnapshots(source="kaggle").run()
    assert copies("kaggle") == ([], [])
    first = kaggle.raw(day_of(0))
    assert copy(kaggle, to).content_id() == first.content_id()
    copy(kaggle, to).delete()
    take(kaggle, 2)
    assert copies("kaggle").behind == [day_of(0), day_of(2)]
    CopySnapshots(source="kaggle").run()
    assert copies("kaggle") == ([], [])
    first.delete()
    assert copies("kaggle") == ([], [day_of(0)]), "nothing is deleted there"


def test_a_snapshot_that_is_taken_again_is_copied_again(
    kaggle: Days, settings: Settings
) -> None:
    settings("snapshots", copy=str(kaggle.flow.folder / "copy"))
    CopySnapshots(source="kaggle").run()
    newest = kaggle.raw(day_of(1))
    with newest.writing(kaggle.raw(day_of(0)).open().schema_arrow) as file:
        file.write(kaggle.raw(day_of(0)).open().read())
    assert copies("kaggle").behind == [day_of(1)]


def test_a_part_that_was_answered_later_is_copied_although_its_reply_was_there(
    kaggle: Days, settings: Settings
) -> None:
    settings("snapshots", copy=str(kaggle.flow.folder / "copy"))
    newest = kaggle.raw(day_of(1))
    rows = newest.open().read()
    for parts in ("some", "each"):
        with newest.writing(rows.schema) as file:
            file.write(rows)
            file.facts["answered"] = parts
        assert copies("kaggle").behind[-1:] == [day_of(1)]
        CopySnapshots(source="kaggle").run()
    assert copies("kaggle") == ([], [])


def test_no_damaged_file_takes_the_place_of_a_good_one(
    kaggle: Days, settings: Settings
) -> None:
    to = str(kaggle.flow.folder / "copy")
    settings("snapshots", copy=to)
    CopySnapshots(source="kaggle").run()
    path = Path(kaggle.raw(day_of(0)).path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(LoadError, match=str(day_of(0))):
        CopySnapshots(source="kaggle").run()
    copy(kaggle, to).verify()


def test_a_copy_in_the_same_place_is_none(kaggle: Days, settings: Settings) -> None:
    settings("snapshots", copy=f"{kaggle.flow.root}/")
    with pytest.raises(ConfigError, match="is .paths. root itself"):
        copies("kaggle")


def test_status_and_doctor_say_what_is_not_in_two_places(
    kaggle: Days, settings: Settings, capsys: Output
) -> None:
    assert main(["status"]) == 0
    assert "no second copy" in capsys.readouterr().out
    settings("snapshots", copy=str(kaggle.flow.folder / "copy"))
    main(["status"])
    assert "2 not copied yet" in capsys.readouterr().out
    main(["doctor", "--json"])
    found = json.loads(capsys.readouterr().out)
    notes = [each for each in found if each["what"] == "[kaggle]"]
    assert any("2 not copied yet" in note["found"] for note in notes)
    CopySnapshots(source="kaggle").run()
    main(["status"])
    assert "cop" not in capsys.readouterr().out


def test_status_tells_programs_and_its_page_of_platforms(
    kaggle: Days, capsys: Output
) -> None:
    assert main(["status", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["platform"], told["snapshots"]) == ("kaggle", 2)
    assert (told["first"], told["last"]) == (str(day_of(0)), str(day_of(1)))
    page = kaggle.flow.folder / "status.html"
    assert main(["status", "--html", str(page)]) == 0
    assert "kaggle: 2 snapshots, 2026-03-02 to 2026-03-03" in page.read_text()
