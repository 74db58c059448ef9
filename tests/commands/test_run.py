"""``usage-metrics run``: the command for every night, and its notifications."""

import contextlib
import fcntl
import gc
import io
import socket
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import luigi
import pytest
from command import run_python, run_usage_metrics
from flow import DAY, ONE_DAY, Flow, days
from mail_server import free_port, mailbox
from project import Settings
from webhook_server import Chat, serving

from usage_metrics.commands import main, run, running
from usage_metrics.commands.alone import is_running
from usage_metrics.counting.tables import TABLES
from usage_metrics.monitoring import notify, run_log
from usage_metrics.partitions import folders, footer_index, partition

pytestmark = pytest.mark.usefixtures("quick_reports")

NEXT = DAY + ONE_DAY
STOP = DAY + 2 * ONE_DAY


@pytest.fixture
def nightly(flow: Flow, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Flow:
    """Two days of logs, and settings as cron finds them."""
    settings("datasette", start=DAY, stop=STOP)
    flow.export_days(2)
    monkeypatch.delenv("USAGE_METRICS_WEBHOOK", raising=False)
    monkeypatch.setattr(run, "FIRST_WAIT", 0.05)
    return flow


@pytest.fixture
def failing(nightly: Flow) -> Flow:
    """The first of the two days is nonsense."""
    nightly.export(DAY, "nonsense")
    return nightly


# --- what it does ---------------------------------------------------------------------


def test_it_makes_everything_and_again_does_nothing(nightly: Flow) -> None:
    assert main(["run"]) == 0
    assert nightly.loaded_days() == {str(DAY): 2, str(NEXT): 2}
    assert nightly.query("SELECT count(*) FROM usage_daily")[0][0] > 0
    lines = len(list(run_log.read()))
    assert main(["run"]) == 0
    assert len(list(run_log.read())) == lines
    assert _imported_with_nothing_to_do(nightly) & HEAVY == set()


HEAVY = {"pyarrow", "numpy", "statistics", "usage_metrics.sources.datasette"}
"""What is only for days that are made: it takes a quarter of a second."""


def _imported_with_nothing_to_do(flow: Flow) -> set[str]:
    """What a process imports that finds all days made, and the next not over."""
    code = f"""
import datetime as dt, sys
from usage_metrics.commands import main
from usage_metrics.tasks import LoadSQLite, availability
availability.utc_now = lambda: dt.datetime({STOP:%Y, %-m, %-d}, 5, tzinfo=dt.UTC)
assert LoadSQLite().complete()
assert main(["run"]) == 0
print(*sys.modules)
"""
    with (flow.folder / "luigi.cfg").open("w") as file:
        luigi.configuration.get_config().write(file)
    done = run_python(code, flow.folder)
    assert "Nothing to do" in done.stdout, done.stdout + done.stderr
    return set(done.stdout.splitlines()[-1].split())


def test_what_a_run_keeps_of_footers_it_does_not_read_again(
    nightly: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed = Mock(wraps=footer_index._parse)
    monkeypatch.setattr(footer_index, "_parse", parsed)
    footer_index._last.clear()
    assert main(["run"]) == 0
    parsed.assert_not_called()  # nothing is kept before the first run


def test_with_nothing_to_do_each_stage_is_listed_once_and_footers_are_parsed_once(
    nightly: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["run"]) == 0
    listings: Counter[str] = Counter()
    list_files = folders.list_files

    def counting(folder: str, name: str) -> Iterable[folders.Found]:
        listings[folder] += 1
        return list_files(folder, name)

    monkeypatch.setattr(folders, "list_files", counting)
    opened = Mock(wraps=sqlite3.connect)
    monkeypatch.setattr(sqlite3, "connect", opened)
    parsed = Mock(wraps=footer_index._parse)
    monkeypatch.setattr(footer_index, "_parse", parsed)
    footer_index._last.clear()
    partition.left_over.cache_clear()
    assert main(["run"]) == 0
    root = nightly.root
    assert listings.pop(f"{root}/{partition.STATE}/geocoded/datasette") == 1
    assert set(listings.values()) == {1}, listings
    texts = [text for (text,), _ in parsed.call_args_list]
    assert 0 < len({*texts}) == len(texts), "the footers of a stage are parsed once"
    assert not any(b'"recipe":{"version"' in text for text in texts), "nor of cleaned"
    assert opened.call_count < len(TABLES), "the database is not opened for each table"


def test_a_failed_day_is_passed_on_with_its_reason_and_how_to_retry(
    failing: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run"]) == 30
    said = " ".join(capsys.readouterr().err.split())
    assert "1 of 1 lines could not be understood" in said
    assert said.endswith("To retry: usage-metrics run --source datasette")


@pytest.mark.parametrize("options", [[], ["--partial"]], ids=["", "an old crontab"])
def test_if_a_day_fails_the_others_are_loaded_counted_and_reported(
    failing: Flow, options: list[str]
) -> None:
    assert main(["run", *options]) == 30, "it is no less a failure"
    assert failing.loaded_days() == {str(NEXT): 2}
    assert failing.query("SELECT date FROM usage_reconciliation") == [(str(NEXT),)]
    assert "1 of 2 days is missing and not in any figure: 2 March 2026." in (
        _report(failing)
    )


def test_if_a_file_is_damaged_there_is_a_report_all_the_same(nightly: Flow) -> None:
    assert main(["run"]) == 0
    nightly.partition("geocoded", NEXT).delete()
    assert main(["backfill", "--start", str(DAY), "--stop", str(STOP)]) == 0
    path = Path(nightly.partition("geocoded", DAY).path)
    path.write_bytes(path.read_bytes()[:-9])
    before = (nightly.root / "report" / "datasette.html").stat().st_mtime_ns
    (nightly.root / "report" / "datasette.html").unlink()
    assert main(["run"]) == 30
    assert (nightly.root / "report" / "datasette.html").stat().st_mtime_ns > before
    assert "None of the 2 days is missing." in _report(nightly)


def test_days_that_are_not_exported_are_one_range_with_the_remedy_that_helps(
    nightly: Flow, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings("datasette", stop=STOP + 12 * ONE_DAY)
    assert main(["run"]) == 20
    said = " ".join(capsys.readouterr().err.split())
    assert (
        f"2026-03-04 to 2026-03-15 are not exported yet: the newest export in "
        f"{nightly.logs} is of 2026-03-03 once they are exported, the next run takes "
        "them; if the logs are lost, add 2026-03-04..2026-03-15 to lost_days in "
        "[datasette] of luigi.cfg"
    ) in said
    assert "backfill" not in said
    assert len(nightly.loaded_days()) == 2
    assert "12 of 14 days are missing and not in any figure: 4–15 March 2026." in (
        _report(nightly)
    )


def test_a_missing_and_a_failed_day_are_both_named(
    failing: Flow, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings("datasette", stop=STOP + ONE_DAY)
    assert main(["run"]) == 30
    said = " ".join(capsys.readouterr().err.split())
    assert "1 of 1 lines could not be understood" in said
    assert f"{STOP} is not exported yet" in said
    assert "2 of 3 days are missing" in _report(failing)


def test_a_run_without_any_day_says_why_and_makes_no_report(
    nightly: Flow, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings("datasette", start=STOP, stop=STOP + 2 * ONE_DAY)
    assert main(["run"]) == 20
    said = " ".join(capsys.readouterr().err.split())
    assert "2026-03-04 to 2026-03-05 are not exported yet" in said
    assert not (nightly.root / "report").exists()


def _report(flow: Flow) -> str:
    return (flow.root / "report" / "datasette.html").read_text()


def test_a_wrong_setting_is_one_sentence_and_exit_code_2(
    nightly: Flow, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings("datasette", settle_hours="soon")
    assert main(["run"]) == 2
    assert "luigi.cfg: [datasette] settle_hours = 'soon'" in capsys.readouterr().err


def test_a_wrong_registry_is_named_with_all_its_mistakes_before_a_day_is_read(
    nightly: Flow, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = nightly.folder / "datasets.toml"
    registry.write_text("[[dataset]]\ntitle = 7\n[[dataset]]\nid = 'Rivers'\n")
    settings("counting", datasets=registry)
    assert main(["run"]) == 2
    said = capsys.readouterr().err
    assert f"{registry}, line 1: id is missing\n{registry}, line 2: title = 7" in said
    assert f"{registry}, line 4: id = 'Rivers' should be" in said
    settings("counting", datasets=nightly.folder / "none.toml")
    assert main(["run"]) == 2
    assert "none.toml cannot be read: " in capsys.readouterr().err
    assert not nightly.root.exists()


# --- what it says ---------------------------------------------------------------------


def test_it_is_quiet_and_says_last_where_the_report_is(
    nightly: Flow, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["run"]) == 0
    said = capfd.readouterr()
    assert said.err.splitlines() == [
        "Extract: 2 of 2 days",
        "Clean: 2 of 2 days",
        "Geocode: 2 of 2 days",
        "CountUsage: 2 of 2 days",
    ]
    database, report = nightly.database, nightly.root / "report/datasette.html"
    lines = said.out.splitlines()
    assert lines[0] == f"LoadSQLite: 4 requests of 2 days loaded into {database}"
    of_all = report.with_name("index.html")
    assert lines[-2:] == [f"Report: open {report}", f"All places: open {of_all}"]
    assert report.exists()
    log = (nightly.root / "luigi.log").read_text()
    assert "Extract(date=2026-03-02, source=datasette): 2 log entries" in log
    assert "===== Luigi Execution Summary =====" in log

    assert main(["run"]) == 0
    said = capfd.readouterr()
    assert said.err == ""
    assert said.out.splitlines() == [
        "Nothing to do: everything is made, loaded and counted.",
        f"Report: open {report}",
        f"All places: open {of_all}",
    ]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_failed_is_counted_and_said_at_the_end_with_the_warnings_before(
    failing: Flow, workers: str, settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    (failing.logs / f"{NEXT}.jsonl").write_text("")
    assert main(["run", "--workers", workers]) == 30
    # In a process in which another test used BigQuery, gRPC remarks on each fork.
    lines = capfd.readouterr().err.splitlines()
    said = [line for line in lines if "fork_posix.cc" not in line]
    assert said[:3] == [
        "Extract: 2 of 2 days",
        "Clean: 1 of 2 days, 1 failed",
        "Geocode: 1 of 2 days",
    ]
    heading = said.index("Not everything was done: a task failed")
    assert f"  '{NEXT}.jsonl' is empty" in said[3:heading]
    assert said[heading + 1].startswith(f"  Clean: datasette {DAY}: 1 of 1 lines")
    assert "Luigi" not in "".join(said)


def test_logs_that_are_not_there_are_said_once_and_in_no_words_of_luigis(
    nightly: Flow, settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    settings("datasette", logs="nowhere")
    assert main(["run"]) == 35
    said = " ".join(capfd.readouterr().err.split())
    assert said.count("logs = nowhere is not a folder that exists") == 1
    assert "Will not run" not in said
    log = (nightly.root / "luigi.log").read_text()
    assert "ERROR Will not run Report(" in log


def test_where_nothing_can_be_written_each_reason_is_said_once(
    nightly: Flow, settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    (nightly.folder / "file").touch()
    settings("paths", root=nightly.folder / "file" / "data")
    assert main(["run"]) == 30
    lines = " ".join(capfd.readouterr().err.partition("Not everything")[2].split())
    assert "part-0.parquet cannot be written: [Errno 17] File exists" in lines
    assert "Worker" not in lines
    assert lines.count("the run log") == 1


def test_of_many_warnings_a_few_are_shown(
    nightly: Flow, settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    settings("datasette", stop=DAY + 13 * ONE_DAY)
    for number in range(2, 13):
        (nightly.logs / f"{DAY + number * ONE_DAY}.jsonl").write_text("")
    assert main(["run"]) == 0
    said = capfd.readouterr().err.splitlines()
    assert sum("is empty" in line for line in said) == 10
    assert said[-1] == "  and 1 more warnings, in luigi.log"


def test_luigis_log_is_shown_on_request(
    nightly: Flow, capfd: pytest.CaptureFixture[str]
) -> None:
    done = run_usage_metrics("run", "--verbose", folder=_furnished(nightly))
    assert done.returncode == 0
    assert "Extract(date=2026-03-02, source=datasette): 2 log entries" in done.stderr
    assert "===== Luigi Execution Summary =====" in done.stderr
    assert "2 of 2 days" not in done.stderr
    assert done.stdout.splitlines()[-2].startswith("Report: open ")


def test_luigis_log_is_shown_by_each_run_that_is_asked_to_and_by_no_other(
    flow: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    flow.export_days(4)
    shown = []
    for day, option in zip(days(4), ["", "--verbose", "--verbose", ""], strict=True):
        words = f"backfill --start {day} --stop {day + ONE_DAY} {option}".split()
        # In a notebook, each cell has a stderr of its own.
        with contextlib.redirect_stderr(io.StringIO()) as stderr:
            assert main(words) == 0
            shown.append("Luigi Execution Summary" in stderr.getvalue())
            stderr.close()
    assert shown == [False, True, True, False]
    assert "Logging error" not in capsys.readouterr().err


def _furnished(flow: Flow) -> Path:
    """The folder, with the settings in a luigi.cfg."""
    (flow.folder / "luigi.cfg").write_text(
        f"[datasette]\nlogs = {flow.logs}\nstart = {DAY}\nstop = {STOP}\n"
        f"[paths]\nroot = {flow.root}\n"
    )
    return flow.folder


def test_a_log_that_is_full_makes_room_for_a_new_one(
    nightly: Flow, settings: Settings
) -> None:
    assert main(["run"]) == 0
    settings("run_log", maximum_bytes=1)
    (nightly.root / "report" / "datasette.html").unlink()
    assert main(["run"]) == 0
    assert "Extract" in (nightly.root / "luigi.1.log").read_text()
    assert "Extract" not in (nightly.root / "luigi.log").read_text()


def test_a_log_that_cannot_be_written_fails_no_run(nightly: Flow) -> None:
    (nightly.root / "luigi.log").mkdir(parents=True)
    assert main(["run"]) == 0


# --- another run in progress ----------------------------------------------------------


def test_a_busy_run_is_retried_and_any_other_exit_code_is_passed_on(
    nightly: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = [25, 10, 35, 0]
    monkeypatch.setattr(running, "run_luigi", lambda *_, **__: codes.pop(0))
    assert main(["run"]) == 35
    assert codes == [0]


def test_patience_is_limited(nightly: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "run_luigi", lambda *_, **__: 25)
    began = time.monotonic()
    assert main(["run", "--patience", "0.3"]) == 25
    assert time.monotonic() - began < 120


def test_a_run_waits_for_another_run_of_the_same_root(nightly: Flow) -> None:
    nightly.root.mkdir()
    with (nightly.root / ".run.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert main(["run", "--patience", "0"]) == 10
        assert not nightly.database.exists()
        threading.Timer(0.3, fcntl.flock, (lock, fcntl.LOCK_UN)).start()
        assert main(["run"]) == 0
    assert nightly.database.exists()


def test_the_first_of_all_runs_locks_others_out_too(
    nightly: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not nightly.root.exists()
    others: list[bool] = []

    def run_luigi(*_: object, **__: object) -> int:
        others.append(is_running())
        return 0

    monkeypatch.setattr(running, "run_luigi", run_luigi)
    main(["run"])
    assert others == [True]
    assert not is_running()


# --- notifications --------------------------------------------------------------------


@pytest.fixture
def refused(nightly: Flow, settings: Settings) -> Flow:
    """A run fails at once: there are no logs."""
    settings("datasette", logs=nightly.folder / "nowhere")
    return nightly


def _run(chat_url: str, settings: Settings, **env: Any) -> int:
    settings("notify", webhook=chat_url, timeout=60)
    return main(["run"])


def test_a_failure_is_posted_with_the_reason_and_how_to_retry(
    failing: Flow, settings: Settings
) -> None:
    with serving() as chat:
        assert _run(chat.url, settings) == 30
    (post,) = chat.posts
    assert chat.kinds == ["application/json"]
    assert list(post) == ["text"]
    assert "exit code 30: a task failed" in post["text"]
    assert f"Clean: datasette {DAY}: 1 of 1 lines could not be" in post["text"]
    assert "&& usage-metrics run --source datasette" in post["text"]


def test_what_goes_well_is_not_posted(nightly: Flow, settings: Settings) -> None:
    with serving() as chat:
        assert _run(chat.url, settings) == 0
    assert chat.posts == []


@pytest.mark.usefixtures("refused")
def test_a_wrong_setting_is_posted_too(settings: Settings) -> None:
    with serving() as chat:
        assert _run(chat.url, settings) == 35
    assert "nowhere" in chat.posts[0]["text"]


@pytest.mark.usefixtures("refused")
def test_the_environment_comes_before_the_setting(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as chat, serving() as other:
        monkeypatch.setenv("USAGE_METRICS_WEBHOOK", chat.url)
        _run(other.url, settings)
    assert (len(chat.posts), len(other.posts)) == (1, 0)


def _secret_is_nowhere(flow: Flow, chat: Chat, said: str) -> bool:
    files = [file for file in flow.root.rglob("*") if file.is_file()]
    texts = [said.encode(), *(file.read_bytes() for file in files)]
    return not any(b"T0P-SECRET" in text for text in texts)


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_chat_that_refuses_changes_nothing_and_the_url_is_not_printed(
    refused: Flow,
    settings: Settings,
    status: int,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with serving(status) as chat:
        assert _run(chat.url, settings) == 35
    assert len(chat.posts) == (2 if status == 500 else 1)
    assert f"the webhook could not be notified: it answered {status}" in caplog.text
    assert _secret_is_nowhere(refused, chat, caplog.text + str(capfd.readouterr()))


@pytest.mark.usefixtures("refused")
def test_an_unreachable_chat_changes_nothing_and_is_not_printed(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/hooks/T0P-SECRET"
        assert _run(url, settings) == 35
    assert "the webhook could not be notified: ConnectionError" in caplog.text
    assert "T0P-SECRET" not in caplog.text


def test_a_chat_that_never_ends_its_answer_does_not_hold_the_run(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    began = time.monotonic()
    settings("notify", timeout=0.3)
    with serving(trickle=True) as chat:
        settings("notify", webhook=chat.url)
        assert not notify.notify("text")
    assert time.monotonic() - began < 120
    assert "it did not answer in time" in caplog.text


def test_what_a_log_brings_in_gives_a_chat_no_commands(
    settings: Settings,
) -> None:
    with serving() as chat:
        settings("notify", webhook=chat.url)
        attack = (
            "<!channel> <@U012AB3CD> @everyone *@all* _@here_ a@b.example "
            "<https://a.example|click> [a](https://b.example) \x1b[31m"
        )
        assert notify.notify(f"Clean: {attack}\nTo retry: usage-metrics run")
    assert [post["text"] for post in chat.posts] == [
        "Clean: ‹!channel› ‹＠U012AB3CD› ＠everyone *＠all* _＠here_ a@b.example "
        "‹https://a.example|click› [a] (https://b.example) \\x1b[31m\n"
        "To retry: usage-metrics run"
    ]


@pytest.mark.usefixtures("refused")
def test_an_invalid_url_is_refused_without_being_printed(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    assert _run("T0P-SECRET", settings) == 35
    assert "is not a URL" in caplog.text
    assert "T0P-SECRET" not in caplog.text


# --- Luigi's e-mails ------------------------------------------------------------------


@pytest.fixture
def mail(settings: Settings) -> Settings:
    """Luigi's settings, as docs/nightly.md shows them."""
    settings("email", receiver="duty@example.org", force_send="true")
    settings("smtp", host="127.0.0.1", timeout="60")
    return settings


# Luigi leaves its connection to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_a_failure_is_mailed_in_a_sentence(failing: Flow, mail: Settings) -> None:
    with mailbox() as box:
        mail("smtp", port=box.port)
        assert main(["run"]) == 30
    gc.collect()
    (message,) = box.messages
    assert message["To"] == "duty@example.org"
    (part,) = (part for part in message.walk() if not part.is_multipart())
    text = part.get_content()
    assert f"datasette {DAY}: 1 of 1 lines could not be understood" in text
    assert "Traceback (" not in text


@pytest.mark.parametrize("port", ["closed", "nonsense"])
def test_a_mail_server_that_is_not_there_or_wrongly_set_changes_nothing(
    failing: Flow, mail: Settings, port: str
) -> None:
    mail("smtp", port=free_port() if port == "closed" else port)
    assert main(["run"]) == 30
    assert failing.loaded_days() == {str(NEXT): 2}
