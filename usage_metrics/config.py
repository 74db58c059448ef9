"""Every setting: one ``luigi.Config`` class per section of ``luigi.cfg``.

Nothing else in the package reads settings or the environment. Luigi finds
``luigi.cfg`` in the current folder, in ``/etc/luigi`` or at ``LUIGI_CONFIG_PATH``.
Secrets never stand there: the ipinfo token comes from the environment, Google
credentials from the usual places or from a key file that a setting names.
"""

import functools
import operator
import os

import luigi
import luigi.retcodes  # which declares the section of that name
from luigi.task_register import Register

from usage_metrics.errors import ConfigError
from usage_metrics.parameters import (
    Configured,
    OptionalDay,
    Place,
    check_section,
    did_you_mean,
    read,
)

LUIGI_DEFAULTS: dict[str, dict[str, str]] = {
    "core": {"log_level": "INFO", "autoload_range": "true"},
    "worker": {"check_complete_on_run": "true"},
    "retcode": {
        "already_running": "10",
        "missing_data": "20",
        "not_run": "25",
        "task_failed": "30",
        "scheduling_error": "35",
        "unhandled_exception": "40",
    },
    "RangeDaily": {
        "param_name": "date",
        "task_limit": "100000",
        "days_back": "36525",
        "days_forward": "-1",
    },
}
"""Luigi's own settings as this package needs them, from any folder.

Luigi's defaults exit 0 on failure, do 50 days of a range and include today.
"""


LUIGI_SECTIONS = (*LUIGI_DEFAULTS, "scheduler", "execution_summary")
"""Sections that Luigi itself reads, some before it can say what is wrong with them."""


UNDECLARED = frozenset({"rpc_retry_attempts", "rpc_retry_wait", "autoload_range"})
"""Settings that Luigi reads and does not declare."""


def set_luigi_defaults() -> None:
    """Give Luigi our defaults for what the user's ``luigi.cfg`` leaves open.

    Raises:
        ConfigError: if what it does not leave open cannot be read.
    """
    settings = luigi.configuration.get_config()
    for section, options in LUIGI_DEFAULTS.items():
        for option, value in options.items():
            if not settings.has_option(section, option):
                settings.set(section, option, value)
    # Luigi reads these two itself, and warns that nobody does.
    luigi.interface.core.ignore_unconsumed |= {"rpc_retry_attempts", "rpc_retry_wait"}
    for section in filter(settings.has_section, LUIGI_SECTIONS):
        for option in settings.options(section):
            read(section, option)
            _check_luigi_key(section, option)


def _check_luigi_key(section: str, option: str) -> None:
    """Refuse what is nearly a setting of Luigi's: it has some that it does not declare.

    Raises:
        ConfigError: naming the one that was meant.
    """
    known = {name for name, _ in Register.get_task_cls(section).get_params()}
    name = option.replace("-", "_")  # as Luigi once wrote them
    close = did_you_mean(name, known - {name}, likeness=0.85)
    if close and name not in known | UNDECLARED:
        raise ConfigError(f"luigi.cfg: [{section}] has no setting {option!r}{close}")


def share(default: float, description: str) -> luigi.NumericalParameter[float]:
    """A setting from 0 to 1, both allowed."""
    return luigi.NumericalParameter(
        default=default,
        var_type=float,
        min_value=0.0,
        max_value=1.0,
        right_op=operator.le,
        description=description,
    )


class Section(Configured, luigi.Config):
    """A section of ``luigi.cfg`` that knows its own keys."""


class paths(Section):
    """Where everything is kept."""

    root = Place(
        default="data",
        description="folder, or s3:// or gs:// URI, of the Parquet files of each stage",
    )


class SourceSection(Section):
    """The settings that every source has, in a section of the source's name."""

    logs: luigi.Parameter[str] = luigi.Parameter(
        default="",
        description="where the log entries are: a folder, s3://, gs:// or bigquery://",
    )
    start = OptionalDay(description="the first UTC day, YYYY-MM-DD")
    stop = OptionalDay(
        description="the day after the last; empty: every day that is over"
    )
    settle_hours: luigi.NumericalParameter[float] = luigi.NumericalParameter(
        default=3.0,
        var_type=float,
        min_value=0.0,
        max_value=10_000.0,
        description="hours after midnight UTC before a day counts as over;",
    )
    late_days: luigi.NumericalParameter[int] = luigi.NumericalParameter(
        default=1,
        var_type=int,
        min_value=0,
        max_value=10_000,
        description="for how many days after its own exports may bring entries;",
    )
    refresh_days: luigi.NumericalParameter[int] = luigi.NumericalParameter(
        default=0,
        var_type=int,
        min_value=0,
        max_value=10_000,
        description="of so many of the last days the logs are read again, each once a "
        "day, and what changed is made again;",
    )
    maximum_rejected_share = share(
        0.05, "the share of a day's lines that may be rejected;"
    )

    internal_agents: luigi.Parameter[str] = luigi.Parameter(
        default="GoogleHC, Google-Cloud-Scheduler, Google-Cloud-Tasks, S3Console",
        description="words in the user agents of our own monitors and checkers",
    )
    internal_networks: luigi.Parameter[str] = luigi.Parameter(
        default="", description="our own addresses and networks, such as 192.0.2.0/24"
    )
    data_clients: luigi.Parameter[str] = luigi.Parameter(
        default="", description="how user agents of further data clients start"
    )


