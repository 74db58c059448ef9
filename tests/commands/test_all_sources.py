"""Several sources in one run: each gets its report, and all are in one database."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import bucket_source
import pytest
from flow import DAY, ONE_DAY, Flow, request
from luigi.execution_summary import LuigiStatusCode
from project import SAMPLE_REGISTRY, Settings
from report_html import Standing
from webhook_server import serving

from usage_metrics import sources
from usage_metrics.commands import main, options
from usage_metrics.errors import ConfigError
from usage_metrics.partitions.partition import Partition
from usage_metrics.tasks.load import LoadSQLite
from usage_metrics.tasks.ranges import RangeDaily
from usage_metrics.tasks.report import Report
from usage_metrics.tasks.source_parameter import ALL
from usage_metrics.tasks.stages import Geocode

pytestmark = pytest.mark.usefixtures("quick_reports")

STOP = DAY + 2 * ONE_DAY
BOTH = ("datasette", "bucket")

Screen = pytest.CaptureFixture[str]


@pytest.fixture
def two(flow: Flow, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Flow:
    """Two days of two sources: two requests a day of one, three of the other."""
    monkeypatch.setitem(sources.SOURCES, "bucket", bucket_source.REGISTERED)
    monkeypatch.setattr(options._SOURCE, "choices", BOTH)
    monkeypatch.delenv("USAGE_METRICS_WEBHOOK", raising=False)
    settings("datasette", start=DAY, stop=STOP)
    settings("bucket", logs=bucket(flow).logs, start=DAY, stop=STOP)
    bucket(flow).logs.mkdir(parents=True)
    flow.export_days(2)
    for day in (DAY, DAY + ONE_DAY):
        bucket(flow).export(day, *(request(name, day) for name in "abc"))
    return flow


def bucket(flow: Flow) -> Flow:
    """The folder of the second source; of its flow, only the logs are used."""
    return Flow(flow.folder / "bucket")


def report(flow: Flow, source: str) -> Path:
    return flow.root / "report" / f"{source}.html"


def counted(flow: Flow) -> dict[str, int]:
    """The requests of each source in the database's figures."""
    sql = "SELECT source, sum(requests) FROM usage_reconciliation GROUP BY 1"
    return dict(flow.query(sql))


def tables(flow: Flow) -> set[str]:
    return {name for (name,) in flow.query("SELECT name FROM sqlite_master")}


# --- a run ----------------------------------------------------------------------------


def test_one_run_reports_each_source_and_ends_in_one_database(
    two: Flow, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["run"]) == 0
    screen = capfd.readouterr()
    said = screen.out.splitlines()
    assert counted(two) == {"datasette": 4, "bucket": 6}
    everywhere = "SELECT source, sum(value) FROM usage_by_source_daily GROUP BY 1"
    assert dict(two.query(everywhere)) == {"bucket": 2, "datasette": 2}
    assert [line for line in said if line in BOTH] == [*BOTH]
    assert "bucket Extract: 2 of 2 days" in screen.err.splitlines()
    for source, title in zip(BOTH, ("a Datasette", "our bucket"), strict=True):
        assert f"Report: open {report(two, source)}" in said
        assert f", from the logs of {title}<" in report(two, source).read_text()
    assert said[-1] == f"All places: open {report(two, 'index')}"
    page = report(two, "index").read_text()
    assert Standing(page).figures["figure sum"] == "2", "both log the same requests"
    assert "The sum is without the log of " in page


def test_a_second_run_does_nothing(two: Flow, capsys: Screen) -> None:
    assert main(["run"]) == 0
    capsys.readouterr()
    written = {source: report(two, source).stat().st_mtime_ns for source in BOTH}
    assert main(["run"]) == 0
    assert capsys.readouterr().out.count("Nothing to do") == 2
    for source, before in written.items():
        assert report(two, source).stat().st_mtime_ns == before


def test_only_the_source_that_is_picked_is_made(two: Flow, capsys: Screen) -> None:
    assert main(["run", "--source", "bucket"]) == 0
    assert counted(two) == {"bucket": 6}
    assert not report(two, "datasette").exists()
    assert "bucket" not in capsys.readouterr().out.splitlines(), "there is no other"


def test_a_source_whose_section_names_no_logs_is_off(
    two: Flow, settings: Settings
) -> None:
    settings("bucket", logs="")
    assert main(["run"]) == 0
    assert counted(two) == {"datasette": 4}


