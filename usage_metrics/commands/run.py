"""The command for every night."""

import contextlib
import datetime as dt
import fcntl
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import click

from usage_metrics import config
from usage_metrics.commands import options
from usage_metrics.commands.options import check_place
from usage_metrics.commands.running import (
    REASONS,
    RETRY,
    Failure,
    errors_kept,
    failures,
    last_task,
    list_failures,
    one_a_day,
    run_luigi,
    workers,
)
from usage_metrics.errors import UsageMetricsError
from usage_metrics.monitoring import run_log
from usage_metrics.monitoring.error_messages import sentence_of
from usage_metrics.monitoring.notify import notify
from usage_metrics.partitions import storage

BUSY = (10, 25)
"""Luigi's exit codes for: another run is at it, ask again."""

FIRST_WAIT, LONGEST_WAIT = 2.0, 60.0

TOLD = 10
"""Of many failures so many are told."""


@click.command(
    epilog=options.example(
        "usage-metrics run",
        "15 4 * * *  cd /srv/usage && .venv/bin/usage-metrics run --partial",
    )
)
@options.one_source
@click.option(
    "--partial",
    is_flag=True,
    help="if a day fails or is missing, load those that are there",
)
@click.option(
    "--patience",
    type=click.FloatRange(0, 86_400),
    default=3600,
    show_default=True,
    help="seconds to wait for another run to end",
)
@workers
def command(source: str, partial: bool, patience: float, workers: int) -> int:
    """Make what is missing, however long ago, and load it: for cron and timers.

    What is missing is made, days are read again that luigi.cfg wants to be
    (refresh_days), and the database, the counts and the report follow. Run again, it
    does nothing.

    Where Luigi says that another run is at it (10, 25) it asks again. Any other exit
    code is passed on and, unless it is 0, told to the webhook that the environment
    variable USAGE_METRICS_WEBHOOK names.
    """
    since = dt.datetime.now(dt.UTC)
    with errors_kept() as errors:
        try:
            check_place()
            config.check_sections()
            code = _ask(last_task(), source, workers, patience)
            if partial and code in (20, 30):
                run_luigi("LoadSQLite", "--partial", source=source)
        except UsageMetricsError as error:
            errors.messages.append(sentence_of(error) or str(error))
            click.echo(errors.messages[-1], err=True)
            code = 2
    if code:
        found = one_a_day(failures(since))
        list_failures(found, RETRY)
        notify(_message(code, found, errors.messages))
    return code


def _ask(family: str, source: str, workers: int, patience: float) -> int:
    """Run until the answer is another one than to ask again."""
    deadline = time.monotonic() + patience
    wait = FIRST_WAIT
    while True:
        code = BUSY[0]
        with _alone() as is_alone:
            if is_alone:
                code = run_luigi(family, source=source, workers=workers)
        left = deadline - time.monotonic()
        if code not in BUSY or left <= 0:
            return code
        click.echo(f"another run is at it; asking again in {wait:.0f} s", err=True)
        time.sleep(min(wait, left))
        wait = min(2 * wait, LONGEST_WAIT)


@contextlib.contextmanager
def _alone() -> Iterator[bool]:
    """Whether no other run is at this root on this machine, nor begins in the block."""
    folder = run_log.local_folder()
    if not folder.is_dir():
        yield True  # the first run; what it makes is whole or absent in any case
        return
    with storage.lock_file(folder / ".run.lock") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def _message(code: int, found: list[Failure], errors: list[str]) -> str:
    reason = REASONS.get(code, "it could not do what it was asked")
    lines = [
        f"usage_metrics on {socket.gethostname()}: the run in {Path.cwd()} ended with "
        f"exit code {code}: {reason}"
    ]
    lines += [f"• {what}" for what in (found or errors)[:TOLD]]
    more = len(found or errors) - TOLD
    if more > 0:
        lines.append(f"and {more:,} more")
    return "\n".join([*lines, f"To try again: cd {Path.cwd()} && usage-metrics run"])
