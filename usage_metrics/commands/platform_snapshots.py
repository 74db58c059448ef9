"""The part of a run that is about platforms which count by themselves."""

import contextlib
from collections.abc import Sequence

from usage_metrics.commands import running
from usage_metrics.dates import utc_now
from usage_metrics.errors import UsageMetricsError
from usage_metrics.tasks.snapshots import LoadSnapshots

TASK_FAILED = 30
"""Luigi's exit code if a task failed."""


def take_snapshots(
    platforms: Sequence[str], workers: int, verbose: bool
) -> tuple[int, list[str]]:
    """Take the snapshots of today, and have the database hold what all of them say.

    What failed keeps nothing else from the database.

    Returns:
        Luigi's exit code, and what was not done, a sentence each.
    """
    since = utc_now()
    with running.logged_errors(verbose) as errors:
        code = running.run_luigi("Snapshots", workers=workers)
        if code == TASK_FAILED:
            for name in platforms:
                _load(name)
    found = running.failures(since)
    running.say_results(running.entries_since(since))
    again = running.run_again("")
    running.report_failures(code, "Not everything was asked", found, errors, again)
    return code, [*map(running.in_words, found)] or errors


def _load(platform: str) -> None:
    """Read and load what is there."""
    load = LoadSnapshots(source=platform)
    for task in (load.requires(), load):
        with contextlib.suppress(UsageMetricsError):  # it has been said
            task.run_within()
