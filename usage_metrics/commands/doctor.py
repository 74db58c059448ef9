"""Check that the pipeline can run, without loading data."""

import contextlib
import datetime as dt
import functools
import json
import re
import shutil
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

import click
import luigi

from usage_metrics import config
from usage_metrics.commands import (
    doctor_datasets,
    first_look,
    options,
    running,
    terminal,
)
from usage_metrics.commands.doctor_findings import (
    BAD,
    COLOURS,
    OK,
    STATES,
    Bad,
    Check,
    Finding,
    Note,
)
from usage_metrics.commands.permissions import too_open
from usage_metrics.dates import ONE_DAY, utc_now
from usage_metrics.errors import (
    ConfigError,
    InputError,
    ServiceError,
    StorageError,
    UsageMetricsError,
)
from usage_metrics.monitoring import permissions, run_log
from usage_metrics.monitoring.printable import printable
from usage_metrics.partitions import storage
from usage_metrics.partitions.partition import list_partitions
from usage_metrics.platforms import get_platform
from usage_metrics.platforms.settings import platform_section
from usage_metrics.sources import SOURCES, get_source
from usage_metrics.sources.kinds import (
    is_billed,
    kind_of,
    read_by_another,
    read_otherwise,
)
from usage_metrics.sources.settings import logs_named, source_section, sources_on
from usage_metrics.tasks import snapshot_days
from usage_metrics.tasks.availability import unavailable_reason
from usage_metrics.tasks.digest_delivery import checked_recipients
from usage_metrics.tasks.load import open_warehouse, shows_loaded
from usage_metrics.tasks.other_logs import requests_in_logs
from usage_metrics.tasks.platform_subjects import is_asked, platforms_on
from usage_metrics.tasks.preflight import check_no_sample
from usage_metrics.tasks.ranges import source_range
from usage_metrics.tasks.settings_check import problems, unread_sections
from usage_metrics.tasks.stages import Extract
from usage_metrics.units import size

MAX_AGE_DAYS = 180
"""By then enough addresses have moved for an address database to be out of date."""

MIN_FREE_BYTES = 1 << 30

SHOWN = 3
"""How many files are named."""

SCHEDULER_SECONDS = 5


@click.command(epilog=options.example("usage-metrics doctor"))
@options.each_source
@options.as_json
def command(source: str | None, as_json: bool) -> int:
    """Check that the pipeline can run, without loading data.

    Every setting is tried: logs are listed or, in BigQuery, a query is priced but not
    run; the registry of datasets is read; the address database and the cache are
    opened, or ipinfo is asked for the token's remaining quota; folders are written to;
    luigid is called if luigi.cfg names one. No address is sent anywhere, and no secret
    is printed.

    Exits with 1 if something is BAD; a note keeps nothing from running.
    """
    findings = list(examine(source))
    if as_json:
        click.echo(json.dumps([finding._asdict() for finding in findings], indent=2))
    for what, state, found in () if as_json else findings:
        sentence = f"{what}: {found.removeprefix(f'{what}: ')}"
        text = options.wrapped(sentence, indent=" " * 5)
        click.echo(f"{terminal.style(f'{state:4}', fg=COLOURS[state])} {text[5:]}")
    return int(any(finding.state == BAD for finding in findings))


def examine(source: str | None = None) -> Iterator[Finding]:
    """Check everything; a failed check hides no other, and no problem is said twice.

    Args:
        source: the one whose own settings are checked; by default, all that are on.
    """
    bad: set[str] = set()
    for what, check in _checks([source] if source else [*logs_named()]):
        for finding in _findings(what, check):
            if finding.state != BAD or finding.found not in bad:
                yield finding
            bad |= {finding.found} if finding.state == BAD else set()


