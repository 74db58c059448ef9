"""What follows when files have changed: the database, the counts, the report."""

import click
from luigi.task_register import Register

from usage_metrics import run_log
from usage_metrics.commands.running import (
    REASONS,
    RETRY,
    errors_kept,
    failures,
    list_failures,
    one_a_day,
    quietly,
    run_luigi,
)
from usage_metrics.days import utc_now

LAST = ("Report", "LoadUsage")
"""The tasks that all else leads to; the first that there is."""

no_load = click.option(
    "--load/--no-load",
    "load_too",
    default=True,
    help="bring the database and the counts up to date afterwards, or not",
)


def last_task() -> str:
    """The name of the task that all else leads to."""
    return next(name for name in LAST if name in Register.task_names())


def load(source: str, *, workers: int, verbose: bool) -> int:
    """Bring the database and the counts up to date, and say what came of it.

    Returns:
        Luigi's exit code.
    """
    since = utc_now()
    with quietly(verbose), errors_kept() as errors:
        code = run_luigi(last_task(), source=source, workers=workers)
    for entry in run_log.read(containing=run_log.RUN_ID):
        is_last = (
            "date" not in entry["parameters"] and "month" not in entry["parameters"]
        )
        if entry["at"] >= since.isoformat() and is_last and entry.get("said"):
            click.echo(f"{entry['task']}: {entry['said']}")
    if code:
        click.echo(f"Not all was loaded: {REASONS.get(code, '')}", err=True)
        found = one_a_day(failures(since))
        list_failures(found, RETRY)
        click.echo("" if found else "\n".join(errors.messages), err=True)
    return code
