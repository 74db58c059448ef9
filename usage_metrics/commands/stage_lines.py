"""What a run does, in a line a stage: bars in a terminal, elsewhere now and then."""

import contextlib
import json
import logging
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any

import click

from usage_metrics import config
from usage_metrics.commands import options, terminal
from usage_metrics.commands.progress import bar_of_days
from usage_metrics.dates import days_between
from usage_metrics.errors import UsageMetricsError
from usage_metrics.monitoring import run_log
from usage_metrics.monitoring.printable import printable
from usage_metrics.partitions.listings import listing_once
from usage_metrics.partitions.partition import list_partitions
from usage_metrics.sources.settings import sources_on
from usage_metrics.tasks.count import CountUsage
from usage_metrics.tasks.count_status import Counts
from usage_metrics.tasks.missing import without_logs
from usage_metrics.tasks.ranges import source_range
from usage_metrics.tasks.stages import STAGES
from usage_metrics.tasks.task import Stage

_logger = logging.getLogger("luigi-interface")

SHOWN: tuple[type[Stage], ...] = (*STAGES, CountUsage)

LINE_SECONDS, BAR_SECONDS = 60.0, 0.1
"""Between two lines, and between two pictures of the bars."""

BAR_WIDTH = 24

MAX_WARNINGS = 10


@contextlib.contextmanager
def shown(source: str, *, hidden: bool) -> Iterator[None]:
    """Show how many days each stage has done while the block runs, then the warnings.

    Several forked workers may do the days. Each appends what becomes of a day to one
    inherited file, which a thread of this process reads. So the numbers cover all of
    them, and a killed worker leaves no lock behind.
    """
    if hidden:
        yield
        return
    with tempfile.TemporaryFile(buffering=0) as file:
        ledger = _Ledger(file)
        others = len(sources_on()) > 1
        lines = _Lines(ledger, to_do(source), of=f"{source} " if others else "")
        run_log.listener = ledger.note
        _logger.addHandler(ledger.warnings)
        lines.start()
        try:
            yield
        finally:
            run_log.listener = None
            _logger.removeHandler(ledger.warnings)
            lines.end()
            for text in ledger.warned[:MAX_WARNINGS]:
                click.echo(options.wrapped(text), err=True)
            more = len(ledger.warned) - MAX_WARNINGS
            if more > 0:
                click.echo(f"  and {more:,} more warnings, in luigi.log", err=True)


@listing_once()
def to_do(source: str) -> dict[str, int]:
    """How many days each stage has to make, of those that have logs."""
    numbers: dict[str, int] = {}
    with contextlib.suppress(UsageMetricsError):  # the run says what is wrong
        days = days_between(*source_range(source))
        numbers[CountUsage.__name__] = len(Counts(source).missing(days))
        missing = without_logs(source, days)
        days = [day for day in days if day not in missing]
        for stage in reversed(STAGES):
            done = list_partitions(config.paths().root, stage.stage, source)
            days = [day for day in days if day not in done]
            numbers[stage.__name__] = len(days)
    return numbers