def _checks(sources: Sequence[str]) -> Iterator[tuple[str, Check]]:
    yield "luigi.cfg", _settings
    if not sources:
        yield "logs", _no_source
    for name in sources:
        yield f"[{name}] start, stop", functools.partial(_days, name)
        yield f"[{name}] internal_…", functools.partial(_agents, name)
        yield f"[{name}] logs", functools.partial(_logs, name)
        yield f"[{name}] request_logs", functools.partial(_request_logs, name)
    for name in platforms_on():
        yield f"[{name}]", functools.partial(_snapshots, name)
    yield "[counting] datasets", doctor_datasets.registered
    for name in sources:
        yield f"[{name}] datasets", functools.partial(doctor_datasets.mapped, name)
    yield "COUNTER reports", doctor_datasets.described
    yield "[datacite] submit", doctor_datasets.sent
    yield "[geocode]", _provider
    yield "[paths] root", _root
    yield "[privacy] readable_by", _permissions
    yield "disk", _disk
    yield "[database] path", _database
    if running.has_central_scheduler():
        yield "luigid", _luigid
    yield "[notify]", _notify
    if config.digest().send == "yes":
        yield "[digest]", _digest


def _findings(what: str, check: Check) -> Iterator[Finding]:
    try:
        for found in check():
            yield Finding(what, STATES.get(type(found), OK), printable(found))
    except UsageMetricsError as error:
        for sentence in error.sentences:
            yield Finding(what, BAD, printable(sentence))


def _settings() -> Iterator[str]:
    wrong = [Bad(problem) for problem in problems()]
    yield from wrong
    if files := options.settings_files():
        if unread := unread_sections():
            yield Note(
                f"nothing here reads [{'], ['.join(unread)}]; docs/settings.md lists "
                "every section"
            )
        elif not wrong:
            yield f"{', '.join(map(str, files))}: every section and setting is known"
    else:
        yield Note(
            "not found here, so all settings have their defaults; go to the "
            "pipeline's folder, set LUIGI_CONFIG_PATH to the file, or let "
            "usage-metrics init write one"
        )


def _no_source() -> Iterator[str]:
    """Say that there are no logs to read, which a platform makes up for."""
    try:
        yield from sources_on()
    except ConfigError as error:
        if not platforms_on():
            raise
        yield Note(str(error))


def _days(name: str) -> Iterator[str]:
    """The range; settings that are wrong, such as a misspelt start, are named above."""
    if any(problems([name])):
        return
    first, end = source_range(name, task="")
    check_no_sample(name, Extract.stage)
    section, newest = source_section(name), end - ONE_DAY
    yield (
        f"{first} to {newest}; a day is read {section.settle_hours:g} hours after it "
        "ends in UTC (settle_hours)"
    )
    if not is_billed(section.logs):
        with contextlib.suppress(UsageMetricsError):  # said of the logs
            if reason := unavailable_reason(name, newest):
                yield Note(f"the newest day is not there: {reason}")


def _agents(name: str) -> Iterator[str]:
    from usage_metrics.cleaning.who_asked import settings_from

    ours = settings_from(source_section(name))
    number = len(ours.internal_agents) + len(ours.internal_networks)
    yield f"{number:,} user agents and networks are our own"


def _logs(name: str) -> Iterator[str]:
    section = source_section(name)
    if sentence := read_by_another(name, section.logs):
        yield Bad(sentence)
        return
    if section.logs and (kind := kind_of(section.logs, name)) and kind.others:
        beside = ", ".join(kind.others[:SHOWN])
        yield Note(f"files of another kind lie beside the logs: {beside}")
    logs = get_source(name).open_logs(section)
    with _saying_how_to_read(name):
        text, passed_over = logs.describe(), list(logs.passed_over().items())
    if passed_over:
        (day, sentence), *others = passed_over
        more = f" (and files of {len(others):,} more days)" if others else ""
        text = Note(f"{text}; {day}: {sentence}{more}")
    yield text


@contextlib.contextmanager
def _saying_how_to_read(name: str) -> Iterator[None]:
    """Say of logs that cannot be read how they can, if it is known."""
    try:
        yield
    except InputError as error:
        how = read_otherwise(name, source_section(name))
        raise InputError(how or str(error)) from error


def _request_logs(name: str) -> Iterator[str]:
    """Whether the requests are where they are meant to be."""
    section = source_section(name)
    if list_partitions(config.paths().root, Extract.stage, name):
        if found := requests_in_logs(name):
            sentence, needs_a_look = found
            yield Note(sentence) if needs_a_look else sentence
    elif "database" in get_source(name).cleaned.names and not (
        is_billed(section.logs) or read_by_another(name, section.logs)
    ):
        yield from _first_entries(name, section.logs)


