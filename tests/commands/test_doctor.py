"""``usage-metrics doctor``: whether the pipeline can run."""

import contextlib
import datetime as dt
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import toy_source
from flow import DAY, ONE_DAY, Flow, request
from ipinfo_server import TOKEN, IpinfoServer, Trouble
from local_server import BOMB
from project import SAMPLE_REGISTRY, Settings
from webhook_server import serving

from usage_metrics.commands import main
from usage_metrics.sources import SOURCES
from usage_metrics.tasks.load_usage import LoadUsage
from usage_metrics.tasks.stages import Extract


@pytest.fixture
def healthy(flow: Flow, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Flow:
    """A folder in which nothing is wrong."""
    flow.export_days(1)
    monkeypatch.delenv("USAGE_METRICS_WEBHOOK", raising=False)
    monkeypatch.delenv("IPINFO_TOKEN", raising=False)
    return flow


def _examined(capsys: pytest.CaptureFixture[str]) -> dict[str, tuple[str, str]]:
    capsys.readouterr()
    code = main(["doctor", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert code == int(any(finding["state"] == "BAD" for finding in found))
    return {f["what"]: (f["state"], f["found"]) for f in found}


def test_in_an_empty_folder_nothing_is_bad_and_nothing_is_left_behind(
    healthy: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    found = _examined(capsys)
    assert {state for state, _ in found.values()} <= {"ok", "note"}
    assert found["[datasette] logs"][0] == "ok"
    assert "GB are free" in found["disk"][1]
    assert not healthy.root.exists(), "it leaves nothing behind"


def test_it_says_when_a_day_is_read_and_whether_the_newest_is_there(
    healthy: Flow, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings("datasette", start=DAY, stop=DAY + ONE_DAY, settle_hours=5)
    assert _all(capsys, "[datasette] start, stop") == [
        (
            "ok",
            f"{DAY} to {DAY}; a day is read 5 hours after it ends in UTC"
            " (settle_hours)",
        )
    ]
    settings("datasette", stop=DAY + 2 * ONE_DAY)
    _, (state, found) = _all(capsys, "[datasette] start, stop")
    assert state == "note"
    assert found.startswith("the newest day is not there: 2026-03-03 is not exported")


def test_it_says_which_registry_of_datasets_is_used(
    healthy: Flow, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    for path, state, said in (
        ("", "ok", "no registry, so each database is a dataset"),
        (SAMPLE_REGISTRY, "ok", f"{SAMPLE_REGISTRY} names 2 datasets; any other"),
        ("data/sample_logs/datasets.toml", "note", "of the sample logs and not used"),
    ):
        settings("counting", datasets=path)
        found = _examined(capsys)["[counting] datasets"]
        assert found[0] == state
        assert said in found[1]


def test_each_mistake_of_a_registry_is_a_finding_with_its_line(
    healthy: Flow, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = healthy.folder / "datasets.toml"
    registry.write_text("platform = 1\n[[dataset]]\nid = 'Trees'\n")
    settings("counting", datasets=registry)
    found = _all(capsys, "[counting] datasets")
    assert [state for state, _ in found] == ["BAD", "BAD"]
    said = [sentence for _, sentence in found]
    assert said[0].startswith(f"{registry}, line 1: platform = 1")
    assert said[1].startswith(f"{registry}, line 3: id = 'Trees'")


def test_reports_that_a_run_is_to_send_need_a_token_and_a_registry(
    healthy: Flow,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("DATACITE_TOKEN", raising=False)
    registry = healthy.folder / "datasets.toml"
    registry.write_text("[[dataset]]\nid = 'pudl'\n")
    settings("counting", datasets=registry)
    assert not {"COUNTER reports", "[datacite] submit"} & _examined(capsys).keys()
    settings("datacite", submit="yes")
    found = _examined(capsys)
    (bad, token), (worse, missing) = (
        found[what] for what in ("[datacite] submit", "COUNTER reports")
    )
    assert (bad, worse) == ("BAD", "BAD")
    assert "set the environment variable DATACITE_TOKEN" in token
    assert (
        "add created_by at the top; publisher, publisher_id, doi or uri to" in missing
    )
    monkeypatch.setenv("DATACITE_TOKEN", "a-token")
    settings("counting", datasets=SAMPLE_REGISTRY)
    found = _examined(capsys)
    assert found["COUNTER reports"][0] == "ok"
    assert found["[datacite] submit"] == (
        "ok",
        "runs send COUNTER reports to https://api.datacite.org",
    )


def test_of_several_networks_that_are_none_each_is_named(
    healthy: Flow, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings("datasette", internal_networks="192.0.2, 192.0.2.0/24, office")
    assert _bad(capsys) == [
        f"[datasette] internal_…: internal_networks contains {name!r}, which is not a "
        "network; write such as 192.0.2.1 or 2001:db8::/32"
        for name in ("192.0.2", "office")
    ]


def test_for_people_each_finding_is_in_lines_of_a_terminal(
    healthy: Flow, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith(("ok   luigi.cfg: ", "note luigi.cfg: "))
    assert all(line[:5].strip() in ("ok", "note", "") for line in said)
    folder = str(healthy.folder)
    assert max(len(line) for line in said if folder not in line) <= 60


def test_an_old_address_database_is_a_note_with_the_remedy(
    healthy: Flow, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    later = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
    monkeypatch.setattr("usage_metrics.commands.doctor.utc_now", lambda: later)
    state, text = _examined(capsys)["[geocode]"]
    assert state == "note"
    assert "days old: name a newer file in [geocode] database" in text


def test_a_full_disk_is_named_before_it_stops_a_run(
    healthy: Flow, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    full = shutil.disk_usage("/")._replace(free=1000)
    monkeypatch.setattr("shutil.disk_usage", lambda _: full)
    state, text = _examined(capsys)["disk"]
    assert state == "BAD"
    assert "make room" in text


# --- what a run would find ------------------------------------------------------------


def _all(capsys: pytest.CaptureFixture[str], what: str) -> list[tuple[str, str]]:
    """Every finding about something."""
    capsys.readouterr()
    main(["doctor", "--json"])
    found = json.loads(capsys.readouterr().out)
    return [(f["state"], f["found"]) for f in found if f["what"] == what]


def _bad(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Everything that is BAD, as it is said to people."""
    capsys.readouterr()
    code = main(["doctor", "--json"])
    found = json.loads(capsys.readouterr().out)
    bad = [f"{f['what']}: {f['found']}" for f in found if f["state"] == "BAD"]
    assert code == bool(bad)
    return bad


def test_every_wrong_setting_is_named_and_each_once(
    healthy: Flow, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings("datasette", settle_hours="soon", logz="here")
    settings("privacy", adresses="drop")
    settings("paths", root="")
    settings("pathz", root="data")
    bad = _bad(capsys)
    assert len(bad) == 5
    for sentence in (
        "[datasette] settle_hours = 'soon'",
        "[datasette] has no setting 'logz' (did you mean logs?)",
        "[privacy] has no setting 'adresses' (did you mean addresses?)",
        "[paths] root = '' cannot be used: it is empty",
        "there is no section [pathz] (did you mean paths?)",
    ):
        assert sum(sentence in found for found in bad) == 1, sentence


def test_a_section_that_nothing_reads_is_named(
    healthy: Flow,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(healthy.folder)
    Path("luigi.cfg").touch()
    monkeypatch.setenv("LUIGI_CONFIG_PATH", "luigi.cfg")
    settings("email", receiver="duty@example.org")
    settings("wbe", logs="logs")
    state, found = _examined(capsys)["luigi.cfg"]
    assert state == "note"
    assert found.startswith("nothing here reads [wbe]; docs/settings.md lists")


def test_logs_that_are_not_there_are_said_of_logs_and_of_nothing_else(
    healthy: Flow, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings("datasette", logs="nowhere", start=DAY, stop=DAY + ONE_DAY)
    assert [state for state, _ in _all(capsys, "[datasette] start, stop")] == ["ok"]
    [(state, found)] = _all(capsys, "[datasette] logs")
    assert state == "BAD"
    assert "nowhere is not a folder that exists" in found


def test_a_start_in_two_places_has_to_be_the_same(
    healthy: Flow, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings("LoadSQLite", start=DAY)
    assert not _bad(capsys)
    settings("LoadSQLite", start="2020-01-01")
    (bad,) = _bad(capsys)
    assert "is not the start in [LoadSQLite], where it stood in former versions" in bad
    main(["doctor"])
    assert "luigi.cfg: luigi.cfg" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("section", "values", "sentence"),
    [
        (
            "datasette",
            {"start": "2026-03-05", "stop": "2026-03-02"},
            "[datasette] start, stop: stop = 2026-03-02 is not after start",
        ),
        (
            "datasette",
            {"start": ""},
            "[datasette] start, stop: a run needs a start: give --start",
        ),
        (
            "datasette",
            {"internal_networks": "192.0.2, 192.0.2.0/24"},
            "[datasette] internal_…: internal_networks contains '192.0.2', which",
        ),
        (
            "counting",
            {"datasets": "nowhere.toml"},
            "[counting] datasets: nowhere.toml cannot be read",
        ),
    ],
)
def test_what_would_fail_every_day_is_found_before_any_is_read(
    healthy: Flow,
    settings: Settings,
    section: str,
    values: dict[str, str],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings(section, **values)
    (bad,) = _bad(capsys)
    assert bad.startswith(sentence)


def test_logs_of_another_service_are_said_to_be_with_the_source_that_reads_them(
    healthy: Flow, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    logs = healthy.folder / "nginx"
    logs.mkdir()
    time = DAY.strftime("%d/%b/%Y:12:00:00 +0000")
    line = f'192.0.2.7 - - [{time}] "GET /a.csv HTTP/1.1" 200 15 "-" "curl/8.5.0"\n'
    (logs / "access.log").write_text(line)
    settings("datasette", logs=logs)
    sentence = (
        f"logs = {logs} are the logs of a web server, which [web] reads: name them in "
        "that section of luigi.cfg, not in [datasette]"
    )
    assert _bad(capsys) == [f"[datasette] logs: {sentence}"]
    assert main(["run"]) == 35
    assert sentence in " ".join(capsys.readouterr().err.split())


def test_logs_of_another_format_are_said_to_be_with_the_one_that_reads_them(
    healthy: Flow, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    line = '192.0.2.7 - - [02/Mar/2026:12:00:00 +0000] "GET /a.csv HTTP/1.1" 200 15'
    (healthy.logs / f"{DAY}.jsonl").unlink()
    (healthy.logs / "access.log").write_text(f'{line} "-" "curl/8.5.0"\n')
    settings("datasette", logs="")
    settings("web", logs=healthy.logs, format="vhost_combined", start=DAY)
    settings("web", stop=DAY + ONE_DAY)
    sentence = (
        f"logs = {healthy.logs} cannot be read with the settings of [web]; as they "
        "look, set format = combined there"
    )
    assert _bad(capsys) == [f"[web] logs: {sentence}"]
    assert main(["run"]) == 35
    assert sentence in " ".join(capsys.readouterr().err.split())


def test_days_of_the_sample_under_logs_of_ones_own_are_found(
    healthy: Flow, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    sample = healthy.folder / "data/sample_logs"
    sample.parent.mkdir()
    shutil.copytree(healthy.logs, sample)
    settings("datasette", start=DAY, stop=DAY + ONE_DAY, logs="data/sample_logs")
    with contextlib.chdir(healthy.folder):
        assert healthy.build(Extract(date=DAY)).scheduling_succeeded
        settings("datasette", logs="logs")
        (bad,) = _bad(capsys)
    assert "which are made up and would be counted as yours: delete" in bad


def test_a_source_without_a_section_is_not_looked_at(
    healthy: Flow, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(SOURCES, "toy", toy_source.REGISTERED)
    assert not any("toy" in what for what in _examined(capsys))


@pytest.mark.parametrize(
    ("log", "url", "state", "sentence"),
    [
        (
            "run.googleapis.com%2Fstdout",
            "https://data.example/fec/a",
            "ok",
            "pages of fec; requests in run.googleapis.com/stdout do not count",
        ),
        (
            "requests",
            "https://data.example/fec/a",
            "BAD",
            "the requests need request_logs = requests",
        ),
        (
            "run.googleapis.com%2Fstdout",
            "https://data.example/data/-/static/app.css",
            "BAD",
            "the requests need base_url = /data/",
        ),
    ],
)
def test_before_the_first_run_it_looks_at_what_the_logs_hold(
    healthy: Flow,
    log: str,
    url: str,
    state: str,
    sentence: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    entry = request("a", requestUrl=url)
    again = request("b") | {"logName": f"projects/p/logs/{log}"}
    healthy.export(DAY, *([again] if log == "requests" else [entry, again]))
    found = _all(capsys, "[datasette] request_logs")
    assert any(one[0] == state and sentence in one[1] for one in found), found


def test_a_day_that_cannot_be_read_is_found_before_the_first_run(
    healthy: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    healthy.export(DAY, "nonsense")
    (bad,) = _bad(capsys)
    assert "none of 1 entries is a request that can be read; the first line 1" in bad


ELSEWHERE = "/files/of/another/site.zip"
"""What no pattern and no page of a Datasette matches."""


@pytest.mark.parametrize("number", [1, 2])
def test_most_requests_without_a_dataset_are_a_note_with_what_to_set(
    healthy: Flow,
    settings: Settings,
    number: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings("datasette", start=DAY, stop=DAY + ONE_DAY)
    url = f"https://data.example{ELSEWHERE}"
    scan = request("s", requestUrl="https://data.example/a/b/c/d.php", status=404)
    others = [request(f"{n}", requestUrl=url) for n in range(number)]
    healthy.export(DAY, request("a"), scan, *others)
    assert healthy.build(LoadUsage()).scheduling_succeeded
    state, text = _examined(capsys)["[datasette] datasets"]
    counts = f"{number} of {number + 1} requests for data match no dataset"
    if number == 1:
        assert (state, text) == ("ok", counts)
    else:
        assert state == "note"
        assert text.startswith(
            f"{counts}, such as {ELSEWHERE}, so they count as nobody's use: add "
            "them to the registry that [counting] datasets names"
        )


# --- ipinfo ---------------------------------------------------------------------------


@pytest.fixture
def ipinfo(
    healthy: Flow, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[IpinfoServer]:
    monkeypatch.setenv("IPINFO_TOKEN", TOKEN)
    with IpinfoServer() as server:
        settings("geocode", provider="ipinfo")
        settings("ipinfo", endpoint=server.url, cache=healthy.folder / "cache")
        yield server


def test_the_remaining_quota_is_reported_without_the_token(
    ipinfo: IpinfoServer, capsys: pytest.CaptureFixture[str]
) -> None:
    state, text = _examined(capsys)["[geocode]"]
    assert (state, text) == (
        "ok",
        "ipinfo, lite, 990 of 1,000 requests are left this month",
    )
    assert TOKEN not in text
    assert ipinfo.requests == [], "no address was sent"


def _refuse(server: IpinfoServer) -> None:
    server.tokens = set()


def _use_up(server: IpinfoServer) -> None:
    server.left = 0


def _break(server: IpinfoServer) -> None:
    server.next.append(Trouble(503, "<html>"))


def _exaggerate(server: IpinfoServer) -> None:
    server.next.append(Trouble(200, '{"requests": {"remaining": 1e999, "limit": 1}}'))


def _flood(server: IpinfoServer) -> None:
    server.next.append(Trouble(200, BOMB, {"Content-Encoding": "gzip"}))


@pytest.mark.parametrize(
    ("trouble", "state", "sentence"),
    [
        (_flood, "BAD", "ipinfo answered with more than 64 MB"),
        (_refuse, "BAD", "ipinfo refuses the token in IPINFO_TOKEN: copy it again"),
        (_use_up, "BAD", "none of the 1,000 requests of this month are left"),
        (_break, "ok", "ipinfo does not say what is left"),
        (_exaggerate, "ok", "ipinfo does not say what is left"),
        (IpinfoServer.server_close, "BAD", "ipinfo did not answer (ConnectionError)"),
    ],
)
def test_a_token_that_is_refused_or_used_up_is_named(
    ipinfo: IpinfoServer,
    trouble: object,
    state: str,
    sentence: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert callable(trouble)
    trouble(ipinfo)
    found = _examined(capsys)["[geocode]"]
    assert found[0] == state
    assert sentence in found[1]
    assert TOKEN not in found[1]


# --- luigid and notifications ---------------------------------------------------------


def test_a_luigid_that_does_not_answer_is_named_without_its_password(
    healthy: Flow, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings("core", scheduler_url="http://me:S3CRET@127.0.0.1:1/")
    state, text = _examined(capsys)["luigid"]
    assert state == "BAD"
    assert text.startswith("127.0.0.1:1 does not answer (ConnectionError): start")
    assert "S3CRET" not in text


def test_without_a_luigid_in_the_settings_none_is_looked_for(
    healthy: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "luigid" not in _examined(capsys)


def test_the_recipients_of_failures_are_named_without_the_url(
    healthy: Flow, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _examined(capsys)["[notify]"][0] == "note"
    with serving() as chat:
        settings("notify", webhook=chat.url)
        settings("email", receiver="duty@example.org")
        state, text = _examined(capsys)["[notify]"]
        assert chat.posts == []
    assert state == "ok"
    assert text == (
        "the webhook at 127.0.0.1 and duty@example.org by e-mail will be notified "
        "when a run fails"
    )
