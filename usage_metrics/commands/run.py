"""The command for every night."""

import contextlib
import datetime as dt
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import click
from luigi.task_register import Register

from usage_metrics.commands import options, running, stage_lines
from usage_metrics.commands.alone import alone, patience_option
from usage_metrics.commands.counter_by_itself import report_last_month
from usage_metrics.commands.digest_by_itself import send_last_month
from usage_metrics.commands.each_source import (
    CANNOT_RUN,
    TASK_FAILED,
    say_which,
    worst,
)
from usage_metrics.commands.platform_snapshots import take_snapshots
from usage_metrics.commands.publisher_page import say_page
from usage_metrics.dates import utc_now
from usage_metrics.errors import BusyError, UsageMetricsError
from usage_metrics.monitoring.notify import notify
from usage_metrics.monitoring.printable import printable
from usage_metrics.sources import SOURCES
from usage_metrics.tasks.load_usage import LoadUsage
from usage_metrics.tasks.platform_subjects import platforms_on
from usage_metrics.tasks.preflight import check_registry
from usage_metrics.tasks.report import Report
from usage_metrics.tasks.settings_check import check_sections

BUSY = (10, 25)
"""Luigi's exit codes if another run is in progress."""

NOT_DONE = "Not everything was done"

FIRST_WAIT, LONGEST_WAIT = 2.0, 60.0

MAX_NOTIFIED = 10
"""Failures named in a notification."""


@click.command(
    epilog=options.example(
        "usage-metrics run",
        "15 4 * * *  cd /srv/usage && .venv/bin/usage-metrics run",
    )
)
@options.each_source
@click.option(
    "--partial", is_flag=True, hidden=True, help="as always; old crontabs have it"
)
@patience_option
@options.workers
@options.verbose
def command(
    source: str | None, partial: bool, patience: float, workers: int, verbose: bool
) -> int:
    """Build every missing day and load it: for cron and timers.

    First, the platforms that luigi.cfg names something of are asked what they counted.
    Missing days are built, however old; days that refresh_days in luigi.cfg covers are
    read again; then the database, the counts and the report are updated. If a day fails
    or is not exported, the others are loaded, counted and reported, and the report
    names the days that are missing. A second run does nothing.

    That is done for each source whose section of luigi.cfg names logs. One that fails
    keeps no other from its report. In the first ten days of a month, the COUNTER report
    of the last one is written and, if [datacite] submit = yes, sent.

    If another command or run is in progress, it waits (exit codes 10, 25). Any other
    exit code is passed on. Unless it is 0, the webhook in the environment variable
    USAGE_METRICS_WEBHOOK is notified.

    Luigi's log is in luigi.log, beside the run log.
    """
    outcomes: dict[str, Outcome] = {}
    try:
        platforms = platforms_on()
        sources = options.chosen(source, or_none=bool(platforms))
        check_registry()
        if url := running.visualiser_url():
            click.echo(f"Every task is shown at {url}", err=True)
        deadline = time.monotonic() + patience
        with alone(patience):
            if platforms:
                outcomes["platforms"] = _ask_platforms(workers, verbose)
            for name in sources:
                say_which(name, sources)
                outcomes[name] = _run_source(name, workers, deadline, verbose)
            if sources and not source:
                problems = report_last_month()
                outcomes["COUNTER"] = Outcome(CANNOT_RUN if problems else 0, problems)
            outcomes["index.html"] = Outcome(*say_page(before="All places: open "))
            if not source:
                problems = send_last_month()
                outcomes["digest"] = Outcome(CANNOT_RUN if problems else 0, problems)
    except UsageMetricsError as error:
        outcomes["everything"] = _refused(error)
    code = worst(outcome.code for outcome in outcomes.values())
    if code:
        notify(_message(code, outcomes, source))
    return code


class Outcome(NamedTuple):
    """What came of a source."""

    code: int
    problems: list[str]
    """What was not done, a sentence each."""


def _ask_platforms(workers: int, verbose: bool) -> Outcome:
    """Take the snapshots of today; say what came of it."""
    since = utc_now()
    with running.logged_errors(verbose) as errors:
        code = take_snapshots(workers)
    running.say_results(running.entries_since(since))
    found = running.failures(since)
    running.report_failures(code, NOT_DONE, found, errors, running.run_again(""))
    return Outcome(code, [*map(running.in_words, found)] or errors)


