"""Luigi's log in a file beside the run log, whatever is shown in a terminal."""

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from usage_metrics import config
from usage_metrics.monitoring import permissions, run_log

FORMAT = "%(asctime)s %(levelname)s %(message)s"

log = logging.getLogger("luigi-interface")


class _File(logging.FileHandler):
    """A file that may fail, when a disk is full, without a word on the screen."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  its name
        """Do without the line."""


def path() -> Path | None:
    """The path of the file; None if there are to be no logs."""
    if config.run_log().maximum_bytes == 0:
        return None
    return run_log.local_folder() / "luigi.log"


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Append what Luigi and the tasks log to the file, while the block runs.

    Before that, a full file is renamed to ``luigi.1.log``.
    """
    handler = _open()
    if handler is None:
        yield
        return
    is_ours = log.level == logging.NOTSET  # Luigi sets one to print its log
    if is_ours:
        log.setLevel(logging.INFO)
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        handler.close()
        if is_ours:
            log.setLevel(logging.NOTSET)


def _open() -> logging.Handler | None:
    file = path()
    if file is None:
        return None
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists() and file.stat().st_size >= config.run_log().maximum_bytes:
            file.replace(file.with_suffix(".1.log"))
        flags = os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_CLOEXEC
        os.close(os.open(file, flags, permissions.private_mode()))
        handler = _File(file, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        log.warning("Luigi's log %s cannot be written: %s", file, error)
        return None
    handler.setFormatter(logging.Formatter(FORMAT))
    return handler
