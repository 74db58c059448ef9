"""Google Cloud Logging's log entries, read from JSON exports.

Start with :mod:`~usage_metrics.logs.cloud_logging.entry`, the schema, and
:mod:`~usage_metrics.logs.cloud_logging.exports`. What a line means is defined by
:mod:`~usage_metrics.logs.cloud_logging.rule`;
:mod:`~usage_metrics.logs.cloud_logging.fast_path` reads many at once and must agree.
"""
