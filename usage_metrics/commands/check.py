"""Read every file and the database through, and name what is damaged.

A file is compared with the hash in its footer; a day in the database with the number
of rows that were loaded. What is named can be deleted: the next run makes it again.
"""

from collections.abc import Iterator

import click

from usage_metrics import config
from usage_metrics.commands import options
from usage_metrics.commands.options import example
from usage_metrics.counting.loading import usage_tables
from usage_metrics.counting.tasks import CountUsage
from usage_metrics.errors import StorageError
from usage_metrics.partitions import Partition, list_partitions
from usage_metrics.pipeline import STAGES
from usage_metrics.warehouse.sqlite import Warehouse


@click.command(epilog=example("usage-metrics check"))
@options.any_source
def command(source: str | None) -> int:
    """Read every file and the database through, and name what is damaged.

    A file is compared with the hash in its footer, the database with its own checks.
    What is named can be deleted: the next run makes it again.

    Exits with 1 if something is damaged, so that cron can tell.
    """
    damages = 0
    files = 0
    for name in options.sources(source):
        for partition in partitions(name):
            files += 1
            try:
                partition.verify()
            except StorageError as error:
                damages += 1
                click.echo(error)
    settings = config.database()
    for damage in Warehouse(settings.path, settings.busy_seconds).damages():
        damages += 1
        click.echo(damage)
    click.echo(f"{files:,} files and {settings.path} read, {damages:,} damaged")
    return 1 if damages else 0


def stages() -> list[str]:
    """The folders of every stage that some task writes."""
    made = [stage.stage for stage in STAGES]
    return [
        *made,
        "rejected",
        CountUsage.stage,
        *(table.name for table in usage_tables()),
    ]


def partitions(source: str) -> Iterator[Partition]:
    """Every partition of a source, stage by stage, oldest first."""
    root = config.paths().root
    for stage in stages():
        for day in list_partitions(root, stage, source):
            yield Partition(root, stage, source, day)
