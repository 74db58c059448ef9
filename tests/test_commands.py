"""``usage-metrics``: what is damaged, missing, stale or wrongly set."""

import pytest
from conftest import Settings
from flow import DAY, ONE_DAY, Flow, request

from usage_metrics.commands import main
from usage_metrics.commands.check import stages
from usage_metrics.counting.loading import LoadUsage


@pytest.fixture
def counted(flow: Flow, settings: Settings) -> Flow:
    settings("LoadSQLite", start=DAY, stop=DAY + ONE_DAY)
    flow.export(DAY, request("a", DAY, "12:00:00"))
    flow.export(DAY + ONE_DAY)
    assert flow.build(LoadUsage()).scheduling_succeeded
    return flow


def test_no_stage_is_left_out(counted: Flow) -> None:
    written = {p.parent.parent.parent.name for p in counted.root.rglob("*.parquet")}
    assert written == set(stages())


def test_an_undamaged_folder_is_said_to_be_so(
    counted: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--source", "datasette"]) == 0
    assert capsys.readouterr().out.endswith(" 0 damaged\n")


@pytest.mark.parametrize("stage", ["raw", "rejected", "geocoded", "usage_daily"])
def test_a_damaged_file_is_named(
    counted: Flow, stage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = counted.partition(stage).path
    with open(path, "r+b") as file:  # noqa: PTH123  a partition's path is text
        file.seek(20)
        byte = file.read(1)
        file.seek(20)
        file.write(bytes([byte[0] ^ 1]))
    assert main(["check", "--source", "datasette"]) == 1
    said = capsys.readouterr().out
    assert path in said
    assert said.endswith(" 1 damaged\n")


def test_doctor_finds_nothing_wrong_where_nothing_is(
    counted: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor"]) == 0
    assert "BAD" not in capsys.readouterr().out


def test_doctor_names_every_wrong_setting_and_loads_nothing(
    flow: Flow,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("IPINFO_TOKEN", raising=False)
    settings("datasette", logs=str(flow.folder / "nowhere"))
    settings("geocode", provider="ipinfo")
    assert main(["doctor"]) == 1
    wrong = [x for x in capsys.readouterr().out.splitlines() if x.startswith("BAD")]
    assert [line.partition(": ")[0] for line in wrong] == [
        "BAD [datasette] logs",
        "BAD [geocode]",
    ]
    assert "IPINFO_TOKEN" in wrong[1]
    assert not flow.database.exists()
