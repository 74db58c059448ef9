"""The part of a command that writes the page on all sources and platforms."""

import datetime as dt
from pathlib import Path

import click
from luigi.task_register import Register

from usage_metrics.errors import UsageMetricsError
from usage_metrics.monitoring.printable import printable
from usage_metrics.tasks.publisher_report import PublisherReport

FAILED = 30
"""Luigi's exit code if a task failed."""


def write_page(
    start: dt.date | None = None, stop: dt.date | None = None
) -> PublisherReport | None:
    """Write the page, unless it is up to date.

    Returns:
        The task, whose file is there; None if there is nothing to write about.

    Raises:
        UsageMetricsError: if it cannot be written.
    """
    Register.clear_instance_cache()  # tasks remember whether they were complete
    task = PublisherReport(start=start, stop=stop)  # type: ignore[arg-type, call-arg]
    if not task.has_figures():
        return None
    if not task.complete():
        task.run_within()
    return task


def say_page(
    start: dt.date | None = None, stop: dt.date | None = None, before: str = ""
) -> tuple[int, list[str]]:
    """Write the page, and print where it is or what is wrong.

    Returns:
        The exit code, and what was not done, a sentence each.
    """
    try:
        if task := write_page(start, stop):
            path = task.output().path
            if before and "://" not in path:
                path = str(Path(path).absolute())
            click.echo(f"{before}{path}")
    except UsageMetricsError as error:
        sentences = [*map(printable, error.sentences)]
        click.echo("\n".join(sentences), err=True)
        return FAILED, sentences
    return 0, []
