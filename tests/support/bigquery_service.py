"""Servers that answer as Google's would where the emulator is silent.

REST for bytes, limits, refusals and failures, and gRPC for the Storage Read API.
"""

import datetime as dt
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
import luigi
import pyarrow as pa
import pytest
from bigquery_server import record, strings
from google.cloud.bigquery import SchemaField
from google.cloud.bigquery_storage import BigQueryReadClient
from google.cloud.bigquery_storage_v1.services.big_query_read.transports import (
    BigQueryReadGrpcTransport,
)
from google.cloud.bigquery_storage_v1.types import (
    CreateReadSessionRequest,
    ReadRowsRequest,
    ReadRowsResponse,
    ReadSession,
)
from luigi.task_register import Register

from usage_metrics.logs.bigquery.query import LogTable
from usage_metrics.logs.bigquery.reader import BigQueryLogs

TABLE = LogTable.from_uri("bigquery://test-project.logs.requests")
SCHEMA = [
    SchemaField("timestamp", "TIMESTAMP"),
    *strings("insertId"),
    record("httpRequest", *strings("requestUrl")),
]
RESULT_SCHEMA = [
    SchemaField("insertId", "STRING"),
    SchemaField("timestamp", "TIMESTAMP"),
    SchemaField("httpRequest", "BOOLEAN"),
    SchemaField("httpRequest_requestUrl", "STRING"),
]
STORED_SCHEMA = pa.schema(
    [
        ("insertId", pa.string()),
        ("timestamp", pa.timestamp("us", "UTC")),
        ("httpRequest", pa.bool_()),
        ("httpRequest_requestUrl", pa.string()),
    ]
)
MICROSECONDS = 1_647_354_358_184_967


