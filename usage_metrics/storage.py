"""Files that are whole or absent, in a local folder or an object store.

A file is written under a temporary name that no reader of Parquet folders looks at
(a leading dot, a suffix of its own), then renamed into place. A writer holds a lock on
its local temporary file, which the kernel lets go when the writer dies; so whoever
writes there next can tell what is abandoned and sweeps it away.
"""

import contextlib
import fcntl
import os
import re
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from usage_metrics.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.fs as pafs

NEWBORN_SECONDS = 60
"""A temporary file so young may not have been locked yet by its writer."""

ABANDONED_SECONDS = 24 * 3600
"""Object stores have no locks; there, age alone tells."""

GS_OPTION = "retry_limit_seconds"
GS_PATIENCE = "60"
"""Without credentials the client for ``gs://`` would go on trying for 15 minutes."""

_TEMPORARY = re.compile(r"\..*\.tmp-[0-9a-f]+$")


@contextlib.contextmanager
def whole_or_absent(path: str) -> Iterator[BinaryIO]:
    """Write a file that appears, whole, when the block ends without an error.

    Whatever stood there before stays until then, and for good if the block fails.

    Args:
        path: a local path, or a URI in an object store.

    Raises:
        OSError: if the place cannot be written to.
    """
    folder, _, name = path.rpartition("/")
    temporary = f".{name}.tmp-{uuid.uuid4().hex}"
    writing = _writing_to_store if "://" in path else _writing_locally
    with writing(folder, temporary, name) as stream:
        yield stream


def open_file(path: str) -> "pa.NativeFile":
    """Open a file for reading at random.

    Raises:
        OSError: if there is none, or it may not be read.
    """
    filesystem, inside = filesystem_of(path)
    return filesystem.open_input_file(inside)


def delete(path: str) -> None:
    """Delete a file, if it is there."""
    filesystem, inside = filesystem_of(path)
    with contextlib.suppress(FileNotFoundError):
        filesystem.delete_file(inside)


def list_files(folder: str) -> Iterator[tuple[str, int, int]]:
    """List the files in a folder and in its folders; none if there is no folder.

    Yields:
        path, time of the last change in nanoseconds, and size in bytes.
    """
    if "://" not in folder:
        yield from _list_locally(folder)
        return
    import pyarrow.fs as pafs

    filesystem, inside = filesystem_of(folder)
    selector = pafs.FileSelector(inside, recursive=True, allow_not_found=True)
    for info in filesystem.get_file_info(selector):
        if info.type == pafs.FileType.File:
            yield info.path, info.mtime_ns, info.size


def filesystem_of(path: str) -> tuple["pafs.FileSystem", str]:
    """The file system of a path or URI, and the path within it.

    Options of a store, such as ``?region=eu-west-1``, stand behind the root:
    ``s3://bucket/folder?region=eu-west-1/raw/…``.

    Raises:
        ConfigError: if the URI names no store that can be opened, or holds a key.
    """
    import pyarrow as pa
    import pyarrow.fs as pafs

    if "://" not in path:
        return pafs.LocalFileSystem(), str(Path(path).absolute())
    root, _, rest = path.partition("?")
    options, _, below = rest.partition("/")
    if root.startswith("s3://") and "@" in root.removeprefix("s3://").split("/")[0]:
        raise ConfigError(
            "an s3:// URI has a key in it, which would end up in files and messages; "
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY instead"
        )
    if root.startswith("gs://") and GS_OPTION not in options:
        options += f"{'&' if options else ''}{GS_OPTION}={GS_PATIENCE}"
    uri = root + (f"/{below}" if below else "") + (f"?{options}" if options else "")
    try:
        filesystem, inside = pafs.FileSystem.from_uri(uri)
    except (pa.ArrowInvalid, OSError) as error:
        raise ConfigError(f"{root} cannot be opened: {error}") from error
    return filesystem, inside


def _list_locally(folder: str) -> Iterator[tuple[str, int, int]]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir():
                    yield from _list_locally(entry.path)
                else:
                    status = entry.stat()
                    yield entry.path, status.st_mtime_ns, status.st_size
    except (FileNotFoundError, NotADirectoryError):
        return  # not made yet, or replaced while we looked


@contextlib.contextmanager
def _writing_locally(folder: str, temporary: str, name: str) -> Iterator[BinaryIO]:
    home = Path(folder)
    home.mkdir(parents=True, exist_ok=True)
    _sweep(home)
    file = home / temporary
    try:
        with file.open("xb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
            file.replace(home / name)
    finally:
        file.unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Remove the temporary files of writers that are no more."""
    for file in folder.iterdir():
        if not _TEMPORARY.match(file.name):
            continue
        with contextlib.suppress(FileNotFoundError, BlockingIOError):
            if time.time() - file.stat().st_mtime > NEWBORN_SECONDS:
                with file.open("rb") as stream:
                    fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    file.unlink()


@contextlib.contextmanager
def _writing_to_store(folder: str, temporary: str, name: str) -> Iterator[BinaryIO]:
    filesystem, inside = filesystem_of(folder)
    draft = f"{inside}/{temporary}"
    _sweep_store(filesystem, inside)
    try:
        with filesystem.open_output_stream(draft) as stream:
            yield stream
        filesystem.move(draft, f"{inside}/{name}")
    finally:
        with contextlib.suppress(FileNotFoundError, OSError):
            filesystem.delete_file(draft)


def _sweep_store(filesystem: "pafs.FileSystem", folder: str) -> None:
    import pyarrow.fs as pafs

    selector = pafs.FileSelector(folder, allow_not_found=True)
    for info in filesystem.get_file_info(selector):
        age = time.time() - (info.mtime_ns or 0) / 1e9
        if _TEMPORARY.match(info.base_name) and age > ABANDONED_SECONDS:
            filesystem.delete_file(info.path)
