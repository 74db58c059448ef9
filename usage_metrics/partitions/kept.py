"""Files that only save work: whatever is in one can be made again from other files.

Each says what made it. One that was made by something else, or is damaged, or cannot be
read or written, is as good as none.
"""

import contextlib
import hashlib
from collections.abc import Hashable
from pathlib import Path

from usage_metrics.monitoring import run_log
from usage_metrics.partitions import storage

FOOTERS = ".footers.json"
"""What the footers of all files say."""

SUMS = ".report-sums"
"""Sums of the figures for each period of the report."""

PARTS = ".report-parts"
"""What is the same in every report: charts and the library that draws them."""

DAYS_OF_FILES = ".days-of-logs"
"""What was found in files of logs, for each format."""

DIGEST_BYTES = 16


def read(name: str, made_by: str) -> bytes | None:
    """The content of a kept file, if it is whole and was made by this."""
    place = _place(name)
    try:
        kept = place.read_bytes() if place.is_file() else b""  # a FIFO would wait
    except OSError:
        return None
    seal, content = kept[:DIGEST_BYTES], kept[DIGEST_BYTES:]
    return content if seal == _seal(made_by, content) else None


def state(name: str) -> Hashable:
    """Tells one version of a kept file from another; None if it is missing."""
    try:
        found = _place(name).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size


def keep(name: str, made_by: str, content: bytes) -> None:
    """Keep something for the next run; if that fails, it will be made again."""
    place = _place(name)
    if place.parent.is_dir():
        with (
            contextlib.suppress(OSError),
            storage.whole_or_absent(str(place.absolute())) as stream,
        ):
            stream.write(_seal(made_by, content) + content)


def forget(name: str) -> None:
    """Delete the kept files whose names begin so."""
    with storage.naming_unwritable(str(_place(name))):
        storage.delete_together(run_log.local_folder().glob(f"{name}*"))


def is_kept(name: str) -> bool:
    """Whether a file of this name is one of these."""
    return name.startswith((FOOTERS, PARTS, SUMS, DAYS_OF_FILES))


def _place(name: str) -> Path:
    return run_log.local_folder() / name


def _seal(made_by: str, content: bytes) -> bytes:
    digest = hashlib.blake2b(made_by.encode(), digest_size=DIGEST_BYTES)
    digest.update(content)
    return digest.digest()
