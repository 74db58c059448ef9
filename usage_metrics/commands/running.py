"""What follows when files have changed: the database, the counts, the report."""

import contextlib
import datetime as dt
import logging
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import click
import luigi
from luigi.retcodes import run_with_retcodes
from luigi.task_register import Register

from usage_metrics import config
from usage_metrics.commands import options
from usage_metrics.commands.progress import shown
from usage_metrics.dates import utc_now
from usage_metrics.monitoring import run_log
from usage_metrics.tasks.backfill import ManyDays

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


SHOWN_FAILURES = 20
"""Of a thousand failures so many are listed."""

REASONS = {
    10: "another run is at it",
    20: "a day cannot be had yet",
    25: "another run is at it",
    30: "a task failed",
    35: "a setting or a parameter is wrong, or a task cannot be scheduled",
    40: "a setting or a parameter is wrong",
}
"""What Luigi's exit codes mean."""

RETRY = "usage-metrics backfill --start {day} --stop {next}"
"""The command that makes what is missing of a day."""

_logger = logging.getLogger("luigi-interface")


class Failure(NamedTuple):
    """A task that failed, or waits for what cannot be had yet."""

    task: str
    parameters: dict[str, str]
    reason: str
    is_waiting: bool

    def __str__(self) -> str:
        """One line for people."""
        what = self.parameters.get("date") or self.parameters.get("start") or ""
        if self.is_waiting:
            return self.reason
        if what in self.reason:
            return f"{self.task}: {self.reason}"
        return f"{self.task} {what}: {self.reason}"


workers = click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="processes; more than one pays for large days only",
)


def run_luigi(family: str, *arguments: str, **parameters: object) -> int:
    """Run a task, by the scheduler that luigi.cfg names or else by one of our own.

    Args:
        family: the name of the task.
        arguments: further ones, as on Luigi's command line.
        parameters: of the task; None is left out, True is a flag.

    Returns:
        Luigi's exit code.
    """
    Register.clear_instance_cache()  # so that what was done or not is looked at anew
    command = [family, "--module", "usage_metrics", "--no-lock", *arguments]
    for name, value in parameters.items():
        if value is not None and value is not False:
            command.append(f"--{name.replace('_', '-')}")
            command += [] if value is True else [str(value)]
    if not has_central_scheduler():
        command.append("--local-scheduler")
    try:
        run_with_retcodes(command)
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def has_central_scheduler() -> bool:
    """Whether luigi.cfg names a luigid."""
    settings = luigi.configuration.get_config()
    return any(
        settings.has_option("core", name)
        for word in ("host", "port", "url")
        for name in (
            f"scheduler_{word}",
            f"default_scheduler_{word}",
            f"default-scheduler-{word}",
        )
    )


class Errors(logging.Handler):
    """Keeps the errors and warnings that this process logs."""

    def __init__(self) -> None:
        """Keep none yet."""
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the first line of one."""
        self.messages.append(record.getMessage().partition("\n")[0])


@contextlib.contextmanager
def errors_kept() -> Iterator[Errors]:
    """Keep the errors that are logged within the block."""
    errors = Errors()
    _logger.addHandler(errors)
    try:
        yield errors
    finally:
        _logger.removeHandler(errors)


@contextlib.contextmanager
def quietly(verbose: bool) -> Iterator[None]:
    """Leave Luigi's log out within the block, as what failed is listed afterwards."""
    settings = luigi.configuration.get_config()
    if not verbose:
        settings.set("core", "no_configure_logging", "true")
    try:
        yield
    finally:
        settings.remove_option("core", "no_configure_logging")


def failures(since: dt.datetime) -> list[Failure]:
    """The tasks of this run that failed or wait, and did not succeed after that."""
    last: dict[str, dict[str, Any]] = {}
    for entry in run_log.read(containing=run_log.RUN_ID):
        if entry["run"] == run_log.RUN_ID and entry["at"] >= since.isoformat():
            last[f"{entry['task']}{entry['parameters']}"] = entry
    found = [
        Failure(
            entry["task"],
            entry["parameters"],
            str(entry.get("reason")),
            entry["outcome"] == run_log.WAITING,
        )
        for entry in last.values()
        if entry["outcome"] != run_log.DONE
    ]
    return sorted(found, key=lambda failure: failure.parameters.get("date", "~"))


def failed_days(since: dt.datetime) -> int:
    """How many days a task of this run failed for, quickly told."""
    return len(
        {
            entry["parameters"].get("date")
            for entry in run_log.read(containing=f'"outcome": "{run_log.FAILED}"')
            if entry["run"] == run_log.RUN_ID and entry["at"] >= since.isoformat()
        }
        - {None}
    )


def one_a_day(found: Sequence[Failure]) -> list[Failure]:
    """Failures without those that only repeat what another one says of the day."""
    of_days = [failure for failure in found if "date" in failure.parameters]
    first: dict[tuple[str | None, str], Failure] = {}
    for failure in of_days or found:
        day = failure.parameters.get("date")
        first.setdefault((day, failure.reason), failure)
    return list(first.values())


def list_failures(found: Sequence[Failure], retry: str) -> None:
    """Say what failed, why, and how to try it again.

    Args:
        found: what failed.
        retry: the command for a day, with ``{day}`` and ``{next}`` in it.
    """
    for failure in found[:SHOWN_FAILURES]:
        click.echo(options.in_lines(f"{failure}", indent="  "), err=True)
        if day := failure.parameters.get("date"):
            following = dt.date.fromisoformat(day) + dt.timedelta(days=1)
            again = retry.format(day=day, next=following)
            click.echo(f"    to try again: {again}", err=True)
    if len(found) > SHOWN_FAILURES:
        click.echo(f"  and {len(found) - SHOWN_FAILURES:,} more", err=True)
