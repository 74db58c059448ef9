"""What counts as use: from geocoded requests to numbers that can be published.

Everything here is pure: Arrow tables in, Arrow tables out. Nothing is opened but the
registry of datasets, and no setting is read; :mod:`usage_metrics.tasks.count` does
both. The way through it, for one source and one UTC day:

* :mod:`.datasets` says which dataset a URL is about, and whether it gets its data;
* :mod:`.visitors` tells visitors and sessions apart without knowing anybody;
* :mod:`.clicks` says of every request whether it counts and, if not, why not;
* :mod:`.events` puts the three together: a row per request, without its address;
* :mod:`.usage`, :mod:`.places`, :mod:`.counter`, :mod:`.concentration` and
  :mod:`.monthly` add up;
* :mod:`.reconciliation` shows that no log line got lost on the way;
* :mod:`.counter_report` writes what the COUNTER Code of Practice for Research Data
  asks for.
"""
