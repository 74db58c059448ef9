"""What counts as use: from geocoded requests to numbers that can be published.

Everything here is pure: Arrow tables in, Arrow tables out; no file is opened and no
setting read, which :mod:`usage_metrics.tasks.count` does. For one source and UTC day:

* :mod:`.datasets` says which dataset a URL is about, and whether it retrieves data;
* :mod:`.visitors` tells visitors and sessions apart without identifying anyone;
* :mod:`.clicks` decides for each request whether it counts and, if not, why not;
* :mod:`.events` says what an event is: a row per request, without its address;
* :mod:`.day` combines these, in batches, and :mod:`.aside` holds what has to wait;
* :mod:`.naming` says which texts of a day are named;
* :mod:`.summary` adds up, and :mod:`.usage`, :mod:`.breakdowns`, :mod:`.attributes`,
  :mod:`.counter`, :mod:`.concentration` and :mod:`.monthly` say what, into the tables
  that :mod:`.tables` declares;
* :mod:`.reconciliation` shows that no log line got lost on the way;
* :mod:`.counter_report` writes the report that the COUNTER Code of Practice for
  Research Data asks for.
"""
