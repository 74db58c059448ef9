"""Readers of web logs: one UTC day in, Arrow batches of log entries out.

Read :mod:`~usage_metrics.logs.reader` first: it says what a reader is and chooses one.
:mod:`~usage_metrics.logs.folder` finds export files and
:mod:`~usage_metrics.logs.blocks` cuts them into lines, whatever they are packed and
encoded with, for formats such as :mod:`~usage_metrics.logs.cloud_logging`.
"""
