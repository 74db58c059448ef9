"""Remove what is older than the settings allow."""

import click

from usage_metrics import config
from usage_metrics.commands.options import check_place, example


@click.command(epilog=example("usage-metrics retain --dry-run", "usage-metrics retain"))
@click.option(
    "--dry-run", is_flag=True, help="say what would be removed, remove nothing"
)
def command(*, dry_run: bool) -> None:
    """Remove what is older than the settings allow.

    Raw, rejected and cleaned files after [privacy] raw_days, geocoded files and the
    requests in the database after geocoded_days, answers of ipinfo after [ipinfo]
    cache_days. Counts stay. A later run does not make the days again.

    It is fit for cron; run it after the nightly run, not beside it.
    """
    from usage_metrics.privacy.retention import retain

    check_place()
    config.check_sections()
    number = 0
    for number, removed in enumerate(retain(dry_run=dry_run), start=1):  # noqa: B007
        click.echo(f"{'would remove' if dry_run else 'removed'} {removed}")
    if not number:
        click.echo("nothing is older than the settings allow")
    settings = config.privacy()
    if not settings.raw_days:
        click.echo("raw files are kept for ever: [privacy] raw_days is not set")
