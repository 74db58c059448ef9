"""Commands for maintainers of this package; nothing here is used at run time.

Each module is one command: ``python -m usage_metrics.maintenance.documentation``
updates docs/ and luigi.cfg; ``address_database``, ``countries`` and ``world_map`` build
the data files in the package; ``sample`` writes the sample logs; ``picture`` takes the
picture in the README; ``agents_accuracy`` measures how well agents are classified.
"""
