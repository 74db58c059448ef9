"""Write the settings for logs, after a look at them."""

import contextlib
import datetime as dt
import shutil
import sys
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from usage_metrics.commands import new_files, options
from usage_metrics.commands.first_look import (
    Content,
    look_into,
    open_logs,
    sample_of,
)
from usage_metrics.commands.new_files import NewSettings
from usage_metrics.dates import ONE_DAY, days_between, utc_now
from usage_metrics.errors import (
    ConfigError,
    InputError,
    UsageMetricsError,
    os_errors_as,
)
from usage_metrics.monitoring.printable import printable
from usage_metrics.parameters import Days
from usage_metrics.partitions import storage
from usage_metrics.sources import SOURCES, registered
from usage_metrics.sources.kinds import DEFAULT, Kind, is_billed, kind_of
from usage_metrics.sources.settings import source_section
from usage_metrics.tasks.datasets_registry import SAMPLE_LOGS, SAMPLE_PLACES

if TYPE_CHECKING:
    from usage_metrics.logs.reader import LogReader

SETTINGS, REGISTRY = Path("luigi.cfg"), Path("datasets.toml")

ENDED = dt.timedelta(days=7)
"""Logs whose newest day is older than this have ended."""

MOST_NAMES = 8
"""Hosts and databases that are listed."""


@click.command(
    epilog=options.example(
        "usage-metrics init",
        "usage-metrics init --logs gs://our-bucket/our-logs --datasets",
        "usage-metrics init --sample",
    )
)
@click.option(
    "--logs",
    metavar="PLACE",
    help="a folder, s3://…, gs://… or bigquery://PROJECT.DATASET.TABLE",
)
@click.option(
    "--source",
    type=click.Choice(list(SOURCES)),
    help="kind of log; by default, what the first lines look like",
)
@click.option(
    "--start",
    type=options.DAY,
    metavar="YYYY-MM-DD",
    help="first UTC day of the figures; by default, the first with logs",
)
@click.option(
    "--datasets",
    "with_registry",
    is_flag=True,
    help="write datasets.toml, too, to give the databases better names",
)
@click.option(
    "--sample",
    is_flag=True,
    help="make a sample: two weeks of a Datasette, a bucket, a web server, platforms",
)
@click.option("--yes", "-y", is_flag=True, help="ask nothing: take what is found")
@click.option("--force", is_flag=True, help="replace files that are there")
def command(
    logs: str | None,
    source: str | None,
    start: dt.date | None,
    with_registry: bool,
    sample: bool,
    yes: bool,
    force: bool,
) -> None:
    """Look at logs, and write the settings for them to luigi.cfg in this folder.

    Without --logs, it asks where they are. It lists them and reads some entries of up
    to three days, to say which hosts and databases they are about. BigQuery bills what
    is read: it says how much a day would be, and reads one only if you agree.

    Files that are there are replaced only if you say so.
    """
    asks = not (logs or sample or yes)
    files = [SETTINGS, *([REGISTRY] if with_registry else [])]
    if sample:
        files = [SETTINGS, Path(SAMPLE_LOGS), Path(SAMPLE_PLACES)]
    with _answers_expected():
        files = [file for file in files if _may_write(file, asks, force)]
        if not files:
            click.echo("Nothing is written.")
            return
        if sample:
            _write_sample(files)
        else:
            _write_for(logs or _where(asks), source, start, files, asks)
    program, typed = "usage-metrics", sys.argv[0]
    if typed.endswith(program) and not shutil.which(program):
        program = typed  # such as .venv/bin/usage-metrics
    click.echo(f"Next: {program} run")


