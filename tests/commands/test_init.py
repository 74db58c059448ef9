"""``usage-metrics init``: from somebody's logs to settings that work."""

import configparser
import datetime as dt
import errno
import io
import json
import os
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from bigquery_server import (
    BigQueryServer,
    connect,  # noqa: F401
    make_table,
    start_server,  # noqa: F401
)
from bigquery_service import Service, serve  # noqa: F401
from command import run_usage_metrics
from flow import DAY, ONE_DAY, Flow, days, request
from google.cloud.bigquery import Client, SchemaField
from project import ROOT, Settings
from s3_server import S3Server, start_s3_server  # noqa: F401

from usage_metrics.commands import init, main
from usage_metrics.tasks.datasets_registry import read_registry

TABLE = "bigquery://test-project.logs.requests"


@pytest.fixture
def here(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> Flow:
    """A folder without settings, with the logs of three days."""
    flow.export_days(3)
    monkeypatch.chdir(flow.folder)
    return flow


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Types lines into the terminal."""

    def type_in(*lines: str) -> None:
        text = "".join(f"{line}\n" for line in lines)
        monkeypatch.setattr("sys.stdin", io.StringIO(text))

    return type_in


def _cfg(path: str | Path = "luigi.cfg") -> dict[str, dict[str, str]]:
    """The settings that a luigi.cfg gives."""
    parser = configparser.ConfigParser()
    parser.read(path)
    return {name: dict(parser[name]) for name in parser.sections()}


def _datasette() -> dict[str, str]:
    return _cfg()["datasette"]


def _said(capsys: pytest.CaptureFixture[str]) -> str:
    said = capsys.readouterr()
    return " ".join(f"{said.out} {said.err}".split())


def _page(day: dt.date, path: str, **http: Any) -> dict[str, Any]:
    """A request for a page of the site."""
    http.setdefault("requestUrl", f"https://data.example{path}")
    return request(f"{day}{path}{http}", day, **http)


# --- what it writes -------------------------------------------------------------------


def test_with_what_it_writes_a_run_succeeds(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    flow.logs.mkdir()
    flow.export_days(2)
    for command in (("init", "--logs", "logs", "--datasets"), ("doctor",), ("run",)):
        done = run_usage_metrics(*command, folder=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "data/report/datasette.html").exists()


def test_it_says_what_the_logs_hold_and_ends_with_the_command_to_type(
    here: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    for day in days(3):
        pages = [_page(day, path) for path in ("/fec/filings.json", "/fec", "/pudl/a")]
        here.export(day, *pages, _page(day, "/nothing", status=404))
    assert main(["init", "--logs", "logs"]) == 0
    said = _said(capsys)
    assert "3 exports in logs, from 2026-03-02 to 2026-03-04" in said
    assert "4 entries a day, as of 2026-03-02 to 2026-03-03" in said
    assert "hosts: data.example databases: fec, pudl" in said
    assert said.endswith("luigi.cfg is written. Next: usage-metrics run")
    assert _datasette() == {"logs": "logs", "start": "2026-03-02", "stop": "2026-03-05"}
    assert not Path("datasets.toml").exists()


def test_only_logs_that_have_ended_get_a_stop(
    here: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = dt.datetime.combine(DAY + 4 * ONE_DAY, dt.time(3), dt.UTC)
    monkeypatch.setattr(init, "utc_now", lambda: now)
    assert main(["init", "--logs", "logs"]) == 0
    assert "stop" not in _datasette()


def test_logs_of_a_single_day_will_do(flow: Flow, monkeypatch: Any) -> None:
    flow.export_days(1)
    monkeypatch.chdir(flow.folder)
    assert main(["init", "--logs", "logs"]) == 0
    assert _datasette()["start"] == str(DAY)


def test_days_without_logs_are_suggested_and_not_declared_lost(
    here: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    for day in days(3, DAY + 5 * ONE_DAY):
        here.export(day, _page(day, "/fec"))
    (here.logs / "2026-03-03.jsonl").unlink()
    assert main(["init", "--logs", "logs"]) == 0
    gaps = "2026-03-03, 2026-03-05..2026-03-06"
    assert f"no logs of {gaps}: if they are lost for good, say so" in _said(capsys)
    assert f"\n# lost_days = {gaps}\n" in Path("luigi.cfg").read_text()


def test_a_day_with_a_file_that_is_not_read_is_waited_for(
    here: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    for day in (DAY + ONE_DAY, DAY + 3 * ONE_DAY):
        (here.logs / f"{day}.jsonl").unlink(missing_ok=True)
        (here.logs / f"{day}.zip").write_bytes(b"PK")
    assert main(["init", "--logs", "logs"]) == 0
    assert "lost_days" not in Path("luigi.cfg").read_text()
    assert _datasette()["stop"] == "2026-03-06", "the last of them is not cut off"
    assert "2026-03-03: '2026-03-03.zip' in logs is not read" in _said(capsys)


def test_a_first_day_of_ones_own_is_taken(here: Flow) -> None:
    assert main(["init", "--logs", "logs", "--start", "2026-03-03"]) == 0
    assert _datasette()["start"] == "2026-03-03"
    assert main(["init", "--logs", "logs", "--start", "2026-03-05", "--force"]) == 0
    assert "stop" not in _datasette(), "there would be no day"


def test_the_registry_names_each_database_with_its_tables(here: Flow) -> None:
    for day in days(3):
        paths = ["/fec/filings", "/fec/filings.json", "/fec/committees", "/Our%20Data"]
        here.export(day, *(_page(day, path) for path in paths))
    assert main(["init", "--logs", "logs", "--datasets"]) == 0
    assert _cfg()["counting"] == {"datasets": "datasets.toml"}
    registry = read_registry("datasets.toml")
    found = [(dataset.id, dataset.title) for dataset in registry.datasets]
    assert found == [("fec", "fec"), ("our-data", "Our Data")]
    assert registry.platform == "data.example"
    assert (
        "# The tables seen: filings, committees\n" in Path("datasets.toml").read_text()
    )


def test_a_page_that_may_be_no_database_is_said_with_what_to_do(
    here: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    """A page of a plugin and one of a database are answered alike."""
    for day in days(3):
        here.export(day, *(_page(day, path) for path in ("/fec/filings", "/about")))
    assert main(["init", "--logs", "logs"]) == 0
    said = _said(capsys)
    assert "no table was asked for of about: if that is a page of the site" in said
    assert 'not_data = ["/about"]' in said
    here.export(DAY, _page(DAY, "/about/team"))
    assert main(["init", "--logs", "logs", "--force"]) == 0
    assert "no table was asked for" not in _said(capsys)


def test_where_the_requests_are_is_found(
    here: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a load balancer's log, of a site that lies under a path."""
    log = {"logName": "projects/p/logs/requests"}
    for day in days(3):
        paths = ["/data/fec/filings", "/data/-/static/app.css", "/data/-/static/a.js"]
        here.export(day, *(_page(day, path) | log for path in paths))
    assert main(["init", "--logs", "logs"]) == 0
    assert "databases: fec request_logs = requests base_url = /data/" in _said(capsys)
    found = _datasette()
    assert (found["request_logs"], found["base_url"]) == ("requests", "/data/")


def test_entries_that_repeat_requests_are_said_not_to_count(
    here: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    again = {"logName": "projects/p/logs/run.googleapis.com%2Fstdout"}
    for day in days(3):
        page = _page(day, "/fec")
        here.export(day, page, page | again | {"insertId": "again"})
    assert main(["init", "--logs", "logs"]) == 0
    said = _said(capsys)
    assert "in other logs do not count" in said
    assert "the same once more: run.googleapis.com/stdout" in said


def test_several_hosts_are_suggested_to_choose_from(here: Flow) -> None:
    for day in days(3):
        other = _page(day, "", requestUrl="https://www.example/fec")
        here.export(day, _page(day, "/fec"), _page(day, "/fec/a"), other)
    assert main(["init", "--logs", "logs"]) == 0
    assert "\n# hosts = data.example, www.example\n" in Path("luigi.cfg").read_text()


def test_nothing_in_a_log_breaks_out_of_its_line(here: Flow) -> None:
    evil = 'x"\n[[dataset]]\nid = "y%(z)s'
    for day in days(3):
        url = f"https://h\u2028core/{quote(evil)}/{quote(evil)}"
        here.export(
            day,
            _page(day, "", requestUrl=url),
            _page(day, "", requestUrl="https://b%d/fec"),
        )
    folder = here.folder / "100% of\u200b logs"
    here.logs.rename(folder)
    assert main(["init", "--logs", str(folder), "--datasets"]) == 0
    assert set(_cfg()) == {"datasette", "counting", "privacy"}
    assert len(tomllib.loads(Path("datasets.toml").read_text())["dataset"]) == 2
    read_registry("datasets.toml")


# --- the sample -----------------------------------------------------------------------


def test_the_sample_is_that_of_the_repository_with_its_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--sample"]) == 0
    assert _said(capsys).endswith("luigi.cfg is written. Next: usage-metrics run")
    made = {file.name: file.read_bytes() for file in Path("data/sample_logs").iterdir()}
    tracked = (ROOT / "data/sample_logs").iterdir()
    assert made == {file.name: file.read_bytes() for file in tracked}
    ours, found = _cfg(ROOT / "luigi.cfg"), _cfg()
    assert found["datasette"] == ours["datasette"]
    assert found["privacy"] == ours["privacy"]


def test_the_sample_keeps_away_from_replies_that_platforms_gave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--sample"]) == 0
    made = {path: path.read_bytes() for path in Path("data/raw").rglob("*.parquet")}
    assert len(made) == 7 * 13
    assert main(["init", "--sample", "--force"]) == 0
    Path("data/raw/zenodo/date=2026-03-04").rename("data/raw/zenodo/date=2026-04-04")
    capsys.readouterr()
    assert main(["init", "--sample", "--force"]) == 2
    assert "data holds replies of Zenodo that nobody can ask for again" in _said(capsys)
    Path("data/raw/zenodo/date=2026-04-04").rename("data/raw/zenodo/date=2026-03-04")
    assert made == {path: path.read_bytes() for path in made}


# --- asked ----------------------------------------------------------------------------


def test_it_asks_until_there_are_logs_and_for_the_first_day(
    here: Flow, answers: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    answers("nowhere", "logs", "2026-03-03")
    assert main(["init"]) == 0
    assert "Error: there is no folder nowhere; name the folder" in _said(capsys)
    found = _datasette()
    assert (found["logs"], found["start"]) == ("logs", "2026-03-03")


def test_what_is_known_or_found_is_offered(here: Flow, answers: Any) -> None:
    answers("", "")
    assert main(["init"]) == 0
    found = _datasette()
    assert (found["logs"], found["start"]) == (str(here.logs), "2026-03-02")


def test_if_nobody_answers_it_says_which_option_does(
    here: Flow, answers: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    answers()
    assert main(["init"]) == 2
    assert "say where the logs are with --logs" in _said(capsys)


# --- files that are there -------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("luigi.cfg", ("--logs", "logs")),
        ("datasets.toml", ("--logs", "logs", "--datasets")),
        ("luigi.cfg", ("--sample",)),
        ("data/sample_logs", ("--sample", "--yes")),
    ],
)
def test_what_is_there_is_kept_unless_one_says_otherwise(
    here: Flow, name: str, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(name)
    if "." in name:
        path.write_text("mine")
    else:
        path.mkdir(parents=True)
    before = sorted(Path().rglob("*"))
    assert main(["init", *options]) == 2
    assert f"{name} is there already: give --force to replace it" in _said(capsys)
    assert sorted(Path().rglob("*")) == before
    assert main(["init", *options, "--force"]) == 0
    assert path.is_dir() or path.read_text() != "mine"


def test_settings_that_cannot_be_written_leave_the_old_ones_whole(
    here: Flow, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    Path("luigi.cfg").write_text("[paths]\n")
    monkeypatch.setattr(os, "fsync", full)
    assert main(["init", "--logs", "logs", "--force"]) == 2
    assert "luigi.cfg cannot be written: [Errno 28] No space left" in _said(capsys)
    assert Path("luigi.cfg").read_text() == "[paths]\n"


def test_who_is_asked_may_replace_one_file_and_keep_another(
    here: Flow, answers: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("luigi.cfg", "datasets.toml"):
        Path(name).write_text("mine")
    answers("n", "n")
    assert main(["init", "--datasets"]) == 0
    assert _said(capsys).endswith("Nothing is written.")
    answers("n", "y", "logs")
    assert main(["init", "--datasets"]) == 0
    assert "in luigi.cfg: [counting] datasets = datasets.toml" in _said(capsys)
    assert Path("luigi.cfg").read_text() == "mine"
    assert Path("datasets.toml").read_text() != "mine"


# --- logs that are none ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("logs", "sentence"),
    [
        ("nowhere", "there is no folder nowhere; name the folder of the logs"),
        ("logs/2026-03-02.jsonl", ".jsonl is a file; name the folder that it is in"),
        ("empty", "empty holds no logs: no file, or only empty ones; name"),
        (
            "garbled",
            "none of 1 entries is a request that can be read; the first line 1",
        ),
        ("other", "none of 1 entries is a request; name logs of requests"),
        ("bad\nname", "luigi.cfg cannot hold the name 'bad\\nname'; rename the folder"),
        ("custom", "no source recognises the logs: for those of a web server in a"),
        ("late", "logs = late holds no entry of 2026-03-02; name logs with requests"),
        ("", "say where the logs are: --logs FOLDER"),
    ],
)
def test_logs_that_cannot_be_used_are_refused_in_a_sentence(
    here: Flow, settings: Settings, logs: str, sentence: str, capsys: Any
) -> None:
    settings("datasette", logs="")
    lines = {
        "garbled": "nonsense",
        "other": json.dumps({"insertId": "a", "timestamp": f"{DAY}T12:00:00Z"}),
        "late": json.dumps(request("a", DAY + ONE_DAY)),
    }
    Path("custom").mkdir()
    Path("custom/access.log").write_text(f'192.0.2.7|{DAY}|"GET /a HTTP/1.1"|200\n')
    Path("empty").mkdir()
    for name, line in lines.items():
        Path(name).mkdir()
        Path(name, f"{DAY}.jsonl").write_text(f"{line}\n")
    place = ("--logs", logs) if logs else ("--yes",)
    assert main(["init", *place]) == 2
    assert sentence in _said(capsys)
    assert not Path("luigi.cfg").exists()


# --- in an object store ---------------------------------------------------------------


def test_logs_in_a_bucket_are_looked_at_like_those_in_a_folder(
    here: Flow, s3_server: S3Server, capsys: pytest.CaptureFixture[str]
) -> None:
    store = s3_server.create("init-logs")
    for file in here.logs.iterdir():
        with store.open_output_stream(f"init-logs/{file.name}") as stream:
            stream.write(file.read_bytes())
    logs = s3_server.uri("init-logs")
    assert main(["init", "--logs", logs]) == 0
    assert "2 entries a day, as of 2026-03-02 to 2026-03-03" in _said(capsys)
    assert _datasette() == {"logs": logs, "start": "2026-03-02", "stop": "2026-03-05"}
    assert main(["init", "--logs", s3_server.uri("init-none"), "--force"]) == 2
    assert "cannot be listed: " in _said(capsys)


# --- BigQuery -------------------------------------------------------------------------


def test_bigquery_is_priced_and_not_read_unless_one_agrees(
    here: Flow, service: Service, answers: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", "--logs", TABLE]) == 2
    assert "give the first UTC day of the figures: --start" in _said(capsys)
    assert main(["init", "--logs", TABLE, "--start", "2026-03-02"]) == 0
    said = _said(capsys)
    assert "BigQuery table test-project.logs.requests, 12.3 MB for" in said
    assert "no entry was read, since BigQuery bills what is read" in said
    assert all(job.get("dryRun") for job in service.jobs)
    assert _datasette() == {"logs": TABLE, "start": "2026-03-02"}


def test_bigquery_is_read_for_a_day_if_one_agrees(
    here: Flow, service: Service, answers: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    answers(TABLE, "y", "2026-03-02")
    service.now = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
    assert main(["init"]) == 0
    assert "2 entries a day" in _said(capsys)
    assert sum(not job.get("dryRun") for job in service.jobs) == 1


def test_of_a_table_a_day_the_days_are_known_without_reading(
    here: Flow, bigquery_server: BigQueryServer, bigquery_client: Client, settings: Any
) -> None:
    settings("bigquery", endpoint=bigquery_server.rest_url)
    for shard in ("init_20220314", "init_20220316"):
        make_table(
            bigquery_client, shard, [], schema=[SchemaField("insertId", "STRING")]
        )
    logs = "bigquery://test-project.logs.init"
    assert main(["init", "--logs", logs]) == 0
    assert _datasette() == {"logs": logs, "start": "2022-03-14", "stop": "2022-03-17"}
    assert "\n# lost_days = 2022-03-15\n" in Path("luigi.cfg").read_text()


def test_a_registry_needs_entries_that_were_read(
    here: Flow, service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--logs", TABLE, "--start", "2026-03-02", "--datasets")
    assert main(["init", *options]) == 2
    assert "there is no database to put into datasets.toml" in _said(capsys)
    assert not Path("luigi.cfg").exists()
