"""What a source is, and the registry of all sources.

A source is one module that declares where its log entries come from, their raw and
cleaned columns, and how to clean them; and one entry of ``SOURCES``, which says what is
asked of it without importing the module. It runs nothing: the stages in
:mod:`usage_metrics.tasks.stages` are written once, for all sources.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from usage_metrics.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa

    from usage_metrics.logs.beginnings import Beginning
    from usage_metrics.logs.reader import LogReader


@dataclass(frozen=True)
class RequestTable:
    """The table of a source's requests in the database."""

    name: str
    time: str = "timestamp"
    """The cleaned column by which to find a day's rows."""
    load_filter: str | None = None
    """The cleaned boolean column that selects the rows to load; None loads all."""
    primary_key: tuple[str, ...] = ()
    indexes: tuple[tuple[str, ...], ...] = ()
    """The columns of each index, for common queries."""
    description: str = ""
    """What a row is, for people."""
    facets: tuple[str, ...] = ()
    """The columns by which to browse it."""


@dataclass(frozen=True)
class Registered:
    """What is asked of a source without its module, which takes long to import."""

    module: str
    """Its ``SOURCE`` is the declaration."""
    title: str
    """What wrote the logs, in words: a text goes on "the logs of" with it."""
    table: RequestTable | None = None
    """The table of its requests. None where they are too many for the database: then
    they are in the files alone, and the figures in the database, too."""


def _data_requests(table: str) -> RequestTable:
    """A table that holds the requests for data, of whatever log."""
    return RequestTable(
        table,
        load_filter="is_data_request",
        primary_key=("timestamp", "insert_id"),  # in this order it also finds a day
        indexes=(("database", "table"), ("remote_ip_country",), ("remote_ip_org",)),
        description="Requests for data by anyone, one row each; the usage tables say "
        "which of them count as use",
        facets=("agent_class", "database", "format"),
    )


SOURCES: dict[str, Registered] = {
    "datasette": Registered(
        "usage_metrics.sources.datasette",
        "a Datasette",
        _data_requests("datasette_request_logs"),
    ),
    "s3": Registered("usage_metrics.sources.s3", "Amazon S3"),
    "cloudfront": Registered(
        "usage_metrics.sources.cloudfront",
        "Amazon CloudFront",
        _data_requests("cloudfront_request_logs"),
    ),
    "gcs": Registered(
        "usage_metrics.sources.gcs",
        "Google Cloud Storage",
        _data_requests("gcs_request_logs"),
    ),
    "load_balancer": Registered(
        "usage_metrics.sources.load_balancer",
        "a load balancer",
        _data_requests("load_balancer_request_logs"),
    ),
    "web": Registered(
        "usage_metrics.sources.web",
        "a web server",
        _data_requests("web_request_logs"),
    ),
}
"""Every source by the name in task parameters and paths, and of its section."""


@dataclass(frozen=True)
class Cleaned:
    """The outcome of cleaning raw log entries: each is counted exactly once."""

    requests: "pa.Table"
    """The requests, in the source's ``cleaned`` schema. Strings may be dictionaries."""
    rejected: "pa.Table"
    """Entries that could not be understood, in the schema ``rejects.REJECTED``."""
    not_requests: int
    """How many entries were understood but are not requests."""
    other_logs: Mapping[str, int] = field(default_factory=dict)
    """How many requests are in logs, or of services, that are not meant; by log."""


@dataclass(frozen=True)
class Source:
    """One kind of log, declared."""

    name: str
    """Its name in task parameters and paths, and of its section in luigi.cfg."""
    open_logs: Callable[[Any], "LogReader"]
    """Opens the logs that the source's section of luigi.cfg names."""
    raw: "pa.Schema"
    """The columns of a log entry as the service delivers it."""
    raw_dictionaries: tuple[str, ...]
    """Paths of the raw text columns with repeated values."""
    time: str
    """The raw column with the time, which decides the day of an entry."""
    key: tuple[str, ...]
    """The raw columns that, with the time, identify an entry; the last is its id, best
    a number where times are in whole seconds."""
    order_column: str
    """The raw column by which the latest of several duplicate entries is kept."""
    clean: Callable[["pa.Table", Any], Cleaned]
    """Pure: takes raw entries and the source's section, gives requests."""
    cleaned: "pa.Schema"
    """The columns of a request."""
    address: str | None
    """The cleaned column with addresses to locate, if any."""
    equals_are_real: bool = False
    """Whether equal entries are different requests, as in the logs of web servers. Then
    ``clean`` finds the number of each among its equals, from 0, in ``repeat``."""
    version: int = 1
    """Raise it when ``clean`` gives different rows, so that old files are stale."""
    recipe_settings: tuple[str, ...] = ()
    """The settings that change what ``clean`` gives, so that old files are stale."""
    recognises: Callable[["Beginning"], Mapping[str, str] | None] = lambda _: None
    """Says whether a file is of this kind of log, and which of the source's settings
    are needed to read it; None if it is not."""
    places: str = "databases"
    """What a registry names as the place of a dataset: ``databases`` (and tables),
    ``buckets`` (and keys), as the columns of these have them, or ``hosts`` (and
    paths), as the URL has them."""
    remarks: Mapping[str, str] = field(default_factory=dict)
    """What a check says of requests of unknown agents, by their ``agent_rule``."""
    nothing_meant: Callable[[Mapping[str, int], Any], str | None] = lambda *_: None
    """Says what to do about a day whose requests are all in other logs; None if that
    may be."""


def get_source(name: str) -> Source:
    """Find a source by name.

    Raises:
        ConfigError: if there is none of that name.
    """
    source: Source = importlib.import_module(registered(name).module).SOURCE
    return source


def registered(name: str) -> Registered:
    """What is known of a source without its module.

    Raises:
        ConfigError: if there is none of that name.
    """
    if name not in SOURCES:
        raise ConfigError(
            f"there is no source {name!r}; the sources are {', '.join(sorted(SOURCES))}"
        )
    return SOURCES[name]


def recognised(
    beginning: "Beginning", wanted: str | None = None
) -> tuple[str, dict[str, str]] | None:
    """The source that reads a file, and the settings that it needs; None if none does.

    It is the one that is wanted or else the first of ``SOURCES``, where those of one
    service stand before those that read many.
    """
    for name in dict.fromkeys([*filter(None, [wanted]), *SOURCES]):
        settings = get_source(name).recognises(beginning)
        if settings is not None:
            return name, dict(settings)
    return None
