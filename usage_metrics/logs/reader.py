"""What a reader of logs is, and which one reads a ``logs`` setting.

The setting is a folder, ``s3://`` or ``gs://`` of JSON exports
(:mod:`usage_metrics.logs.files`), or
``bigquery://PROJECT.DATASET.TABLE`` (:mod:`usage_metrics.logs.bigquery.reader`). Both
give the columns of :data:`usage_metrics.logs.cloud_logging.entry.ENTRY`, so that later
stages need not distinguish them. Cloud vendors' libraries are imported in this package
and nowhere else.
"""

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from usage_metrics.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa

    from usage_metrics.logs.unread import Unread


class LogReader(Protocol):
    """Reads the log entries of a day."""

    def describe(self) -> str:
        """Summarise the logs without reading an entry.

        Raises:
            UsageMetricsError: if they cannot be read.
        """
        ...

    def days(self) -> list[dt.date]:
        """The days with logs, oldest first, as far as they are known without reading.

        Raises:
            UsageMetricsError: if they cannot be listed.
        """
        ...

    def unavailable(self, day: dt.date) -> str | None:
        """Say why a day is not available; None if it is.

        A day that the logs could hold and do not is not available: it is missing, not
        empty. The sentence begins with the day, as in "2026-03-08 is not exported".
        """
        ...

    def passed_over(self) -> dict[dt.date, str]:
        """The days with files that are not read, and a sentence about each."""
        ...

    def unread(self, day: dt.date) -> "list[Unread]":
        """The later files that the last reading of a day went on without."""
        ...

    def has_changed(self, unread: "list[Unread]") -> bool:
        """Whether some of those files may be readable by now, or are gone."""
        ...

    def read(self, day: dt.date) -> "Iterator[pa.RecordBatch]":
        """Read the entries whose timestamp is in that UTC day, duplicates included.

        Every batch has the schema of log entries; a day without entries has no batch.
        """
        ...


def open_logs(
    uri: str, late_days: int, request_logs: tuple[str, ...] = ()
) -> LogReader:
    """Choose the reader for a ``logs`` setting.

    Args:
        uri: a folder, an ``s3://`` or ``gs://`` URI, or ``bigquery://P.D.T``.
        late_days: how many days late an entry may be exported.
        request_logs: which logs to read where others can be left out at no cost; none:
            all.

    Raises:
        ConfigError: if what the reader needs is not installed.
    """
    if uri.startswith("bigquery://"):
        return _open_bigquery(uri, request_logs)
    from usage_metrics.logs.cloud_logging.exports import EXPORTS, JsonEntries
    from usage_metrics.logs.files import LogFiles

    return LogFiles(uri, late_days, EXPORTS, JsonEntries())


def _open_bigquery(uri: str, request_logs: tuple[str, ...]) -> LogReader:
    try:
        from usage_metrics.logs.bigquery.reader import BigQueryLogs
    except ModuleNotFoundError as error:
        if not str(error.name).startswith("google"):
            raise
        raise ConfigError(
            f"logs = {uri}: Google's BigQuery library is not installed; run "
            "pip install 'usage_metrics[bigquery]'"
        ) from None
    return BigQueryLogs.from_config(uri, request_logs)
