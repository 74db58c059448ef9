"""The tables of the database that say what the registry of datasets does."""

from collections.abc import Iterator, Mapping

from usage_metrics.counting.datasets import Registry
from usage_metrics.warehouse.short_table import ShortColumn

DATASETS = (
    ShortColumn("dataset", "Id of the dataset"),
    ShortColumn("version", "Version; null: the dataset as a whole"),
    ShortColumn("title", "Title"),
    ShortColumn("publisher", "Who published it"),
    ShortColumn("doi", "DOI"),
    ShortColumn("uri", "Address of its page"),
)

SUBJECTS = (
    ShortColumn("source", "The platform"),
    ShortColumn("subject", "What it counts, as in snapshot_series"),
    ShortColumn("dataset", "The dataset that this is of"),
    ShortColumn("version", "Its version; null: all of them"),
    ShortColumn(
        "is_shared",
        "Whether it is of several datasets: then its figures are none's alone",
        "INTEGER",
    ),
)

Row = tuple[str | int | None, ...]


def datasets(registry: Registry) -> Iterator[Row]:
    """The rows of ``DATASETS``: every entry."""
    for about in registry.datasets:
        row = (about.id, about.version, about.title, about.publisher)
        yield (*row, about.doi, about.uri)


def subjects(registry: Registry, names: Mapping[tuple[str, str], str]) -> Iterator[Row]:
    """The rows of ``SUBJECTS``.

    Args:
        registry: the datasets.
        names: what each platform calls what it is asked about, in small letters.
    """
    for about in registry.subjects:
        name = names.get((about.source, about.asked.lower()), about.name)
        row = (about.source, name, about.dataset, about.version)
        yield (*row, int(about.is_shared))
