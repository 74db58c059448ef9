"""Reads Amazon S3's server access logs: lines of text, or JSON by way of CloudWatch.

The columns are in :mod:`~usage_metrics.logs.s3.entry`. Text is read by a rule,
:mod:`~usage_metrics.logs.s3.rule`, and nearly all of it by a fast path that agrees with
it, :mod:`~usage_metrics.logs.s3.fast_path`.
"""
