"""Having Luigi do something for many days, and saying how it went."""

import datetime as dt
import time

import click

from usage_metrics import config
from usage_metrics.commands.progress import shown
from usage_metrics.commands.running import (
    REASONS,
    errors_kept,
    failed_days,
    failures,
    list_failures,
    one_a_day,
    quietly,
    run_luigi,
)
from usage_metrics.many_days import ManyDays

NOT_YET = 20
"""Luigi's exit code for: what is missing cannot be had yet."""


def run_many_days(
    task: ManyDays, nothing: str, retry: str, *, workers: int, verbose: bool
) -> int | None:
    """Run it, with progress.

    Args:
        task: what to do.
        nothing: what to say if no day remains.
        retry: the command for one day, with ``{day}`` and ``{next}`` in it.
        workers: how many processes.
        verbose: whether Luigi's log is wanted in place of progress.

    Returns:
        The exit code; None if there is nothing to do.
    """
    config.check_sections()
    total = len(task.remaining())
    if not total:
        click.echo(f"Nothing to do: {nothing}.")
        return None
    since, clock = dt.datetime.now(dt.UTC), time.monotonic()
    with (
        quietly(verbose),
        errors_kept() as errors,
        shown(task.remaining, lambda: failed_days(since), in_lines=verbose),
    ):
        code = run_luigi(task.task_family, workers=workers, **_parameters(task))
    left = len(task.remaining())
    took = dt.timedelta(seconds=round(time.monotonic() - clock))
    click.echo(f"{total - left:,} of {total:,} days done in {took}")
    found = one_a_day(failures(since))
    if found and all(failure.is_waiting for failure in found):
        code = NOT_YET
    if code:
        click.echo(f"{left:,} not done: {REASONS.get(code, 'see above')}", err=True)
        list_failures(found, retry)
    if code and not found:
        click.echo("\n".join(errors.messages), err=True)
    return code


def _parameters(task: ManyDays) -> dict[str, object]:
    """As on Luigi's command line, where a flag has no value."""
    flags = {name for name, value in task.param_kwargs.items() if value is True}
    texts = task.to_str_params()
    return {
        name: True if name in flags else text
        for name, text in texts.items()
        if task.param_kwargs[name] is not False
    }
