"""The tables of the database that say what the registry of datasets does."""

from collections.abc import Iterator, Mapping

import pyarrow as pa

from usage_metrics.arrow import BOOLEAN, STRING, column
from usage_metrics.counting.datasets import Registry

DATASETS = pa.schema(
    [
        column("dataset", STRING, "Id of the dataset"),
        column("version", STRING, "Version; null: the dataset as a whole"),
        column("title", STRING, "Title"),
        column("publisher", STRING, "Who published it"),
        column("doi", STRING, "DOI"),
        column("uri", STRING, "Address of its page"),
    ]
)

SUBJECTS = pa.schema(
    [
        column("source", STRING, "The platform"),
        column("subject", STRING, "What it counts, as in snapshot_series"),
        column("dataset", STRING, "The dataset that this is of"),
        column("version", STRING, "Its version; null: all of them"),
        column(
            "is_shared",
            BOOLEAN,
            "Whether it is of several datasets: then its figures are none's alone",
        ),
    ]
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
