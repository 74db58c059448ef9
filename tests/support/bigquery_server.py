"""A BigQuery server in this process, and tables as a Cloud Logging sink makes them.

``bqemulator`` is started without DuckDB's spatial extension, which it would fetch over
the network. Its server's own names are used, so its version is pinned.
"""

import asyncio
import logging
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.cloud.bigquery import SchemaField


class BigQueryServer:
    """The emulator, on an event loop in a thread of its own."""

    def __init__(self) -> None:
        """Choose free ports and keep everything in memory."""
        from bqemulator.config import LogLevel, PersistenceMode, Settings
        from bqemulator.server import EmulatorServer

        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server = EmulatorServer(
            Settings(
                persistence_mode=PersistenceMode.EPHEMERAL,
                rest_port=0,
                grpc_port=0,
                enable_format_extensions=False,
                log_level=LogLevel.ERROR,
            )
        )

    def start(self) -> None:
        """Listen on free ports."""
        self._thread.start()
        self._run(self._server.start())

    def stop(self) -> None:
        """Stop listening and end the thread."""
        self._run(self._server.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    @property
    def rest_url(self) -> str:
        """Where the REST API listens."""
        return str(self._server.rest_url)

    @property
    def grpc_endpoint(self) -> str:
        """Where the Storage Read API listens."""
        return str(self._server.grpc_endpoint)

    def _run(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=120)


@pytest.fixture(scope="session", name="bigquery_server")
def start_server() -> Iterator[BigQueryServer]:
    """The emulator, one for all tests: give each test tables of its own name."""
    engine = pytest.importorskip("bqemulator.storage.engine")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine.DuckDBEngine, "_load_spatial", lambda self: None)
        server = BigQueryServer()
        with pytest.MonkeyPatch.context() as starting:
            # It would throw out the root logger's handlers, pytest's among them.
            starting.setattr(logging, "basicConfig", lambda **_: None)
            server.start()
        yield server
        server.stop()


@pytest.fixture(scope="session", name="bigquery_client")
def connect(bigquery_server: BigQueryServer) -> bigquery.Client:
    """A client of the emulator, with a dataset ``test-project.logs``."""
    client = bigquery.Client(
        project="test-project",
        credentials=AnonymousCredentials(),
        client_options=ClientOptions(api_endpoint=bigquery_server.rest_url),
    )
    client.create_dataset("logs")
    return client


def make_table(
    client: bigquery.Client,
    name: str,
    rows: Sequence[dict[str, Any]],
    *,
    schema: Sequence[SchemaField],
    partitioned_by: str | None = None,
) -> None:
    """Create ``test-project.logs.NAME`` and stream rows into it.

    Args:
        client: the emulator's.
        name: the table's name.
        rows: entries, nested as in BigQuery.
        schema: the table's columns.
        partitioned_by: a column, ``"ingestion"``, or None for no partitions.
    """
    table = bigquery.Table(f"test-project.logs.{name}", schema=schema)
    if partitioned_by:
        field = None if partitioned_by == "ingestion" else partitioned_by
        table.time_partitioning = bigquery.TimePartitioning(field=field)
    client.create_table(table)
    if rows:
        assert client.insert_rows_json(table, rows) == []


def record(name: str, *fields: SchemaField, mode: str = "NULLABLE") -> SchemaField:
    """Declare a nested column."""
    return SchemaField(name, "RECORD", mode=mode, fields=fields)


def strings(*names: str) -> list[SchemaField]:
    """Declare columns of text."""
    return [SchemaField(name, "STRING") for name in names]


SINK_SCHEMA = [
    *strings("logName"),
    record(
        "resource",
        *strings("type"),
        record(
            "labels",
            *strings(
                "revision_name",
                "location",
                "project_id",
                "service_name",
                "configuration_name",
            ),
        ),
    ),
    *strings("textPayload"),
    SchemaField("timestamp", "TIMESTAMP"),
    SchemaField("receiveTimestamp", "TIMESTAMP"),
    *strings("severity", "insertId"),
    record(
        "httpRequest",
        *strings("requestMethod", "requestUrl"),
        SchemaField("requestSize", "INTEGER"),
        SchemaField("status", "INTEGER"),
        SchemaField("responseSize", "INTEGER"),
        *strings("userAgent", "remoteIp", "serverIp", "referer"),
        SchemaField("latency", "FLOAT"),
        SchemaField("cacheLookup", "BOOLEAN"),
        SchemaField("cacheHit", "BOOLEAN"),
        SchemaField("cacheValidatedWithOriginServer", "BOOLEAN"),
        SchemaField("cacheFillBytes", "INTEGER"),
        *strings("protocol"),
    ),
    record("labels", *strings("instanceId")),
    record(
        "operation",
        *strings("id", "producer"),
        SchemaField("first", "BOOLEAN"),
        SchemaField("last", "BOOLEAN"),
    ),
    *strings("trace", "spanId"),
    SchemaField("traceSampled", "BOOLEAN"),
    record(
        "sourceLocation",
        *strings("file"),
        SchemaField("line", "INTEGER"),
        *strings("function"),
    ),
]
"""The columns of a real sink of 2022, in its order."""

NEWER_COLUMNS = [
    record(
        "split",
        *strings("uid"),
        SchemaField("index", "INTEGER"),
        SchemaField("totalSplits", "INTEGER"),
    ),
    record("errorGroups", *strings("id"), mode="REPEATED"),
]
"""What sinks gained since."""
