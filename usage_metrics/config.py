"""Every setting that is no source's: a ``luigi.Config`` per section of ``luigi.cfg``.

Those of the sources are in :mod:`usage_metrics.sources.settings`. Nothing else in the
package reads settings or the environment. Luigi finds ``luigi.cfg`` in the current
folder, in ``/etc/luigi`` or at ``LUIGI_CONFIG_PATH``. It holds no secrets: the ipinfo
token comes from the environment, Google credentials from the usual places or from a key
file that a setting names.
"""

import datetime as dt
import os

import luigi
from luigi.task_register import Register

from usage_metrics.dates import ONE_DAY, utc_now
from usage_metrics.errors import ConfigError
from usage_metrics.parameters import (
    Configured,
    Place,
    choice,
    did_you_mean,
    number,
    share,
    text,
)

SHORTEST_TIMEOUT = 0.001
"""Seconds; a timeout of zero would give up at once."""


class Section(Configured, luigi.Config):
    """A section of ``luigi.cfg`` that rejects unknown keys."""

    def complete(self) -> bool:
        """Refuse to be run: Luigi takes a section for a task.

        Raises:
            ConfigError: always.
        """
        name = self.task_family
        tasks = {family for family in Register.task_names() if not family.islower()}
        raise ConfigError(
            f"{name} is a section of luigi.cfg, not a task{did_you_mean(name, tasks)}"
        )


class paths(Section):
    """Where everything is kept."""

    root = Place(
        default="data",
        description="folder, or s3:// or gs:// URI, of the Parquet files of each stage",
    )


class bigquery(Section):
    """How log tables in BigQuery are read."""

    service_account_key = text(
        "path of a key file; empty: application default credentials"
    )
    maximum_bytes_billed = number(
        10_000_000_000,
        10**18,
        "bytes that BigQuery may bill for reading one day;",
        least=1,
    )
    storage_api = choice(
        ["auto", "on", "off"],
        "stream through the Storage Read API: auto, on or off (REST)",
    )
    timeout = number(
        600.0,
        1e6,
        "seconds before giving up a request with its retries, a query, or the "
        "download of a day;",
        least=SHORTEST_TIMEOUT,
    )
    endpoint = text("URL of an emulator to use instead of Google's service")


class geocode(Section):
    """How addresses are located."""

    provider = choice(
        ["mmdb", "ipinfo"],
        "mmdb: a database file, offline; ipinfo: the service at ipinfo.io",
    )
    database = text(
        "path of an MMDB file, or two paths separated by a comma; "
        "empty: the one in the package"
    )


class ipinfo(Section):
    """How the service at ipinfo.io is asked, when ``[geocode] provider`` is ipinfo."""

    plan = choice(
        ["lite", "full"],
        "full: city and more, 1,000 addresses a request; lite: country, AS",
    )
    cache = text(
        "path of the cache file, without its extension", default="data/cache/ipinfo"
    )
    cache_days = number(
        90, 36_500, "days after which an address is looked up again;", least=1
    )
    timeout = number(
        30.0, 3_600.0, "seconds to wait for an answer;", least=SHORTEST_TIMEOUT
    )
    attempts = number(5, 1_000, "attempts before giving up a request;", least=1)
    when_refused = choice(
        ["fail", "leave_null"],
        "when the service stops answering: fail the task, or leave_null",
    )
    endpoint = text("URL to ask instead of ipinfo's")


class privacy(Section):
    """What is kept of visitors' addresses."""

    addresses = choice(
        ["truncate", "keep", "pseudonymize", "drop"],
        "what geocoded files and the database keep of an address: keep "
        "all, truncate to its network, pseudonymize for the day, or drop",
    )
    raw_days = number(
        0,
        100_000,
        "days to keep raw, rejected and cleaned files, which hold full addresses; "
        "0: forever;",
    )
    geocoded_days = number(
        0,
        100_000,
        "days to keep geocoded files and the requests in the database; counts are "
        "kept; 0: forever;",
    )
    readable_by = choice(
        ["owner", "group", "all"],
        "who may read the files that hold full addresses, logs and locks: only the "
        "owner, also the group, or all, as far as the umask allows",
    )


class counting(Section):
    """What counts as use."""

    datasets = text(
        "path of the registry of datasets, a TOML file; empty: each database is one"
    )
    visitor_prefix = number(
        128,
        128,
        "the bits of an IPv6 address that tell visitors apart; 64: one household or "
        "office is one visitor, as it mostly is with IPv4;",
        least=1,
    )


class database(Section):
    """The SQLite database that ``LoadSQLite`` fills."""

    path = Place(
        default="data/usage_metrics.db", description="path of the database file"
    )
    busy_seconds = number(
        30.0, 1e6, "seconds to wait while another program holds the database;"
    )


