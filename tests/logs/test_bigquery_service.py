"""What is asked of BigQuery, what it may cost, and what happens when it fails."""

import datetime as dt
import logging
from typing import Any

import luigi
import pytest
from bigquery_service import TABLE, Service, ids, serve  # noqa: F401
from luigi.task_register import Register

from usage_metrics.errors import ConfigError, InputError, NotYetError, ServiceError
from usage_metrics.logs.bigquery.reader import BigQueryLogs

DAY = dt.date(2022, 3, 15)


def reader(**settings: str) -> BigQueryLogs:
    """A reader of the service's table, with these settings in ``[bigquery]``."""
    for key, value in settings.items():
        luigi.configuration.get_config().set("bigquery", key, value)
    Register.clear_instance_cache()
    return BigQueryLogs.from_config("bigquery://test-project.logs.requests")


# --- what is asked, and what it costs -------------------------------------------------


def test_the_query_is_estimated_logged_and_then_run_with_the_limit(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="luigi-interface"):
        assert ids(reader().read(DAY)) == ["a", "b"]
    assert (
        "2022-03-15: BigQuery will bill about 12.3 MB (limit 10.0 GB)"
        in caplog.messages
    )
    estimate, run = service.jobs
    assert estimate["dryRun"] is True
    assert estimate["query"]["useQueryCache"] is False
    assert "dryRun" not in run
    assert run["query"]["maximumBytesBilled"] == "10000000000"
    assert estimate["query"]["query"] == run["query"]["query"]


def test_the_day_is_a_typed_half_open_range_and_columns_are_named(
    service: Service,
) -> None:
    list(reader().read(DAY))
    for job in service.jobs:
        query = job["query"]
        assert {
            parameter["name"]: (
                parameter["parameterType"]["type"],
                parameter["parameterValue"]["value"],
            )
            for parameter in query["queryParameters"]
        } == {
            "start": ("TIMESTAMP", "2022-03-15 00:00:00+00:00"),
            "end": ("TIMESTAMP", "2022-03-16 00:00:00+00:00"),
        }
        assert "`timestamp` >= @start AND `timestamp` < @end" in query["query"]
        assert "2022" not in query["query"]
        assert "*" not in query["query"]
        assert query["useLegacySql"] is False


def test_a_query_runs_where_its_table_is(service: Service) -> None:
    list(reader().read(DAY))
    results = [request for request in service.requests if "/queries/" in request]
    assert results
    assert all("location=europe-west1" in request for request in results)


def test_a_day_above_the_limit_is_refused_before_it_costs(service: Service) -> None:
    service.bytes = 1_000_001
    with pytest.raises(ConfigError) as refused:
        list(reader(maximum_bytes_billed="1000000").read(DAY))
    assert "[bigquery] maximum_bytes_billed = 1000000 (1.0 MB)" in str(refused.value)
    assert [job.get("dryRun") for job in service.jobs] == [True]


def test_a_day_at_the_limit_is_read(service: Service) -> None:
    service.bytes = 1_000_000
    assert ids(reader(maximum_bytes_billed="1000000").read(DAY)) == ["a", "b"]


@pytest.mark.parametrize(
    ("clock", "is_over"), [("23:59:59", False), ("00:00:00", True)]
)
def test_a_day_that_is_not_over_by_the_clock_of_the_service_is_no_empty_day(
    service: Service, clock: str, is_over: bool
) -> None:
    today = DAY + dt.timedelta(days=is_over)
    service.now = dt.datetime.fromisoformat(f"{today}T{clock}+00:00")
    if is_over:
        assert ids(reader().read(DAY)) == ["a", "b"]
    else:
        with pytest.raises(NotYetError, match="set the clock of this machine"):
            list(reader().read(DAY))


def test_every_page_of_results_is_a_batch(service: Service) -> None:
    service.ids, service.pages = ["a", "b", "c", "d", "e"], 3
    batches = list(reader().read(DAY))
    assert [batch.num_rows for batch in batches] == [2, 2, 1]
    assert ids(iter(batches)) == service.ids


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("maximum_bytes_billed", "0"),
        ("timeout", "-1"),
        ("endpoint", "localhost:9050"),
        ("storage_api", "on"),  # as there is an endpoint
    ],
)
def test_a_setting_that_cannot_be_used_is_named(
    service: Service, setting: str, value: str
) -> None:
    with pytest.raises(ConfigError, match=rf"\[bigquery\] {setting} = '?{value}"):
        reader(**{setting: value})


# --- failures -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "failure",
    [
        (500, "internalError"),
        (502, "badGateway"),
        (503, "backendError"),
        (429, "rateLimitExceeded"),
        (0, "cut"),
    ],
)
@pytest.mark.parametrize("where", ["/tables/", "/jobs", "/queries/"])
def test_a_passing_failure_is_got_over(
    service: Service, where: str, failure: tuple[int, str], monkeypatch: Any
) -> None:
    monkeypatch.setattr("google.api_core.retry.retry_unary.time.sleep", lambda _: None)
    service.fail_on, service.failures = where, [failure, failure]
    assert ids(reader(timeout="60").read(DAY)) == ["a", "b"]


@pytest.mark.parametrize("failure", [(503, "backendError"), (0, "cut")])
@pytest.mark.parametrize("where", ["/tables/", "/queries/"])
def test_a_lasting_failure_ends_in_an_error_that_names_the_table(
    service: Service, where: str, failure: tuple[int, str]
) -> None:
    service.fail_on, service.failures, service.for_ever = where, [failure], True
    with pytest.raises(ServiceError, match=r"test-project\.logs\.requests.*timeout"):
        list(reader(timeout="1.5").read(DAY))


def test_a_service_that_does_not_answer_is_given_up(service: Service) -> None:
    service.delay = 3
    with pytest.raises(ServiceError, match="could not be reached"):
        list(reader(timeout="0.2").read(DAY))


@pytest.mark.parametrize(
    ("status", "reason", "error", "words"),
    [
        (403, "accessDenied", ServiceError, "BigQuery Job User on the project test"),
        (403, "quotaExceeded", ServiceError, "refused to read .*sorry: quotaExceeded"),
        (401, "authError", ConfigError, "credentials .*service_account_key"),
        (404, "notFound", InputError, "logs names test-project.logs.requests"),
        (400, "invalidQuery", ServiceError, "refused to read .*sorry: invalidQuery"),
        (400, "bytesBilledLimitExceeded", ConfigError, "maximum_bytes_billed"),
        (500, "bytesBilledLimitExceeded", ConfigError, "maximum_bytes_billed"),
    ],
)
def test_a_refusal_is_not_repeated_and_says_what_to_do(
    service: Service, status: int, reason: str, error: type[Exception], words: str
) -> None:
    service.fail_on, service.failures = "/jobs", [(status, reason)]
    service.for_ever = True
    with pytest.raises(error, match=words):
        list(reader().read(DAY))
    assert len([request for request in service.requests if "/jobs" in request]) == 1


def test_nobody_listening_is_an_error_that_says_so() -> None:
    logs = BigQueryLogs(TABLE, endpoint="http://127.0.0.1:9", timeout=0.2)
    with pytest.raises(ServiceError, match="could not be reached"):
        logs.unavailable(DAY)
