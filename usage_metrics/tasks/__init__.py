"""Every Luigi task, and what the tasks need to know of each other.

Read :mod:`.stages` first: Extract, Clean, Geocode. Then, in the order of the flow,
:mod:`.load`, :mod:`.count`, :mod:`.count_month`, :mod:`.load_usage`, :mod:`.report` and
:mod:`.counter_report`. :mod:`.task` has the base classes, :mod:`.ranges` and
:mod:`.backfill` many days, :mod:`.refresh` and :mod:`.rebuild` what is made again.
"""
