"""Takes addresses out of the files beside the partitions: reports, the run log."""

import contextlib
import fcntl
import gzip
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from usage_metrics import storage
from usage_metrics.errors import StorageError
from usage_metrics.privacy.removal import Erased

BINARY = b"\0"
"""What no text has."""


class Searched(NamedTuple):
    """A file that had an address."""

    path: Path
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


def erase_from_file(path: Path, erased: Erased) -> Searched | None:
    """Take addresses out of a file of text, which may be compressed with gzip.

    Others may append to it meanwhile if they lock it and look whether it was replaced.

    Returns:
        The file, if it had one.

    Raises:
        StorageError: if it cannot be read or written.
    """
    with _clear_errors(path), path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        data = file.read()
        is_gzip = path.suffix == ".gz"
        with contextlib.suppress(OSError, EOFError):
            data = gzip.decompress(data) if is_gzip else data
        text = data.decode(errors="surrogateescape")
        left = erased.remove(text)
        if left == text:
            return None
        if BINARY in data:
            return Searched(path, is_erased=False)
        new = left.encode(errors="surrogateescape")
        mode = path.stat().st_mode
        with storage.whole_or_absent(str(path.absolute())) as stream:
            stream.write(gzip.compress(new) if is_gzip else new)
        path.chmod(mode)
    return Searched(path, is_erased=True)


def _is_in(path: Path, out: Path) -> bool:
    path, out = path.absolute(), out.absolute()
    return out in path.parents or (
        path.parent == out.parent and path.name.startswith(out.name)
    )


@contextlib.contextmanager
def _clear_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{path} cannot be searched: {error}; see to it and erase again: what is "
            "erased by now stays so"
        ) from error
