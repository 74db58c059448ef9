"""What a source is, and which there are.

A source is one module that declares where its log entries come from, the columns they
have when raw and when cleaned, and how one becomes the other. It orchestrates nothing:
the stages in :mod:`usage_metrics.tasks.stages` are written once, for all sources.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from usage_metrics.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa

    from usage_metrics.logs.reader import LogReader

SOURCES: dict[str, str] = {"datasette": "usage_metrics.sources.datasette"}
"""The module of each source; its ``SOURCE`` is the declaration."""


@dataclass(frozen=True)
class Cleaned:
    """What became of a table of raw log entries: every row is in exactly one place."""

    requests: "pa.Table"
    """The requests, in the source's ``cleaned`` schema. Strings may be dictionaries."""
    rejected: "pa.Table"
    """What could not be understood, in the schema ``cleaning.REJECTED``."""
    not_requests: int
    """How many entries were understood and are no requests."""


@dataclass(frozen=True)
class Source:
    """One kind of log, declared."""

    name: str
    """The name in task parameters, in paths, and of the section in luigi.cfg."""
    open_logs: Callable[[Any], "LogReader"]
    """Opens the logs that the settings in the source's section name."""
    raw: "pa.Schema"
    """The columns of a log entry as the service gave it."""
    raw_dictionaries: tuple[str, ...]
    """Paths of the raw text columns whose values repeat."""
    time: str
    """The raw column that says when; it decides which day an entry belongs to."""
    key: tuple[str, ...]
    """The raw columns that, with the time, tell one entry from another; last its id."""
    order_column: str
    """The raw column by which the last of several equal entries is kept."""
    clean: Callable[["pa.Table", Any], Cleaned]
    """Pure: raw entries and the settings of the source's section in, requests out."""
    cleaned: "pa.Schema"
    """The columns of a request."""
    address: str | None
    """The cleaned column to be located, if there is one."""
    table: str
    """The name of the table in the database."""
    partition_column: str
    """The cleaned column by which the rows of a day are found there."""
    load_filter: str | None
    """The cleaned boolean column of the rows that go there; None for all."""
    primary_key: tuple[str, ...]
    """Of that table."""
    version: int = 1
    """Of ``clean``: raise it when it gives other rows, so that files show as stale."""
    recipe_settings: tuple[str, ...] = ()
    """The settings that change what ``clean`` gives."""
    indexes: tuple[tuple[str, ...], ...] = ()
    """The columns of each index, for the questions that people ask of that table."""
    description: str = ""
    """What a row of that table is, for people."""
    facets: tuple[str, ...] = ()
    """The columns by which people look at it."""


def get_source(name: str) -> Source:
    """Find a source by name.

    Raises:
        ConfigError: if there is none of that name.
    """
    check_name(name)
    source: Source = importlib.import_module(SOURCES[name]).SOURCE
    return source


def check_name(name: str) -> None:
    """Refuse the name of no source.

    Raises:
        ConfigError: naming those there are.
    """
    if name not in SOURCES:
        raise ConfigError(
            f"there is no source {name!r}; there is {', '.join(sorted(SOURCES))}"
        )
