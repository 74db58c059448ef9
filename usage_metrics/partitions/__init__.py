"""The Parquet files of stages: one per source and UTC day, whole or absent.

Read :mod:`~usage_metrics.partitions.partition` first: it names, lists, reads and writes
such files. :mod:`~usage_metrics.partitions.storage` makes writes atomic, locally and in
object stores; :mod:`~usage_metrics.partitions.footer` and
:mod:`~usage_metrics.partitions.writer` say what is in a file besides its rows.
"""