@dataclass
class Service:
    """Google's REST API as far as reading one table goes.

    Attributes:
        bytes: what a dry run estimates.
        ids: the insert ids of the entries that a query finds.
        pages: over how many pages of results they come.
        failures: statuses and reasons to answer with first, one a request; a status
            of 0 closes the connection.
        for_ever: whether the first failure is kept up.
        fail_on: a part of the path that only fails.
        delay: seconds before every answer.
        now: the time by its clock.
        requests: every request, as method and path.
        jobs: the configuration of every job that was started.
    """

    bytes: int = 12_345_678
    ids: list[str] = field(default_factory=lambda: ["a", "b"])
    pages: int = 1
    failures: list[tuple[int, str]] = field(default_factory=list)
    for_ever: bool = False
    fail_on: str = ""
    delay: float = 0.0
    now: dt.datetime = dt.datetime(2022, 4, 1, tzinfo=dt.UTC)
    requests: list[str] = field(default_factory=list)
    jobs: list[dict[str, Any]] = field(default_factory=list)

    def failure(self, path: str) -> tuple[int, str] | None:
        """The failure that a request gets, if any."""
        if not self.failures or self.fail_on not in path:
            return None
        return self.failures[0] if self.for_ever else self.failures.pop(0)

    def answer(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """What Google's service would say."""
        if "/tables/" in path:
            return self._table()
        if "/queries/" in path:
            return self._results(path)
        if body:
            self.jobs.append(body["configuration"])
        return self._job(body)

    def _table(self) -> dict[str, Any]:
        return {
            "tableReference": _reference("requests"),
            "schema": {"fields": [column.to_api_repr() for column in SCHEMA]},
            "timePartitioning": {"type": "DAY", "field": "timestamp"},
            "location": "europe-west1",
        }

    def _job(self, body: dict[str, Any]) -> dict[str, Any]:
        configuration = body.get("configuration", {"query": {"query": ""}})
        configuration["query"]["destinationTable"] = _reference("anonymous")
        return {
            "jobReference": body.get("jobReference", {"jobId": "j"})
            | {"projectId": "test-project", "location": "europe-west1"},
            "configuration": configuration,
            "status": {"state": "DONE"},
            "statistics": {
                "creationTime": f"{self.now.timestamp() * 1000:.0f}",
                "query": {"totalBytesProcessed": str(self.bytes)},
            },
        }

    def _results(self, path: str) -> dict[str, Any]:
        page = int(path.partition("pageToken=")[2].partition("&")[0] or 0)
        size = -(-len(self.ids) // self.pages)
        more = {"pageToken": str(page + 1)} if page + 1 < self.pages else {}
        return more | {
            "jobReference": {"jobId": "j", "projectId": "test-project"},
            "jobComplete": True,
            "schema": {"fields": [column.to_api_repr() for column in RESULT_SCHEMA]},
            "totalRows": str(len(self.ids)),
            "rows": [
                {"f": [{"v": id_}, {"v": str(MICROSECONDS)}, {"v": "true"}, {"v": "u"}]}
                for id_ in self.ids[page * size : (page + 1) * size]
            ],
        }


def _reference(table: str) -> dict[str, str]:
    return {"projectId": "test-project", "datasetId": "logs", "tableId": table}


class _Handler(BaseHTTPRequestHandler):
    service: Service

    def do_GET(self) -> None:
        self._reply({})

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self._reply(json.loads(self.rfile.read(length)))

    def _reply(self, body: dict[str, Any]) -> None:
        self.service.requests.append(f"{self.command} {self.path}")
        time.sleep(self.service.delay)
        status, answer = 200, None
        if failure := self.service.failure(self.path):
            status, reason = failure
            error = {"reason": reason, "message": f"sorry: {reason}"}
            answer = {"error": {"message": error["message"], "errors": [error]}}
        if status == 0:
            self.close_connection = True
            return
        text = json.dumps(answer or self.service.answer(self.path, body)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        with suppress(BrokenPipeError):  # who asked may have given up
            self.wfile.write(text)

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""


@pytest.fixture(name="service")
def serve() -> Iterator[Service]:
    """A service of one's own; ``[bigquery] endpoint`` points at it."""
    service = Service()
    handler = type("Handler", (_Handler,), {"service": service})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    settings = luigi.configuration.get_config()
    settings.set("bigquery", "endpoint", f"http://127.0.0.1:{server.server_port}")
    settings.set("bigquery", "timeout", "120")
    Register.clear_instance_cache()
    yield service
    server.shutdown()
    server.server_close()
    settings.remove_section("bigquery")
    Register.clear_instance_cache()


def ids(batches: Iterator[pa.RecordBatch]) -> list[str]:
    """The insert ids in batches of entries."""
    return [id_ for batch in batches for id_ in batch["insertId"].to_pylist()]


@dataclass
class Storage:
    """The Storage Read API over gRPC, with two messages in one stream.

    Attributes:
        refusal: a status to refuse the session with.
        cut_after: after how many messages the stream breaks off.
        messages: the insert ids in each.
    """

    refusal: grpc.StatusCode | None = None
    cut_after: int | None = None
    messages: list[list[str]] = field(
        default_factory=lambda: [["stored 1", "stored 2"], ["stored 3"]]
    )

    def create_session(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Start a read session, or refuse."""
        if self.refusal:
            context.abort(self.refusal, "bigquery.readsessions.create denied")
        return ReadSession(
            name="session",
            arrow_schema=self._schema(),
            streams=[{"name": "stream"}],
        )

    def read_rows(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        """Stream Arrow batches from an offset on."""
        offset = 0
        for number, ids_ in enumerate(self.messages):
            if self.cut_after == number:
                context.abort(grpc.StatusCode.DATA_LOSS, "cut in the middle")
            if offset >= request.offset:
                yield ReadRowsResponse(
                    arrow_record_batch={
                        "serialized_record_batch": self._batch(ids_),
                    },
                    # Google's service says it in the first message of a stream.
                    arrow_schema=None if number else self._schema(),
                    row_count=len(ids_),
                )
            offset += len(ids_)

    def _schema(self) -> dict[str, bytes]:
        return {"serialized_schema": STORED_SCHEMA.serialize().to_pybytes()}

    def _batch(self, ids_: list[str]) -> bytes:
        rows = [
            {"insertId": id_, "timestamp": MICROSECONDS, "httpRequest": True}
            for id_ in ids_
        ]
        batch = pa.RecordBatch.from_pylist(rows, schema=STORED_SCHEMA)
        return bytes(batch.serialize())


@pytest.fixture(name="storage")
def serve_storage(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Storage]:
    """A Storage Read API beside the service, whose results have more than a page."""
    service.ids, service.pages = ["a", "b", "c"], 3
    storage = Storage()

    def unary(request: Any, response: Any) -> dict[str, Callable[..., Any]]:
        return {
            "request_deserializer": request.deserialize,
            "response_serializer": response.serialize,
        }

    server = grpc.server(ThreadPoolExecutor(2))
    handlers = {
        "CreateReadSession": grpc.unary_unary_rpc_method_handler(
            storage.create_session,
            **unary(CreateReadSessionRequest, ReadSession),
        ),
        "ReadRows": grpc.unary_stream_rpc_method_handler(
            storage.read_rows, **unary(ReadRowsRequest, ReadRowsResponse)
        ),
    }
    server.add_generic_rpc_handlers(
        [
            grpc.method_handlers_generic_handler(
                "google.cloud.bigquery.storage.v1.BigQueryRead", handlers
            )
        ]
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    use_storage_at(f"127.0.0.1:{port}", monkeypatch)
    yield storage
    server.stop(None).wait()


def use_storage_at(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make readers ask for stored results at an address without TLS."""

    def client(self: BigQueryLogs) -> BigQueryReadClient:
        channel = grpc.insecure_channel(address)
        return BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=channel))

    monkeypatch.setattr(BigQueryLogs, "_storage_client", client)