def _first_entries(name: str, logs: str) -> Iterator[str]:
    """What is in the logs, before a day of them is extracted."""
    with _saying_how_to_read(name):
        days = first_look.sample_of(first_look.open_logs(name, logs).days())
    content = first_look.look_into(name, logs, days)
    if content is None:
        yield Note(f"{logs} holds no entry of the newest days")
        return
    for setting, value in content.settings.items():
        yield Bad(f"the requests need {setting} = {value}")
    text = f"{content.span}: pages of {', '.join(content.databases) or 'no database'}"
    if content.other_logs:
        text += f"; requests in {', '.join(content.other_logs)} do not count"
    yield text


def _snapshots(name: str) -> Iterator[str]:
    """Whether a platform may be asked, and was lately."""
    if is_asked(name, utc_now().date()):
        from usage_metrics.platforms.client import Client

        Client.of(get_platform(name), platform_section(name))
    alarms = [*snapshot_days.alarms(name)]
    yield from (Bad(alarm.text) for alarm in alarms)
    if not alarms:
        yield snapshot_days.describe(name)
    if copy := snapshot_days.second_copy(name):
        yield Note(
            f"{copy} of replies that nobody can ask for again"
            + ("" if config.snapshots().copy else ": name a place in [snapshots] copy")
        )


def _provider() -> Iterator[str]:
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
    if age > MAX_AGE_DAYS:
        text = Note(
            f"{text}, {age} days old: name a newer file in [geocode] database, or "
            "update this package"
        )
    yield text


def _root() -> Iterator[str]:
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
    yield f"{root} can be written to"


def _permissions() -> Iterator[str]:
    who = config.privacy().readable_by
    if paths := too_open():
        rights = {"owner": "go=", "group": "g-w,o=", "all": "go-w"}[who]
        names = " ".join(map(str, paths))
        yield Note(
            f"{who}, but more people may open files that earlier versions or other "
            f"programs made: chmod -R {rights} {names}"
        )
        return
    text = {"owner": "their owner", "group": "their group", "all": "all"}[who]
    text = f"files with full addresses, logs and locks are readable by {text}"
    if who == "owner" and permissions.is_private("database"):
        text += "; so is the database: a Datasette of another user needs group or all"
    yield text


def _disk() -> Iterator[str]:
    folder = run_log.local_folder().absolute()
    existing = next(f for f in (folder, *folder.parents) if f.exists())
    free = shutil.disk_usage(existing).free
    text = f"{size(free)} are free at {existing}"
    if free < MIN_FREE_BYTES:
        raise StorageError(
            f"{text}; make room: a rebuilt day is written before the old one is removed"
        )
    yield text


def _database() -> Iterator[str]:
    warehouse = open_warehouse()
    days = sum(len(warehouse.loaded(shows_loaded(name)[0], name)) for name in SOURCES)
    yield f"{warehouse.path} holds {days:,} days"


def _luigid() -> Iterator[str]:
    import requests

    url = running.scheduler_url()
    shown = f"{urlsplit(url).hostname}:{urlsplit(url).port or 80}"  # without a password
    try:
        reply = requests.get(
            f"{url}/api/resource_list?data=%7B%7D",
            timeout=SCHEDULER_SECONDS,
        )
        reply.raise_for_status()
    except requests.RequestException as error:
        raise ServiceError(
            f"{shown} does not answer ({type(error).__name__}): start luigid there, or "
            "remove scheduler_… from [core]"
        ) from None
    yield f"{shown} answers"


def _notify() -> Iterator[str]:
    recipients = []
    if url := config.webhook():
        recipients.append(f"the webhook at {urlsplit(url).hostname}")
    if mail := luigi.configuration.get_config().get("email", "receiver", ""):
        recipients.append(f"{mail} by e-mail")
    if recipients:
        yield f"{' and '.join(recipients)} will be notified when a run fails"
    else:
        yield Note(
            "no failure notification is configured: set USAGE_METRICS_WEBHOOK, or "
            "receiver in [email]"
        )


def _digest() -> Iterator[str]:
    ways = " and ".join(checked_recipients())
    yield f"a run sends the digest of each month: {ways}"
