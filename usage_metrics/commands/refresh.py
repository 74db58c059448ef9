"""Read the logs of the last days again."""

import click

from usage_metrics.commands import each_source, options, running
from usage_metrics.commands.alone import alone, patience_option
from usage_metrics.dates import ONE_DAY, utc_now
from usage_metrics.monitoring import run_log
from usage_metrics.tasks.refresh import Refresh, RefreshDays, end_of_days


@click.command(epilog=options.example("usage-metrics refresh --days 3"))
@click.option(
    "--days",
    type=click.IntRange(1, 10_000),
    default=3,
    show_default=True,
    help="number of days",
)
@options.each_source
@options.load_too
@options.workers
@patience_option
@options.verbose
def command(
    days: int,
    source: str | None,
    load_too: bool,
    workers: int,
    patience: float,
    verbose: bool,
) -> int:
    """Read the logs of the last days again and update what changed.

    Only days whose log entries changed are replaced, with everything made from them. A
    day that has fewer entries than before is reported and left as it is.

    To do this in every run, set refresh_days in the source's section of luigi.cfg.
    """
    sources = options.chosen(source)

    def refresh(source: str) -> int | None:
        code = _refresh(days, source, workers, verbose)
        is_read = code == 0 and load_too
        return running.load(source, workers, verbose) if is_read else code

    with alone(patience):
        return each_source.for_each(sources, refresh)


def _refresh(days: int, source: str, workers: int, verbose: bool) -> int | None:
    """Read the logs again, and say what came of it.

    Returns:
        Luigi's exit code; None if there is nothing to read again.
    """
    stop = end_of_days(source)
    since = utc_now()
    task = RefreshDays(
        start=stop - days * ONE_DAY, stop=stop, source=source, since=since
    )
    if not task.requires():
        click.echo(f"Nothing to do: none of the last {days:,} days has been extracted.")
        return None
    with running.logged_errors(verbose) as errors:
        parameters = task.to_str_params()
        code = running.run_luigi(task.task_family, workers=workers, **parameters)
    results = [
        (entry["parameters"]["date"], entry["said"])
        for entry in running.entries_since(since)
        if (entry["task"], entry["outcome"]) == (Refresh.__name__, run_log.DONE)
    ]
    for day, result in sorted(results):
        click.echo(f"{day}  {result}")
    retry = f"usage-metrics refresh --days {days} --source {source}"
    found = running.failures(since)
    running.report_failures(code, "Not everything was read", found, errors, retry)
    return code
