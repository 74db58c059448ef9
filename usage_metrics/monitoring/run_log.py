"""A line of JSON for each task and run: what, when, how long, rows, outcome, reason.

Luigi's own history needs a database and shows a finished day nowhere; this is a file
that ``tail -f``, ``jq`` and ``usage-metrics status`` read. It is filled by Luigi's
events, which come in the process that runs the task, so several processes append to it
at once: each line is one write under a lock. When the file is full it becomes
``….1.jsonl``, in place of the one before.
"""

import contextlib
import datetime as dt
import fcntl
import json
import logging
import os
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from usage_metrics import config

log = logging.getLogger("luigi-interface")

DONE = "done"
FAILED = "failed"
WAITING = "waiting"
"""What a task waits for cannot be had yet."""

EVERY_LINE = frozenset({"at", "run", "task", "parameters", "outcome"})
"""What every line says."""

LONGEST_REASON = 2000
"""Of a reason for which a thousand days failed, this much is kept."""

RUN_ID = f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:6]}"
"""Of this process and of those that it forks."""


def path() -> Path | None:
    """Where the log is; None if it is switched off.

    It is a local file, also where the partitions are in an object store.
    """
    settings = config.run_log()
    if settings.maximum_bytes == 0:
        return None
    if settings.path:
        return Path(settings.path).expanduser()
    return local_folder() / "runs.jsonl"


def local_folder() -> Path:
    """The root, or what stands in for it on this machine if it is in a store."""
    root = config.paths().root
    return Path("data" if "://" in root else root)


def files() -> list[Path]:
    """The log and the one before it, as far as they are there."""
    file = path()
    return [] if file is None else [f for f in (_older(file), file) if f.exists()]


def append(entry: dict[str, Any], *, make_folder: bool = True) -> None:
    """Add a line; a disk that is full or may not be written to is no reason to stop."""
    file = path()
    if file is None or not (make_folder or file.parent.is_dir()):
        return
    line = json.dumps(
        {
            "at": dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"),
            "run": RUN_ID,
            **entry,
            "host": socket.gethostname(),
            "pid": os.getpid(),
        },
        ensure_ascii=False,
    ).encode(errors="backslashreplace")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with _locked(file) as descriptor:
            _write(descriptor, line)
    except OSError as error:
        log.warning("the run log %s cannot be written: %s", file, error)


def read(containing: str = "") -> Iterator[dict[str, Any]]:
    """Give the lines, oldest first; what is no line of ours is passed over.

    Args:
        containing: text that a line must contain to be looked at, to be quick.
    """
    wanted = containing.encode()
    file = path()
    if file is None:
        return
    for part in (_older(file), file):
        with contextlib.suppress(OSError):
            for line in part.read_bytes().split(b"\n"):
                if wanted in line and (entry := _entry(line)):
                    yield entry


def _entry(line: bytes) -> dict[str, Any]:
    """The entry of a line; empty if it is none of ours."""
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) and entry.keys() >= EVERY_LINE else {}


@contextlib.contextmanager
def _locked(file: Path) -> Iterator[int]:
    """Open the log for appending, alone; begin a new one when it is full."""
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    while True:
        descriptor = os.open(file, flags, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            status = os.fstat(descriptor)
            if not _is_still(file, status):
                continue  # another process made room while we waited
            if status.st_size >= config.run_log().maximum_bytes:
                file.replace(_older(file))
                continue
            yield descriptor
            return
        finally:
            os.close(descriptor)


def _write(descriptor: int, line: bytes) -> None:
    """Add a line, also behind one that was cut off by a kill or a full disk."""
    size = os.fstat(descriptor).st_size
    is_whole = not size or os.pread(descriptor, 1, size - 1) == b"\n"
    os.write(descriptor, (b"" if is_whole else b"\n") + line + b"\n")


def _is_still(file: Path, status: os.stat_result) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(file.stat(), status)
    return False


def _older(file: Path) -> Path:
    return file.with_suffix(f".1{file.suffix}")
