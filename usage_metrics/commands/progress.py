"""Progress over many days: a bar in a terminal, otherwise a line every ten seconds."""

import contextlib
import datetime as dt
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from usage_metrics.commands import terminal
from usage_metrics.tasks.backfill import ManyDays

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

LINE_SECONDS, BAR_SECONDS = 10.0, 0.1
"""Between two lines, and between two looks of the bar at what is done."""


def bar_of_days(length: int, **how: Any) -> "ProgressBar[int]":
    """A bar as all commands draw it."""
    return click.progressbar(
        length=length, fill_char="━", empty_char=" ", show_percent=False, **how
    )


@contextlib.contextmanager
def shown(total: int, *, in_lines: bool) -> Iterator[None]:
    """Show how many of the days ``ManyDays.for_each`` has done while the block runs.

    Several forked workers may do the days. Each appends its days to one inherited file,
    so the count covers all of them, and a killed worker leaves no lock behind.
    """
    began = time.monotonic()
    bar = bar_of_days(
        total,
        label=f"0 of {total:,} days",
        bar_template="%(bar)s %(label)s  %(info)s",
        width=0,
        hidden=in_lines or not sys.stderr.isatty(),
        file=terminal.drawing(sys.stderr),
    )
    wait = LINE_SECONDS if bar.hidden else BAR_SECONDS
    next_look = multiprocessing.RawValue("d", began + wait)
    with tempfile.TemporaryFile(buffering=0) as file, bar:

        def render() -> None:
            content = os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0)
            # A rebuild adds a day twice, made and counted: its last outcome holds.
            outcomes = [*dict(map(bytes.split, content.splitlines())).values()]
            done, failed = outcomes.count(b"0"), outcomes.count(b"1")
            if not bar.hidden:
                trouble = f" {failed:,} failed" if failed else ""
                bar.label = f"{done:,} of {total:,} days{trouble}"
                bar.update(done - bar.pos)
                bar.render_progress()
            else:
                click.echo(line(done, total, failed, time.monotonic() - began))

        def add(day: dt.date, is_failed: bool) -> None:
            file.write(b"%s %d\n" % (str(day).encode(), is_failed))
            if (now := time.monotonic()) >= next_look.value:
                next_look.value = now + wait
                render()

        ManyDays.on_day = add
        try:
            yield
        finally:
            ManyDays.on_day = None
            if not bar.hidden:
                render()


def line(done: int, total: int, failed: int, seconds: float) -> str:
    """The progress in words."""
    parts = [f"{done:,} of {total:,} days done", f"{total - done:,} left"]
    if failed:
        parts.append(f"{failed:,} failed")
    if done and seconds > 0:
        left = dt.timedelta(seconds=round((total - done) / (done / seconds)))
        parts += [f"{done / seconds:.1f} a second", f"{left} to go"]
    return " · ".join(parts)
