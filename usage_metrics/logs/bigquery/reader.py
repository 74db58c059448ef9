"""Reads log entries from BigQuery, where a Cloud Logging sink puts them.

A sink's table has one of three layouts: partitioned by ``timestamp``, partitioned by
ingestion time, or a table a day (``TABLE_YYYYMMDD``). A view of Log Analytics holds
every log of a bucket; of it, only the logs with the requests are read. Every byte read
is billed, so only the partitions of the day are read: the cost is estimated first, and
BigQuery itself is given the limit. Results are streamed through the Storage Read API
or, if that is unavailable, over REST.

Each call opens and closes its own client, because connections do not survive the fork
with which Luigi starts a worker.
"""

import contextlib
import datetime as dt
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from urllib.parse import quote

import pyarrow as pa
from google.api_core import exceptions as api
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_JOB_RETRY, DEFAULT_RETRY

from usage_metrics import config
from usage_metrics.dates import ONE_DAY, utc_now
from usage_metrics.errors import ConfigError, InputError, NotYetError
from usage_metrics.logs.bigquery.access import (
    clear_errors,
    find_credentials,
    first_line,
)
from usage_metrics.logs.bigquery.entries import entries
from usage_metrics.logs.bigquery.query import LogTable, day_query, examine, prunes
from usage_metrics.logs.unread import Unread
from usage_metrics.units import size

logger = logging.getLogger("luigi-interface")

REQUEST_SECONDS = 60.0
"""How long a single request may take before it is retried."""