class _Ledger:
    """What became of each day, as told by this process and its forked workers."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._position = 0
        self._reasons: set[str] = set()
        self._warned: dict[str, None] = {}
        self._outcomes: dict[str, dict[str, str]] = {}
        self.warnings = _Warnings(self._write)

    def note(self, entry: Mapping[str, Any]) -> None:
        """Write down an entry of the run log."""
        day = entry["parameters"].get("date")
        self._write(entry["task"], day, entry["outcome"], entry.get("reason"))

    def _write(self, *what: str | None) -> None:
        self._file.write(json.dumps(what).encode() + b"\n")

    def read(self) -> dict[str, dict[str, str]]:
        """The outcome of each day of each task, so far."""
        size = os.fstat(self._file.fileno()).st_size - self._position
        new = os.pread(self._file.fileno(), size, self._position)
        whole = new[: new.rfind(b"\n") + 1]
        self._position += len(whole)
        for task, day, outcome, reason in map(json.loads, whole.splitlines()):
            if task is None:
                self._warned[reason] = None
                continue
            self._reasons.add(reason)
            if day:
                self._outcomes.setdefault(task, {})[day] = outcome
        return self._outcomes

    @property
    def warned(self) -> list[str]:
        """The warnings, each once, without what stands among the failures."""
        self.read()
        return [text for text in self._warned if text not in self._reasons]


class _Warnings(logging.Handler):
    """Passes warnings on; errors are about failures, which have their sentences."""

    def __init__(self, write: Callable[..., None]) -> None:
        super().__init__(logging.WARNING)
        self._write = write

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno == logging.WARNING:
            text = printable(record.getMessage().partition("\n")[0])
            self._write(None, None, None, text)


class _Lines(threading.Thread):
    """Draws a line for each stage that has something to do."""

    def __init__(self, ledger: _Ledger, numbers: Mapping[str, int], of: str) -> None:
        super().__init__(daemon=True)
        self._of = of
        self._ledger = ledger
        self._numbers = numbers
        self._is_terminal = sys.stderr.isatty()
        self._is_ended = threading.Event()
        self._drawn: list[str] = []
        self._bars = {
            stage.__name__: bar_of_days(0, bar_template="%(bar)s", width=BAR_WIDTH)
            for stage in SHOWN
        }

    def run(self) -> None:
        """Draw until the end."""
        seconds = BAR_SECONDS if self._is_terminal else LINE_SECONDS
        while not self._is_ended.wait(seconds):
            # Not by way of sys.stderr, whose lock a fork of this moment would inherit.
            if self._is_terminal:
                os.write(sys.stderr.fileno(), self._picture().encode())
            elif lines := self._in_words():
                os.write(2, f"{' · '.join(lines)}\n".encode())

    def end(self) -> None:
        """Draw the last state, which stays."""
        self._is_ended.set()
        self.join()
        if self._is_terminal:
            click.echo(self._picture(), terminal.drawing(sys.stderr), nl=False)
        else:
            for line in self._in_words():
                click.echo(line, err=True)

    def _in_words(self) -> list[str]:
        return [
            f"{self._of}{name}: {_days(done, failed, total)}"
            for name, (done, failed, total) in self._states().items()
        ]

    def _picture(self) -> str:
        """The bars, in place of those that were drawn before."""
        width = shutil.get_terminal_size().columns
        states = self._states()
        if not self._drawn and not any(done + bad for done, bad, _ in states.values()):
            return ""  # the run may be waiting for another
        lines = []
        for name, (done, failed, total) in states.items():
            bar = self._bars[name]
            bar.length = total
            bar.update(done + failed - bar.pos)
            drawn = bar.format_progress_line().ljust(BAR_WIDTH)
            left = "" if self._is_ended.is_set() else bar.format_eta()
            line = f"{name:10} {drawn} {_days(done, failed, total)}  {left}"
            lines.append(f"\r{line[:width]}\x1b[K\n")
        if lines == self._drawn:
            return ""
        back = f"\x1b[{len(self._drawn)}A" if self._drawn else ""
        self._drawn = lines
        return back + "".join(lines)

    def _states(self) -> dict[str, tuple[int, int, int]]:
        """Of each stage with anything to do the days done, failed, and in all."""
        outcomes = self._ledger.read()
        states = {}
        for name in self._bars:
            of_days = outcomes.get(name, {})
            found = [*of_days.values()]
            done, failed = found.count(run_log.DONE), found.count(run_log.FAILED)
            if total := max(self._numbers.get(name, 0), len(found)):
                states[name] = done, failed, total
        return states


def _days(done: int, failed: int, total: int) -> str:
    trouble = f", {failed:,} failed" if failed else ""
    return f"{done:,} of {total:,} days{trouble}"
