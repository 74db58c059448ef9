"""The tables of the database that hold what platforms count."""

from types import ModuleType

from usage_metrics.warehouse.table import Table
from usage_metrics.warehouse.views import Question, View

OBSERVATION_KEY = (
    *("source", "subject", "version", "metric", "measure", "name", "about"),
    "taken_at",
)
"""What tells one observation from every other."""


def _schemas() -> ModuleType:
    """The columns; they need Arrow, which those who only ask for names do without."""
    from usage_metrics.platforms import schemas

    return schemas


OBSERVED = Table(
    "snapshot_observations",
    lambda: _schemas().OBSERVATIONS,
    "taken_at",
    unique=OBSERVATION_KEY,
    indexes=(("source", "subject", "metric", "about"),),
    description="What platforms said on the day of each snapshot; not to be added up: "
    "a snapshot repeats what earlier ones said",
    facets=("source", "subject", "metric"),
)
"""Filled from the stage ``observations``."""

IN_SERIES = Table(
    "snapshot_series",
    lambda: _schemas().SERIES,
    "date",
    primary_key=("date", "source", "subject", "metric", "measure"),
    indexes=(("source", "subject", "metric"),),
    description="What platforms counted on each day, with what each value is worth; "
    "add up increments, of one metric",
    facets=("source", "subject", "metric", "quality"),
)
"""Filled from the stage ``series``."""

STAGES = {"observations": OBSERVED, "series": IN_SERIES}
"""The table that is filled from each stage."""

USES = {
    "views": "views",
    "clones": "clones",
    "downloads": "downloads",
    "release_downloads": "downloads",
}
"""The metrics of platforms that are use, and may be added up over days; their units."""

_UNITS = " ".join(f"WHEN '{metric}' THEN '{unit}'" for metric, unit in USES.items())
_METRICS = ", ".join(f"'{metric}'" for metric in USES)

VIEWS = (
    View(
        "usage_by_source_daily",
        "Each day: use of each dataset in every place, from logs and from platforms; "
        "only values of one source and metric may be compared or added up",
        IN_SERIES.name,
        lambda: _schemas().USE_BY_SOURCE,
        "SELECT date, source, dataset, NULL AS version, 'counted_requests' AS metric, "  # noqa: S608 - our own names
        "'requests' AS unit, 'log' AS basis, sum(counted) AS value, "
        "'final' AS quality, NULL AS subject, 0 AS is_shared FROM usage_by_class "
        "WHERE dataset NOT IN ('all', 'none', 'unmapped') GROUP BY 1, 2, 3 "
        "UNION ALL SELECT date, source, dataset, version, 'counted_requests', "
        "'requests', 'log', sum(total_dataset_investigations), 'final', NULL, 0 "
        "FROM usage_counter_versions GROUP BY 1, 2, 3, 4 "
        "UNION ALL SELECT date, s.source, coalesce(d.dataset, 'unmapped'), d.version, "
        f"metric, CASE metric {_UNITS} END, 'platform', increment, quality, s.subject, "
        "coalesce(d.is_shared, 0) FROM snapshot_series AS s LEFT JOIN "
        "dataset_subjects AS d ON d.source = s.source "
        "AND d.subject = s.subject COLLATE NOCASE "
        f"WHERE measure = 'total' AND metric IN ({_METRICS})",
        order="date",
        facets=("source", "dataset", "metric", "quality"),
    ),
)
"""What logs and platforms say, in one place. It needs the table ``usage_by_class``."""

QUESTIONS = (
    Question(
        "use_everywhere",
        "Where was each dataset used, month by month?",
        "From logs and from platforms. Each counts in its own way, so numbers of two "
        "places are not to be added up; days says for how many days there is a number",
        ("usage_by_source_daily",),
        "SELECT substr(date, 1, 7) AS month, dataset, source, subject, metric, unit,\n"
        "sum(value) AS value, count(value) AS days, max(is_shared) AS is_shared\n"
        "FROM usage_by_source_daily WHERE basis = 'platform' OR version IS NULL\n"
        "GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY month DESC, dataset, source, metric",
    ),
)
