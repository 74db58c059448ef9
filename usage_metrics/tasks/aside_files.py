"""Files for what counting keeps outside memory."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, cast

from usage_metrics.errors import StorageError, os_errors_as


@contextlib.contextmanager
def aside() -> Iterator[Callable[[], BinaryIO]]:
    """Give a maker of files without a name, which are gone at the end.

    They are in the system's folder for temporary files.
    """
    with contextlib.ExitStack() as files:
        yield lambda: cast(BinaryIO, files.enter_context(_File()))


class _File:
    """A temporary file that says in a sentence what is wrong with it."""

    def __init__(self) -> None:
        with _naming_errors():
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> "_File":
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):  # of what nobody reads any more
            self._file.close()

    def write(self, data: bytes) -> int:
        with _naming_errors():
            return self._file.write(data)

    def read(self, size: int = -1) -> bytes:
        with _naming_errors():
            return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        with _naming_errors():  # it also writes what is left to write
            return self._file.seek(offset, whence)


def _naming_errors() -> contextlib.AbstractContextManager[None]:
    return os_errors_as(
        StorageError,
        f"a temporary file of counting in {tempfile.gettempdir()} cannot be used",
        "make room there, or set TMPDIR to another folder, and rerun",
    )