class datasette(SourceSection):
    """The request logs of a Datasette site."""

    data_request_patterns: luigi.Parameter[str] = luigi.Parameter(
        default="/pudl, /ferc1, pudl.db, ferc1.db, .json, .csv",
        description="what the path of a data request contains, literally",
    )


class bigquery(Section):
    """How log tables in BigQuery are read."""

    service_account_key: luigi.Parameter[str] = luigi.Parameter(
        default="",
        description="path of a key file; empty: application default credentials",
    )
    maximum_bytes_billed: luigi.IntParameter = luigi.IntParameter(
        default=10_000_000_000,
        description="bytes that reading one day may be billed for",
    )
    storage_api: luigi.ChoiceParameter[str] = luigi.ChoiceParameter(
        choices=["auto", "on", "off"],
        default="auto",
        description="stream through the Storage Read API: auto, on or off (REST)",
    )
    timeout: luigi.FloatParameter = luigi.FloatParameter(
        default=600.0,
        description="seconds until a request, with retries, a query or the download "
        "of a day is given up",
    )
    endpoint: luigi.Parameter[str] = luigi.Parameter(
        default="", description="URL of an emulator to use instead of Google's service"
    )


class geocode(Section):
    """Who says where an address is."""

    provider: luigi.ChoiceParameter[str] = luigi.ChoiceParameter(
        choices=["mmdb", "ipinfo"],
        default="mmdb",
        description="mmdb: a database file, offline; ipinfo: the service at ipinfo.io",
    )
    database: luigi.Parameter[str] = luigi.Parameter(
        default="",
        description="path of an MMDB file, or of two with a comma between; "
        "empty: the one in the package",
    )


class ipinfo(Section):
    """How the service at ipinfo.io is asked, when ``[geocode] provider`` is ipinfo."""

    plan: luigi.ChoiceParameter[str] = luigi.ChoiceParameter(
        choices=["full", "lite"],
        default="lite",
        description="full: city and more, 1,000 addresses a request; lite: country, AS",
    )
    cache: luigi.Parameter[str] = luigi.Parameter(
        default="data/cache/ipinfo",
        description="path of the file of answers; the kind of file is appended",
    )
    cache_days: luigi.IntParameter = luigi.IntParameter(
        default=90, description="days after which an address is asked for again"
    )
    timeout: luigi.FloatParameter = luigi.FloatParameter(
        default=30.0, description="seconds to wait for an answer"
    )
    attempts: luigi.IntParameter = luigi.IntParameter(
        default=5, description="how often a request is tried before giving up"
    )
    when_refused: luigi.ChoiceParameter[str] = luigi.ChoiceParameter(
        choices=["fail", "leave_null"],
        default="fail",
        description="when the service stops answering: fail the task, or leave_null",
    )
    endpoint: luigi.Parameter[str] = luigi.Parameter(
        default="", description="URL to ask instead of ipinfo's"
    )


class privacy(Section):
    """What is kept of visitors' addresses."""

    addresses: luigi.ChoiceParameter[str] = luigi.ChoiceParameter(
        choices=["keep", "truncate", "pseudonymize", "drop"],
        default="truncate",
        description="what of an address stays in geocoded files and the database: keep "
        "all, truncate to its network, pseudonymize for the day, or drop",
    )
    raw_days: luigi.NumericalParameter[int] = luigi.NumericalParameter(
        default=0,
        var_type=int,
        min_value=0,
        max_value=100_000,
        description="days for which raw, rejected and cleaned files, with full "
        "addresses, are kept; 0: for ever;",
    )
    geocoded_days: luigi.NumericalParameter[int] = luigi.NumericalParameter(
        default=0,
        var_type=int,
        min_value=0,
        max_value=100_000,
        description="days for which geocoded files and the requests in the database "
        "are kept; counts stay; 0: for ever;",
    )


class counting(Section):
    """What counts as use."""

    datasets: luigi.Parameter[str] = luigi.Parameter(
        default="",
        description="path of the registry of datasets, a TOML file; "
        "empty: the one in the package",
    )


