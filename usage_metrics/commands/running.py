"""Run Luigi tasks from a command, and say what failed, why and how to retry."""

import contextlib
import datetime as dt
import logging
import operator
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import click
import luigi
from luigi.retcodes import run_with_retcodes
from luigi.setup_logging import InterfaceLogging
from luigi.task_register import Register

from usage_metrics.commands import options
from usage_metrics.commands.alone import make_local_folder
from usage_metrics.commands.each_source import NOT_AVAILABLE
from usage_metrics.commands.progress import shown
from usage_metrics.dates import ONE_DAY, Gap, gaps, utc_now
from usage_metrics.monitoring import luigi_log, run_log
from usage_metrics.monitoring.printable import printable
from usage_metrics.tasks import missing
from usage_metrics.tasks.backfill import ManyDays
from usage_metrics.tasks.task import Reporting

REASONS = {
    10: "another run is in progress",
    NOT_AVAILABLE: "days are missing: not exported, or not over yet",
    25: "another run is in progress",
    30: "a task failed",
    35: "a setting or parameter is wrong, or a task cannot be scheduled",
    40: "a setting or parameter is wrong",
}
"""What Luigi's exit codes mean."""

MAX_FAILURES = 20
"""Failures listed in a terminal."""

_logger = logging.getLogger("luigi-interface")

Entry = dict[str, Any]
"""A line of the run log."""

Retry = Callable[[dt.date], str]
"""Gives the command that retries a day."""


def load(source: str, workers: int, verbose: bool) -> int:
    """Update the database, the counts and the report; return Luigi's exit code."""
    since = utc_now()
    with logged_errors(verbose) as errors:
        code = run_luigi("Report", source=source, workers=workers)
    say_results(entries_since(since))
    heading = "Not everything was loaded"
    report_failures(code, heading, failures(since), errors, run_again(source))
    return code


def say_results(entries: Iterable[Entry]) -> None:
    """Print what came of snapshots, the database and the report."""
    said = {}
    for entry in entries:
        if entry.get("said"):
            said[entry["task"]] = entry["said"]
            if entry["task"] == "TakeSnapshot":
                click.echo(f"{entry['parameters']['source']}: {entry['said']}")
    for task in ("LoadSQLite", "LoadUsage", "Report"):
        if task in said:
            click.echo(f"{task}: {said[task]}")


def make(task: Reporting, retry: str, workers: int, verbose: bool) -> int:
    """Run a task and what it requires; print the paths of its files, if they are made.

    Args:
        task: the task, which writes text files.
        retry: the command that does this again.
        workers: the number of processes.
        verbose: whether to show Luigi's log.

    Returns:
        Luigi's exit code.
    """
    since = utc_now()
    with logged_errors(verbose) as errors:
        code = run_luigi(task.task_family, workers=workers, **task.to_str_params())
    heading = "No report was written"
    if files := files_of(task, code, since):
        click.echo("\n".join(files))
        heading = "Not everything is in it"
    report_failures(code, heading, failures(since), errors, retry)
    return code


def files_of(task: Reporting, code: int, since: dt.datetime) -> list[str]:
    """The paths of the files of a task, if they are what they should be after a run.

    Args:
        task: the task.
        code: Luigi's exit code.
        since: when the run began.
    """
    files = luigi.task.flatten(task.output())
    is_written = any(
        entry["task"] == task.task_family and entry["outcome"] == run_log.DONE
        for entry in entries_since(since)
    )
    # If only days are missing and nothing was written, what is there is current.
    is_current = code in (0, NOT_AVAILABLE) and all(file.exists() for file in files)
    return [file.path for file in files] if is_written or is_current else []


def run_again(source: str) -> str:
    """The command that retries everything, of one source if there is a name."""
    return f"usage-metrics run --source {source}" if source else "usage-metrics run"


def run_many_days(
    task: ManyDays, nothing: str, workers: int, verbose: bool
) -> int | None:
    """Run a task over many days, with progress or, if verbose, Luigi's log.

    Returns:
        The exit code; None if no day remains, and ``nothing`` says why.
    """
    total = len(task.remaining())
    if not total:
        click.echo(f"Nothing to do: {nothing}.")
        return None
    since, began = utc_now(), time.monotonic()
    with logged_errors(verbose) as errors, shown(total, in_lines=verbose):
        code = run_luigi(task.task_family, workers=workers, **task.to_str_params())
    left = len(task.remaining())
    took = dt.timedelta(seconds=round(time.monotonic() - began))
    click.echo(f"{total - left:,} of {total:,} days done in {took}")
    found = failures(since)
    if {failure["outcome"] for failure in found} == {run_log.WAITING}:
        code = NOT_AVAILABLE
    report_failures(code, f"{left:,} not done", found, errors, task.how_to_retry)
    return code


