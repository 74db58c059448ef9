"""Adding a source is one module and one line in the registry; no stage is touched."""

import configparser
import dataclasses
import datetime as dt
import importlib.util
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from types import ModuleType

import pyarrow.parquet as pq
import pytest
import toy_source
from flow import DAY, ONE_DAY, Flow
from luigi.execution_summary import LuigiStatusCode
from project import ROOT, Settings

from usage_metrics import sources
from usage_metrics.commands import main
from usage_metrics.errors import ConfigError
from usage_metrics.geocode.locate import with_location
from usage_metrics.partitions.partition import Partition
from usage_metrics.tasks.count import CountUsage
from usage_metrics.tasks.ranges import RangeDaily
from usage_metrics.tasks.stages import Extract, Geocode

VISITS = """\
2026-03-02,8.8.8.8,3
2026-03-02,8.8.8.8,3
2026-03-02,10.0.0.1,1
2026-03-02,1.1.1.1,0
2026-03-04,,7
"""


@pytest.fixture
def toy(flow: Flow, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Flow:
    """The flow, with one more source and its logs."""
    visits = flow.folder / "visits.csv"
    visits.write_text(VISITS)
    monkeypatch.setitem(sources.SOURCES, "toy", toy_source.REGISTERED)
    settings("toy", logs=visits, maximum_rejected_share=0.5)
    return flow


def _partition(flow: Flow, stage: str, day: dt.date = DAY) -> Partition:
    return Partition(str(flow.root), stage, "toy", day)


def _table(flow: Flow, stage: str, day: dt.date = DAY) -> list[dict[str, object]]:
    rows: list[dict[str, object]]
    rows = pq.ParquetFile(_partition(flow, stage, day).path).read().to_pylist()
    return rows


def test_a_new_source_runs_through_every_stage(toy: Flow) -> None:
    assert toy.load(3, source="toy").status == LuigiStatusCode.SUCCESS
    assert len(_table(toy, "raw")) == 4
    assert len(_table(toy, "cleaned")) == 2
    facts = _partition(toy, "cleaned").facts()
    assert (facts["duplicates"], facts["not_requests"]) == (1, 1)
    located = {row["visitor"]: row for row in _table(toy, "geocoded")}
    assert located["8.8.8.0/24"]["visitor_country"] == "US"
    assert located["10.0.0.0/24"]["visitor_is_bogon"] is True
    sql = "SELECT date(time), visitor, visitor_country, pages FROM toy_visits"
    assert sorted(toy.query(sql), key=str) == [
        ("2026-03-02", "10.0.0.0/24", None, 1),
        ("2026-03-02", "8.8.8.0/24", "US", 3),
        ("2026-03-04", None, None, 7),
    ]


PAGE = (ROOT / "docs" / "extending.md").read_text().split("\n## Add a column")[0]


def _shown(kind: str) -> list[str]:
    """The fenced blocks of the page that are of a kind."""
    found = re.findall(rf"(?ms)^( *)```{kind}\n(.*?)^ *```$", PAGE)
    return [textwrap.dedent(text) for _, text in found]


@pytest.fixture
def mirror(flow: Flow, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Flow:
    """A flow with the source that the page builds from nothing, and its logs."""
    for text in _shown("py"):
        name = text.splitlines()[0].removeprefix("# ").removesuffix(".py")
        file = flow.folder / Path(name).with_suffix(".py").name
        file.write_text(text)
        name = name.replace("/", ".")
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
    (entry,) = _shown("python")
    monkeypatch.setitem(sources.SOURCES, "mirror", None)  # which is undone afterwards
    exec(entry, vars(sources).copy())  # noqa: S102 - as the page has it
    (section,) = _shown("ini")
    cfg = configparser.ConfigParser()
    cfg.read_string(section)
    logs = flow.folder / "logs" / "mirror"
    settings("mirror", **{**cfg["mirror"], "logs": logs})
    settings("datasette", logs="")
    logs.mkdir()
    (lines,) = _shown("text")
    for day in ("2026-03-02", "2026-03-03"):
        own = [line for line in lines.splitlines(keepends=True) if day in line]
        (logs / f"mirror-{day}.log").write_text("".join(own))
    return flow


@pytest.mark.usefixtures("quick_reports")
def test_the_page_builds_a_source_from_nothing_that_runs_up_to_its_report(
    mirror: Flow,
) -> None:
    assert main(["run"]) == 0
    assert (mirror.root / "report" / "mirror.html").exists()
    sql = """
        SELECT date, dataset, "table", format, requests, counted FROM usage_daily
        WHERE requests > 0 ORDER BY date, "table"
    """
    assert mirror.query(sql) == [
        ("2026-03-02", "maps", None, None, 1, 0),  # there is no such file
        ("2026-03-02", "maps", "lakes", "csv", 1, 1),
        ("2026-03-02", "maps", "rivers", "gpkg", 1, 1),
        ("2026-03-03", "weather", "stations", "parquet", 1, 1),
    ]
    rejected = pq.ParquetFile(
        Partition(str(mirror.root), "rejected", "mirror", DAY).path
    )
    assert rejected.read()["reason"].to_pylist() == [
        "line 4 of mirror-2026-03-02.log has clock = '2026-03-02 25:06:00', which is "
        "not a day and time such as 2024-05-03 23:59:59"
    ]
    assert mirror.query("SELECT count(*) FROM mirror_downloads") == [(4,)]


def test_the_modules_of_the_page_are_clean_and_short(
    tmp_path: Path,
) -> None:
    for number, text in enumerate(_shown("py")):
        file = tmp_path / f"shown_{number}.py"
        file.write_text(text)
        assert len(text.splitlines()) <= 150
    checks = ("ruff", "check", "--config", str(ROOT / "pyproject.toml"))
    run = [sys.executable, "-m", *checks, "--ignore", "I001,INP001", str(tmp_path)]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_its_columns_are_described_in_the_database(toy: Flow) -> None:
    toy.load(1, source="toy")
    sql = "SELECT name, unit, description FROM usage_metrics_columns WHERE name = ?"
    assert toy.query(sql, "pages") == [("pages", "pages", "Pages that were seen")]
    sql = 'SELECT count(*) FROM usage_metrics_columns WHERE "table" = ?'
    geocoded = with_location(toy_source.CLEANED, "visitor")
    assert toy.query(sql, "toy_visits") == [(len(geocoded),)]


def test_its_settings_are_those_of_every_source(
    toy: Flow, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    (toy.folder / "visits.csv").write_text(VISITS + "2026-03-02,1.1.1.2,many\n" * 3)
    settings("toy", maximum_rejected_share=0.1)
    assert not toy.load(1, source="toy").scheduling_succeeded
    assert "[toy] maximum_rejected_share = 0.1" in caplog.text


def test_its_missing_days_are_missing_dependencies(
    toy: Flow, caplog: pytest.LogCaptureFixture
) -> None:
    result = toy.build(Extract(date=DAY + 9 * ONE_DAY, source="toy"))
    assert result.status == LuigiStatusCode.MISSING_EXT
    assert "visits end on 2026-03-04" in caplog.text


def test_a_range_of_it_is_asked_for_by_its_name(toy: Flow) -> None:
    stop = DAY + 3 * ONE_DAY
    task = RangeDaily(of=Geocode, of_params={"source": "toy"}, start=DAY, stop=stop)
    assert toy.build(task).status == LuigiStatusCode.SUCCESS
    assert _partition(toy, "geocoded", DAY + 2 * ONE_DAY).exists()
    assert not toy.partition("geocoded").exists(), "that is another source"


def test_two_sources_share_a_database_and_do_not_touch_each_other(toy: Flow) -> None:
    toy.export_days(3)
    toy.load(3, source="datasette")
    toy.load(3, source="toy")
    for stage in ("geocoded", "cleaned", "raw"):
        toy.delete(stage)
    toy.load(3, source="datasette", partial=True)
    assert list(toy.loaded_days()) == ["2026-03-03", "2026-03-04"]
    assert toy.query("SELECT count(*) FROM toy_visits") == [(3,)]


def test_a_source_without_addresses_is_not_located_and_asks_no_provider(
    toy: Flow, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("toy_without_addresses")
    module.SOURCE = dataclasses.replace(  # type: ignore[attr-defined]
        toy_source.SOURCE, address=None
    )
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(
        sources.SOURCES,
        "toy",
        dataclasses.replace(toy_source.REGISTERED, module=module.__name__),
    )
    settings("geocode", database="/there/is/no/database.mmdb")
    assert toy.load(3, source="toy").status == LuigiStatusCode.SUCCESS
    assert set(_table(toy, "geocoded")[0]) == {"visitor", "time", "pages"}
    assert toy.query("SELECT count(*) FROM toy_visits") == [(3,)]


def test_a_source_that_there_is_not_is_refused_with_those_there_are(toy: Flow) -> None:
    with pytest.raises(
        ConfigError, match="no source 'tow'; the sources are .*datasette, .*toy"
    ):
        sources.get_source("tow")


def test_a_source_without_the_columns_of_counting_is_refused_in_a_sentence(
    toy: Flow,
) -> None:
    toy.load(3, source="toy")
    with pytest.raises(ConfigError, match="toy cannot be counted: .* no column .*url"):
        CountUsage(date=DAY, source="toy").run()
