"""A request that several logs of a project witness counts once, and never silently."""

import json

import pytest
from flow import DAY, ONE_DAY, Flow, request
from project import Settings

from usage_metrics.commands import main
from usage_metrics.tasks.load_usage import LoadUsage
from usage_metrics.tasks.stages import Clean

STDOUT = "projects/p/logs/run.googleapis.com%2Fstdout"
BALANCER = "projects/p/logs/requests"


def _export(flow: Flow, *logs: str) -> None:
    """A day with the same five requests in each of some logs."""
    entries = [
        request(f"{log} {n}", clock=f"12:0{n}:00", remoteIp=f"8.8.8.{n}")
        | {"logName": log, "trace": f"projects/p/traces/{n}"}
        for log in logs
        for n in range(5)
    ]
    flow.export(DAY, *entries)


OF_CLOUD_RUN: str = request("a")["logName"]


@pytest.fixture
def twice(flow: Flow, settings: Settings) -> Flow:
    """Five requests in the log of Cloud Run, and again in the application's."""
    settings("datasette", start=DAY, stop=DAY + ONE_DAY)
    _export(flow, OF_CLOUD_RUN, STDOUT)
    return flow


def _request_logs(capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    capsys.readouterr()
    main(["doctor", "--json"])
    found = {f["what"]: f for f in json.loads(capsys.readouterr().out)}
    finding = found["[datasette] request_logs"]
    return finding["state"], finding["found"]


def test_a_request_in_two_logs_is_one_request(twice: Flow) -> None:
    twice.build(LoadUsage())
    assert twice.loaded_days() == {str(DAY): 5}
    assert twice.query(
        "SELECT lines, requests, other_logs FROM usage_reconciliation"
    ) == [(10, 5, 5)]
    assert twice.query("SELECT other_logs, unexplained FROM quality_per_day") == [
        (5, 0)
    ]
    assert twice.facts("cleaned")["other_logs"] == 5


def test_inspect_and_the_doctor_say_so(
    twice: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    twice.load(1)
    main(["inspect", str(DAY)])
    assert "  cleaned   5 rows · 5 other logs" in capsys.readouterr().out
    assert _request_logs(capsys) == (
        "ok",
        f"{DAY}: 5 requests; 5 entries of other logs, services or hosts are not "
        "counted: 'run.googleapis.com/stdout' (5). 5 have the trace of a request, and "
        "are that request once more",
    )


def test_entries_that_are_no_request_again_are_worth_a_look(
    flow: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = [
        request(str(n)) | {"logName": log, "trace": str(n)}
        for n, log in enumerate([OF_CLOUD_RUN, BALANCER, BALANCER])
    ]
    flow.export(DAY, *entries)
    flow.load(1)
    state, text = _request_logs(capsys)
    assert state == "note"
    assert "1 request; 2 entries of other logs" in text
    assert "if others are requests, name their log in request_logs" in text


def test_a_day_without_a_request_of_the_hosts_that_are_named_is_warned_about(
    twice: Flow, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings("datasette", hosts="data.example")
    twice.load(1)
    assert twice.loaded_days() == {str(DAY): 5}
    settings("datasette", hosts="dat.example")
    twice.delete("cleaned")
    twice.build(Clean(date=DAY))
    assert twice.facts("cleaned")["other_logs"] == 10
    assert f"{DAY}: none of 10 requests is of the services and hosts" in caplog.text


def test_a_day_whose_requests_are_all_in_other_logs_fails_with_the_remedy(
    flow: Flow,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _export(flow, BALANCER)
    flow.load(1)
    sentence = "they are in 'requests' (5). If those are the requests, name their log"
    assert sentence in caplog.text
    assert not flow.partition("cleaned").exists()
    state, text = _request_logs(capsys)
    assert state == "BAD"
    assert sentence in text

    settings("datasette", request_logs="requests")
    flow.load(1)
    assert flow.loaded_days() == {str(DAY): 5}
    assert _request_logs(capsys) == (
        "ok",
        f"{DAY}: 5 requests, all in the logs that are meant",
    )


def test_other_settings_make_the_cleaned_day_stale(
    twice: Flow, settings: Settings
) -> None:
    before = Clean.recipe("datasette")
    settings("datasette", hosts="data.example")
    assert Clean.recipe("datasette") != before
