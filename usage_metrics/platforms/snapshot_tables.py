"""The tables of the database that hold what platforms count."""

from usage_metrics.platforms.schemas import OBSERVATIONS, SERIES
from usage_metrics.warehouse.table import Table

OBSERVED = Table(
    "snapshot_observations",
    OBSERVATIONS,
    "taken_at",
    indexes=(("source", "subject", "metric", "about"),),
    description="What platforms said on the day of each snapshot; not to be added up: "
    "a snapshot repeats what earlier ones said",
    facets=("source", "subject", "metric"),
)
"""Filled from the stage ``observations``."""

IN_SERIES = Table(
    "snapshot_series",
    SERIES,
    "date",
    indexes=(("source", "subject", "metric"),),
    description="What platforms counted on each day, with what each value is worth; "
    "add up increments, of one metric",
    facets=("source", "subject", "metric", "quality"),
)
"""Filled from the stage ``series``."""

STAGES = {"observations": OBSERVED, "series": IN_SERIES}
"""The table that is filled from each stage."""
