"""Readers of log entries: one UTC day in, Arrow batches of one fixed schema out.

Where the entries lie is a URI: a folder, ``s3://`` or ``gs://`` of JSON exports
(:mod:`usage_metrics.logs.cloud_logging.exports`) or ``bigquery://PROJECT.DATASET.TABLE``
(:mod:`usage_metrics.logs.bigquery.reader`). Both give the columns of
:data:`usage_metrics.logs.cloud_logging.entry.ENTRY`, so whatever comes after cannot
tell them apart.
Cloud vendors' libraries are imported in this package and nowhere else.
"""

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from usage_metrics.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa


class LogReader(Protocol):
    """Something that gives the log entries of a day."""

    def describe(self) -> str:
        """Say in a few words what is there, reading no entry.

        Raises:
            UsageMetricsError: if nothing can be read there, and why.
        """
        ...

    def unavailable(self, day: dt.date) -> str | None:
        """Say why the entries of ``day`` cannot be had yet; None when they can."""
        ...

    def read(self, day: dt.date) -> "Iterator[pa.RecordBatch]":
        """Give the entries whose timestamp lies in that UTC day.

        Every batch has the schema of log entries. A day without entries gives no batch.
        Duplicates are left in.
        """
        ...


def open_logs(uri: str, late_days: int) -> LogReader:
    """Choose the reader for a ``logs`` setting.

    Args:
        uri: a folder, an ``s3://`` or ``gs://`` URI, or ``bigquery://P.D.T``.
        late_days: for how many days after its own an export may still bring
            entries of a day.

    Raises:
        ConfigError: if what the reader needs is not installed.
    """
    if uri.startswith("bigquery://"):
        return _open_bigquery(uri)
    from usage_metrics.logs.cloud_logging.exports import ExportedLogs

    return ExportedLogs(uri, late_days)


def _open_bigquery(uri: str) -> LogReader:
    try:
        from usage_metrics.logs.bigquery.reader import BigQueryLogs
    except ModuleNotFoundError as error:
        if not str(error.name).startswith("google"):
            raise
        raise ConfigError(
            f"logs = {uri}: Google's BigQuery library is not installed; run "
            "pip install 'usage_metrics[bigquery]'"
        ) from None
    return BigQueryLogs.from_config(uri)