def run_luigi(family: str, **parameters: object) -> int:
    """Run a task with the scheduler of luigi.cfg, or else with a local one.

    Args:
        family: the name of the task.
        parameters: its parameters and Luigi's options, as text or not. True is passed
            as a flag, False is not passed.

    Returns:
        Luigi's exit code.
    """
    Register.clear_instance_cache()  # tasks remember whether they were complete
    command = [family, "--module", "usage_metrics", "--no-lock"]
    parameters["local_scheduler"] = not has_central_scheduler()
    for name, value in parameters.items():
        flag = f"--{name.replace('_', '-')}"
        command += {"True": [flag], "False": []}.get(str(value), [flag, str(value)])
    make_local_folder()
    try:
        with luigi_log.kept():
            run_with_retcodes(command)
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def has_central_scheduler() -> bool:
    """Whether luigi.cfg names a luigid."""
    settings = luigi.configuration.get_config()
    return any(
        settings.has_option("core", f"{prefix}scheduler_{name}")
        for name in ("host", "port", "url")
        for prefix in ("", "default_")
    )


def scheduler_url() -> str:
    """The URL of luigid; it may hold a password."""
    core = luigi.interface.core()
    url: str = (
        core.scheduler_url or f"http://{core.scheduler_host}:{core.scheduler_port}"
    )
    return url.rstrip("/")


def visualiser_url() -> str | None:
    """Where luigid shows its tasks, without a password; None without luigid."""
    if not has_central_scheduler():
        return None
    parts = urlsplit(scheduler_url())
    place = parts.netloc.rpartition("@")[2]
    return (
        f"{parts.scheme}://{place}{parts.path.rstrip('/')}/static/visualiser/index.html"
    )


