"""Make again what was made by older code or with other settings."""

import datetime as dt

import click

from usage_metrics.commands import options
from usage_metrics.commands.options import check_place
from usage_metrics.commands.running import load, no_load, run_many_days, workers
from usage_metrics.dates import utc_now
from usage_metrics.tasks.availability import first_running_day
from usage_metrics.tasks.rebuild import REBUILT, Rebuild


@click.command(
    epilog=options.example(
        "usage-metrics rebuild --from clean --start 2026-03-01 --stop 2026-04-01",
        "usage-metrics rebuild --stale --start 2021-01-01",
    )
)
@click.option(
    "--from",
    "stage",
    type=click.Choice(list(REBUILT)),
    help="the first stage to make again",
)
@click.option("--stale", is_flag=True, help="make again only what is stale")
@options.needed_start
@options.stop
@options.one_source
@no_load
@workers
@options.verbose
def command(
    stage: str | None,
    stale: bool,
    start: dt.date,
    stop: dt.date | None,
    source: str,
    load_too: bool,
    workers: int,
    verbose: bool,
) -> int | None:
    """Make a stage of a range of days again, and all to the right of it.

    Each file takes the place of the old one when it is whole: no day is missing in
    between. A day that was never made is left alone; see backfill. With --stale, only
    those days are made again that status shows as stale, from the stage on that is.

    The database and the counts follow.
    """
    if (stage is None) != stale:
        raise click.UsageError("say what to make again: --from STAGE, or --stale")
    check_place()
    task = Rebuild(
        start=start,
        stop=options.checked_stop(start, stop or first_running_day(source)),
        source=source,
        stage=stage or "clean",
        stale=stale,
        since=utc_now(),
    )
    code = run_many_days(
        task,
        nothing="no day is stale" if stale else "no day of the range was ever made",
        retry=f"usage-metrics rebuild {'--stale' if stale else f'--from {stage}'}"
        f" --start {{day}} --stop {{next}}{options.named(source)}",
        workers=workers,
        verbose=verbose,
    )
    if code != 0 or not load_too:
        return code
    return load(source, workers=workers, verbose=verbose)
