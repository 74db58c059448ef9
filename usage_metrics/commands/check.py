"""Read every file and the database through, and name what is damaged.

A file is compared with the hash in its footer; a day in the database with the number
of rows that were loaded. What is named can be deleted: the next run makes it again.
"""

import argparse
from collections.abc import Iterator

from usage_metrics import config
from usage_metrics.counting.loading import usage_tables
from usage_metrics.counting.tasks import CountUsage
from usage_metrics.errors import StorageError
from usage_metrics.partitions import Partition, list_partitions
from usage_metrics.pipeline import STAGES
from usage_metrics.sources import SOURCES
from usage_metrics.warehouse.sqlite import Warehouse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Let the user choose a source."""
    parser.add_argument("--source", choices=sorted(SOURCES), help="only this source")


def run(options: argparse.Namespace) -> int:
    """Print each damage, and how much was read."""
    sources = [options.source] if options.source else sorted(SOURCES)
    damages = 0
    files = 0
    for source in sources:
        for partition in partitions(source):
            files += 1
            try:
                partition.verify()
            except StorageError as error:
                damages += 1
                print(error)
    settings = config.database()
    for damage in Warehouse(settings.path, settings.busy_seconds).damages():
        damages += 1
        print(damage)
    print(f"{files:,} files and {settings.path} read, {damages:,} damaged")
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
