"""Rebuild what older code or other settings made."""

import datetime as dt

import click

from usage_metrics.commands import each_source, options
from usage_metrics.commands.alone import alone, patience_option
from usage_metrics.commands.running import load, run_many_days
from usage_metrics.dates import utc_now
from usage_metrics.tasks.preflight import check_registry
from usage_metrics.tasks.rebuild import REBUILT, Rebuild


@click.command(
    epilog=options.example(
        "usage-metrics rebuild --from clean --start 2026-03-01 --stop 2026-04-01",
        "usage-metrics rebuild --stale --start 2021-01-01",
    )
)
@click.option(
    "--from", "stage", type=click.Choice(list(REBUILT)), help="first stage to rebuild"
)
@click.option("--stale", is_flag=True, help="rebuild only what is stale")
@options.required_start
@options.stop
@options.each_source
@options.load_too
@options.workers
@patience_option
@options.verbose
def command(
    stage: str | None,
    stale: bool,
    start: dt.date,
    stop: dt.date | None,
    source: str | None,
    load_too: bool,
    workers: int,
    patience: float,
    verbose: bool,
) -> int:
    """Rebuild a stage of a range of days and everything after it.

    A file is replaced when the new one is complete, so no day is missing meanwhile.
    Days that were never built are skipped; see backfill. With --stale, only the days
    that status shows as stale are rebuilt, each from its first stale stage.

    The database, the counts and the report follow.
    """
    if (stage is None) != stale:
        raise click.UsageError("say what to rebuild: --from STAGE, or --stale")
    sources = options.chosen(source)
    check_registry()

    def rebuild(source: str) -> int | None:
        task = _task(stage, start, stop, source)
        nothing = "no day is stale" if stale else "no day of the range was ever built"
        code = run_many_days(task, nothing, workers, verbose)
        # The files of a rebuild that was killed are no longer stale; the database is.
        is_rebuilt = code == 0 or (stale and code is None)
        return load(source, workers, verbose) if is_rebuilt and load_too else code

    with alone(patience):
        return each_source.for_each(sources, rebuild)


def _task(
    stage: str | None, start: dt.date, stop: dt.date | None, source: str
) -> Rebuild:
    """The rebuild of a source from a stage or, without one, of what is stale."""
    return Rebuild(
        start=start,
        stop=options.end_of_range(start, stop, source),
        source=source,
        stage=stage or "clean",
        stale=stage is None,
        since=utc_now(),
    )