def test_days_of_two_sources_do_not_collide_and_are_replaced_apart(two: Flow) -> None:
    assert main(["run"]) == 0
    bucket(two).export(DAY, *(request(name) for name in "abcdef"))
    rebuild = ["rebuild", "--from", "extract", "--start", str(DAY)]
    assert main([*rebuild, "--stop", str(DAY + ONE_DAY), "--source", "bucket"]) == 0
    sql = "SELECT source, date, requests FROM usage_reconciliation"
    assert sorted(two.query(sql)) == [
        ("bucket", str(DAY), 6),
        ("bucket", str(DAY + ONE_DAY), 3),
        ("datasette", str(DAY), 2),
        ("datasette", str(DAY + ONE_DAY), 2),
    ]


# --- one source that fails ------------------------------------------------------------


def nonsense(flow: Flow, settings: Settings, source: str) -> None:
    """A day that cannot be understood."""
    place = flow if source == "datasette" else bucket(flow)
    place.export(DAY, "nonsense")


def bad_setting(flow: Flow, settings: Settings, source: str) -> None:
    settings(source, late_days="soon")


def misspelt(flow: Flow, settings: Settings, source: str) -> None:
    settings(source, late_dais="1")


def no_logs(flow: Flow, settings: Settings, source: str) -> None:
    settings(source, logs=flow.folder / "nowhere")


def missing_day(flow: Flow, settings: Settings, source: str) -> None:
    settings(source, stop=STOP + 3 * ONE_DAY)


def damaged(flow: Flow, settings: Settings, source: str) -> None:
    """A damaged file, from which the next stage is to be made."""
    flow.build(*(Geocode(date=DAY + n * ONE_DAY, source=source) for n in (0, 1)))
    file = Path(Partition(str(flow.root), "cleaned", source, DAY).path)
    file.write_bytes(file.read_bytes()[:-9])
    Partition(str(flow.root), "geocoded", source, DAY).delete()


Fault = Callable[[Flow, Settings, str], None]


