"""Look for what would keep the pipeline from running, without loading data."""

import datetime as dt
import functools
import json
import re
import shutil
from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

import click
import luigi

from usage_metrics import config
from usage_metrics.commands import options
from usage_metrics.commands.options import settings_files
from usage_metrics.commands.running import has_central_scheduler
from usage_metrics.dates import utc_now
from usage_metrics.errors import ServiceError, StorageError, UsageMetricsError
from usage_metrics.monitoring import run_log
from usage_metrics.monitoring.error_messages import sentence_of
from usage_metrics.partitions import storage
from usage_metrics.sources import SOURCES, get_source
from usage_metrics.tasks.load import open_warehouse

OK, NOTE, BAD = "ok", "note", "BAD"

OLD_DAYS = 180
"""After so many, addresses have moved enough to be told."""

LEAST_BYTES = 1 << 30

SCHEDULER_SECONDS = 5


class Finding(NamedTuple):
    """What was looked at, how it is, and what was found."""

    what: str
    state: str
    found: str


class Note(NamedTuple):
    """What is well enough, and could be better."""

    text: str


@click.command(epilog=options.example("usage-metrics doctor"))
@options.as_json
def command(as_json: bool) -> int:
    """Look for what would keep the pipeline from running, without loading data.

    Every setting is tried: the logs are listed or, in BigQuery, a query is priced and
    not run; the address database and the cache are opened, or ipinfo is asked what the
    token may still do; the folders are written to; luigid is asked, if luigi.cfg names
    one. No address is sent anywhere, and no secret printed.

    Exits with 1 if something is BAD; what is a note keeps nothing from running.
    """
    findings = list(examine())
    if as_json:
        click.echo(json.dumps([finding._asdict() for finding in findings], indent=2))
    for finding in () if as_json else findings:
        colour = {OK: "green", NOTE: "yellow", BAD: "red"}[finding.state]
        text = options.in_lines(f"{finding.what}: {finding.found}", indent=" " * 5)
        click.echo(f"{click.style(f'{finding.state:4}', fg=colour)} {text[5:]}")
    return 0 if all(finding.state != BAD for finding in findings) else 1


def examine() -> Iterator[Finding]:
    """Look at everything; what is wrong with one thing hides nothing else."""
    yield _look("luigi.cfg", _settings)
    for name in SOURCES:
        yield _look(f"[{name}] logs", functools.partial(_logs, name))
    yield _look("[geocode]", _provider)
    yield _look("[paths] root", _root)
    yield _look("disk", _disk)
    yield _look("[database] path", _database)
    if has_central_scheduler():
        yield _look("luigid", _luigid)
    yield _look("[notify]", _notify)


def _look(what: str, find: Callable[[], str | Note]) -> Finding:
    try:
        found = find()
    except UsageMetricsError as error:
        return Finding(what, BAD, sentence_of(error) or str(error))
    if isinstance(found, Note):
        return Finding(what, NOTE, found.text)
    return Finding(what, OK, found)


def _settings() -> str | Note:
    config.check_sections()
    files = settings_files()
    if not files:
        return Note(
            "there is none here, so all settings are the defaults; go to the folder "
            "of the pipeline, or name the file in LUIGI_CONFIG_PATH"
        )
    return f"{', '.join(map(str, files))}: every section and setting is known"


def _logs(name: str) -> str:
    return get_source(name).open_logs(config.source_section(name)).describe()


def _provider() -> str | Note:
    from usage_metrics.geocode import locate

    with locate.open_provider() as provider:
        facts = provider.facts()
    known = [facts[key] for key in ("provider", "database", "plan") if key in facts]
    if facts["provider"] == "ipinfo":
        from usage_metrics.geocode.ipinfo_quota import quota

        settings = config.ipinfo()
        known.append(quota(config.ipinfo_token(), settings.endpoint, settings.timeout))
    text = ", ".join(known)
    age = _age(facts.get("database", ""))
    if age > OLD_DAYS:
        return Note(
            f"{text}, {age} days old: name a newer file in [geocode] database, or "
            "update this package"
        )
    return text


def _age(titles: str) -> int:
    """The days since the oldest of the dates in the titles of databases."""
    dates = [dt.date.fromisoformat(d) for d in re.findall(r"\d{4}-\d\d-\d\d", titles)]
    return (utc_now().date() - min(dates)).days if dates else 0


def _root() -> str:
    root = config.paths().root
    probe = f"{root}/.usage-metrics-doctor"
    folder = run_log.local_folder()
    is_new = not folder.exists()
    try:
        with storage.whole_or_absent(probe) as stream:
            stream.write(b"this file can be deleted\n")
        storage.delete(probe)
    except OSError as error:
        raise StorageError(f"{root} cannot be written to: {error}") from error
    if is_new and folder.exists():
        folder.rmdir()  # so that a look in the wrong folder leaves nothing there
    return f"{root} can be written to"


def _disk() -> str:
    folder = run_log.local_folder().absolute()
    there = next(f for f in (folder, *folder.parents) if f.exists())
    free = shutil.disk_usage(there).free
    text = f"{free / 1e9:,.1f} GB are free at {there}"
    if free < LEAST_BYTES:
        raise StorageError(f"{text}; make room: a day is written beside the old one")
    return text


def _database() -> str:
    warehouse = open_warehouse()
    days = sum(len(warehouse.loaded(get_source(name).table, name)) for name in SOURCES)
    return f"{warehouse.path} holds {days:,} days"


def _luigid() -> str:
    import requests

    core = luigi.interface.core()
    url = core.scheduler_url or f"http://{core.scheduler_host}:{core.scheduler_port}"
    shown = f"{urlsplit(url).hostname}:{urlsplit(url).port or 80}"  # without a password
    try:
        reply = requests.get(
            f"{url.rstrip('/')}/api/resource_list?data=%7B%7D",
            timeout=SCHEDULER_SECONDS,
        )
        reply.raise_for_status()
    except requests.RequestException as error:
        raise ServiceError(
            f"{shown} does not answer ({type(error).__name__}): start luigid there, or "
            "take scheduler_… out of [core]"
        ) from None
    return f"{shown} answers"


def _notify() -> str | Note:
    mail = luigi.configuration.get_config().get("email", "receiver", "")
    told = (
        [f"the webhook at {urlsplit(url).hostname}"]
        if (url := config.webhook())
        else []
    )
    told += [f"{mail} by e-mail"] if mail else []
    if not told:
        return Note(
            "nobody is told when a run fails: set USAGE_METRICS_WEBHOOK, or receiver "
            "in [email]"
        )
    return f"{' and '.join(told)} will be told when a run fails"
