"""The run log: a JSON line for each task, with outcome, rows, duration and reason.

Luigi's own history needs a database and does not show finished days; this is a file for
``tail -f``, ``jq`` and ``usage-metrics status``. Luigi's events fill it from the
process that runs the task, so several processes append at once: each line is one write
under a lock. A full file is renamed to ``….1.jsonl`` and replaces the one before.
"""

import contextlib
import datetime as dt
import json
import logging
import math
import os
import socket
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from usage_metrics import config
from usage_metrics.monitoring import locks, permissions

log = logging.getLogger("luigi-interface")

DONE = "done"
FAILED = "failed"
WAITING = "waiting"
"""The outcomes; a task waits if the logs of its day are not available yet."""

REQUIRED_KEYS = frozenset({"at", "run", "task", "parameters", "outcome"})

NUMBERS = ("rows", "seconds")
"""The keys whose values, if there are any, are numbers."""

LONGEST_REASON = 2000
"""Characters kept of a reason; a task may name a thousand failed days."""

RUN_ID = f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:6]}"
"""Identifies this process and its forked workers."""


listener: Callable[[Mapping[str, Any]], None] | None = None
"""Is told each entry by the process that writes it, even if there is no log."""


def path() -> Path | None:
    """The path of the log; None if it is disabled.

    It is a local file even if the partitions are in an object store.
    """
    settings = config.run_log()
    if settings.maximum_bytes == 0:
        return None
    if settings.path:
        return Path(settings.path).expanduser()
    return local_folder() / "runs.jsonl"


def local_folder() -> Path:
    """The root or, if that is in an object store, the local folder ``data``."""
    root = config.paths().root
    return Path("data" if "://" in root else root)


def files() -> list[Path]:
    """The existing files of the log, oldest first."""
    file = path()
    return [] if file is None else [f for f in (_older(file), file) if f.is_file()]


def append(entry: dict[str, Any], *, make_folder: bool = True) -> None:
    """Append an entry; if it cannot be written, warn and continue."""
    if listener is not None:
        listener(entry)
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
    """Read the entries, oldest first; foreign lines are skipped.

    Args:
        containing: skips, quickly, lines without this text.
    """
    for file in files():
        with contextlib.suppress(OSError):
            for line in _lines(file.read_bytes(), containing.encode()):
                if entry := _entry(line):
                    yield entry


def _lines(content: bytes, containing: bytes) -> Iterator[bytes]:
    """The lines with some text; of many without it, none is made."""
    end = -1
    while (at := content.find(containing, end + 1)) >= 0:
        begin, end = content.rfind(b"\n", 0, at) + 1, content.find(b"\n", at)
        if end < 0:
            end = len(content)
        yield content[begin:end]


def _entry(line: bytes) -> dict[str, Any]:
    """The entry of a line; empty if the line is foreign or damaged."""
    try:
        entry = json.loads(line)
        return entry if isinstance(entry, dict) and _is_ours(entry) else {}
    except (ValueError, OverflowError, RecursionError):
        return {}


def _is_ours(entry: dict[str, Any]) -> bool:
    """Whether everything that is read of an entry can be.

    Raises:
        ValueError, OverflowError: if it has a time or a date that is none.
    """
    parameters = entry.get("parameters")
    if not isinstance(parameters, dict) or not entry.keys() >= REQUIRED_KEYS:
        return False
    texts = [entry[key] for key in REQUIRED_KEYS - {"parameters"}]
    if not all(isinstance(text, str) for text in texts):
        return False
    dt.datetime.fromisoformat(entry["at"]).timestamp()
    if "date" in parameters:
        dt.date.fromisoformat(str(parameters["date"]))
    numbers = (entry.get(key) or 0 for key in NUMBERS)
    return all(isinstance(n, int | float) and math.isfinite(n) for n in numbers)


@contextlib.contextmanager
def _locked(file: Path) -> Iterator[int]:
    """Open and lock the log for appending; start a new file if it is full.

    If another program keeps it locked, do without: a line is one write.
    """
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    while True:
        descriptor = os.open(file, flags, permissions.private_mode())
        try:
            is_locked = _wait_for_lock(file, descriptor)
            status = os.fstat(descriptor)
            if not _is_current(file, status):
                continue  # another process renamed it while we waited
            if is_locked and status.st_size >= config.run_log().maximum_bytes:
                file.replace(_older(file))
                continue
            yield descriptor
            return
        finally:
            os.close(descriptor)


_kept_waiting: set[Path] = set()
"""The logs that another program kept locked: nobody waits for them again."""


def _wait_for_lock(file: Path, descriptor: int) -> bool:
    seconds = 0 if file in _kept_waiting else locks.STRANGERS_SECONDS
    is_locked = locks.wait_for(descriptor, seconds)
    if not is_locked and file not in _kept_waiting:
        _kept_waiting.add(file)
        log.warning("%s is locked by another program; written to all the same", file)
    return is_locked


def _write(descriptor: int, line: bytes) -> None:
    """Append a line, on a new line even if a kill or a full disk cut the last one."""
    size = os.fstat(descriptor).st_size
    is_whole = not size or os.pread(descriptor, 1, size - 1) == b"\n"
    os.write(descriptor, (b"" if is_whole else b"\n") + line + b"\n")


def _is_current(file: Path, status: os.stat_result) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(file.stat(), status)
    return False


def _older(file: Path) -> Path:
    return file.with_suffix(f".1{file.suffix}")
