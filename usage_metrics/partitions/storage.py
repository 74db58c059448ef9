"""Writes files that are whole or absent, in a local folder or an object store.

In a folder, a file is written under a temporary name, elsewhere if readers of the
folder would stumble over it, then renamed. The writer holds a lock on its temporary
file, which the kernel releases when the writer dies. So the next program that writes
there can tell which temporary files are abandoned, and removes them.

Before a file or its absence counts as done, it survives a loss of power: a file is
synced before it is renamed, and its folder after that, as after each deletion.

An object store has no rename: what Arrow calls one is a copy and a deletion, twice the
traffic and a second name that may be left behind. But an upload, in one piece or in
parts, becomes visible only when it is complete. So a file is written to local disk
first, then uploaded under its own name.
"""

import contextlib
import errno
import functools
import mmap
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from usage_metrics.errors import ConfigError, StorageError, os_errors_as
from usage_metrics.monitoring import locks, permissions

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.fs as pafs

HELD_BYTES = 16 << 20
"""Files up to this size, a day of some 200,000 requests, are read into memory."""

PIECE_BYTES = 8 << 20
"""Bytes requested from a store at a time."""

STORE_OPTIONS = {
    # A small file takes one request, not three; errors are reported at its end.
    "s3://": "allow_delayed_open=true",
    # Without credentials the client would retry for 15 minutes.
    "gs://": "retry_limit_seconds=60",
    "gcs://": "retry_limit_seconds=60",
}
"""Arrow's options for a URI, unless it sets them itself."""

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC

_TEMPORARY = re.compile(r"\..*\.tmp-[0-9a-f]+$")


def whole_or_absent(
    path: str, drafts: str | None = None, *, private: bool = True
) -> AbstractContextManager[BinaryIO]:
    """Write a file that appears, whole, when the block ends without an error.

    An existing file stays until then, and for good if the block fails. If it is a link,
    what it points to is replaced.

    Args:
        path: a local path, or a URI in an object store.
        drafts: the folder for the temporary file, if not that of the file. If several
            files share one, the writer of any of them cleans it up.
        private: whether only those whom ``[privacy] readable_by`` names may read a
            local file and the folders that are made for it; else all, as far as the
            umask allows. In no case is the file open to more people than before.
    """
    if "://" in path:
        return _writing_to_store(path)
    file = Path(path)
    if file.is_symlink():
        file = file.resolve()
    return _writing_locally(file, Path(drafts or file.parent), private)


def open_file(path: str) -> "pa.NativeFile":
    """Open a file for random access."""
    _refuse_irregular(path)
    filesystem, inside = filesystem_of(path)
    return filesystem.open_input_file(inside)


def read_file(path: str, most_bytes: int | None = None) -> bytes:
    """Read a short file, or the beginning of one; a local one without Arrow."""
    _refuse_irregular(path)
    with open_file(path) if "://" in path else Path(path).open("rb") as file:
        return bytes(file.read(most_bytes))


def _refuse_irregular(path: str) -> None:
    if "://" not in path and Path(path).exists() and not Path(path).is_file():
        raise OSError(errno.EINVAL, "Not a regular file", path)  # a FIFO would wait


