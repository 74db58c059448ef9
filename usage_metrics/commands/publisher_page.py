"""The part of a command that writes the page on all sources and platforms."""

from pathlib import Path
from typing import Any

import click
from luigi.task_register import Register

from usage_metrics.commands.each_source import TASK_FAILED
from usage_metrics.errors import UsageMetricsError
from usage_metrics.monitoring.printable import printable
from usage_metrics.tasks.publisher_report import PublisherReport


def say_page(before: str = "", **parameters: Any) -> tuple[int, list[str]]:
    """Write the page, unless it is up to date, and print where it is.

    Without a figure there is no page.

    Args:
        before: what is printed before its path, which is then written out.
        parameters: of the task.

    Returns:
        The exit code, and what was not done, a sentence each.
    """
    Register.clear_instance_cache()  # tasks remember whether they were complete
    try:
        task = PublisherReport(**parameters)
        if not task.has_figures():
            return 0, []
        if not task.complete():
            task.run_within()
    except UsageMetricsError as error:
        sentences = [*map(printable, error.sentences)]
        click.echo("\n".join(sentences), err=True)
        return TASK_FAILED, sentences
    path = task.output().path
    is_here = before and "://" not in path
    click.echo(f"{before}{Path(path).absolute() if is_here else path}")
    return 0, []
