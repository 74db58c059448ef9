"""What is older than the settings allow is removed, and no task misses it."""

import datetime as dt
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flow import DAY, ONE_DAY, Flow, days, fill_once, request
from forensics import places_of
from ipinfo_server import TOKEN, IpinfoServer
from project import SAMPLE_REGISTRY, Settings

from usage_metrics.commands import main
from usage_metrics.config import retention_start
from usage_metrics.dates import utc_now
from usage_metrics.errors import ConfigError
from usage_metrics.partitions.partition import days_to_ask_again, list_partitions
from usage_metrics.privacy.retention import retain
from usage_metrics.tasks.count import CountUsage
from usage_metrics.tasks.count_month import CountMonth
from usage_metrics.tasks.counter_report import CounterReport
from usage_metrics.tasks.load import LoadSQLite
from usage_metrics.tasks.load_usage import LoadUsage
from usage_metrics.tasks.stages import Geocode

OLD, KEPT, NEWEST = days(3)
MONTH = DAY.replace(day=1)
LAST = days(4)[-1]
SINCE_KEPT = (LAST - KEPT).days
"""How many days before the last, which is today, the first kept day was."""


def _today_is(day: dt.date, patch: pytest.MonkeyPatch) -> None:
    now = dt.datetime.combine(day, dt.time(5), dt.UTC)
    for module in ("config", "privacy.retention"):
        patch.setattr(f"usage_metrics.{module}.utc_now", lambda: now)


