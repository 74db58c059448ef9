"""Readers of web logs: one UTC day in, Arrow batches of log entries out.

Read :mod:`~usage_metrics.logs.reader` first: it says what a reader is and chooses one.
Where the files are and what is in them are two things. A
:class:`~usage_metrics.logs.layout.Layout` says how files are named and which days they
hold, a :class:`~usage_metrics.logs.format.Format` how their bytes become rows.
:mod:`~usage_metrics.logs.files` reads a day by both. :mod:`~usage_metrics.logs.blocks`
cuts files into lines, whatever they are packed and encoded with.
"""
