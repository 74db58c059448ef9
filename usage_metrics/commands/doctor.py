"""Check that the pipeline can run, without loading data."""

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
from usage_metrics.commands import options, running
from usage_metrics.dates import utc_now
from usage_metrics.errors import ServiceError, StorageError, UsageMetricsError
from usage_metrics.monitoring import run_log
from usage_metrics.monitoring.error_messages import printable
from usage_metrics.partitions import storage
from usage_metrics.sources import SOURCES, get_source
from usage_metrics.tasks.load import open_warehouse
from usage_metrics.units import size

OK, NOTE, BAD = "ok", "note", "BAD"

COLOURS = {OK: "green", NOTE: "yellow", BAD: "red"}

MAX_AGE_DAYS = 180
"""By then enough addresses have moved for an address database to be out of date."""

MIN_FREE_BYTES = 1 << 30

SCHEDULER_SECONDS = 5


class Finding(NamedTuple):
    """What was checked, its state, and what was found."""

    what: str
    state: str
    found: str


class Note(str):
    """A finding that keeps nothing from running, but could be better."""


@click.command(epilog=options.example("usage-metrics doctor"))
@options.as_json
def command(as_json: bool) -> int:
    """Check that the pipeline can run, without loading data.

    Every setting is tried: logs are listed or, in BigQuery, a query is priced but not
    run; the address database and the cache are opened, or ipinfo is asked for the
    token's remaining quota; folders are written to; luigid is called if luigi.cfg names
    one. No address is sent anywhere, and no secret is printed.

    Exits with 1 if something is BAD; a note keeps nothing from running.
    """
    findings = list(examine())
    if as_json:
        click.echo(json.dumps([finding._asdict() for finding in findings], indent=2))
    for what, state, found in () if as_json else findings:
        text = options.wrapped(f"{what}: {found}", indent=" " * 5)
        click.echo(f"{click.style(f'{state:4}', fg=COLOURS[state])} {text[5:]}")
    return int(any(finding.state == BAD for finding in findings))


def examine() -> Iterator[Finding]:
    """Check everything; a failed check hides no other."""
    yield _check("luigi.cfg", _settings)
    for name in SOURCES:
        yield _check(f"[{name}] logs", functools.partial(_logs, name))
    yield _check("[geocode]", _provider)
    yield _check("[paths] root", _root)
    yield _check("disk", _disk)
    yield _check("[database] path", _database)
    if running.has_central_scheduler():
        yield _check("luigid", _luigid)
    yield _check("[notify]", _notify)


def _check(what: str, check: Callable[[], str]) -> Finding:
    try:
        found = check()
    except UsageMetricsError as error:
        return Finding(what, BAD, printable(str(error)))
    return Finding(what, NOTE if isinstance(found, Note) else OK, found)


def _settings() -> str:
    config.check_sections()
    if files := options.settings_files():
        return f"{', '.join(map(str, files))}: every section and setting is known"
    return Note(
        "not found here, so all settings have their defaults; go to the pipeline's "
        "folder, or set LUIGI_CONFIG_PATH to the file"
    )


def _logs(name: str) -> str:
    logs = get_source(name).open_logs(config.source_section(name))
    text, passed_over = logs.describe(), list(logs.passed_over().items())
    if not passed_over:
        return text
    (day, sentence), *others = passed_over
    more = f" (and files of {len(others):,} more days)" if others else ""
    return Note(f"{text}; {day}: {sentence}{more}")


def _provider() -> str:
    from usage_metrics.geocode import locate

    with locate.open_provider() as provider:
        facts = provider.facts()
    known = [facts[key] for key in ("provider", "database", "plan") if key in facts]
    if facts["provider"] == "ipinfo":
        from usage_metrics.geocode.ipinfo import IpinfoProvider

        known.append(IpinfoProvider.from_config().service.quota())
    text = ", ".join(known)
    dates = re.findall(r"\d{4}-\d\d-\d\d", facts.get("database", ""))
    today = utc_now().date()
    age = max(((today - dt.date.fromisoformat(date)).days for date in dates), default=0)
    if age <= MAX_AGE_DAYS:
        return text
    return Note(
        f"{text}, {age} days old: name a newer file in [geocode] database, or update "
        "this package"
    )


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
        raise StorageError(
            f"{root} cannot be written to: {error}; change its permissions, or set "
            "another [paths] root"
        ) from error
    if is_new and folder.exists():
        folder.rmdir()  # leave nothing behind in the wrong folder
    return f"{root} can be written to"


def _disk() -> str:
    folder = run_log.local_folder().absolute()
    existing = next(f for f in (folder, *folder.parents) if f.exists())
    free = shutil.disk_usage(existing).free
    text = f"{size(free)} are free at {existing}"
    if free < MIN_FREE_BYTES:
        raise StorageError(
            f"{text}; make room: a rebuilt day is written before the old one is removed"
        )
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
            "remove scheduler_… from [core]"
        ) from None
    return f"{shown} answers"


def _notify() -> str:
    recipients = []
    if url := config.webhook():
        recipients.append(f"the webhook at {urlsplit(url).hostname}")
    if mail := luigi.configuration.get_config().get("email", "receiver", ""):
        recipients.append(f"{mail} by e-mail")
    if not recipients:
        return Note(
            "no failure notification is configured: set USAGE_METRICS_WEBHOOK, or "
            "receiver in [email]"
        )
    return f"{' and '.join(recipients)} will be notified when a run fails"
