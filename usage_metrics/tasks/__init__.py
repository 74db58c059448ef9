"""Every Luigi task, and what the tasks need to know of each other.

Read :mod:`.stages` first, then :mod:`.load`, :mod:`.count`, :mod:`.load_usage` and
:mod:`.report`; :mod:`.task` has the base classes.
"""
