"""A report goes to DataCite's hub and is corrected there; nothing is forgotten."""

import datetime as dt
import gzip
import json
import os
import signal
from typing import Any
from unittest.mock import Mock

import pytest
from flow import DAY, ONE_DAY
from hub_flow import MONTH, HubFlow, asked, entry
from hub_server import CLIENT, TOKEN, Held, HubServer
from project import Settings

from usage_metrics.commands import main
from usage_metrics.counting import counter_report

pytestmark = pytest.mark.usefixtures("quick_reports")

Screen = pytest.CaptureFixture[str]


def test_a_report_is_sent_compressed_and_is_what_the_hub_then_holds(
    office: HubFlow, capsys: Screen
) -> None:
    office.count()
    capsys.readouterr()
    assert office.command("submit") == 0
    assert office.hub.sent == ["POST"]
    held = office.hub.the_report()
    written = json.loads(
        (office.flow.root / f"counter/datasette/{MONTH}.json").read_text()
    )
    assert held.datasets == written["report-datasets"]
    assert [e["code"] for e in held.header["exceptions"]] == [69, 3040]
    assistants = [{"type": "proprietary", "value": "ai-assistant-requests:1"}]
    assert [d.get("dataset-attributes") for d in held.datasets] == [assistants, None]
    assert capsys.readouterr().out.splitlines() == [
        f"{MONTH} to {office.hub.url}, for the first time: 2 datasets, "
        f"{len(held.subsets[0])} bytes",
        f"{MONTH} is accepted: {office.hub.url}/reports/{held.id}",
    ]


def test_what_was_sent_and_the_answer_are_kept_beside_the_report(
    office: HubFlow,
) -> None:
    assert office.command("submit") == 0
    held = office.hub.the_report()
    (record,) = office.records()
    assert record["id"] == held.id
    assert record["is_accepted"]
    assert (record["endpoint"], record["created_by"]) == (office.hub.url, "Our office")
    assert record["answer"].startswith("HTTP 201")
    assert CLIENT in record["answer"]
    assert (office.sent / "0001-1.json.gz").read_bytes() == held.subsets[0]
    everything = [f.read_bytes() for f in office.flow.folder.rglob("*") if f.is_file()]
    assert not [content for content in everything if TOKEN.encode() in content]


def test_a_month_that_has_not_changed_is_not_sent_again(
    office: HubFlow, capsys: Screen
) -> None:
    assert office.command("submit") == 0
    assert office.command("submit") == 0
    assert office.hub.sent == ["POST"]
    assert "Nothing to do" in capsys.readouterr().out


def test_a_month_that_has_changed_replaces_the_one_that_was_sent(
    office: HubFlow, capsys: Screen
) -> None:
    assert office.command("submit") == 0
    before = office.hub.the_report().datasets
    office.flow.export(DAY, asked("a", "/pudl/plants.json"), asked("b", "/pudl/x"))
    assert main(["refresh", "--days", "4000", "--no-load"]) == 0
    office.count()
    stale = _months_in_status(capsys)
    assert office.command("submit") == 0
    held = office.hub.the_report()
    assert office.hub.sent == ["POST", "PUT"]
    assert len(held.subsets) == 1
    assert [d["dataset-title"] for d in before] == ["Pudl", "Ferc1"]
    assert [d["dataset-title"] for d in held.datasets] == ["Pudl"]
    said = capsys.readouterr().out
    assert f"in place of {held.id}, sent on " in said
    assert "  datasets: 1 gone, 1 changed\n" in said
    assert f"{MONTH} is corrected: " in said
    assert (stale["state"], stale["id"]) == ("stale", held.id)
    assert stale["stale_since"] >= stale["sent_at"]
    assert "datasets: 1 gone, 1 changed" in stale["differs"]
    assert f"sent: {MONTH}" in _status(capsys)
    first, second = office.records()
    assert first["id"] == second["id"] == held.id
    kept = gzip.decompress((office.sent / "0001-1.json.gz").read_bytes())
    assert json.loads(kept)["report-datasets"] == before, "the first one is still there"


def _status(capsys: Screen) -> str:
    capsys.readouterr()
    assert main(["status"]) == 0
    return " ".join(capsys.readouterr().out.split())


