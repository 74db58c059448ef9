"""The settings of each source, in a section of its name in ``luigi.cfg``.

They stand here rather than in the modules of the sources, which import Arrow: Luigi has
each setting on its command line, and ``--help`` should not wait for that. Those of no
source are in :mod:`usage_metrics.config`.
"""

import functools

import luigi

from usage_metrics import config
from usage_metrics.config import Section
from usage_metrics.errors import ConfigError
from usage_metrics.parameters import (
    BoundDay,
    Days,
    OptionalDay,
    PathOfUrl,
    Verbatim,
    choice,
    number,
    share,
    text,
)
from usage_metrics.platforms.settings import PLATFORM_SECTIONS
from usage_metrics.sources import SOURCES, registered


def settling(default: float) -> luigi.NumericalParameter[float]:
    """The setting ``settle_hours``, for a source whose logs need longer to arrive."""
    return number(
        default, 10_000.0, "hours after midnight UTC before a day counts as over;"
    )


def late(default: int) -> luigi.NumericalParameter[int]:
    """The setting ``late_days``, for a source whose files hold entries of days ago."""
    return number(
        default, 10_000, "days after its own in which exports may still bring entries;"
    )


MISSING, EMPTY = "missing", "empty"


def quiet() -> luigi.ChoiceParameter[str]:
    """The setting ``quiet_days``, of services that write no file if nothing happens."""
    return choice(
        [MISSING, EMPTY],
        "what a day without files is, with files of days before and after: missing, or "
        "empty, as the service writes none if nobody asks for anything",
    )


_START = "the first UTC day, YYYY-MM-DD"
_STOP = "the day after the last; empty: every day that is over"


class SourceSection(Section):
    """The settings that every source has, in a section of the source's name."""

    logs = text("where the log entries are: a folder, s3://, gs:// or bigquery://")
    start = OptionalDay(_START)
    stop = OptionalDay(_STOP)
    lost_days = Days(
        description="days of which there will never be logs, such as 2026-03-08, "
        "2026-04-01..2026-04-03: they stay missing, and nothing waits for them"
    )
    settle_hours = settling(3.0)
    late_days = late(1)
    quiet_days: str | luigi.ChoiceParameter[str] = MISSING
    refresh_days = number(
        0, 10_000, "re-read the logs of the last N days, once a day, for changes;"
    )
    maximum_rejected_share = share(
        0.05, "the rejected share of a day's lines above which the day fails;"
    )

    internal_agents = text(
        "words in the user agents of our own monitors and checkers",
        default="GoogleHC, Google-Cloud-Scheduler, Google-Cloud-Tasks, S3Console",
    )
    internal_networks = text("our own addresses and networks, such as 192.0.2.0/24")
    data_clients = text(
        "beginnings of user agents of further data clients; they win over every list"
    )


class datasette(SourceSection):
    """The request logs of a Datasette site."""

    start = BoundDay("start", _START)
    stop = BoundDay("stop", _STOP)
    request_logs = text(
        "the logs that hold the requests; entries of others witness them again; "
        "empty: all",
        default="run.googleapis.com/requests",
    )
    services = text("the Cloud Run services of the site; empty: all")
    hosts = text("the hosts of the site, such as data.example.org; empty: all")

    data_request_patterns = text(
        "the path of a data request contains one of these texts; empty: every page of "
        "a database is one, unless it was answered 404"
    )
    base_url = PathOfUrl(
        default="",
        description="the path under which the site lies, such as /data/, if Datasette "
        "has its setting base_url",
    )


class s3(SourceSection):
    """The server access logs of buckets of Amazon S3."""

    settle_hours = settling(24.0)
    quiet_days = quiet()
    late_days = late(2)
    internal_requesters = text(
        "words in the requesters that are our own, such as a role, or the checker of "
        "the Registry of Open Data",
        default="roda-checker",
    )

    @property
    def cloudfront_is_read(self) -> bool:
        """Whether the log of Amazon CloudFront is a source, too."""
        return "cloudfront" in logs_named()


class SiteSection(SourceSection):
    """The settings of a source that logs what stands before a site."""

    site = choice(
        ["files", "datasette", "ckan", "dataverse", "erddap", "thredds"],
        "what the server is before, which says what paths mean: files, datasette, "
        "ckan, dataverse, erddap or thredds",
    )
    hosts = text(
        "the hosts of the site, such as data.example.org; requests to others are not "
        "meant; empty: all"
    )
    base_url = PathOfUrl(
        default="", description="the path under which the site lies, such as /data/"
    )


class web(SiteSection):
    """The access logs of a web server."""

    late_days = late(0)
    format = Verbatim(
        default="combined",
        description="how its lines are written: combined, common, vhost_combined, "
        "nginx_ingress, caddy, traefik, iis, json, or the format as it stands in the "
        "configuration of nginx or Apache",
    )
    fields = Verbatim(
        default="",
        description="with format = json, which field holds what, such as "
        "timestamp: time, remote_ip: client.address, request_url: url",
    )
    trusted_proxies = number(
        0, 100, "proxies of our own through which each request comes;"
    )


class cloudfront(SiteSection):
    """The standard logs of a distribution of Amazon CloudFront."""

    settle_hours = settling(24.0)
    quiet_days = quiet()


class load_balancer(SiteSection):
    """The logs of a load balancer, or of a CDN before the site."""

    quiet_days = quiet()
    format = choice(
        ["aws", "google", "cloudflare"],
        "whose logs they are: aws (application and classic load balancers), google "
        "(Cloud Logging's entries of load balancers) or cloudflare (Logpush)",
    )

    @property
    def trusted_proxies(self) -> int:
        """None: the address is that which the load balancer saw."""
        return 0


class gcs(SourceSection):
    """The usage logs of a bucket of Google Cloud Storage."""

    settle_hours = settling(6.0)
    quiet_days = quiet()


SOURCE_SECTIONS: tuple[type[SourceSection], ...] = (
    datasette,
    s3,
    cloudfront,
    gcs,
    load_balancer,
    web,
)
"""The section of each source that has settings of its own."""

SECTIONS: tuple[type[Section], ...] = (
    *SOURCE_SECTIONS,
    *PLATFORM_SECTIONS,
    *config.SECTIONS,
)
"""Every section of ours, in the order of the documentation."""


def source_section(name: str) -> SourceSection:
    """The settings of a source; without a class of its own, the common ones.

    Raises:
        ConfigError: if there is no source of that name, or a setting is wrong.
    """
    registered(name)
    return _section_class(name)()


def logs_named() -> dict[str, str]:
    """The sources that are on, with the logs that their sections name.

    A source is on when its section names logs. One whose section is wrong is on, too:
    whoever uses it says what is wrong.
    """
    settings = luigi.configuration.get_config()
    found = {}
    for name in SOURCES:
        try:
            logs = source_section(name).logs
        except ConfigError:
            logs = settings.get(name, "logs", "", raw=True) or "unknown"
        if logs:
            found[name] = logs
    return found


def sources_on() -> list[str]:
    """The sources that are on.

    Raises:
        ConfigError: if none is.
    """
    found = [*logs_named()]
    if not found:
        raise ConfigError(
            "no source is on: set logs in a source's section of luigi.cfg, such as "
            "[datasette] logs = data/sample_logs, or let usage-metrics init write that "
            f"file; the sources are {', '.join(f'[{s}]' for s in sorted(SOURCES))}"
        )
    return found


@functools.cache
def _section_class(name: str) -> type[SourceSection]:
    for section in SOURCE_SECTIONS:
        if section.__name__ == name:
            return section
    return type(name, (SourceSection,), {"__module__": __name__})
