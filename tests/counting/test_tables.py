"""The registry of the tables of figures."""

from usage_metrics.arrow import description
from usage_metrics.counting.events import EVENTS
from usage_metrics.counting.tables import TABLES

SCHEMAS = (EVENTS, *(table.schema for table in TABLES.values()))


def test_every_column_says_what_it_holds() -> None:
    assert all(description(field) for schema in SCHEMAS for field in schema)