def _run_source(source: str, workers: int, deadline: float, verbose: bool) -> Outcome:
    """Make, load, count and report what a source has; say what came of it."""
    since = utc_now()
    with running.logged_errors(verbose) as errors:
        try:
            check_sections([source])
            code = 0
            if verbose or not _is_done(source):
                with stage_lines.shown(source, hidden=verbose):
                    code = _run_when_free(source, workers, deadline)
        except UsageMetricsError as error:
            return _refused(error)
    found = running.failures(since)
    _conclude(code, source, since, found, errors)
    return Outcome(code, [*map(running.in_words, found)] or errors)


def _is_done(source: str) -> bool:
    """Whether Luigi would find nothing to do: then it need not be asked."""
    Register.clear_instance_cache()  # tasks remember what they have done
    with contextlib.suppress(UsageMetricsError):  # the run says what is wrong
        return Report(source=source).complete()
    return False


def _refused(error: UsageMetricsError) -> Outcome:
    """Say why nothing could be begun."""
    sentences = [*map(printable, error.sentences)]
    if isinstance(error, BusyError):
        running.report_failures(BUSY[0], NOT_DONE, [], sentences, "")
        return Outcome(BUSY[0], sentences)
    click.echo("\n".join(sentences), err=True)
    return Outcome(CANNOT_RUN, sentences)


def _conclude(
    code: int,
    source: str,
    since: dt.datetime,
    found: Sequence[running.Entry],
    errors: Sequence[str],
) -> None:
    """Say what was done, then what was not, and last where the report is."""
    entries = [*running.entries_since(since)]
    if not code and not entries:
        click.echo("Nothing to do: everything is made, loaded and counted.")
    report = Report(source=source)
    running.say_results(e for e in entries if e["task"] != report.task_family)
    again = running.run_again(source)
    running.report_failures(code, NOT_DONE, found, errors, again)
    for path in running.files_of(report, code, since):
        click.echo(f"Report: open {path if '://' in path else Path(path).absolute()}")


def _run_when_free(source: str, workers: int, deadline: float) -> int:
    """Run, and retry as long as luigid has another run make the same days."""
    wait = FIRST_WAIT
    while True:
        code = running.run_luigi("Report", source=source, workers=workers)
        if code == TASK_FAILED:
            _report_the_rest(source, workers)
        left = deadline - time.monotonic()
        if code not in BUSY or left <= 0:
            return code
        message = f"another run is in progress; retrying in {wait:.0f} s"
        click.echo(message, err=True)
        time.sleep(min(wait, left))
        wait = min(2 * wait, LONGEST_WAIT)


def _report_the_rest(source: str, workers: int) -> None:
    """Load, count and report what is there, although something failed.

    Luigi runs no task that requires one that failed. So this is done without the failed
    days and, should another thing have failed, each step by itself.
    """
    partial = {"source": source, "workers": workers, "LoadSQLite_partial": True}
    if running.run_luigi("Report", **partial):
        for task in (LoadUsage(source=source), Report(source=source)):
            with contextlib.suppress(UsageMetricsError):  # it has been said
                task.run_within()


def _message(code: int, outcomes: Mapping[str, Outcome], chosen: str | None) -> str:
    """What is said to those who are to be told."""
    failed = {name: outcome for name, outcome in outcomes.items() if outcome.code}
    problems = [
        f"{name}: {problem}" if len(outcomes) > 1 else problem
        for name, outcome in failed.items()
        for problem in outcome.problems
    ]
    reason = running.REASONS.get(code, "it could not start")
    lines = [
        f"usage_metrics on {socket.gethostname()}: the run in {Path.cwd()} ended with "
        f"exit code {code}: {reason}"
    ]
    lines += [f"• {problem}" for problem in problems[:MAX_NOTIFIED]]
    if len(problems) > MAX_NOTIFIED:
        lines.append(f"and {len(problems) - MAX_NOTIFIED:,} more")
    only = chosen or (next(iter(failed)) if len(failed) == 1 else "")
    again = running.run_again(only if only in SOURCES else "")
    return "\n".join([*lines, f"To retry: cd {Path.cwd()} && {again}"])