def _write_for(
    logs: str,
    source: str | None,
    start: dt.date | None,
    files: Collection[Path],
    asks: bool,
) -> None:
    """Look at the logs, and write the files for them."""
    if logs != " ".join(logs.splitlines()).strip():
        raise ConfigError(
            f"{SETTINGS} cannot hold the name {logs!r}; rename the folder, without "
            "line breaks or blanks at its ends"
        )
    _refuse_no_folder(logs)
    kind = _kind(logs, source)
    reader = open_logs(kind.source, logs, kind.settings)
    described = _described(reader, logs, source)
    _say(f"source {kind.source}: the logs of {registered(kind.source).title}")
    _say(described)
    if kind.others:
        _say(f"files of another kind lie beside them: {_shown(kind.others)}")
    passed_over = reader.passed_over()
    for day, sentence in passed_over.items():
        _say(f"{day}: {sentence}")
    days = reader.days()
    content = _look(logs, kind, days, asks)
    if REGISTRY in files and (content is None or not content.databases):
        raise ConfigError(
            "there is no database to put into datasets.toml, since no entry was read "
            "that asks for one; leave out --datasets"
        )
    if SETTINGS in files:
        start = start or _first_day(days, asks)
        new = NewSettings(kind.source, logs, start, settings=kind.settings)
        settings = _settings(new, days, passed_over, content)
        if REGISTRY in files:
            settings = replace(settings, datasets=str(REGISTRY))
        _write(SETTINGS, settings.text())
    if REGISTRY in files and content:
        _write(REGISTRY, new_files.registry(content))
        if SETTINGS not in files:
            click.echo(f"Name it in {SETTINGS}: [counting] datasets = {REGISTRY}")


@contextlib.contextmanager
def _answers_expected() -> Iterator[None]:
    """Say what to do if nobody answers, as in cron."""
    try:
        yield
    except click.Abort:
        if sys.stdin.isatty():
            raise
        raise click.UsageError(
            "nobody answered: say where the logs are with --logs, and --force to "
            "replace files that are there"
        ) from None


def _may_write(path: Path, asks: bool, force: bool) -> bool:
    if force or not path.exists():
        return True
    if asks:
        return click.confirm(f"{path} is there already. Replace it?")
    raise click.UsageError(
        f"{path} is there already: give --force to replace it, or go to another folder"
    )


def _where(asks: bool) -> str:
    """Ask where the logs are, until there are some."""
    known = source_section(DEFAULT).logs or None
    if not asks:
        if known:
            return known
        raise click.UsageError("say where the logs are: --logs FOLDER")
    click.echo(
        "Logs are files in a folder, s3://… or gs://…, or a table, "
        "bigquery://PROJECT.DATASET.TABLE."
    )
    answer: str = click.prompt("Where are they", default=known, value_proc=_checked)
    return answer


def _checked(answer: str) -> str:
    logs = str(Path(answer).expanduser()) if answer.startswith("~") else answer.strip()
    try:
        _refuse_no_folder(logs)
        kind = _kind(logs, None)
        open_logs(kind.source, logs, kind.settings).describe()
    except UsageMetricsError as error:
        raise click.BadParameter(printable(str(error))) from error
    return logs


def _refuse_no_folder(logs: str) -> None:
    """Refuse a place that is no folder, whatever kind of logs is looked for.

    Raises:
        ConfigError: if it is none.
    """
    place = Path(logs)
    if "://" in logs or place.is_dir():
        return
    if place.exists():
        raise ConfigError(f"{logs} is a file; name the folder that it is in")
    raise ConfigError(
        f"there is no folder {logs}; name the folder of the logs, or where they are: "
        "s3://…, gs://… or bigquery://PROJECT.DATASET.TABLE"
    )


def _kind(logs: str, source: str | None) -> Kind:
    """Which source reads the logs: the one that is named, or as they look."""
    kind = kind_of(logs)
    if source and (kind is None or kind.source != source):
        return Kind(source, {}, [])
    return kind or Kind(DEFAULT, {}, [])


def _described(reader: "LogReader", logs: str, source: str | None) -> str:
    """What a reader says of logs, or why it cannot if no source recognises them."""
    from usage_metrics.logs.beginnings import beginnings

    try:
        return reader.describe()
    except InputError as error:
        if source or kind_of(logs):
            raise
        if not any(beginnings(logs)):
            raise InputError(
                f"{logs} holds no logs: no file, or only empty ones; name the folder "
                "that they are in"
            ) from error
        raise InputError(
            f"{error}; no source recognises the logs: for those of a web server in a "
            "format of its own, write a luigi.cfg with logs, start and that format in "
            "[web]"
        ) from error