@pytest.mark.parametrize("failing", BOTH)
@pytest.mark.parametrize(
    ("fault", "code", "sentence"),
    [
        (nonsense, 30, "Clean: {source} 2026-03-02: 1 of 1 lines"),
        (bad_setting, 2, r"luigi.cfg: \[{source}\] late_days = 'soon'"),
        (misspelt, 2, r"luigi.cfg: \[{source}\] has no setting 'late_dais'"),
        (no_logs, 30, "nowhere"),
        (missing_day, 20, r"lost_days in \[{source}\] of luigi.cfg"),
        (damaged, 30, "data/cleaned/{source}/date=2026-03-02"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_source_that_fails_keeps_no_other_from_its_report(
    two: Flow,
    settings: Settings,
    capsys: Screen,
    failing: str,
    fault: Fault,
    code: int,
    sentence: str,
) -> None:
    fault(two, settings, failing)
    (other,) = {*BOTH} - {failing}
    requests = {"datasette": 4, "bucket": 6}[other]
    assert main(["run"]) in (code, 35), "the code of its failure"
    screen = capsys.readouterr()
    assert re.search(
        sentence.format(source=failing), " ".join((screen.out + screen.err).split())
    )
    assert "Traceback" not in screen.err
    assert counted(two)[other] == requests
    assert report(two, other).exists()
    assert f"Report: open {report(two, other)}" in screen.out
    sql = "SELECT count(*) FROM usage_metrics_partitions WHERE source = ?"
    assert two.query(sql, other)[0][0] > 0


def test_once_it_is_mended_the_next_run_makes_what_was_missing(
    two: Flow, settings: Settings
) -> None:
    nonsense(two, settings, "bucket")
    assert main(["run"]) == 30
    bucket(two).export(DAY, *(request(name) for name in "abc"))
    Partition(str(two.root), "raw", "bucket", DAY).delete()
    assert main(["run"]) == 0
    assert counted(two) == {"datasette": 4, "bucket": 6}


def test_the_notification_names_the_source_and_the_command_for_it(
    two: Flow, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    nonsense(two, settings, "bucket")
    with serving() as chat:
        monkeypatch.setenv("USAGE_METRICS_WEBHOOK", chat.url)
        assert main(["run"]) == 30
        (post,) = chat.posts
    assert "• bucket: Clean: bucket 2026-03-02: 1 of 1 lines" in post["text"]
    assert "datasette" not in post["text"]
    assert post["text"].endswith("&& usage-metrics run --source bucket")


# --- a source without a table of requests ---------------------------------------------


def test_a_source_without_a_table_has_figures_in_the_database_and_no_requests(
    two: Flow,
) -> None:
    assert main(["run"]) == 0
    found = {name for name in tables(two) if "bucket" in name}
    assert "datasette_request_logs" in tables(two)
    assert not found
    assert not two.query(
        "SELECT 1 FROM usage_metrics_partitions "
        "WHERE source = 'bucket' AND \"table\" NOT LIKE 'usage_%'"
    )


def test_its_load_makes_the_files_and_says_where_the_requests_are(two: Flow) -> None:
    task = LoadSQLite(source="bucket")
    assert two.build(task).status == LuigiStatusCode.SUCCESS
    assert task.said == "the requests of bucket are in the files alone"
    assert not two.database.exists()
    assert task.complete()
    assert Partition(str(two.root), "geocoded", "bucket", DAY).exists()


def test_its_days_in_the_database_are_those_with_figures(
    two: Flow, capsys: Screen
) -> None:
    assert main(["run"]) == 0
    capsys.readouterr()
    assert main(["status", "--json"]) == 0
    states = {state["source"]: state for state in json.loads(capsys.readouterr().out)}
    for source in BOTH:
        *_, database = states[source]["stages"]
        assert (database["stage"], database["days"]) == ("database", 2)
        assert states[source]["next_run"]["loads"] == []
    assert main(["inspect", str(DAY), "--source", "bucket"]) == 0
    assert "database  loaded" in capsys.readouterr().out


def test_what_is_erased_or_too_old_is_gone_from_it_as_well(
    two: Flow, settings: Settings, capsys: Screen
) -> None:
    settings("privacy", addresses="keep")
    a_third_day(two, settings)
    assert main(["run"]) == 0
    assert main(["erase", "--address", "8.8.8.8", "--yes"]) == 0
    said = capsys.readouterr().out
    assert "geocoded/bucket" in said
    assert "geocoded/datasette" in said
    yours = re.findall("The logs in (.*) are yours and were not searched", said)
    assert sorted(yours) == sorted([str(two.logs), str(bucket(two).logs)])
    assert main(["check"]) == 0
    settings("privacy", geocoded_days=1, raw_days=1)
    assert main(["retain", "--source", "bucket"]) == 0
    assert Partition(str(two.root), "raw", "datasette", DAY).exists()
    assert not Partition(str(two.root), "raw", "bucket", DAY).exists()
    assert main(["retain"]) == 0
    assert "removed raw of datasette: 1 day" in capsys.readouterr().out
    assert not Partition(str(two.root), "raw", "datasette", DAY).exists()
    assert counted(two) == {"datasette": 6, "bucket": 9}, "counts are kept"


def a_third_day(flow: Flow, settings: Settings) -> None:
    """So that the first is older than a day."""
    for source, place, names in (
        ("datasette", flow, "ab"),
        ("bucket", bucket(flow), "abc"),
    ):
        settings(source, stop=STOP + ONE_DAY)
        place.export(STOP, *(request(name, STOP) for name in names))


# --- the other commands ---------------------------------------------------------------


def test_status_check_doctor_and_backfill_take_all_or_the_one_that_is_picked(
    two: Flow, capsys: Screen
) -> None:
    days = ("--start", str(DAY), "--stop", str(STOP))
    assert main(["backfill", *days]) == 0
    for source in BOTH:
        assert Partition(str(two.root), "geocoded", source, DAY).exists()
    for command in ("status", "doctor"):
        capsys.readouterr()
        assert main([command]) == 0
        assert "bucket" in capsys.readouterr().out
        assert main([command, "--source", "datasette"]) == 0
        said = capsys.readouterr().out
        assert "datasette" in said
        assert "bucket" not in said.replace(str(bucket(two).folder), "")
    for source in BOTH:
        shutil.rmtree(two.root / "raw" / source)
    assert main(["check", "--source", "bucket"]) == 1
    said = capsys.readouterr().out
    assert "bucket 2026-03-02: its raw file is gone" in said
    assert "datasette 2026" not in said


@pytest.mark.parametrize("command", ["status", "check"])
def test_a_wrong_section_keeps_no_other_source_from_being_looked_at(
    two: Flow, settings: Settings, capsys: Screen, command: str
) -> None:
    assert two.build(*(Geocode(date=DAY, source=name) for name in BOTH))
    bad_setting(two, settings, "datasette")
    assert main([command]) == 2
    said = capsys.readouterr()
    assert "luigi.cfg: [datasette] late_days = 'soon'" in said.err
    assert "bucket" in said.out.replace(str(bucket(two).folder), "")
    assert "datasette" not in said.out


def test_check_finds_a_damaged_file_of_any_source(two: Flow, capsys: Screen) -> None:
    assert main(["run"]) == 0
    for source in BOTH:
        file = Path(Partition(str(two.root), "geocoded", source, DAY).path)
        file.write_bytes(file.read_bytes()[:-9])
    capsys.readouterr()
    assert main(["check"]) == 1
    said = capsys.readouterr().out
    assert all(f"geocoded/{source}/date={DAY}" in said for source in BOTH)


def test_a_command_about_one_source_asks_which(two: Flow, capsys: Screen) -> None:
    assert main(["inspect", str(DAY)]) == 2
    said = capsys.readouterr().err
    assert "several sources are on: datasette, bucket; say which: --source" in said


@pytest.mark.parametrize(
    "command",
    [
        ["run"],
        ["status"],
        ["check"],
        ["report"],
        ["refresh"],
        ["inspect", str(DAY)],
        ["backfill", "--start", str(DAY)],
        ["rebuild", "--stale", "--start", str(DAY)],
    ],
    ids=lambda command: command[0],
)
def test_if_no_source_is_on_a_sentence_says_what_to_do(
    flow: Flow, settings: Settings, capsys: Screen, command: list[str]
) -> None:
    settings("datasette", logs="")
    assert main(command) == 2
    said = capsys.readouterr().err
    assert "no source is on: set logs in a source's section of luigi.cfg" in said


def test_the_doctor_says_so_too(flow: Flow, settings: Settings, capsys: Screen) -> None:
    settings("datasette", logs="")
    assert main(["doctor"]) == 1
    assert "BAD  logs: no source is on: " in " ".join(
        capsys.readouterr().out.split(" ")
    )


# --- luigi by itself ------------------------------------------------------------------


def test_the_task_of_the_report_is_about_all_sources_if_none_is_named(
    two: Flow,
) -> None:
    with pytest.MonkeyPatch.context() as alone:
        alone.delitem(sources.SOURCES, "bucket")
        assert Report().source == "datasette"
    assert Report().source == ALL
    assert two.build(Report()).status == LuigiStatusCode.SUCCESS
    assert all(report(two, source).exists() for source in BOTH)
    assert Report().complete()


def test_a_failing_source_keeps_no_other_from_its_report_in_luigi_either(
    two: Flow, settings: Settings
) -> None:
    bad_setting(two, settings, "datasette")
    assert not two.build(Report()).scheduling_succeeded
    assert report(two, "bucket").exists()


def test_a_task_of_one_source_asks_which_if_several_are_on(
    two: Flow, settings: Settings
) -> None:
    with pytest.raises(ConfigError, match="several sources are on: datasette, bucket"):
        Geocode(date=DAY)
    settings("datasette", logs="")
    assert Geocode(date=DAY).source == "bucket"


def test_a_range_of_the_only_source_that_is_on_needs_no_name(
    two: Flow, settings: Settings
) -> None:
    settings("datasette", logs="")
    task = RangeDaily(of=Geocode, start=DAY, stop=STOP)
    assert two.build(task).status == LuigiStatusCode.SUCCESS
    assert Partition(str(two.root), "geocoded", "bucket", DAY).exists()


# --- COUNTER --------------------------------------------------------------------------


def test_the_counter_report_of_a_month_has_each_dataset_once_with_the_use_of_all(
    two: Flow, settings: Settings, capsys: Screen
) -> None:
    settings("counting", datasets=SAMPLE_REGISTRY)
    settings("bucket", stop=STOP + ONE_DAY)
    bucket(two).export(STOP, request("d", STOP))
    assert main(["counter", "--month", f"{DAY:%Y-%m}"]) == 0
    as_json, _ = capsys.readouterr().out.split()
    assert as_json == f"{two.root}/counter/all/2026-03.json"
    found = json.loads(Path(as_json).read_text())
    (pudl,) = found["report-datasets"]
    totals = {
        each["metric-type"]: each["count"]
        for each in pudl["performance"][0]["instance"]
    }
    # The clicks of a day are one, in one session, at each of the sources.
    assert totals["total-dataset-requests"] == 2 + 3
    assert totals["unique-dataset-requests"] == 2 + 3
    (exception,) = found["report-header"]["exceptions"]
    assert exception["data"] == "not counted: 2026-03-01, 2026-03-05 to 2026-03-31"
    assert main(["counter", "--month", f"{DAY:%Y-%m}", "--source", "bucket"]) == 0
    assert f"{two.root}/counter/bucket/2026-03.json" in capsys.readouterr().out


def test_a_day_that_one_source_lacks_is_missing_in_the_report_of_all(
    two: Flow, settings: Settings, capsys: Screen
) -> None:
    settings("counting", datasets=SAMPLE_REGISTRY)
    settings("bucket", stop=STOP + ONE_DAY)
    two.export(STOP, request("d", STOP))
    settings("datasette", stop=STOP + ONE_DAY)
    assert main(["counter", "--month", f"{DAY:%Y-%m}"]) == 20
    as_json, _ = capsys.readouterr().out.split()
    (exception,) = json.loads(Path(as_json).read_text())["report-header"]["exceptions"]
    assert exception["data"] == "not counted: 2026-03-01, 2026-03-04 to 2026-03-31"