class database(Section):
    """The SQLite database that ``LoadSQLite`` fills."""

    path = Place(
        default="data/usage_metrics.db", description="path of the database file"
    )
    busy_seconds: luigi.NumericalParameter[float] = luigi.NumericalParameter(
        default=30.0,
        var_type=float,
        min_value=0.0,
        max_value=1e6,
        description="how long to wait while another program holds it;",
    )


class quality(Section):
    """What ``usage-metrics check`` takes for good data."""

    maximum_rejected_share = share(
        0.02, "the share of a day's lines that may be rejected unremarked;"
    )
    maximum_unknown_share = share(
        0.25, "the share of a day's requests that may be from unknown agents;"
    )
    maximum_unlocated_share = share(
        0.25,
        "the share of a day's requests from public addresses that may be "
        "of no known country;",
    )
    minimum_share_of_usual = share(
        0.2,
        "the share of the requests that were usual in the four weeks "
        "before, which a day should have;",
    )
    maximum_missing_days: luigi.NumericalParameter[int] = luigi.NumericalParameter(
        default=0,
        var_type=int,
        min_value=0,
        max_value=10**6,
        description="how many days of the database's range may be missing;",
    )


class run_log(Section):
    """The log with a line for each task and run."""

    path: luigi.Parameter[str] = luigi.Parameter(
        default="",
        description="path of the file; empty: runs.jsonl under [paths] root, or under "
        "data if that is in an object store",
    )
    maximum_bytes: luigi.NumericalParameter[int] = luigi.NumericalParameter(
        default=5_000_000,
        var_type=int,
        min_value=0,
        max_value=10**12,
        description="size at which the file makes way for a new one and is kept as "
        "the one before; 0: no log;",
    )


class notify(Section):
    """Whom ``usage-metrics run`` tells that it failed."""

    webhook: luigi.Parameter[str] = luigi.Parameter(
        default="",
        description="URL that takes a JSON POST with a text, as chats do; better in "
        "the environment variable USAGE_METRICS_WEBHOOK, because it is a secret",
    )
    timeout: luigi.NumericalParameter[float] = luigi.NumericalParameter(
        default=10.0,
        var_type=float,
        min_value=0.1,
        max_value=600.0,
        description="seconds to wait for it;",
    )


SECTIONS: tuple[type[Section], ...] = (
    paths,
    datasette,
    bigquery,
    geocode,
    ipinfo,
    privacy,
    counting,
    database,
    quality,
    run_log,
    notify,
)
"""Every section of ours, in the order in which the README lists them."""


def ipinfo_token() -> str:
    """The ipinfo token, from ``IPINFO_TOKEN``.

    Raises:
        ConfigError: if it is not set, or cannot be a token.
    """
    token = os.environ.get("IPINFO_TOKEN", "").strip()
    if not token:
        raise ConfigError(
            "[geocode] provider = ipinfo needs a token: set the environment variable "
            "IPINFO_TOKEN to the one shown at https://ipinfo.io/dashboard/token, or "
            "set provider = mmdb"
        )
    if not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigError(
            "IPINFO_TOKEN holds characters that no token has: copy it again from "
            "https://ipinfo.io/dashboard/token"
        )
    return token


def webhook() -> str:
    """The URL to tell failures to; empty if there is none.

    Raises:
        ConfigError: if it is no URL; without naming it, because it is a secret.
    """
    url = os.environ.get("USAGE_METRICS_WEBHOOK", "").strip() or notify().webhook
    if url and not url.startswith(("https://", "http://")):
        raise ConfigError(
            "USAGE_METRICS_WEBHOOK, or [notify] webhook, is no URL: it should begin "
            "with https://"
        )
    return url


def source_section(name: str) -> SourceSection:
    """The settings of a source; a source without own settings gets the common ones."""
    return _source_section_class(name)()


@functools.cache
def _source_section_class(name: str) -> type[SourceSection]:
    for section in SECTIONS:
        if section.__name__ == name and issubclass(section, SourceSection):
            return section
    return type(name, (SourceSection,), {"__module__": __name__})


def check_sections() -> None:
    """Refuse a ``luigi.cfg`` with a section of ours misspelt or a wrong key in one.

    Ours are the settings, and the parameters of our tasks.

    Raises:
        ConfigError: naming the section, the key and the remedy.
    """
    ours = [section.__name__ for section in SECTIONS]
    tasks = set(Register.task_names())
    known = tasks | LUIGI_DEFAULTS.keys()
    for name in luigi.configuration.get_config().sections():
        close = did_you_mean(name, [*ours, *LUIGI_DEFAULTS, "LoadSQLite"])
        if close and name not in known:
            raise ConfigError(f"luigi.cfg: there is no section [{name}]{close}")
        if name in tasks:
            task = Register.get_task_cls(name)
            if issubclass(task, Configured):
                check_section(name, dict(task.get_params()))
    for section in SECTIONS:
        section()
