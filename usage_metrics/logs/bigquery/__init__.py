"""Google Cloud Logging's log entries, read from the BigQuery table of a sink.

Start with :mod:`~usage_metrics.logs.bigquery.reader`. The pure parts are
:mod:`~usage_metrics.logs.bigquery.query`, which writes the query for a day, and
:mod:`~usage_metrics.logs.bigquery.entries`, which turns its rows into entries.
"""