class quality(Section):
    """The limits within which ``usage-metrics check`` finds nothing to report."""

    maximum_rejected_share = share(
        0.02, "the rejected share of a day's lines tolerated without a warning;"
    )
    maximum_unknown_share = share(
        0.25, "the share of a day's requests that may be from unknown agents;"
    )
    maximum_unlocated_share = share(
        0.25,
        "the share of a day's requests from public addresses that may have no "
        "known country;",
    )
    minimum_share_of_usual = share(
        0.2,
        "the requests that a day should have, as a share of the median of the four "
        "weeks before;",
    )
    maximum_missing_days = number(
        0, 10**6, "how many days of the database's range may be missing;"
    )


class snapshots(Section):
    """The replies of platforms, which nobody can ask for again."""

    copy = text(
        "folder, or s3:// or gs:// URI, of a second copy of them; empty: no copy"
    )


class run_log(Section):
    """The log with a line for each task and run."""

    path = text(
        "path of the file; empty: runs.jsonl under [paths] root, or under "
        "data if the root is in an object store"
    )
    maximum_bytes = number(
        5_000_000,
        10**12,
        "size at which the file is rotated; the one before is kept; 0: no log;",
    )


class notify(Section):
    """Who is told when ``usage-metrics run`` fails."""

    webhook = text(
        "URL that takes a JSON POST with a text, as chat services do; it "
        "is a secret, better kept in the environment variable USAGE_METRICS_WEBHOOK"
    )
    timeout = number(10.0, 600.0, "seconds to wait for the webhook;", least=0.1)


class digest(Section):
    """The month in a text and a picture, and who gets it."""

    send = choice(
        ["no", "yes"],
        "whether usage-metrics run sends it, once the last day of a month is counted",
    )
    webhook = text(
        "URL of the chat that gets it, a secret, better kept in the environment "
        "variable USAGE_METRICS_DIGEST_WEBHOOK; empty: that of [notify]"
    )
    receiver = text(
        "e-mail addresses that get it, with commas; empty: [email] receiver"
    )
    pictures = text(
        "URL where others can fetch what is in the folder report/digest of the data, "
        "for chats to show the picture; empty: chats get the text alone"
    )
    few = choice(
        ["hide", "show"],
        "numbers from one to nine: hide them, as report --public does, or show",
    )


SECTIONS: tuple[type[Section], ...] = (
    paths,
    bigquery,
    geocode,
    ipinfo,
    privacy,
    counting,
    database,
    quality,
    snapshots,
    run_log,
    notify,
    digest,
)
"""Every section that is no source's."""


def ipinfo_token() -> str:
    """The ipinfo token, from the environment variable ``IPINFO_TOKEN``.

    Raises:
        ConfigError: if it is not set, or cannot be a token.
    """
    token = secret("IPINFO_TOKEN", "https://ipinfo.io/dashboard/token")
    if not token:
        raise ConfigError(
            "[geocode] provider = ipinfo needs a token: set the environment variable "
            "IPINFO_TOKEN to the one shown at https://ipinfo.io/dashboard/token, or "
            "set provider = mmdb"
        )
    return token


def secret(variable: str, where: str) -> str:
    """The token in an environment variable; empty if it is not set.

    Args:
        variable: its name.
        where: where the token can be had.

    Raises:
        ConfigError: if it cannot be a token.
    """
    token = os.environ.get(variable, "").strip()
    if not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigError(
            f"{variable} holds characters that no token has: copy it again from {where}"
        )
    return token


def webhook(of: str = "notify") -> str:
    """The URL of a chat; empty if no chat is named.

    Args:
        of: ``notify`` for the one that is told of failures, ``digest`` for the one that
            gets digests: the same, unless it has its own.

    Raises:
        ConfigError: if it is no URL; without showing it, because it is a secret.
    """
    variable = f"USAGE_METRICS_{'DIGEST_' if of == 'digest' else ''}WEBHOOK"
    setting = digest().webhook if of == "digest" else notify().webhook
    url = os.environ.get(variable, "").strip() or setting
    if url and not url.startswith(("https://", "http://")):
        raise ConfigError(
            f"{variable}, or [{of}] webhook, is not a URL: it should begin with "
            "https://"
        )
    return webhook() if of == "digest" and not url else url


def retention_start(stage: str, newest: dt.date | None = None) -> dt.date:
    """The first day whose file of a stage ``[privacy]`` lets us keep.

    Args:
        stage: the stage.
        newest: the day to count from; by default, today.
    """
    settings = privacy()
    kept = settings.geocoded_days if stage == "geocoded" else settings.raw_days
    if stage not in ("raw", "rejected", "cleaned", "geocoded") or not kept:
        return dt.date.min
    return (newest or utc_now().date()) - kept * ONE_DAY
