"""Results come through the Storage Read API, or over REST if that is unavailable."""

import datetime as dt
import sys

import grpc
import luigi
import pytest
from bigquery_server import (
    BigQueryServer,
    connect,  # noqa: F401
    make_table,
    start_server,  # noqa: F401
)
from bigquery_service import (
    SCHEMA,
    TABLE,
    Service,
    Storage,
    ids,
    serve,  # noqa: F401
    serve_storage,  # noqa: F401
    use_storage_at,
)
from google.cloud import bigquery

from usage_metrics.errors import ConfigError, ServiceError
from usage_metrics.logs.bigquery.reader import BigQueryLogs

DAY = dt.date(2022, 3, 15)


def storage_reader(storage_api: str) -> BigQueryLogs:
    """A reader that asks the service for queries and gRPC for their results."""
    endpoint = luigi.configuration.get_config().get("bigquery", "endpoint")
    return BigQueryLogs(TABLE, storage_api=storage_api, endpoint=endpoint, timeout=120)


@pytest.mark.parametrize("storage_api", ["auto", "on"])
def test_results_are_streamed_through_the_storage_api(
    storage: Storage, storage_api: str
) -> None:
    batches = list(storage_reader(storage_api).read(DAY))
    assert ids(iter(batches)) == ["stored 1", "stored 2", "stored 3"]
    assert [batch.num_rows for batch in batches] == [2, 1]


def test_no_results_are_no_batches(storage: Storage) -> None:
    storage.messages = []
    assert list(storage_reader("on").read(DAY)) == []


@pytest.mark.parametrize(
    "refusal", [grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNIMPLEMENTED]
)
def test_rest_is_used_where_the_storage_api_is_not_to_be_had(
    storage: Storage, refusal: grpc.StatusCode, caplog: pytest.LogCaptureFixture
) -> None:
    storage.refusal = refusal
    assert ids(storage_reader("auto").read(DAY)) == ["a", "b", "c"]
    assert "bigquery.readsessions.create denied" in caplog.text


def test_the_storage_api_can_be_insisted_on(storage: Storage) -> None:
    storage.refusal = grpc.StatusCode.PERMISSION_DENIED
    with pytest.raises(ServiceError, match="BigQuery Read Session User"):
        list(storage_reader("on").read(DAY))


def test_a_stream_that_is_cut_fails_rather_than_start_again(storage: Storage) -> None:
    storage.cut_after = 1
    batches = storage_reader("auto").read(DAY)
    assert next(batches).num_rows == 2
    with pytest.raises(ServiceError, match="cut in the middle"):
        list(batches)


def test_a_stream_that_is_cut_before_it_gave_anything_falls_back(
    storage: Storage,
) -> None:
    storage.cut_after = 0
    assert ids(storage_reader("auto").read(DAY)) == ["a", "b", "c"]


@pytest.mark.parametrize("storage_api", ["auto", "on"])
def test_the_storage_package_may_be_missing(
    monkeypatch: pytest.MonkeyPatch, service: Service, storage_api: str
) -> None:
    monkeypatch.setitem(sys.modules, "google.cloud.bigquery_storage", None)
    logs = BigQueryLogs(TABLE, storage_api=storage_api)
    if storage_api == "auto":
        assert logs._storage_client() is None
    else:
        with pytest.raises(ConfigError, match="google-cloud-bigquery-storage"):
            logs._storage_client()


def test_the_emulator_has_no_stored_results_so_rest_is_used(
    bigquery_server: BigQueryServer,
    bigquery_client: bigquery.Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = {"insertId": "a", "timestamp": "2022-03-15T01:00:00Z"}
    make_table(bigquery_client, "requests", [row], schema=SCHEMA)
    use_storage_at(bigquery_server.grpc_endpoint, monkeypatch)
    logs = BigQueryLogs(TABLE, endpoint=bigquery_server.rest_url)
    assert ids(logs.read(DAY)) == ["a"]