def _look(logs: str, kind: Kind, days: list[dt.date], asks: bool) -> Content | None:
    """Read some entries and say what is in them, unless that costs something."""
    if not is_billed(logs):
        ends = sorted({days[0], days[-1]})
        days = [*sample_of(days)]
    elif asks and click.confirm("Read that day, to see what is in it?"):
        ends = days = [utc_now().date() - ONE_DAY]
    else:
        _say("no entry was read, since BigQuery bills what is read")
        return None
    # A log of few requests may have none for days.
    content = look_into(kind.source, logs, days, kind.settings) or look_into(
        kind.source, logs, ends, kind.settings
    )
    if content is None:
        raise InputError(
            f"logs = {logs} holds no entry of {', '.join(map(str, days))}; name logs "
            "with requests, in files that have the UTC day of their entries in their "
            "names"
        )
    least = "more than " if content.is_more else ""
    _say(f"{least}{content.entries_a_day:,} entries a day, as of {content.span}")
    _say(f"hosts: {_shown(content.hosts)}")
    _say(f"databases: {_shown(content.databases)}")
    if pages := [name for name, tables in content.databases.items() if not tables]:
        _say(
            f"no table was asked for of {_shown(pages)}: if that is a page of the site "
            "and no database, name its path in not_data of datasets.toml, such as "
            f'not_data = ["/{pages[0]}"]'
        )
    for name, value in content.settings.items():
        _say(f"{name} = {value}")
    if content.other_logs:
        _say(
            "requests in other logs do not count, since they are the same once more: "
            f"{_shown(content.other_logs)}"
        )
    return content


def _say(text: str) -> None:
    click.echo(options.wrapped(printable(text)))


def _shown(names: Collection[str]) -> str:
    shown = ", ".join([*names][:MOST_NAMES]) or "none"
    more = len(names) - MOST_NAMES
    return f"{shown} and {more:,} more" if more > 0 else shown


def _first_day(days: list[dt.date], asks: bool) -> dt.date:
    first = days[0] if days else None
    if asks:
        day: dt.date = click.prompt(
            "First UTC day of the figures", default=first, type=options.DAY
        )
        return day
    if first is None:
        raise click.UsageError("give the first UTC day of the figures: --start")
    return first


def _settings(
    settings: NewSettings,
    days: list[dt.date],
    passed_over: Collection[dt.date],
    content: Content | None,
) -> NewSettings:
    """The settings for what was found.

    A day of which there is only a file that is not read is waited for: it is not lost.
    """
    logs, start = settings.logs, settings.start
    if content is not None:
        settings = replace(
            settings,
            settings=content.settings,
            services=content.services,
            hosts=content.hosts,
        )
    if is_billed(logs) and len(days) < 2:
        return settings  # of one table for all days, only the first is known
    if days[-1] < start:
        return settings
    end = max([*days, *passed_over]) + ONE_DAY
    if utc_now().date() - end > ENDED:
        settings = replace(settings, stop=end)
        _say("the logs have ended, so there is a stop; delete it if they go on")
    gaps = {*days_between(start, end)} - {*days, *passed_over}
    if gaps:
        settings = replace(settings, lost_days=gaps)
        _say(
            f"no logs of {Days('').serialize(gaps)}: if they are lost for good, say so "
            "in lost_days, so that nothing waits for them"
        )
    return settings


def _write(path: Path, text: str) -> None:
    with (
        os_errors_as(
            ConfigError,
            f"{path} cannot be written",
            "change the permissions of the folder",
        ),
        storage.whole_or_absent(str(path.absolute()), private=False) as stream,
    ):
        stream.write(text.encode())
    click.echo(f"{path} is written.")


def _write_sample(files: Collection[Path]) -> None:
    """Make the sample: logs, replies of platforms, and the settings for them."""
    from usage_metrics.maintenance.sample import Sample, every_place, write

    sample, logs, others = Sample(), Path(SAMPLE_LOGS), Path(SAMPLE_PLACES)
    if others in files:
        every_place.write_replies(sample, "data")
        with _writing(others):
            every_place.write_logs(sample, others)
    if logs in files:
        with _writing(logs):
            write(sample, logs)
    if SETTINGS in files:
        _write(SETTINGS, every_place.settings())


@contextlib.contextmanager
def _writing(folder: Path) -> Iterator[None]:
    with os_errors_as(
        ConfigError, f"{folder} cannot be written", "change its permissions"
    ):
        yield
    click.echo(f"{folder} is written.")
