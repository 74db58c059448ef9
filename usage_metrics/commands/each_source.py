"""What a command does for each source, one after the other.

One that fails keeps no other from its work, and the exit code tells.
"""

from collections.abc import Callable, Collection, Iterable

import click

from usage_metrics.commands import terminal
from usage_metrics.errors import BusyError, UsageMetricsError
from usage_metrics.monitoring.printable import printable
from usage_metrics.tasks.settings_check import check_sections

CANNOT_RUN = 2
"""The exit code if nothing could be begun."""

TASK_FAILED = 30
"""Luigi's exit code if a task failed."""

NOT_AVAILABLE = 20
"""Luigi's exit code if external data, here the logs of a day, are missing."""


def for_each(sources: Collection[str], work: Callable[[str], int | None]) -> int:
    """Do some work for each source.

    Args:
        sources: their names.
        work: gives an exit code, or None for 0.

    Returns:
        The exit code of all: see :func:`worst`.
    """
    return worst([one_of(sources, source, work) for source in sources])


def one_of(
    sources: Collection[str], source: str, work: Callable[[str], int | None]
) -> int:
    """Do the work for one of several sources, unless its settings are wrong."""
    say_which(source, sources)
    try:
        check_sections([source])
        return work(source) or 0
    except BusyError:  # so are all others
        raise
    except UsageMetricsError as error:
        click.echo("\n".join(map(printable, error.sentences)), err=True)
        return CANNOT_RUN


def with_right_settings(sources: Collection[str]) -> tuple[list[str], int]:
    """The sources whose settings are right; what is wrong with others is printed.

    Returns:
        Their names, and the exit code.
    """
    codes = {source: one_of([source], source, lambda _: 0) for source in sources}
    return [source for source in sources if not codes[source]], worst(codes.values())


def say_which(source: str, sources: Collection[str]) -> None:
    """Print the name of a source above what is said of it, if there are others."""
    if len(sources) > 1:
        click.echo(terminal.style(source, bold=True))


def worst(codes: Iterable[int]) -> int:
    """The first code of a failure; else that of missing days; else 0."""
    found = [code for code in codes if code]
    return next(
        (code for code in found if code != NOT_AVAILABLE), max(found, default=0)
    )
