"""Sample logs: what a Datasette site's request log could have looked like.

``python -m usage_metrics.maintenance.sample data/sample_logs`` writes one file of log
entries per day; the same arguments give the same lines on every machine. All requests
are invented. :mod:`.population` draws visitors and their requests, :mod:`.log_entries`
formats them as log entries, and :mod:`.days` adds the flaws of real files.
"""

from usage_metrics.maintenance.sample.days import Sample, lines_of, write

__all__ = ["Sample", "lines_of", "write"]
