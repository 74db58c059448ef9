"""What every source needs to turn its raw log entries into requests.

A source's ``clean`` combines these modules, as :mod:`usage_metrics.sources.datasette`
shows. All are pure and look at each distinct value of a text column once.
"""
