"""Look for what would keep the pipeline from running, without loading data.

Every setting is tried: the logs are listed or, in BigQuery, a query is priced and not
run; the address database and the cache are opened; the folders are written to. No
address is sent anywhere.
"""

import functools
from collections.abc import Callable, Iterator
from typing import NamedTuple

import click

from usage_metrics import config, storage
from usage_metrics.commands.options import example
from usage_metrics.errors import StorageError, UsageMetricsError
from usage_metrics.sentences import sentence_of
from usage_metrics.sources import SOURCES, get_source


class Finding(NamedTuple):
    """What was looked at, whether it is well, and what was found."""

    what: str
    well: bool
    found: str


@click.command(epilog=example("usage-metrics doctor"))
def command() -> int:
    """Look for what would keep the pipeline from running, without loading data.

    Every setting is tried: the logs are listed or, in BigQuery, a query is priced and
    not run; the address database and the cache are opened; the folders are written to.
    No address is sent anywhere, and no secret printed.

    Exits with 1 if something is wrong.
    """
    findings = list(examine())
    for finding in findings:
        click.echo(
            f"{'ok ' if finding.well else 'BAD'} {finding.what}: {finding.found}"
        )
    return 0 if all(finding.well for finding in findings) else 1


def examine() -> Iterator[Finding]:
    """Look at everything; what is wrong with one thing hides nothing else."""
    yield _look("luigi.cfg", _settings)
    for name in SOURCES:
        yield _look(f"[{name}] logs", functools.partial(_logs, name))
    yield _look("[geocode]", _provider)
    yield _look("[paths] root", _root)
    yield _look("[database] path", _database)


def _look(what: str, find: Callable[[], str]) -> Finding:
    try:
        return Finding(what, True, find())
    except UsageMetricsError as error:
        return Finding(what, False, sentence_of(error) or str(error))


def _settings() -> str:
    config.check_sections()
    return "every section and setting is known"


def _logs(name: str) -> str:
    return get_source(name).open_logs(config.source_section(name)).describe()


def _provider() -> str:
    from usage_metrics import geocode

    with geocode.open_provider() as provider:
        facts = provider.facts()
    return ", ".join(
        facts[key] for key in ("provider", "database", "plan") if key in facts
    )


def _root() -> str:
    root = config.paths().root
    probe = f"{root}/.usage-metrics-doctor"
    try:
        with storage.whole_or_absent(probe) as stream:
            stream.write(b"this file can be deleted\n")
        storage.delete(probe)
    except OSError as error:
        raise StorageError(f"{root} cannot be written to: {error}") from error
    return f"{root} can be written to"


def _database() -> str:
    from usage_metrics.warehouse.sqlite import Warehouse

    settings = config.database()
    warehouse = Warehouse(settings.path, settings.busy_seconds)
    days = sum(len(warehouse.loaded(get_source(name).table, name)) for name in SOURCES)
    return f"{settings.path} holds {days:,} days"
