"""The SQLite database: how tables are declared, loaded, checked and described.

:mod:`usage_metrics.warehouse.sqlite` is the place to start reading.
"""
