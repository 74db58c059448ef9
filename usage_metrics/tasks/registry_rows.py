"""What the database says of the registry of datasets."""

import contextlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from usage_metrics.counting import registry_tables
from usage_metrics.counting.registry_tables import Row
from usage_metrics.errors import ConfigError
from usage_metrics.tasks.datasets_registry import datasets_registry
from usage_metrics.tasks.platform_subjects import present_names
from usage_metrics.warehouse.short_table import ShortTable

if TYPE_CHECKING:
    from usage_metrics.counting.datasets import Registry


def _datasets() -> Iterable[Row] | None:
    registry = _registry()
    return None if registry is None else registry_tables.datasets(registry)


def _subjects() -> Iterable[Row] | None:
    registry = _registry()
    if registry is None:
        return None
    return registry_tables.subjects(registry, present_names())


def _registry() -> "Registry | None":
    """The registry; None if it is wrong, which those say who count by it."""
    with contextlib.suppress(ConfigError):
        return datasets_registry()
    return None


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
