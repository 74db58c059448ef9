"""Takes addresses out of the files beside the partitions: reports, the run log."""

import contextlib
import fcntl
import gzip
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from usage_metrics.errors import StorageError
from usage_metrics.partitions import storage
from usage_metrics.privacy.removal import Erased

BINARY = "\0"
"""What no text has."""


class Searched(NamedTuple):
    """A file that had an address."""

    path: str
    is_erased: bool
    """False for a file in a format that is none of ours: a person has to see to it."""


def files_in(folder: Path, left_out: Collection[Path]) -> Iterator[Path]:
    """The files in a folder, but for partitions and for what is left out.

    Args:
        folder: may not be there.
        left_out: folders; and files, with those whose names only begin so.
    """
    for path in sorted(folder.rglob("*")):
        ours = path.suffix != ".parquet" and not storage.is_temporary(path.name)
        if ours and path.is_file() and not any(_is_in(path, out) for out in left_out):
            yield path


def files_in_store(root: str, left_out: Collection[str]) -> Iterator[str]:
    """The files below the root in an object store, but for partitions.

    Args:
        root: a URI; of a local folder, there are none.
        left_out: URIs that those begin with that are left out.
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


def erase_from_file(path: Path, erased: Erased) -> Searched | None:
    """Take addresses out of a file of text, which may be compressed with gzip.

    Others may append to it meanwhile if they lock it and look whether it was replaced.

    Returns:
        The file, if it had one.

    Raises:
        StorageError: if it cannot be read or written.
    """
    with _clear_errors(str(path)), path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        mode = path.stat().st_mode
        searched = _erase(str(path), file.read(), erased)
        if searched is not None:
            path.chmod(mode)
    return searched


def erase_from_object(uri: str, erased: Erased) -> Searched | None:
    """Take addresses out of a file of text in an object store.

    Returns:
        The file, if it had one.

    Raises:
        StorageError: if it cannot be read or written.
    """
    with _clear_errors(uri):
        with storage.open_file(uri) as file:
            data = bytes(file.read())
        return _erase(uri, data, erased)


def _erase(path: str, data: bytes, erased: Erased) -> Searched | None:
    """Write a file anew if what it holds has an address."""
    plain = _unzipped(data) if path.endswith(".gz") else None
    text = (data if plain is None else plain).decode(errors="surrogateescape")
    left = erased.remove(text)
    if left == text:
        return None
    if BINARY in text:
        return Searched(path, is_erased=False)
    new = left.encode(errors="surrogateescape")
    with storage.whole_or_absent(path) as stream:
        stream.write(new if plain is None else gzip.compress(new))
    return Searched(path, is_erased=True)


def _unzipped(data: bytes) -> bytes | None:
    with contextlib.suppress(OSError, EOFError, zlib.error):
        return gzip.decompress(data)
    return None


def _is_in(path: Path, out: Path) -> bool:
    path, out = path.absolute(), out.absolute()
    return out in path.parents or (
        path.parent == out.parent and path.name.startswith(out.name)
    )


@contextlib.contextmanager
def _clear_errors(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{path} cannot be searched: {error}; see to it and erase again: what is "
            "erased by now stays so"
        ) from error
