"""Make the missing days of a range."""

import datetime as dt

import click

from usage_metrics.commands import options
from usage_metrics.commands.options import check_place
from usage_metrics.commands.running import run_many_days, workers
from usage_metrics.tasks.availability import first_running_day
from usage_metrics.tasks.backfill import Backfill


@click.command(
    epilog=options.example(
        "usage-metrics backfill --start 2021-01-01 --stop 2026-01-01",
    )
)
@options.needed_start
@options.stop
@options.one_source
@workers
@options.verbose
def command(
    start: dt.date, stop: dt.date | None, source: str, workers: int, verbose: bool
) -> int | None:
    """Make the missing days of a range, oldest first.

    A gap anywhere is found and filled; what is there is left as it is. A day that fails
    does not stop the others, and is listed at the end with the reason and the command
    to try it again. It can be stopped at any time and goes on where it was.

    Without --stop, all days that are over are made. The files are made; the next run
    puts them into the database.
    """
    check_place()
    stop = options.checked_stop(start, stop or first_running_day(source))
    task = Backfill(start=start, stop=stop, source=source)
    return run_many_days(
        task,
        nothing="every day of the range is made",
        retry="usage-metrics backfill --start {day} --stop {next}"
        f"{options.named(source)}",
        workers=workers,
        verbose=verbose,
    )
