"""Locks between the processes of a machine, and who holds them.

A lock belongs to an open file, and the kernel frees it when its holder dies. Any
program that can read a file can lock it, so nobody waits for ever: after some time
there is a sentence that names the holder, as far as that left its name in the file.
"""

import contextlib
import datetime as dt
import fcntl
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from usage_metrics.dates import utc_now
from usage_metrics.errors import BusyError, StorageError, os_errors_as
from usage_metrics.monitoring import permissions

STRANGERS_SECONDS = 10.0
"""How long to wait for a program that has not left its name."""

OURS_SECONDS = 3600.0
"""How long a task waits for another process of this program."""

_LOOK_AGAIN = 0.1
"""Seconds between two attempts."""

_UNKNOWN = "another program"

File = IO[bytes] | int


def try_lock(file: File, *, shared: bool = False) -> bool:
    """Lock an open file; False if another process holds it."""
    how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def wait_for(
    file: File,
    seconds: float,
    *,
    shared: bool = False,
    on_wait: Callable[[], object] = lambda: None,
) -> bool:
    """Lock an open file as soon as it is free; False if it is not by then.

    Args:
        file: the file.
        seconds: how long to wait.
        shared: whether others may hold it shared, too.
        on_wait: is called once, if it is not free at first.
    """
    until = time.monotonic() + seconds
    if try_lock(file, shared=shared):
        return True
    on_wait()
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(_LOOK_AGAIN, left))
        if try_lock(file, shared=shared):
            return True
    return False


@contextlib.contextmanager
def held(
    path: Path,
    name: str,
    seconds: float | None = None,
    *,
    shared: bool = False,
    on_wait: Callable[[str], object] = lambda _: None,
) -> Iterator[None]:
    """Hold a lock file while the block runs.

    Args:
        path: the file, in a folder that exists.
        name: what holds it, for others to read; without anything personal.
        seconds: how long to wait; by default, an hour for processes of this program
            and ten seconds for others.
        shared: whether others may hold it shared, too.
        on_wait: is told once who holds it, if it is not free.

    Raises:
        BusyError: naming who holds it.
        StorageError: if the file cannot be opened.
    """
    what = f"{path} cannot be written"
    with os_errors_as(StorageError, what, "give write permission there and rerun"):
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        file = os.open(path, flags, permissions.private_mode())
    try:
        if seconds is None:
            is_ours = holder(path) != _UNKNOWN
            seconds = OURS_SECONDS if is_ours else STRANGERS_SECONDS
        if not wait_for(
            file, seconds, shared=shared, on_wait=lambda: on_wait(holder(path))
        ):
            raise BusyError(f"{path} is locked by {holder(path)}")
        _sign(file, name)
        yield
        # A forked child may hold the file open too: unlock, do not just close.
        fcntl.flock(file, fcntl.LOCK_UN)
    finally:
        os.close(file)


def is_free(path: Path) -> bool:
    """Whether nobody holds a lock file."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        return try_lock(file, shared=True)
    finally:
        os.close(file)


def holder(path: Path) -> str:
    """Who locked a file last, if that can be; else, that it is another program."""
    try:
        said: dict[str, Any] = json.loads(path.read_bytes())
        name, host, since = (str(said[key]) for key in ("name", "host", "since"))
        process = int(said["pid"])
        when = dt.datetime.fromisoformat(since)
    except (OSError, ValueError, KeyError, TypeError):
        return _UNKNOWN
    if host == socket.gethostname() and not _is_alive(process):
        return _UNKNOWN
    return f"{name} (process {process} on {host}, since {when:%Y-%m-%d %H:%M:%S} UTC)"


def _sign(file: int, name: str) -> None:
    """Leave the name of this process; a full disk keeps nobody from working."""
    now = utc_now().isoformat(timespec="seconds")
    said = {
        "name": name,
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": now,
    }
    with contextlib.suppress(OSError):
        os.ftruncate(file, 0)
        os.pwrite(file, json.dumps(said).encode(), 0)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass  # it is another user's
    return True
