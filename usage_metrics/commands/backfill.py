"""Build the missing days of a range."""

import datetime as dt

import click

from usage_metrics.commands import each_source, options
from usage_metrics.commands.alone import alone, patience_option
from usage_metrics.commands.running import list_gaps, run_many_days
from usage_metrics.dates import days_between
from usage_metrics.sources.settings import source_section
from usage_metrics.tasks.backfill import Backfill
from usage_metrics.tasks.missing import awaited


@click.command(
    epilog=options.example(
        "usage-metrics backfill --start 2021-01-01 --stop 2026-01-01"
    )
)
@options.required_start
@options.stop
@options.each_source
@options.workers
@patience_option
@options.verbose
def command(
    start: dt.date,
    stop: dt.date | None,
    source: str | None,
    workers: int,
    patience: float,
    verbose: bool,
) -> int:
    """Build the missing days of a range, oldest first.

    Gaps are filled, and existing days are left as they are. A day that fails does not
    stop the others; it is listed at the end with the reason and the command that
    retries it. You can interrupt it at any time and run it again to continue.

    Without --stop, the range of a source ends where its days do in luigi.cfg, or with
    the last day that is over. Only files are written; the next run loads them into the
    database.
    """
    sources = options.chosen(source)
    with alone(patience):
        return each_source.for_each(
            sources, lambda name: _backfill(start, stop, name, workers, verbose)
        )


def _backfill(
    start: dt.date, stop: dt.date | None, source: str, workers: int, verbose: bool
) -> int:
    """Build the missing days of a source; return the exit code."""
    of_source = source_section(source).stop if stop is None else None
    stop = options.end_of_range(start, stop, source)
    if of_source is not None and of_source > start:
        stop = min(stop, of_source)
    task = Backfill(start=start, stop=stop, source=source)
    days = days_between(start, stop)
    which = "other day" if awaited(source, days) else "day"
    nothing = f"no {which} of the range is missing"
    code = run_many_days(task, nothing, workers, verbose)
    return code or list_gaps(source, days)
