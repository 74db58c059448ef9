"""Delete what is older than the settings allow."""

import contextlib

import click

from usage_metrics import config
from usage_metrics.commands import options
from usage_metrics.commands.alone import alone, patience_option
from usage_metrics.monitoring.printable import printable
from usage_metrics.sources import SOURCES


@click.command(
    epilog=options.example("usage-metrics retain --dry-run", "usage-metrics retain")
)
@options.any_source
@click.option(
    "--dry-run", is_flag=True, help="print what would be removed, remove nothing"
)
@click.option(
    "--from-today",
    is_flag=True,
    help="count from today, not from the newest day: if no more logs come",
)
@patience_option
def command(
    source: str | None, *, dry_run: bool, from_today: bool, patience: float
) -> None:
    """Delete what is older than the settings allow.

    Raw, rejected and cleaned files after [privacy] raw_days; geocoded files and the
    requests in the database after geocoded_days; ipinfo's replies after [ipinfo]
    cache_days. Counts stay. Days count from the newest one that is there. Later runs do
    not rebuild what was removed.

    Suitable for cron, after a nightly run that has done its work. It waits for other
    commands, and for the task that a luigi beside it is at.
    """
    from usage_metrics.privacy.retention import retain

    options.check_settings()
    removals = 0
    sources = [source] if source else [*SOURCES]
    with contextlib.nullcontext() if dry_run else alone(patience, between_tasks=True):
        for removed in retain(sources, dry_run=dry_run, from_today=from_today):
            removals += 1
            what = "would remove" if dry_run else "removed"
            click.echo(printable(f"{what} {removed}"))
    if not removals:
        click.echo("nothing is older than the settings allow")
    if not config.privacy().raw_days:
        click.echo("raw files are kept for ever: [privacy] raw_days is not set")
