"""Removes addresses from the files beside the partitions: reports, the run log.

A StorageError says that one cannot be read or written.
"""

import contextlib
import fcntl
import gzip
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from usage_metrics.errors import StorageError, os_errors_as
from usage_metrics.partitions import storage
from usage_metrics.privacy.removal import AddressRemover

BINARY = "\0"
"""A character that text files do not contain."""


class Place(NamedTuple):
    """A place that held an address, or still holds it."""

    name: str
    is_erased: bool = True
    """False for a file in an unknown format: the user has to see to it."""


def files_in(folder: Path, left_out: Collection[Path]) -> Iterator[Path]:
    """The files in a folder, except partitions and what is left out.

    Args:
        folder: need not exist.
        left_out: folders, and files; for a file, also its siblings whose names start
            with its name.
    """
    for path in sorted(folder.rglob("*")):
        is_other = path.suffix != ".parquet" and not storage.is_temporary(path.name)
        if is_other and path.is_file() and not any(_is_in(path, o) for o in left_out):
            yield path


def files_in_store(root: str, left_out: Collection[str]) -> Iterator[str]:
    """The files below the root in an object store, except partitions.

    Args:
        root: a URI; a local folder yields nothing.
        left_out: prefixes of the URIs to leave out.
    """
    if "://" not in root:
        return
    import pyarrow.fs as pafs

    filesystem, inside = storage.filesystem_of(root)
    selector = pafs.FileSelector(inside, recursive=True, allow_not_found=True)
    for info in filesystem.get_file_info(selector):
        uri = root + info.path.removeprefix(inside)
        is_other = info.is_file and not uri.endswith(".parquet")
        if is_other and not uri.startswith(tuple(left_out)):
            yield uri


def erase_from_file(
    path: Path, remover: AddressRemover, *, dry_run: bool
) -> Place | None:
    """Remove addresses from a text file, plain or gzip; return it if it held any.

    Other programs may append to it meanwhile if they lock it and check whether it was
    replaced.
    """
    with _naming_remedy(str(path)), path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        mode = path.stat().st_mode
        place = _erase(str(path), file.read(), remover, dry_run=dry_run)
        if place is not None and not dry_run:
            path.chmod(mode)
    return place


def erase_from_object(
    uri: str, remover: AddressRemover, *, dry_run: bool
) -> Place | None:
    """The same for a text file in an object store, which nobody appends to."""
    with _naming_remedy(uri):
        with storage.open_file(uri) as file:
            data = bytes(file.read())
        return _erase(uri, data, remover, dry_run=dry_run)


def _erase(
    path: str, data: bytes, remover: AddressRemover, *, dry_run: bool
) -> Place | None:
    """Rewrite a file if its content holds an address."""
    plain = None
    if path.endswith(".gz"):
        with contextlib.suppress(OSError, EOFError, zlib.error):
            plain = gzip.decompress(data)
    text = (data if plain is None else plain).decode(errors="surrogateescape")
    left = remover.from_text(text)
    if left == text:
        return None
    if BINARY in text:
        return Place(path, is_erased=False)
    if dry_run:
        return Place(path)
    new = left.encode(errors="surrogateescape")
    with storage.whole_or_absent(path) as stream:
        stream.write(new if plain is None else gzip.compress(new))
    return Place(path)


def _is_in(path: Path, out: Path) -> bool:
    path, out = path.absolute(), out.absolute()
    return out in path.parents or (
        path.parent == out.parent and path.name.startswith(out.name)
    )


def _naming_remedy(path: str) -> contextlib.AbstractContextManager[None]:
    remedy = "fix that and erase again: what is already erased stays so"
    return os_errors_as(StorageError, f"{path} cannot be searched", remedy)
