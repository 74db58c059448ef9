"""What the database says of the registry of datasets."""

from collections.abc import Iterator

from usage_metrics.counting import registry_tables
from usage_metrics.partitions.footer_index import FooterIndex
from usage_metrics.platforms.archive import STAGE
from usage_metrics.tasks.datasets_registry import datasets_registry
from usage_metrics.warehouse.short_table import ShortTable


def present_names() -> dict[tuple[str, str], str]:
    """What each platform calls its subjects now, where a snapshot tells it.

    Returns:
        By platform and what it is asked about, in small letters.
    """
    index, found = FooterIndex(), {}
    for source in sorted({about.source for about in datasets_registry().subjects}):
        for facts in index.of_stage(STAGE, source).values():
            for asked, identity in (facts.get("subjects") or {}).items():
                if identity is not None:
                    found[source, asked.lower()] = str(identity[1])
    index.keep()
    return found


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
