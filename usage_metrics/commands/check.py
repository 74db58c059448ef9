"""Look for damage, and for days whose data are not to be trusted."""

import contextlib
import datetime as dt
import functools
import itertools
import json
from collections.abc import Iterable, Iterator

import click

from usage_metrics import config
from usage_metrics.commands import options
from usage_metrics.commands.options import check_place
from usage_metrics.commands.pipeline_state import look_at
from usage_metrics.counting.tables import TABLES
from usage_metrics.errors import StorageError
from usage_metrics.monitoring.error_messages import sentence_of
from usage_metrics.partitions.footer_index import Footers
from usage_metrics.partitions.partition import Partition, list_partitions
from usage_metrics.tasks import data_quality
from usage_metrics.tasks.count import CountUsage
from usage_metrics.tasks.load import open_warehouse, requests_table
from usage_metrics.tasks.stages import STAGES, Clean, Geocode
from usage_metrics.warehouse.comparison import damaged_days

SHOWN = 5
"""Of findings of one kind so many are printed."""


@click.command(
    epilog=options.example(
        "usage-metrics check --start 2026-03-01",
        "30 6 * * *  cd /srv/usage && .venv/bin/usage-metrics check --quiet",
    )
)
@options.any_source
@options.start
@options.stop
@options.as_json
@click.option("--quiet", "-q", is_flag=True, help="say nothing if all is well")
def command(
    source: str | None,
    start: dt.date | None,
    stop: dt.date | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Read every file and the database through, and look at what the data say.

    Damage: a file is compared with the hashes that it holds, the database with its own
    checks, and each day in it, row for row, with the file that was loaded. What is
    named can be deleted: the next run makes it again. The size of each table is told,
    too.

    Quality: days that are missing, of which much was rejected, with many unknown agents
    or addresses of no known country, or with far fewer requests than is usual. Where
    the lines are drawn: [quality] in luigi.cfg.

    Exits with 1 if there is anything to say, so that cron can tell.
    """
    config.check_sections()
    check_place()
    first, end = start or dt.date.min, stop or dt.date.max
    damages: list[str] = []
    findings: list[tuple[str, data_quality.Finding]] = []
    files = 0
    for name in options.sources(source):
        for partition in partitions(name):
            if first <= partition.date < end:
                files += 1
                damages += _damage(partition)
        found = sorted(set(_findings(name)))
        findings += [(name, what) for what in found if first <= what.day < end]
    damages += database_damages(options.sources(source))
    if as_json:
        named = [f"{name} {what}" for name, what in findings]
        click.echo(json.dumps({"damages": damages, "findings": named}, indent=2))
    elif damages or findings or not quiet:
        _say(files, damages, findings)
    return 1 if damages or findings else 0


def _say(
    files: int, damages: list[str], findings: list[tuple[str, data_quality.Finding]]
) -> None:
    for line in damages:
        click.echo(line)
    if not damages:
        for table, rows, size in open_warehouse().sizes():
            click.echo(f"{table:32}{rows:>13,} rows{size / 1e6:>11,.1f} MB")
    for _, group in itertools.groupby(
        findings, lambda found: (found[0], found[1].kind)
    ):
        alike = list(group)
        for name, finding in alike[:SHOWN]:
            click.echo(f"{name} {finding}")
        if len(alike) > SHOWN:
            click.echo(f"  and {len(alike) - SHOWN:,} more like this; --json names all")
    click.echo(
        f"{files:,} files and {config.database().path} read, {len(damages):,} damaged; "
        f"{len(findings):,} findings about the data"
    )


def _damage(partition: Partition) -> Iterator[str]:
    try:
        partition.verify()
    except StorageError as error:
        yield sentence_of(error) or str(error)


def _findings(source: str) -> Iterator[data_quality.Finding]:
    root, footers = config.paths().root, Footers()
    cleaned = footers.of_stage(Clean.stage, source)
    with contextlib.suppress(StorageError):  # of a database that is named as damaged
        yield from data_quality.missing(look_at(source).to_make)
    yield from data_quality.rejected(cleaned)
    yield from data_quality.unusual(cleaned)
    for day in list_partitions(root, Geocode.stage, source):
        try:
            yield from data_quality.not_known(
                Partition(root, Geocode.stage, source, day)
            )
        except StorageError:
            continue  # it is damaged, and named as such


def database_damages(sources: Iterable[str]) -> Iterator[str]:
    """What is wrong with the database, and which days in it."""
    root = config.paths().root
    try:
        broken = open_warehouse().damages()
        yield from broken
        for name in () if broken else sources:
            tables = [(Geocode.stage, requests_table(name))]
            tables += [(table.name, table) for table in TABLES.values()]
            for stage, table in tables:
                partition_of = functools.partial(Partition, root, stage, name)
                yield from damaged_days(open_warehouse(), table, name, partition_of)
    except StorageError as error:
        yield sentence_of(error) or str(error)


def stages() -> list[str]:
    """The folders of every stage that some task writes."""
    made = [stage.stage for stage in STAGES]
    return [
        *made,
        "rejected",
        CountUsage.stage,
        *(table.name for table in TABLES.values()),
    ]


def partitions(source: str) -> Iterator[Partition]:
    """Every partition of a source, stage by stage, oldest first."""
    root = config.paths().root
    for stage in stages():
        for day in list_partitions(root, stage, source):
            yield Partition(root, stage, source, day)