@pytest.fixture
def three_days(flow: Flow, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Flow:
    _today_is(LAST, monkeypatch)
    settings("counting", datasets=SAMPLE_REGISTRY)
    settings("datasette", start=OLD, stop=NEWEST + ONE_DAY)
    settings("datasette", maximum_rejected_share=1)
    fill_once(flow, "three-days", _fill)
    return flow


def _fill(flow: Flow) -> None:
    for number, day in enumerate(days(4)):
        address = f"8.8.8.{number + 4}"
        flow.export(
            day,
            request("a", day, "10:00:00", remoteIp=address),
            request("b", day, "11:00:00", remoteIp="1.1.1.1"),
            "no JSON",
        )
    assert flow.build(LoadUsage(), CounterReport(month=MONTH)).scheduling_succeeded


def there(flow: Flow, stage: str) -> list[dt.date]:
    return list(list_partitions(str(flow.root), stage, "datasette"))


def test_by_default_everything_is_kept(
    three_days: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["retain"]) == 0
    said = capsys.readouterr().out
    assert "nothing is older than the settings allow" in said
    assert "kept for ever" in said
    assert there(three_days, "raw") == days(4)


def test_files_with_full_addresses_are_removed_after_raw_days(
    three_days: Flow, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings("privacy", raw_days=SINCE_KEPT)
    assert main(["retain"]) == 0
    said = capsys.readouterr().out
    for stage in ("raw", "rejected", "cleaned"):
        assert OLD not in there(three_days, stage)
        assert KEPT in there(three_days, stage)
        assert f"removed {stage} of datasette: 1 day, {OLD} … {OLD}" in said
    assert there(three_days, "geocoded") == days(4)
    assert not Path(three_days.partition("raw", OLD).folder).exists()
    for stage in ("raw", "rejected", "cleaned"):
        assert places_of("8.8.8.4", three_days.root / stage) == []
        assert places_of("8.8.8.5", three_days.root / "raw") != []


def test_what_a_link_leads_to_is_removed_too(
    three_days: Flow, settings: Settings
) -> None:
    file = Path(three_days.partition("raw", OLD).path)
    target = three_days.folder / "elsewhere.parquet"
    shutil.move(file, target)
    file.symlink_to(target)
    settings("privacy", raw_days=SINCE_KEPT)
    assert main(["retain"]) == 0
    assert not file.is_symlink()
    assert not target.exists()


def test_no_task_misses_what_was_removed(
    three_days: Flow, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings("privacy", raw_days=SINCE_KEPT)
    main(["retain"])
    assert LoadSQLite().complete()
    assert LoadUsage().complete()
    assert CounterReport(month=MONTH).complete()
    three_days.build(LoadUsage())
    assert OLD not in there(three_days, "raw")
    settings("geocode", database="")
    settings("datasette", data_request_patterns="/other")
    capsys.readouterr()
    main(["status", "--json"])
    (status,) = json.loads(capsys.readouterr().out)
    stages = {stage["stage"]: stage for stage in status["stages"]}
    assert stages["raw"]["missing"] == []
    assert len(stages["cleaned"]["stale"]) == 1, "a range of three days"


def test_a_stage_whose_source_is_gone_is_not_stale_by_another_setting(
    three_days: Flow, settings: Settings
) -> None:
    from usage_metrics.partitions.footer_index import FooterIndex
    from usage_metrics.tasks.staleness import Staleness

    settings("privacy", addresses="drop")
    assert Staleness("datasette", FooterIndex()).stale()[Geocode] == days(4)
    settings("privacy", raw_days=SINCE_KEPT)
    main(["retain"])
    assert Staleness("datasette", FooterIndex()).stale()[Geocode] == days(3, KEPT)


def test_a_day_is_recounted_without_its_removed_files(
    three_days: Flow, settings: Settings
) -> None:
    before = three_days.table("usage_reconciliation", OLD).to_pylist()
    settings("privacy", raw_days=SINCE_KEPT)
    main(["retain"])
    three_days.delete("counted", OLD)
    assert three_days.build(LoadUsage()).scheduling_succeeded
    assert OLD not in there(three_days, "raw")
    assert three_days.table("usage_reconciliation", OLD).to_pylist() == before
    assert three_days.facts("counted", OLD)["addresses"] == "as geocoded"
    monthly = three_days.facts("usage_concentration_monthly", MONTH)
    assert monthly["addresses"] == "as geocoded"


def test_requests_are_removed_after_geocoded_days_and_counts_stay(
    three_days: Flow, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings("privacy", addresses="keep", geocoded_days=SINCE_KEPT)
    figures = "SELECT * FROM usage_daily ORDER BY 1, 2, 3, 4, 5"
    before = three_days.query(figures)
    assert main(["retain"]) == 0
    assert there(three_days, "geocoded") == days(3, KEPT)
    assert list(three_days.loaded_days()) == [str(KEPT), str(NEWEST)]
    assert f"removed requests of datasette in {three_days.database}: 1 day" in (
        capsys.readouterr().out
    )
    assert LoadSQLite().complete()
    assert CountUsage(date=OLD).complete()
    assert LoadUsage().complete()
    assert three_days.build(LoadUsage()).scheduling_succeeded
    assert there(three_days, "geocoded") == days(3, KEPT)
    assert three_days.query(figures) == before


def test_removed_requests_leave_no_trace_in_the_database(
    three_days: Flow, settings: Settings
) -> None:
    settings("privacy", addresses="keep")
    three_days.delete("geocoded", OLD)
    three_days.build(LoadSQLite())
    database = three_days.folder / "copy"
    database.mkdir()

    def found() -> list[str]:
        for file in three_days.folder.glob("usage.db*"):
            shutil.copy(file, database)
        return places_of("8.8.8.4", database)

    assert found()
    settings("privacy", geocoded_days=SINCE_KEPT)
    main(["retain"])
    assert not found()


def test_a_month_is_recounted_without_its_removed_requests(
    three_days: Flow, settings: Settings
) -> None:
    settings("privacy", geocoded_days=SINCE_KEPT)
    main(["retain"])
    three_days.delete("usage_monthly", MONTH)
    assert three_days.build(CountMonth(month=MONTH)).scheduling_succeeded
    (row,) = three_days.table("usage_monthly", MONTH).to_pylist()
    assert (row["days"], row["requests"]) == (3, 6)


@pytest.mark.parametrize("after", [0, 300, 366])
def test_days_count_from_the_newest_that_is_there(
    three_days: Flow, settings: Settings, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    _today_is(LAST + after * ONE_DAY, monkeypatch)
    settings("privacy", raw_days=SINCE_KEPT, geocoded_days=SINCE_KEPT)
    assert main(["retain"]) == 0
    assert there(three_days, "raw") == there(three_days, "geocoded") == days(3, KEPT)
    assert list(three_days.loaded_days()) == [str(KEPT), str(NEWEST)]


def test_a_clock_far_ahead_of_the_newest_day_removes_nothing(
    three_days: Flow,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _today_is(dt.date(2036, 3, 1), monkeypatch)
    settings("privacy", raw_days=SINCE_KEPT)
    assert main(["retain"]) == 2
    assert capsys.readouterr().err == (
        f"the clock says 2036-03-01, and the newest day that is there is {LAST}: "
        "nothing was removed; set the clock, or, if there have been no logs since, "
        "add --from-today\n"
    )
    assert there(three_days, "raw") == days(4)
    assert main(["retain", "--from-today"]) == 0
    assert there(three_days, "raw") == []


def test_a_range_whose_days_are_all_removed_is_complete(
    three_days: Flow, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _today_is(LAST + 5 * ONE_DAY, monkeypatch)
    settings("privacy", geocoded_days=1)
    main(["retain", "--from-today"])
    assert there(three_days, "geocoded") == []
    assert LoadUsage().complete()
    three_days.build(LoadUsage())
    assert there(three_days, "geocoded") == []
    assert three_days.query("SELECT count(*) FROM datasette_request_logs") == [(0,)]


def test_a_dry_run_lists_what_would_be_removed_and_removes_nothing(
    three_days: Flow, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings("privacy", raw_days=SINCE_KEPT, geocoded_days=SINCE_KEPT)
    assert main(["retain", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert there(three_days, "raw") == there(three_days, "geocoded") == days(4)
    main(["retain"])
    assert capsys.readouterr().out == said.replace("would remove", "removed")


def test_removing_again_removes_nothing(three_days: Flow, settings: Settings) -> None:
    settings("privacy", raw_days=SINCE_KEPT, geocoded_days=SINCE_KEPT)
    assert list(retain())
    assert list(retain()) == []


def test_a_day_with_unanswered_addresses_is_not_asked_for_again(
    three_days: Flow, settings: Settings
) -> None:
    three_days.partition("geocoded", OLD).ask_again(wanted=True)
    settings("privacy", raw_days=SINCE_KEPT)
    main(["retain"])
    assert three_days.partition("geocoded", OLD).exists()
    assert days_to_ask_again(str(three_days.root), "datasette") == []


@pytest.fixture
def server(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[IpinfoServer]:
    monkeypatch.setenv("IPINFO_TOKEN", TOKEN)
    with IpinfoServer() as found:
        yield found


def test_expired_answers_are_removed(
    flow: Flow,
    settings: Settings,
    server: IpinfoServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings("geocode", provider="ipinfo")
    settings("ipinfo", endpoint=server.url, cache=flow.root / "cache/ipinfo")
    flow.export_days(1)
    flow.load(1)
    assert places_of("8.8.8.8", flow.root / "cache")
    assert list(retain()) == []
    later = utc_now() + 91 * ONE_DAY
    monkeypatch.setattr("usage_metrics.geocode.ipinfo.utc_now", lambda: later)
    dry_run = list(map(str, retain(dry_run=True)))
    assert places_of("8.8.8.8", flow.root / "cache")
    assert list(map(str, retain())) == dry_run
    assert dry_run == [f"{flow.root}/cache/ipinfo: 1 answer"]
    assert places_of("8.8.8.8", flow.root / "cache") == []


def test_days_are_kept_from_the_day_that_the_setting_says(settings: Settings) -> None:
    assert retention_start("raw") == retention_start("geocoded") == dt.date.min
    settings("privacy", raw_days=30, geocoded_days=400)
    today = utc_now().date()
    assert retention_start("raw") == retention_start("cleaned") == today - 30 * ONE_DAY
    assert retention_start("rejected") == retention_start("raw")
    assert retention_start("geocoded") == today - 400 * ONE_DAY
    assert retention_start("counted") == dt.date.min


def test_a_negative_number_of_days_is_refused(settings: Settings) -> None:
    settings("privacy", raw_days=-1)
    with pytest.raises(ConfigError, match="raw_days"):
        retention_start("raw")