@dataclass(frozen=True)
class BigQueryLogs:
    """The log entries in the table, or tables, of a sink."""

    table: LogTable
    service_account_key: str = ""
    maximum_bytes_billed: int = 10_000_000_000
    storage_api: str = "auto"
    endpoint: str = ""
    timeout: float = 600.0
    logs: tuple[str, ...] = ()
    """The ids of the logs to read of a view of all logs; none: all with requests."""

    @classmethod
    def from_config(cls, uri: str, logs: tuple[str, ...] = ()) -> "BigQueryLogs":
        """Create a reader of ``bigquery://PROJECT.DATASET.TABLE``.

        Raises:
            ConfigError: if the URI or a setting in ``[bigquery]`` is invalid.
        """
        settings = config.bigquery()
        if settings.endpoint and not settings.endpoint.startswith(
            ("http://", "https://")
        ):
            raise ConfigError(
                f"[bigquery] endpoint = {settings.endpoint!r} is not a URL; write it "
                "as http://HOST:PORT, or leave it empty for Google's service"
            )
        if settings.endpoint and settings.storage_api == "on":
            raise ConfigError(
                "[bigquery] storage_api = on cannot be used with an endpoint, which "
                "only speaks REST; set it to auto or off"
            )
        return cls(LogTable.from_uri(uri), logs=logs, **settings.param_kwargs)

    def days(self) -> list[dt.date]:
        """The days with a table of their own, or that on which the one table was made.

        A sink makes its table for its first entry.
        """
        with clear_errors(self.table), self._client() as client:
            whole = self._whole_table(client)
            if whole is not None:
                return [whole.created.date()] if whole.created else []
            found = []
            for shard in self._shard_days(client):
                with contextlib.suppress(ValueError):  # no such day
                    found.append(dt.date.fromisoformat(shard))
            return found

    def unavailable(self, day: dt.date) -> str | None:
        """Say why a day is not available; None if it is.

        A sink makes the table of a day for its first entry. A day without a table is
        missing: that the site had no request, no table says. One table for all days
        answers for every day before it was last written to, also by having no row.
        """
        if not self._shards:
            written = self._last_written
            if written is None or day <= written:
                return None
            why = f"not exported yet: {self.table} was last written to on {written}"
            return f"{day} is {why}"
        shard, oldest, newest = f"{day:%Y%m%d}", self._shards[0], self._shards[-1]
        if shard in self._shards:
            return None
        if shard > newest:
            why = f"not exported yet: the newest table is {self.table.shard(newest)}"
        elif shard < oldest:
            why = f"not exported: the oldest table is {self.table.shard(oldest)}"
            why += "; start there"
        else:
            why = (
                f"not exported: there are tables of days before and after, such as "
                f"{self.table.shard(newest)}, but none in between"
            )
        return f"{day} is {why}"

    def passed_over(self) -> dict[dt.date, str]:
        """No day: there are no files."""
        return {}

    def unread(self, day: dt.date) -> list[Unread]:
        """None: there are no files."""
        return []

    def has_changed(self, unread: list[Unread]) -> bool:
        """Whether the days that were read without a file are to be read again."""
        return bool(unread)

    @property
    def _shards(self) -> list[str]:
        """The days with their own table, oldest first; none if one holds all days."""
        return self._layout[0]

    @property
    def _last_written(self) -> dt.date | None:
        """The day on which the one table was last written to; None if not known."""
        return self._layout[1]

    @cached_property
    def _layout(self) -> tuple[list[str], dt.date | None]:
        """What is known of the table or tables, found out once for all days.

        One table for all days is checked here.
        """
        with clear_errors(self.table), self._client() as client:
            whole = self._whole_table(client)
            if whole is None:
                return self._shard_days(client), None
            examine(whole)
            if not prunes(whole):
                logger.warning(
                    "%s is not partitioned by timestamp or ingestion time: "
                    "BigQuery bills all of it for every day that is read",
                    self.table,
                )
            return [], _last_written(whole)

    def read(self, day: dt.date) -> Iterator[pa.RecordBatch]:
        """Read the entries whose timestamp is in that UTC day.

        Of a view of all logs, those of the logs that are named; if there are none, the
        requests of other logs, so that cleaning can say where they are.

        Raises:
            ConfigError: if it would cost more than ``maximum_bytes_billed``, or
                credentials are missing or refused.
            InputError: if the table is missing, or holds no log entries.
            ServiceError: if BigQuery refuses or fails.
            NotYetError: if the day is not over by BigQuery's clock.
        """
        with clear_errors(self.table), self._client() as client:
            tables = self._tables(client, day)
            if not tables:
                return
            found = False
            for rows in self._rows(client, tables, day):
                found = True
                yield entries(rows)
            if not found and self.logs and examine(tables[0]).holds_all_logs:
                logger.warning(
                    "%s: nothing in %s of %s; reading the requests of its other logs",
                    *(day, ", ".join(self.logs), self.table),
                )
                others = replace(self, logs=())
                yield from map(entries, others._rows(client, tables, day))

    def _rows(
        self, client: bigquery.Client, tables: list[bigquery.Table], day: dt.date
    ) -> Iterator[pa.RecordBatch]:
        job = self._start(client, tables, day)
        self._check_clock(job.created, day)
        yield from (rows for rows in self._stream(job) if rows.num_rows)

    def describe(self) -> str:
        """Say which table it is and what reading a day costs, without reading it."""
        yesterday = utc_now().date() - ONE_DAY
        with clear_errors(self.table), self._client() as client:
            tables = self._tables(client, yesterday)
            if not tables:
                return f"BigQuery table {self.table}, without a table for {yesterday}"
            cost = self._estimate(client, tables, yesterday)
        return f"BigQuery table {self.table}, {size(cost)} for {yesterday}"

    def _tables(self, client: bigquery.Client, day: dt.date) -> list[bigquery.Table]:
        """The tables that may hold entries of a day; none in a gap between shards."""
        whole = self._whole_table(client)
        if whole is not None:
            return [whole]
        # An entry's time chooses its shard, but do not rely on that around midnight.
        near = {f"{day + n * ONE_DAY:%Y%m%d}" for n in (-1, 0, 1)}
        return [
            client.get_table(self.table.shard(shard), **self._patience)
            for shard in self._shard_days(client)
            if shard in near
        ]

    def _whole_table(self, client: bigquery.Client) -> bigquery.Table | None:
        if self.table.sharded:
            return None
        try:
            return client.get_table(str(self.table), **self._patience)
        except api.NotFound:
            return None

    def _shard_days(self, client: bigquery.Client) -> list[str]:
        """The days with their own table, oldest first; there must be one."""
        listed = client.list_tables(
            self.table.dataset_name, page_size=1000, **self._patience
        )
        days = self.table.shard_days(item.table_id for item in listed)
        if not days:
            raise InputError(
                f"logs names the BigQuery table {self.table}, but neither that table "
                f"nor one named {self.table.shard('YYYYMMDD')} exists"
            )
        return days

    def _start(
        self, client: bigquery.Client, tables: list[bigquery.Table], day: dt.date
    ) -> bigquery.QueryJob:
        """Estimate the cost of reading a day and, within the limit, start the query."""
        limit = self.maximum_bytes_billed
        estimated = self._estimate(client, tables, day)
        if estimated > limit:
            raise ConfigError(
                f"{day}: BigQuery would bill about {size(estimated)} for reading "
                f"{self.table}, above [bigquery] maximum_bytes_billed = {limit} "
                f"({size(limit)}); nothing was read. Raise the limit to accept "
                "that cost"
            )
        logger.info(
            "%s: BigQuery will bill about %s (limit %s)",
            *(day, size(estimated), size(limit)),
        )
        return self._query(client, tables, day, maximum_bytes_billed=limit)

    def _estimate(
        self, client: bigquery.Client, tables: list[bigquery.Table], day: dt.date
    ) -> int:
        """How many bytes BigQuery would bill for reading a day."""
        job = self._query(client, tables, day, dry_run=True, use_query_cache=False)
        return int(job.total_bytes_processed or 0)

    def _query(
        self,
        client: bigquery.Client,
        tables: list[bigquery.Table],
        day: dt.date,
        **options: Any,
    ) -> bigquery.QueryJob:
        encoded = tuple(quote(log, safe="") for log in self.logs)
        query = day_query([examine(table) for table in tables], day, encoded)
        parameters = [
            bigquery.ArrayQueryParameter(name, "STRING", value)
            if isinstance(value, tuple)
            else bigquery.ScalarQueryParameter(name, "TIMESTAMP", value)
            for name, value in query.parameters.items()
        ]
        return client.query(
            query.sql,
            job_config=bigquery.QueryJobConfig(query_parameters=parameters, **options),
            location=tables[0].location,
            job_retry=None,
            **self._patience,
        )

    def _check_clock(self, now: dt.datetime | None, day: dt.date) -> None:
        """Refuse a day that is over only by this machine's clock.

        It would be stored as an empty day, for good.
        """
        if now is not None and now.date() <= day:
            raise NotYetError(
                f"{day} is not over by BigQuery's clock, by which it is "
                f"{now:%Y-%m-%d %H:%M} UTC; set the clock of this machine and rerun"
            )

    def _stream(self, job: bigquery.QueryJob) -> Iterator[pa.RecordBatch]:
        """Give the rows of a query as they arrive.

        Falls back from the Storage Read API to REST only before the first row:
        restarting in the middle would repeat rows.
        """
        storage = self._storage_client()
        if storage is not None:
            with storage:
                batches = self._wait(job).to_arrow_iterable(
                    bqstorage_client=storage, timeout=self.timeout
                )
                try:
                    first = next(batches, None)
                except (api.GoogleAPIError, TimeoutError) as error:
                    if self.storage_api == "on":
                        raise
                    logger.warning(
                        "falling back to REST: the Storage Read API is unavailable "
                        "(%s); [bigquery] storage_api = off skips the attempt",
                        first_line(error),
                    )
                else:
                    if first is not None:
                        yield first
                        yield from batches
                    return
        yield from self._wait(job).to_arrow_iterable()

    def _wait(self, job: bigquery.QueryJob) -> bigquery.table.RowIterator:
        return job.result(
            retry=DEFAULT_RETRY.with_timeout(self.timeout),
            job_retry=DEFAULT_JOB_RETRY.with_timeout(self.timeout),
            timeout=self.timeout,
        )

    @property
    def _patience(self) -> dict[str, Any]:
        """How long to wait for a request and to retry it."""
        return {
            "retry": DEFAULT_RETRY.with_timeout(self.timeout),
            "timeout": min(self.timeout, REQUEST_SECONDS),
        }

    def _client(self) -> bigquery.Client:
        if self.endpoint:
            options = ClientOptions(api_endpoint=self.endpoint)
            return bigquery.Client(
                self.table.project, AnonymousCredentials(), client_options=options
            )
        credentials = find_credentials(self.service_account_key)
        return bigquery.Client(self.table.project, credentials)

    def _storage_client(self) -> Any:
        """A client of the Storage Read API, or None to use REST."""
        if self.storage_api == "off" or self.endpoint:
            return None
        try:
            from google.cloud.bigquery_storage import BigQueryReadClient
        except ImportError as error:
            if self.storage_api == "on":
                raise ConfigError(
                    "[bigquery] storage_api = on needs the package "
                    "google-cloud-bigquery-storage: install it, or set auto"
                ) from error
            return None
        credentials = find_credentials(self.service_account_key)
        return BigQueryReadClient(credentials=credentials)


def _last_written(table: bigquery.Table) -> dt.date | None:
    """The day on which a table was last written to; None if that is not known.

    Of a view, the time is that of its declaration; and what is still in the streaming
    buffer has not changed it yet.
    """
    is_known = table.table_type == "TABLE" and table.streaming_buffer is None
    if not is_known or not table.modified or not table.created:
        return None
    # A server that does not keep the time gives none, or zero.
    return table.modified.date() if table.modified > table.created else None
