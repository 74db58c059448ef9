"""Files that are whole or absent, in a local folder or an object store.

In a folder, a file is written under a temporary name that no reader of Parquet folders
looks at (a leading dot, a suffix of its own), then renamed into place. A writer holds a
lock on its temporary file, which the kernel lets go when the writer dies; so the next
program that writes there can tell what is abandoned and sweeps it away.

An object store has no rename: what Arrow calls one is a copy and a deletion, twice the
traffic and a second name to be left behind. But what is uploaded there, in one piece or
in parts, appears only when the upload is completed. So a file is written to local disk,
and uploaded under its own name when it is whole.
"""

import contextlib
import fcntl
import functools
import mmap
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from usage_metrics.errors import ConfigError, StorageError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.fs as pafs

HELD_BYTES = 16 << 20
"""A file of so many bytes, a day of some 200,000 requests, is read at once."""

PIECE_BYTES = 8 << 20
"""What is asked of a store at a time."""

STORE_OPTIONS = {
    # A small file is one request, not three; what is wrong is said at its end.
    "s3://": "allow_delayed_open=true",
    # Without credentials the client would go on trying for 15 minutes.
    "gs://": "retry_limit_seconds=60",
    "gcs://": "retry_limit_seconds=60",
}
"""Options of Arrow's that a URI has unless it says otherwise."""

_TEMPORARY = re.compile(r"\..*\.tmp-[0-9a-f]+$")


@contextlib.contextmanager
def whole_or_absent(path: str, drafts: str | None = None) -> Iterator[BinaryIO]:
    """Write a file that appears, whole, when the block ends without an error.

    Whatever stood there before stays until then, and for good if the block fails.

    Args:
        path: a local path, or a URI in an object store.
        drafts: the folder for what is not whole yet, if not that of the file. One for
            many files is swept by the next writer of any of them.

    Raises:
        OSError: if the place cannot be written to.
    """
    if "://" in path:
        writing = _writing_to_store(path)
    else:
        writing = _writing_locally(Path(path), Path(drafts or Path(path).parent))
    with writing as stream:
        yield stream


def open_file(path: str) -> "pa.NativeFile":
    """Open a file for reading at random.

    Raises:
        OSError: if there is none, or it may not be read.
    """
    filesystem, inside = filesystem_of(path)
    return filesystem.open_input_file(inside)


def open_whole_file(path: str) -> "pa.NativeFile":
    """Open a file to read all of it; one of a store is brought here in one go first.

    A small one is held in memory, so that what was checked of it is what is read.

    Raises:
        OSError: if there is none, or it may not be read.
    """
    import pyarrow as pa

    if "://" not in path:
        file = open_file(path)
        if file.size() > HELD_BYTES:
            return file
        with file:
            return pa.BufferReader(file.read_buffer())
    filesystem, inside = filesystem_of(path)
    with (
        filesystem.open_input_stream(inside, compression=None) as stream,
        tempfile.NamedTemporaryFile() as copy,
    ):
        shutil.copyfileobj(stream, copy, PIECE_BYTES)
        copy.flush()
        return pa.OSFile(copy.name)  # which lasts until it is closed


@contextlib.contextmanager
def lock_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file for who holds its lock to be alone.

    Raises:
        StorageError: if it cannot be made.
    """
    with naming_unwritable(str(path)):
        file = path.open("ab")
    with file:
        yield file


@contextlib.contextmanager
def naming_unwritable(path: str) -> Iterator[None]:
    """Say which place under the root cannot be written to.

    Raises:
        StorageError: in place of the system's errors.
    """
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written: {error}; see to [paths] root and rerun"
        ) from error


def delete(path: str) -> None:
    """Delete a file, if it is there."""
    filesystem, inside = filesystem_of(path)
    with contextlib.suppress(FileNotFoundError):
        filesystem.delete_file(inside)


def exists(path: str) -> bool:
    """Whether there is a file; in a store, by one request that lists nothing."""
    if "://" not in path:
        return Path(path).is_file()
    try:
        open_file(path).close()
    except FileNotFoundError:
        return False
    return True


def changed_at(path: str) -> int | None:
    """When a file was last changed, in nanoseconds; None if there is none."""
    if not exists(path):
        return None
    filesystem, inside = filesystem_of(path)
    changed: int | None = filesystem.get_file_info(inside).mtime_ns
    return changed


def list_files(folder: str, names: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Find the files of certain names in the folders that a folder holds.

    In a store that is one listing. In a local folder each file is looked up by its
    name: a listing may miss a file that is being replaced while it is read.

    Yields:
        path, time of the last change in nanoseconds, and size in bytes.
    """
    if "://" not in folder:
        yield from _list_locally(folder, names)
        return
    import pyarrow.fs as pafs

    filesystem, inside = filesystem_of(folder)
    selector = pafs.FileSelector(inside, recursive=True, allow_not_found=True)
    for info in filesystem.get_file_info(selector):
        if info.type == pafs.FileType.File and info.base_name in names:
            yield info.path, info.mtime_ns, info.size


