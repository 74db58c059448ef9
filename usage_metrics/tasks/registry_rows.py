"""What the database says of the registry of datasets."""

from collections.abc import Iterator

from usage_metrics.counting import registry_tables
from usage_metrics.tasks.datasets_registry import datasets_registry
from usage_metrics.tasks.platform_subjects import present_names
from usage_metrics.warehouse.short_table import ShortTable


def _datasets() -> Iterator[registry_tables.Row]:
    return registry_tables.datasets(datasets_registry())


def _subjects() -> Iterator[registry_tables.Row]:
    return registry_tables.subjects(datasets_registry(), present_names())


SHORT_TABLES = (
    ShortTable(
        "datasets",
        "The datasets that the registry names; others are databases or buckets",
        registry_tables.DATASETS,
        _datasets,
        ("publisher",),
    ),
    ShortTable(
        "dataset_subjects",
        "Which dataset it is that a platform counts, as the registry says",
        registry_tables.SUBJECTS,
        _subjects,
        ("source", "dataset"),
    ),
)