def _months_in_status(capsys: Screen) -> dict[str, Any]:
    """The month, as the status for programs has it."""
    capsys.readouterr()
    assert main(["status", "--json"]) == 0
    (source,) = json.loads(capsys.readouterr().out)
    (month,) = source["counter_reports"]
    return {**month}


def test_status_says_nothing_of_reports_that_nobody_sends(
    office: HubFlow, capsys: Screen
) -> None:
    assert "COUNTER" not in _status(capsys)
    office.settings("datacite", submit="yes")
    assert f"COUNTER reports at {office.hub.url} never sent: {MONTH}" in _status(capsys)


def test_status_says_by_how_much_a_month_is_stale_and_how_to_correct_it(
    office: HubFlow, capsys: Screen
) -> None:
    assert office.command("submit") == 0
    office.register(entry("pudl", title="Rivers"), entry("ferc1"))
    said = _status(capsys)
    assert f"stale: {MONTH}, sent at " in said
    assert "datasets: 1 changed" in said
    assert "counted again" not in said
    assert f"usage-metrics counter submit --month {MONTH} corrects it" in said


def test_a_dry_run_sends_nothing_and_needs_no_token(
    office: HubFlow, capsys: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATACITE_TOKEN")
    assert office.command("submit", "--dry-run") == 0
    assert "2 datasets" in capsys.readouterr().out
    assert office.hub.asked == []
    assert not office.sent.exists()
    assert office.command("submit") == 2
    assert "set the environment variable DATACITE_TOKEN" in capsys.readouterr().err


def test_an_answer_that_was_lost_doubles_nothing(office: HubFlow) -> None:
    office.hub.next.append("lost")
    office.settings("datacite", attempts=1)
    assert office.command("submit") == 2
    assert office.command("submit") == 0
    assert office.hub.sent == ["POST", "PUT"]
    assert len(office.hub.the_report().subsets) == 1
    assert [r["is_accepted"] for r in office.records()] == [False, True]


def test_a_kill_before_the_record_loses_no_id(office: HubFlow, capsys: Screen) -> None:
    assert office.command("submit") == 0
    (office.sent / "0001.json").unlink()  # as if killed just before it was written
    assert f"sending was interrupted: {MONTH}" in _status(capsys)
    assert office.command("submit") == 0
    assert office.hub.sent == ["POST", "PUT"]
    (record,) = office.records()
    assert record["number"] == 2, "nothing is overwritten"
    assert record["id"] == office.hub.the_report().id


def test_a_kill_while_the_hub_answers_doubles_nothing(office: HubFlow) -> None:
    office.hub.next.append("held")
    if (child := os.fork()) == 0:
        office.command("submit")
        os._exit(1)
    assert office.hub.taken.wait(60)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert office.records() == []
    assert office.command("submit") == 0
    assert office.hub.sent == ["POST", "PUT"]
    (record,) = office.records()
    assert record["id"] == office.hub.the_report().id
    assert len(office.hub.the_report().subsets) == 1


def test_nothing_is_sent_that_cannot_be_kept(office: HubFlow, capsys: Screen) -> None:
    office.sent.parent.write_text("in the way")
    assert office.command("submit") == 2
    assert "check [paths] root" in capsys.readouterr().err
    assert office.hub.asked == []
    assert "counter/sent" in _status(capsys)


@pytest.mark.parametrize("status", [429, 503])
def test_a_hub_that_is_busy_is_asked_again(office: HubFlow, status: int) -> None:
    office.hub.next += [status, status]
    assert office.command("submit") == 0
    assert office.hub.sent == ["POST"] * 3
    assert len(office.hub.the_report().subsets) == 1


def test_a_refusal_is_told_in_the_words_of_the_hub(
    office: HubFlow, capsys: Screen
) -> None:
    office.hub.next.append(422)
    assert office.command("submit") == 2
    assert "DataCite refuses the report: HTTP 422" in capsys.readouterr().err
    (record,) = office.records()
    assert not record["is_accepted"]
    assert "Later" in record["answer"]


def test_a_token_that_is_refused_is_named_by_its_variable_only(
    office: HubFlow, monkeypatch: pytest.MonkeyPatch, capsys: Screen
) -> None:
    monkeypatch.setenv("DATACITE_TOKEN", "an-0ld-one")
    assert office.command("submit") == 2
    said = capsys.readouterr().err
    assert "refuses the token in DATACITE_TOKEN; see docs/counter.md" in said
    assert "an-0ld-one" not in said


def test_the_report_of_somebody_else_is_not_replaced(
    office: HubFlow, capsys: Screen
) -> None:
    assert office.command("submit") == 0
    (name,) = office.hub.held
    for file in office.sent.iterdir():
        file.unlink()
    office.hub.the_report().client = "example.other"
    assert office.command("submit") == 2
    assert "which is example.other's" in capsys.readouterr().err
    assert office.hub.sent == ["POST"]
    assert isinstance(office.hub.held[name], Held)


def test_what_must_not_be_sent_is_refused_with_every_reason(
    office: HubFlow, capsys: Screen
) -> None:
    office.register(entry("pudl", 'uri = "https://data.example/pudl"'))
    assert office.command("check") == 1
    assert "✗" in (said := capsys.readouterr().out)
    assert "publisher, publisher_id, doi or uri to ferc1" in " ".join(said.split())
    assert office.command("submit") == 2
    assert office.hub.asked == []
    office.register(entry("pudl", 'uri = "https://a.example/b"'), entry("ferc1"))
    capsys.readouterr()
    assert office.command("check") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert said.startswith("! Pudl: there is a URI and no DOI")
    assert said.endswith("DataCite should take the report")


def test_another_hub_knows_nothing_of_what_this_one_was_sent(
    office: HubFlow, settings: Settings
) -> None:
    assert office.command("submit") == 0
    with HubServer() as real:
        settings("datacite", hub=real.url)
        assert office.command("submit") == 0
        assert real.sent == ["POST"]
    settings("datacite", hub=office.hub.url)
    assert office.command("submit") == 0
    assert office.hub.sent == ["POST"], "it is what was sent there"


# --- by itself ------------------------------------------------------------------------


@pytest.fixture
def april(office: HubFlow, monkeypatch: pytest.MonkeyPatch) -> HubFlow:
    """The office on the third of the next month, with the logs of all days."""
    now = dt.datetime(2026, 4, 3, 5, tzinfo=dt.UTC)
    monkeypatch.setattr("usage_metrics.commands.counter_by_itself.utc_now", lambda: now)
    return office


def test_a_run_in_the_first_days_of_a_month_writes_the_report_of_the_last(
    april: HubFlow, capsys: Screen
) -> None:
    report = april.flow.root / f"counter/datasette/{MONTH}.json"
    report.unlink()
    assert main(["run"]) == 0
    assert f"COUNTER report: {report}" in capsys.readouterr().out
    assert report.exists()
    assert april.hub.asked == []
    april.register(entry("pudl"))  # of a report that nobody sends, this is only said
    assert main(["run"]) == 0
    assert "doi or uri to ferc1" in capsys.readouterr().err


def test_a_run_sends_and_corrects_the_report_if_it_is_to(
    april: HubFlow, capsys: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    april.settings("datacite", submit="yes")
    made = Mock(wraps=counter_report.month_usage)
    monkeypatch.setattr(counter_report, "month_usage", made)
    assert main(["run"]) == 0
    assert april.hub.sent == ["POST"]
    assert made.called
    made.reset_mock()
    assert main(["run"]) == 0
    assert april.hub.sent == ["POST"]
    assert not made.called, "nothing has changed, so no report is made to know that"
    april.register(entry("pudl", title="Rivers"), entry("ferc1"))
    assert main(["run"]) == 0
    assert april.hub.sent == ["POST", "PUT"]
    monkeypatch.delenv("DATACITE_TOKEN")
    april.register(entry("pudl", title="Lakes"), entry("ferc1"))
    assert main(["run"]) == 2
    assert "COUNTER: to send a report, set the env" in capsys.readouterr().err


def test_a_run_waits_with_sending_for_days_that_are_missing(
    april: HubFlow, capsys: Screen
) -> None:
    april.settings("datacite", submit="yes")
    april.settings("datasette", stop=DAY + 3 * ONE_DAY)
    assert main(["run"]) == 20
    assert "2026-03 will be sent when all its days are there" in capsys.readouterr().out
    april.settings("datasette", lost_days=str(DAY + 2 * ONE_DAY))
    assert main(["run"]) == 0
    assert april.hub.sent == ["POST"]