def sweep(folder: str) -> None:
    """Remove what writers that are no more left in a local folder and those in it.

    A store shows nothing of an upload that was not completed.
    """
    if "://" not in folder:
        for place, _, names in os.walk(folder):
            _sweep(Path(place), names)


def is_temporary(name: str) -> bool:
    """Whether a file of that name is one that is being written, or was."""
    return _TEMPORARY.match(name) is not None


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
    for store, option in STORE_OPTIONS.items():
        if root.startswith(store) and option.partition("=")[0] not in options:
            options += f"{'&' if options else ''}{option}"
    uri = root + (f"/{below}" if below else "") + (f"?{options}" if options else "")
    try:
        filesystem, inside = pafs.FileSystem.from_uri(uri)
    except (pa.ArrowInvalid, OSError) as error:
        raise ConfigError(
            f"{root} cannot be opened: {error}; name a folder, or an s3:// or gs:// URI"
        ) from error
    return filesystem, inside


def _list_locally(folder: str, names: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    try:
        with os.scandir(folder) as entries:
            folders = [entry.path for entry in entries]
    except (FileNotFoundError, NotADirectoryError):
        return
    for path in (f"{inner}/{name}" for inner in folders for name in names):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            status = os.stat(path)  # noqa: PTH116 - twice as fast as through a Path
            yield path, status.st_mtime_ns, status.st_size


@contextlib.contextmanager
def _writing_locally(path: Path, drafts: Path) -> Iterator[BinaryIO]:
    drafts.mkdir(parents=True, exist_ok=True)
    _sweep_once(drafts, os.getpid())
    draft = drafts / f".{path.name}.tmp-{uuid.uuid4().hex}"
    try:
        with _create_locked(draft) as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
            path.parent.mkdir(parents=True, exist_ok=True)
            draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _create_locked(file: Path) -> BinaryIO:
    """Create a file that no sweeper takes for abandoned.

    One may come between its creation and its lock: then it is created again.
    """
    while True:
        stream = file.open("xb")
        fcntl.flock(stream, fcntl.LOCK_EX)
        if os.fstat(stream.fileno()).st_nlink:
            return stream
        stream.close()


@functools.lru_cache(maxsize=64)
def _sweep_once(folder: Path, process: int) -> None:
    """Sweep a folder, as the first writer there of this process.

    Looking at thousands of names for each file would take its time.
    """
    _sweep(folder, [file.name for file in folder.iterdir()])


def _sweep(folder: Path, names: Sequence[str]) -> None:
    """Remove the temporary files of writers that are no more, as far as we may."""
    for file in (folder / name for name in names if is_temporary(name)):
        with contextlib.suppress(OSError), file.open("r+b") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            file.unlink()


@contextlib.contextmanager
def _writing_to_store(path: str) -> Iterator[BinaryIO]:
    filesystem, inside = filesystem_of(path)
    with tempfile.TemporaryFile() as draft:
        yield draft
        draft.flush()
        # What interrupts this program interrupts its main thread. An upload that it
        # could interrupt would be completed as far as it came.
        with ThreadPoolExecutor(1) as uninterrupted:
            uninterrupted.submit(_upload, draft, filesystem, inside).result()


def _upload(draft: BinaryIO, filesystem: "pafs.FileSystem", inside: str) -> None:
    whole = mmap.mmap(draft.fileno(), 0, access=mmap.ACCESS_READ)
    with filesystem.open_output_stream(inside) as stream:
        stream.write(whole)
