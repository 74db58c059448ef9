"""The part of a run that is about platforms which count by themselves."""

import contextlib

from usage_metrics import config
from usage_metrics.commands import running
from usage_metrics.commands.each_source import TASK_FAILED
from usage_metrics.errors import UsageMetricsError
from usage_metrics.tasks.platform_subjects import platforms_on
from usage_metrics.tasks.snapshot_copies import CopySnapshots
from usage_metrics.tasks.snapshots import LoadSnapshots


def take_snapshots(workers: int) -> int:
    """Take the snapshots of today, and have the database hold what all of them say.

    What failed keeps nothing else from the database. It comes before the logs, which
    can be read tomorrow as well.

    Returns:
        Luigi's exit code.
    """
    if not platforms_on():
        return 0
    code = running.run_luigi("Snapshots", workers=workers)
    if code == TASK_FAILED:
        for name in platforms_on():
            with contextlib.suppress(UsageMetricsError):  # it has been said
                load(name)
    return code


def load(platform: str) -> None:
    """Read what is there, have the database hold it, and copy it; nobody is asked.

    Raises:
        UsageMetricsError: if a file is damaged, or the copy cannot be written; the rest
            is done.
    """
    loading = LoadSnapshots(source=platform)
    with contextlib.ExitStack() as from_the_last:
        if config.snapshots().copy:
            from_the_last.callback(CopySnapshots(source=platform).run_within)
        from_the_last.callback(loading.run_within)
        from_the_last.callback(loading.requires().run_within)
