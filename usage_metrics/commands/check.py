"""Find damaged files, and days whose data need a look."""

import contextlib
import datetime as dt
import functools
import itertools
import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from usage_metrics import config
from usage_metrics.commands import options
from usage_metrics.commands.each_source import with_right_settings
from usage_metrics.commands.pipeline_state import pipeline_state
from usage_metrics.errors import StorageError, UsageMetricsError
from usage_metrics.monitoring.printable import printable
from usage_metrics.partitions.footer_index import FooterIndex
from usage_metrics.partitions.partition import Partition, list_partitions
from usage_metrics.platforms import PLATFORMS
from usage_metrics.tasks import availability, data_quality, snapshot_days
from usage_metrics.tasks.data_quality import Finding
from usage_metrics.tasks.load import open_warehouse, requests_table
from usage_metrics.tasks.platform_subjects import platforms_on
from usage_metrics.tasks.preflight import check_registry
from usage_metrics.tasks.stages import Clean, Geocode
from usage_metrics.units import size

if TYPE_CHECKING:
    from usage_metrics.warehouse.table import Table

MAX_FINDINGS = 5
"""Findings printed per kind and source."""


@click.command(
    epilog=options.example(
        "usage-metrics check --start 2026-03-01",
        "30 6 * * *  cd /srv/usage && .venv/bin/usage-metrics check --quiet",
    )
)
@options.each_source
@options.start
@options.stop
@options.as_json
@click.option("--quiet", "-q", is_flag=True, help="print nothing if all is well")
def command(
    source: str | None,
    start: dt.date | None,
    stop: dt.date | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Find damaged files, and days whose data need a look.

    Damage: every file is compared with the hashes in its footer. The database is
    checked by SQLite, and each of its days is compared, row by row, with the file that
    was loaded. You can delete what is damaged: the next run rebuilds it. The size of
    each table is printed too.

    Quality: days that are missing, have lost their raw file, have files that are not
    read, many rejected lines, unknown agents or addresses without a country, or far
    fewer requests than usual. The limits are in [quality] of luigi.cfg. Of a platform,
    snapshots that are overdue or not complete.

    Exits with 1 if there is anything to report, for cron.
    """
    from usage_metrics.platforms.snapshot_tables import STAGES as SNAPSHOT_STAGES
    from usage_metrics.privacy.erasure import stages

    platforms = platforms_on()
    named = options.chosen(source, or_none=bool(platforms))
    sources, code = with_right_settings(named)
    check_registry()
    first, end = start or dt.date.min, stop or dt.date.max
    damages: list[str] = []
    findings: list[tuple[str, Finding]] = []
    files = 0
    for name in sources:
        for partition in _partitions(name, stages()):
            if first <= partition.date < end:
                files += 1
                damages += _damages(partition)
        found = sorted(set(_findings(name)))
        findings += [(name, each) for each in found if first <= each.day < end]
    for name in platforms:
        for partition in _partitions(name, ("raw", *SNAPSHOT_STAGES)):
            if first <= partition.date < end:
                files += 1
                damages += _damages(partition)
        alarms = sorted(snapshot_days.alarms(name))
        findings += [(name, each) for each in alarms if first <= each.day < end]
    damages += _database_damages([*sources, *platforms])
    if as_json:
        texts = [f"{source} {finding}" for source, finding in findings]
        click.echo(json.dumps({"damages": damages, "findings": texts}, indent=2))
    elif damages or findings or not quiet:
        _print(files, damages, findings)
    return code or int(bool(damages or findings))


def _print(files: int, damages: list[str], findings: list[tuple[str, Finding]]) -> None:
    for damage in damages:
        click.echo(printable(damage))
    if not damages:
        for table, rows, bytes_ in open_warehouse().sizes():
            click.echo(f"{table:32}{rows:>13,} rows{size(bytes_):>14}")
    for _, group in itertools.groupby(findings, lambda pair: (pair[0], pair[1].kind)):
        alike = list(group)
        for source, finding in alike[:MAX_FINDINGS]:
            click.echo(printable(f"{source} {finding}"))
        if len(alike) > MAX_FINDINGS:
            more = len(alike) - MAX_FINDINGS
            click.echo(f"  and {more:,} more like this; --json lists all")
    click.echo(
        f"{files:,} files and {config.database().path} read, {len(damages):,} damaged; "
        f"{len(findings):,} findings about the data"
    )


def _partitions(source: str, stages: Iterable[str]) -> Iterator[Partition]:
    """The partitions of a source, stage by stage, oldest first."""
    root = config.paths().root
    for stage in stages:
        for day in list_partitions(root, stage, source):
            yield Partition(root, stage, source, day)


def _damages(partition: Partition) -> Iterator[str]:
    try:
        partition.verify()
    except StorageError as error:
        is_snapshot = partition.source in PLATFORMS and partition.stage == "raw"
        no_other = "; no snapshot is taken twice: restore the file from a copy"
        yield printable(f"{error}{no_other if is_snapshot else ''}")


def _database_damages(sources: Iterable[str]) -> Iterator[str]:
    """What is wrong with the database, and which days of it."""
    from usage_metrics.warehouse.comparison import damaged_days

    root, warehouse = config.paths().root, open_warehouse()
    try:
        broken = warehouse.damages()
        yield from broken
        for source in () if broken else sources:
            for stage, table in _tables(source):
                partition_of = functools.partial(Partition, root, stage, source)
                yield from damaged_days(warehouse, table, source, partition_of)
    except StorageError as error:
        yield printable(str(error))


def _tables(source: str) -> "Iterator[tuple[str, Table]]":
    """The tables that hold something of a source or platform, each with its stage."""
    from usage_metrics.counting.tables import TABLES
    from usage_metrics.platforms.snapshot_tables import STAGES as SNAPSHOT_STAGES

    if source in PLATFORMS:
        yield from SNAPSHOT_STAGES.items()
        return
    if requests := requests_table(source):
        yield Geocode.stage, requests
    yield from ((table.name, table) for table in TABLES.values())


def _findings(source: str) -> Iterator[Finding]:
    cleaned = FooterIndex().of_stage(Clean.stage, source)
    unexported: dict[dt.date, str] = {}
    # Damage is reported as such.
    with contextlib.suppress(StorageError):
        state = pipeline_state(source)
        unexported = state.unexported
        yield from data_quality.missing(state.to_make, unexported)
        yield from data_quality.raw_gone(state.raw_gone, source)
    # That the logs cannot be read is what the doctor says.
    with contextlib.suppress(UsageMetricsError):
        passed_over = availability.passed_over(source)
        others = {d: why for d, why in passed_over.items() if d not in unexported}
        yield from data_quality.passed_over(others)
    yield from data_quality.rejected(cleaned)
    yield from data_quality.unusual(cleaned)
    for partition in _partitions(source, [Geocode.stage]):
        with contextlib.suppress(StorageError):
            yield from data_quality.not_known(partition)
