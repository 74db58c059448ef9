"""The files of the pages on single datasets, beside the publisher's page."""

from dataclasses import replace
from typing import TYPE_CHECKING

from usage_metrics.errors import StorageError, os_errors_as
from usage_metrics.partitions import storage
from usage_metrics.tasks.report import made_from_mark
from usage_metrics.tasks.text_file import TextFile

if TYPE_CHECKING:
    from usage_metrics.report.publisher import Publisher


def write_pages(publisher: "Publisher", index: str) -> "Publisher":
    """Write a page for each dataset, if they do not fit on one, and remove all others.

    Where a site answers whatever it is asked for, anybody may make up datasets: of very
    many, only the most used have one. Those that would say the same are left. This
    comes before the page on all: if it is interrupted, that one is not up to date, so
    the next run does the rest.

    Args:
        publisher: what the page on all is made of.
        index: the path of that page.

    Returns:
        The publisher, with the paths of the pages.
    """
    from usage_metrics.report import dataset_pages, overview

    where, _, name = index.rpartition("/")
    folder = name.removesuffix(".html").replace("index", "dataset", 1)
    pages = dataset_pages.paths(overview.with_pages(publisher), folder)
    for dataset, path in pages.items():
        file = TextFile(f"{where}/{path}")
        alone = publisher.alone(dataset, f"../{name}")
        mark = dataset_pages.made_from(alone)
        if made_from_mark(file) != mark:
            file.write(overview.render(alone, mark))
    _remove_others(
        f"{where}/{folder}", {path.rpartition("/")[2] for path in pages.values()}
    )
    return replace(publisher, pages=pages)


def _remove_others(folder: str, wanted: set[str]) -> None:
    """Remove the pages of datasets that are not there any more."""
    import pyarrow.fs as pafs

    what, remedy = f"{folder} cannot be listed", "check [paths] root and rerun"
    with os_errors_as(StorageError, what, remedy):
        filesystem, inside = storage.filesystem_of(folder)
        selector = pafs.FileSelector(inside, allow_not_found=True)
        found = [info.base_name for info in filesystem.get_file_info(selector)]
        for name in found:
            if name.endswith(".html") and name not in wanted:
                storage.delete(f"{folder}/{name}")
