"""Lists the partitions of a stage, in a local folder or an object store."""

import os
from collections.abc import Iterable, Iterator

from usage_metrics.partitions.storage import filesystem_of

Found = tuple[str, int, int]
"""A subfolder with the file; when that was modified, in nanoseconds; its bytes."""


def list_files(folder: str, name: str) -> Iterable[Found]:
    """Find the files of a name in the subfolders of a folder.

    In a store this takes one listing. In a local folder each file is looked up by name:
    a listing may miss a file that is just being replaced.
    """
    if "://" in folder:
        return _list_in_store(folder, name)
    return _list_locally(folder, name)


def _list_in_store(folder: str, name: str) -> Iterator[Found]:
    import pyarrow.fs as pafs

    filesystem, inside = filesystem_of(folder)
    selector = pafs.FileSelector(inside, recursive=True, allow_not_found=True)
    for info in filesystem.get_file_info(selector):
        if info.type == pafs.FileType.File and info.base_name == name:
            yield info.path.split("/")[-2], info.mtime_ns, info.size


def _list_locally(folder: str, name: str) -> list[Found]:
    found: list[Found] = []
    try:
        place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        return found
    try:
        for inner in os.listdir(place):  # noqa: PTH208 - Path takes no descriptor
            try:
                # From its folder on: to walk there from the root takes as long again.
                file = os.stat(f"{inner}/{name}", dir_fd=place)
            except (FileNotFoundError, NotADirectoryError):
                continue
            found.append((inner, file.st_mtime_ns, file.st_size))
    finally:
        os.close(place)
    return found