class _Messages(logging.Handler):
    """Collects the first line of each warning and error, once."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = getattr(record, "sentence", record.getMessage())
        message = printable(text.partition("\n")[0])
        if message not in self.messages:
            self.messages.append(message)


@contextlib.contextmanager
def logged_errors(verbose: bool) -> Iterator[list[str]]:
    """Collect the block's warnings and errors; if verbose, Luigi prints its log.

    Luigi would print it until the process ends, to where stderr was at first.
    """
    settings = luigi.configuration.get_config()
    level, before = _logger.level, ([*_logger.handlers], InterfaceLogging._configured)
    if not verbose:
        settings.set("core", "no_configure_logging", "true")
    handler = _Messages()
    _logger.addHandler(handler)
    try:
        yield handler.messages
    finally:
        settings.remove_option("core", "no_configure_logging")
        _logger.handlers[:], InterfaceLogging._configured = before
        _logger.setLevel(level)


def entries_since(since: dt.datetime) -> Iterator[Entry]:
    """What this process and its workers wrote to the run log since a moment."""
    for entry in run_log.read(containing=run_log.RUN_ID):
        if entry["run"] == run_log.RUN_ID and entry["at"] >= since.isoformat():
            yield entry


def failures(since: dt.datetime) -> list[Entry]:
    """The tasks that failed and did not succeed later, then the logs that are missing.

    Each are in the order of their days. A failure that only repeats the reason of
    another one of the same day is left out, as are those of many days if there are
    failures of single days. Days that follow each other and fail for one reason, such
    as a file that holds entries of all of them, are one failure.
    """
    last = {f"{e['task']}{e['parameters']}": e for e in entries_since(since)}
    failed = [e for e in last.values() if e["outcome"] == run_log.FAILED]
    waiting = [e for e in last.values() if e["outcome"] == run_log.WAITING]
    of_days = [entry for entry in failed if "date" in entry["parameters"]]
    distinct = _distinct(of_days or failed)
    return [*(_joined(distinct) if of_days else distinct), *_distinct(waiting)]


def _distinct(entries: Iterable[Entry]) -> list[Entry]:
    """One entry for each day and reason, oldest day first."""
    distinct: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        parameters = entry["parameters"]
        day = parameters.get("date") or parameters.get("start") or ""
        distinct.setdefault((day, str(entry.get("reason"))), entry)
    return [distinct[key] for key in sorted(distinct, key=operator.itemgetter(0))]


def _joined(failed: Iterable[Entry]) -> list[Entry]:
    """Of days that fail for one reason the first entry, with the ``last`` day."""
    by_task: dict[tuple[str, str], dict[dt.date, Entry]] = {}
    for entry in failed:
        day = dt.date.fromisoformat(entry["parameters"]["date"])
        task = entry["task"], entry["parameters"].get("source", "")
        by_task.setdefault(task, {})[day] = entry
    joined = [
        days[gap.first] | {"last": gap.last}
        for days in by_task.values()
        for gap in gaps({day: str(entry.get("reason")) for day, entry in days.items()})
    ]
    return sorted(joined, key=lambda entry: str(entry["parameters"]["date"]))


def in_words(failure: Entry) -> str:
    """The task, the day and the reason of a failure in one line."""
    task, parameters = failure["task"], failure["parameters"]
    reason = printable(str(failure.get("reason")))
    when = parameters.get("date") or parameters.get("start") or ""
    if failure["outcome"] == run_log.WAITING:
        return reason
    # A day elsewhere in the reason may be another's: that of a file, for example.
    names_day = reason.removeprefix(f"{parameters.get('source')} ").startswith(when)
    if (last := str(failure.get("last", when))) != when:
        return f"{task} {when} to {last}: {reason.removeprefix(f'{when} ')}"
    return f"{task}: {reason}" if names_day else f"{task} {when}: {reason}"


def report_failures(
    code: int,
    heading: str,
    found: Sequence[Entry],
    errors: Sequence[str],
    retry: Retry | str,
) -> None:
    """Unless the exit code is 0, say what was not done, why, and how to retry.

    Without failed tasks, what was logged is printed.
    """
    if not code:
        return
    click.echo(f"{heading}: {REASONS.get(code, 'see above')}", err=True)
    list_failures(found, None if isinstance(retry, str) else retry)
    if not found:
        click.echo("\n".join(map(options.wrapped, errors)), err=True)
    elif isinstance(retry, str) and any(e["outcome"] == run_log.FAILED for e in found):
        click.echo(f"To retry: {retry}", err=True)


def list_failures(found: Sequence[Entry], retry: Retry | None) -> None:
    """Print failures, each with its reason and what helps."""
    for failure in found[:MAX_FAILURES]:
        click.echo(options.wrapped(in_words(failure)), err=True)
        if what := _help(failure, retry):
            click.echo(what, err=True)
    if len(found) > MAX_FAILURES:
        click.echo(f"  and {len(found) - MAX_FAILURES:,} more", err=True)


def _help(failure: Entry, retry: Retry | None) -> str | None:
    """The command that retries a day or, of days without logs, where these belong."""
    parameters = failure["parameters"]
    if failure["outcome"] == run_log.WAITING:
        first, last = _days_of(parameters)
        text = missing.remedy(parameters["source"], Gap(first, last, in_words(failure)))
        return text and options.wrapped(text, indent=" " * 4)
    day = parameters.get("date")
    if not day or not retry:
        return None
    which = "" if str(failure.get("last", day)) == day else " the first of them"
    return f"    to retry{which}: {retry(dt.date.fromisoformat(day))}"


def _days_of(parameters: dict[str, str]) -> tuple[dt.date, dt.date]:
    """The first and the last day of logs that are missing."""
    if day := parameters.get("date"):
        return (dt.date.fromisoformat(day),) * 2
    first, stop = (dt.date.fromisoformat(parameters[end]) for end in ("start", "stop"))
    return first, stop - ONE_DAY


def list_gaps(source: str, days: Collection[dt.date]) -> int:
    """Print which of some days are missing because there are no logs.

    Returns:
        The exit code.
    """
    found = gaps(missing.awaited(source, days))
    for gap in found:
        click.echo(options.wrapped(str(gap)), err=True)
        if text := missing.remedy(source, gap):
            click.echo(options.wrapped(text, indent=" " * 4), err=True)
    return NOT_AVAILABLE if found else 0
