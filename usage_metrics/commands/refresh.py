"""Read the last days' logs again."""

import datetime as dt

import click

from usage_metrics import config
from usage_metrics.commands import options
from usage_metrics.commands.options import check_place
from usage_metrics.commands.running import (
    REASONS,
    errors_kept,
    failures,
    list_failures,
    load,
    no_load,
    one_a_day,
    quietly,
    run_luigi,
    workers,
)
from usage_metrics.dates import ONE_DAY, utc_now
from usage_metrics.monitoring import run_log
from usage_metrics.tasks.refresh import Refresh, RefreshDays, end_of_days


@click.command(epilog=options.example("usage-metrics refresh --days 3"))
@click.option(
    "--days",
    type=click.IntRange(1, 10_000),
    default=3,
    show_default=True,
    help="how many of the last days",
)
@options.one_source
@no_load
@workers
@options.verbose
def command(days: int, source: str, load_too: bool, workers: int, verbose: bool) -> int:
    """Read the logs of the last days again and follow what changed.

    Only a day whose log entries changed is replaced; all that was made from it follows,
    by content. A day that has fewer entries than before is left as it is, and named.

    To have every run do this: refresh_days in the source's section of luigi.cfg.
    """
    check_place()
    config.check_sections()
    stop = end_of_days(source)
    since = utc_now()
    task = RefreshDays(
        start=stop - days * ONE_DAY, stop=stop, source=source, since=since
    )
    there = task.requires()
    if not there:
        click.echo(f"Nothing to do: none of the last {days:,} days has been extracted.")
        return 0
    with quietly(verbose), errors_kept() as errors:
        code = run_luigi(task.task_family, workers=workers, **task.to_str_params())
    _say_what_changed(since)
    if code:
        click.echo(f"Not all was read: {REASONS.get(code, 'see above')}", err=True)
        found = one_a_day(failures(since))
        list_failures(
            found, f"usage-metrics refresh --days {days}{options.named(source)}"
        )
        click.echo("" if found else "\n".join(errors.messages), err=True)
    if code or not load_too:
        return code
    return load(source, workers=workers, verbose=verbose)


def _say_what_changed(since: dt.datetime) -> None:
    lines = {
        entry["parameters"]["date"]: entry["said"]
        for entry in run_log.read(containing=f'"task": "{Refresh.__name__}"')
        if entry["at"] >= since.isoformat() and entry["outcome"] == run_log.DONE
    }
    for day, said in sorted(lines.items()):
        click.echo(f"{day}  {said}")
