"""A file of answers that are not yet in a page of the cache.

Each batch is appended and synced as it arrives, so that a kill or a loss of power loses
none that was paid for. A line has a checksum: one cut off by a kill is skipped.
"""

import os
import zlib
from contextlib import AbstractContextManager
from pathlib import Path

from usage_metrics.errors import StorageError, os_errors_as
from usage_metrics.monitoring import permissions
from usage_metrics.partitions import storage


class Journal:
    """Lines of a checksum, a word and its text, in a file that exists while needed."""

    def __init__(self, path: Path) -> None:
        """Name the file; nothing is opened."""
        self.path = path

    def exists(self) -> bool:
        """Whether a run ended before its answers were in a page."""
        return self.path.exists()

    def append(self, answers: dict[str, str]) -> None:
        """Add answers; they are on the disk when this returns."""
        lines = b"".join(map(_line, answers.items()))
        with self._naming_errors():
            is_new = not self.path.exists()
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
            file = os.open(self.path, flags, permissions.private_mode())
            with open(file, "wb") as stream:  # noqa: PTH123  it is a descriptor
                # On a line of its own, whatever a full disk cut off before.
                stream.write(b"\n" + lines)
                stream.flush()
                os.fsync(file)
            if is_new:
                storage.sync_folder(self.path.parent)

    def read(self) -> dict[str, str]:
        """The answers that are whole."""
        with self._naming_errors():
            lines = self.path.read_bytes().split(b"\n") if self.exists() else []
        answers = {}
        for line in lines:
            checksum, _, entry = line.partition(b" ")
            if checksum == _checksum(entry):
                word, _, text = entry.decode().partition(" ")
                answers[word] = text
        return answers

    def delete(self) -> None:
        """Delete it: its answers are in a page."""
        with self._naming_errors():
            self.path.unlink(missing_ok=True)

    def _naming_errors(self) -> AbstractContextManager[None]:
        what = f"the cache's journal {self.path} cannot be used"
        return os_errors_as(StorageError, what, "make room or give write permission")


def _line(answer: tuple[str, str]) -> bytes:
    entry = " ".join(answer).encode()
    return _checksum(entry) + b" " + entry + b"\n"


def _checksum(entry: bytes) -> bytes:
    return b"%08x" % zlib.crc32(entry)
