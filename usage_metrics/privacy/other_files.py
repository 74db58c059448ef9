"""Removes addresses from the files beside the partitions: reports, the run log.

A StorageError says that one cannot be read or written.
"""

import contextlib
import gzip
import os
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from usage_metrics.errors import BusyError, StorageError, os_errors_as
from usage_metrics.monitoring import locks, run_log
from usage_metrics.partitions import kept, storage
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

    Links to files and folders are followed, to each folder once.

    Args:
        folder: need not exist.
        left_out: folders, and files; for a file, also its siblings whose names start
            with its name.
    """
    seen = {folder.resolve()}
    for place, folders, names in os.walk(folder, followlinks=True):
        inner = {name: (Path(place) / name).resolve() for name in sorted(folders)}
        folders[:] = [name for name, target in inner.items() if target not in seen]
        seen |= set(inner.values())
        for path in (Path(place) / name for name in sorted(names)):
            # Locks hold no address, and this process may have locked them.
            is_other = path.suffix not in (".parquet", ".lock")
            if not is_other or storage.is_temporary(path.name) or not path.is_file():
                continue
            if not any(_is_in(path, out) for out in left_out):
                yield path


def linked(path: str) -> str:
    """A path and, if it is a link or below one of the root, where it leads."""
    if "://" in path:
        return path
    file, folder = Path(path).absolute(), run_log.local_folder().absolute()
    top = folder if file.is_relative_to(folder) else file.parent
    target = file.resolve()
    if target == top.resolve() / file.relative_to(top):
        return path
    return f"{path}, by a link to {target}"


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
        if not locks.wait_for(file, locks.STRANGERS_SECONDS):
            raise BusyError(f"{path} is locked by another program; end that, and erase")
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
        return _erase(uri, storage.read_file(uri), remover, dry_run=dry_run)


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
    # A kept file begins with a seal of any bytes; rewritten, it is as good as none.
    if BINARY in text and not kept.is_kept(Path(path).name):
        return Place(linked(path), is_erased=False)
    if dry_run:
        return Place(linked(path))
    new = left.encode(errors="surrogateescape")
    with storage.whole_or_absent(path, private=False) as stream:
        stream.write(new if plain is None else gzip.compress(new))
    return Place(linked(path))


def _is_in(path: Path, out: Path) -> bool:
    path, out = path.resolve(), out.resolve()
    return out in path.parents or (
        path.parent == out.parent and path.name.startswith(out.name)
    )


def _naming_remedy(path: str) -> contextlib.AbstractContextManager[None]:
    remedy = "fix that and erase again: what is already erased stays so"
    return os_errors_as(StorageError, f"{path} cannot be searched", remedy)
