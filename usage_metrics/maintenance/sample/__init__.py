"""Sample logs: what a Datasette site's request log could have looked like.

``python -m usage_metrics.maintenance.sample data/sample_logs`` writes one file of log
entries a day; the same arguments give the same lines on every machine. Nothing in them
happened. :mod:`.population` says who visits and what they ask for, :mod:`.log_entries`
how that is logged, and :mod:`.days` what goes wrong with a day's file.
"""

from usage_metrics.maintenance.sample.days import Facts, Sample, facts, lines_of, write

__all__ = ["Facts", "Sample", "facts", "lines_of", "write"]