def open_whole_file(path: str) -> "pa.NativeFile":
    """Open a file to read all of it; one in a store is downloaded first.

    A small one is kept in memory, so that what was checked is what is read.
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
        return pa.OSFile(copy.name)  # keeps the deleted copy until it is closed


def naming_unwritable(path: str) -> AbstractContextManager[None]:
    """Name the file under the root that cannot be written, in a StorageError."""
    what = f"{path} cannot be written"
    return os_errors_as(StorageError, what, "check [paths] root and rerun")


def delete(path: str) -> None:
    """Delete a file if it exists."""
    if "://" not in path:
        delete_together([Path(path)])
        return
    filesystem, inside = filesystem_of(path)
    with contextlib.suppress(FileNotFoundError):
        filesystem.delete_file(inside)


def delete_together(files: Iterable[Path]) -> None:
    """Delete those local files that exist; once this returns, none comes back.

    Of a link, what it points to is deleted, too.
    """
    folders = {}
    for file in (f for name in files for f in _with_target(name)):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            file.unlink()
            folders[file.parent] = True
    for folder in folders:
        sync_folder(folder)


def _with_target(file: Path) -> tuple[Path, ...]:
    return (file.resolve(), file) if file.is_symlink() else (file,)


def sync_folder(folder: Path) -> None:
    """Have the names in a local folder survive a loss of power."""
    with contextlib.suppress(FileNotFoundError):  # somebody deleted it, empty
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        except OSError as error:
            # Some network drives do not sync folders, as they keep no names back.
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):
                raise
        finally:
            os.close(descriptor)


def make_folder(folder: Path, *, private: bool = False) -> None:
    """Make a folder, and those above it that are missing, which survive as files do."""
    if not folder.is_dir():
        make_folder(folder.parent, private=private)
        folder.mkdir(_folder_mode(private), exist_ok=True)
        sync_folder(folder.parent)


def close_to_others(path: Path) -> None:
    """Make an empty file that only some may read, or close one to the others."""
    mode = permissions.private_mode()
    if not path.exists():
        make_folder(path.parent)
        os.close(os.open(path, _NEW, mode))
    elif (old := path.stat().st_mode & 0o777) & ~mode:
        path.chmod(old & mode)


def file_mode(*, private: bool) -> int:
    """The mode of a new file, before the umask."""
    return permissions.private_mode() if private else 0o666


def _folder_mode(private: bool) -> int:
    mode = file_mode(private=private)
    return mode | (mode & 0o444) >> 2  # who may read may look into it


def exists(path: str) -> bool:
    """Whether a file exists; in a store this takes one request and no listing."""
    if "://" not in path:
        return Path(path).is_file()
    try:
        open_file(path).close()
    except FileNotFoundError:
        return False
    return True


def sweep(folder: str) -> None:
    """Remove temporary files of dead writers from a local folder and its subfolders.

    In a store, incomplete uploads are invisible.
    """
    if "://" not in folder:
        for place, _, names in os.walk(folder):
            _sweep(Path(place), names)


@functools.lru_cache(maxsize=64)
def sweep_once(folder: Path, process: int) -> None:
    """Clean up a local folder, if it exists, once per process.

    Listing thousands of names for every file would take too long.
    """
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        _sweep(folder, [file.name for file in folder.iterdir()])


def is_temporary(name: str) -> bool:
    """Whether this is the name of a temporary file."""
    return _TEMPORARY.match(name) is not None


def filesystem_of(path: str) -> tuple["pafs.FileSystem", str]:
    """The file system of a path or URI, and the path within it.

    Options of a store, such as ``?region=eu-west-1``, follow the root:
    ``s3://bucket/folder?region=eu-west-1/raw/…``.

    Raises:
        ConfigError: if the URI cannot be opened, or contains a key.
    """
    import pyarrow as pa
    import pyarrow.fs as pafs

    if "://" not in path:
        return pafs.LocalFileSystem(), str(Path(path).absolute())
    root, _, rest = path.partition("?")
    options, _, below = rest.partition("/")
    refuse_key(root)
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


def refuse_key(uri: str) -> None:
    """Refuse a URI with credentials in it.

    Raises:
        ConfigError: if an ``s3://`` URI has some.
    """
    if uri.startswith("s3://") and "@" in uri.removeprefix("s3://").split("/")[0]:
        raise ConfigError(
            "an s3:// URI contains a key, which would end up in files and messages; "
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY instead"
        )


@contextlib.contextmanager
def _writing_locally(path: Path, drafts: Path, private: bool) -> Iterator[BinaryIO]:
    make_folder(drafts, private=private or drafts != path.parent)
    sweep_once(drafts, os.getpid())
    draft = drafts / f".{path.name}.tmp-{uuid.uuid4().hex}"
    try:
        with _create_locked(draft, file_mode(private=private)) as stream:
            yield stream
            stream.flush()
            _take_owner_and_mode(stream.fileno(), path)
            os.fsync(stream.fileno())
            make_folder(path.parent, private=private)
            _move(draft, path, private)
            sync_folder(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def _take_owner_and_mode(draft: int, path: Path) -> None:
    """Open a draft to nobody who may not read the file that it replaces.

    Root leaves the file to its owner.
    """
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        old, new = path.stat(), os.fstat(draft)
        with contextlib.suppress(PermissionError):
            if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
                os.fchown(draft, old.st_uid, old.st_gid)
        os.fchmod(draft, old.st_mode & new.st_mode & 0o777)


def _move(draft: Path, path: Path, private: bool) -> None:
    """Rename a draft; if it is on another disk than its file, copy it there first."""
    try:
        draft.replace(path)
    except OSError as error:
        if error.errno != errno.EXDEV or draft.parent == path.parent:
            raise
        with (
            draft.open("rb") as whole,
            _writing_locally(path, path.parent, private) as copy,
        ):
            shutil.copyfileobj(whole, copy)


def _create_locked(file: Path, mode: int) -> BinaryIO:
    """Create a file that no cleanup takes for abandoned.

    If one removes it before it is locked, it is created again.
    """
    while True:
        stream = os.fdopen(os.open(file, _NEW, mode), "wb")
        locks.wait_for(stream, locks.STRANGERS_SECONDS)
        if os.fstat(stream.fileno()).st_nlink:
            return stream
        stream.close()


def _sweep(folder: Path, names: Sequence[str]) -> None:
    """Remove temporary files of dead writers, where permitted."""
    for file in (folder / name for name in names if is_temporary(name)):
        with contextlib.suppress(OSError), file.open("r+b") as stream:
            if locks.try_lock(stream):
                delete_together([file])


@contextlib.contextmanager
def _writing_to_store(path: str) -> Iterator[BinaryIO]:
    filesystem, inside = filesystem_of(path)
    with tempfile.TemporaryFile() as draft:
        yield draft
        draft.flush()
        # Interrupts reach only the main thread. An interrupted upload would be
        # completed with the part that was sent.
        with ThreadPoolExecutor(1) as uninterrupted:
            uninterrupted.submit(_upload, draft, filesystem, inside).result()


def _upload(draft: BinaryIO, filesystem: "pafs.FileSystem", inside: str) -> None:
    whole = mmap.mmap(draft.fileno(), 0, access=mmap.ACCESS_READ)
    with filesystem.open_output_stream(inside) as stream:
        stream.write(whole)
