"""How far many days are: a bar in a terminal, a line now and then elsewhere.

A thread looks at what remains, by listings, so that it is the same for one worker,
several, and several machines. It never looks while a worker is forked, and never
touches what Luigi is at.
"""

import contextlib
import datetime as dt
import os
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from typing import Protocol

import click

LOOK_SECONDS = 1.0
LINE_SECONDS = 10.0
"""How often it is looked at for a bar, and for lines."""

_looking = threading.Lock()
os.register_at_fork(
    before=_looking.acquire,
    after_in_parent=_looking.release,
    after_in_child=_looking.release,
)


class Display(Protocol):
    """Shows how far it is."""

    seconds: float
    """How often it wants to know."""

    def show(self, done: int, failed: int) -> None:
        """Show so many days done, so many failed."""


class Lines:
    """A line now and then, for a file or cron."""

    seconds = LINE_SECONDS

    def __init__(self, total: int) -> None:
        """Begin with so many days to do."""
        self._total = total
        self._began = time.monotonic()

    def show(self, done: int, failed: int) -> None:
        """Write a line."""
        took = time.monotonic() - self._began
        if took >= self.seconds:  # what ends before that needs none
            click.echo(line(done, self._total, failed, took))


class Bar:
    """A bar for a terminal."""

    seconds = LOOK_SECONDS

    def __init__(self, total: int) -> None:
        """Begin with so many days to do."""
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self._began = time.monotonic()
        self._bar = Progress(
            BarColumn(bar_width=None),
            TextColumn("{task.completed:,.0f} of {task.total:,.0f} days"),
            TextColumn("{task.fields[rest]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._bar.add_task("days", total=total, rest="")

    def __enter__(self) -> "Bar":
        """Show it."""
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave it as it stands."""
        self._bar.stop()

    def show(self, done: int, failed: int) -> None:
        """Draw it anew."""
        rate = done / max(1e-3, time.monotonic() - self._began)
        rest = f"{failed:,} failed · {rate:.1f}/s" if failed else f"{rate:.1f}/s"
        self._bar.update(self._task, completed=done, rest=rest)
        self._bar.refresh()


def line(done: int, total: int, failed: int, seconds: float) -> str:
    """How far it is, in words."""
    parts = [f"{done:,} of {total:,} days done", f"{total - done:,} left"]
    if failed:
        parts.append(f"{failed:,} failed")
    if done and seconds > 0:
        left = dt.timedelta(seconds=round((total - done) / (done / seconds)))
        parts += [f"{done / seconds:.1f} a second", f"{left} to go"]
    return " · ".join(parts)


@contextlib.contextmanager
def shown(
    remaining: Callable[[], Collection[dt.date]],
    failed: Callable[[], int],
    *,
    in_lines: bool,
) -> Iterator[None]:
    """Show, while the block lasts, how far it is.

    Args:
        remaining: the days that are still to be done.
        failed: how many failed so far.
        in_lines: whether lines are wanted even in a terminal.
    """
    total = len(remaining())
    over = threading.Event()
    with contextlib.ExitStack() as stack:
        display: Display = Lines(total)
        if sys.stderr.isatty() and not in_lines:
            display = stack.enter_context(Bar(total))

        def look() -> None:
            with _looking:
                display.show(total - len(remaining()), failed())

        def keep_looking() -> None:
            while not over.wait(display.seconds):
                look()

        watcher = threading.Thread(target=keep_looking, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()
            look()
