"""What the commands share: options, checks of the settings, text for a terminal."""

import datetime as dt
import shutil
import textwrap
from collections.abc import Collection
from pathlib import Path
from typing import Any

import click
import luigi

from usage_metrics import config
from usage_metrics.errors import ConfigError
from usage_metrics.monitoring import run_log
from usage_metrics.parameters import Month
from usage_metrics.sources import SOURCES
from usage_metrics.sources.settings import logs_named, sources_on
from usage_metrics.tasks.availability import first_running_day
from usage_metrics.tasks.settings_check import check_sections

MAX_WIDTH = 100
"""Columns of text, however wide the terminal."""


class DayType(click.ParamType[dt.date]):
    """A UTC day, written YYYY-MM-DD."""

    name = "day"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> dt.date:
        """Parse the day."""
        if isinstance(value, dt.date):
            return value
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a date; write it as YYYY-MM-DD", param, ctx)


class MonthType(click.ParamType[dt.date]):
    """A UTC month, written YYYY-MM."""

    name = "month"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> dt.date:
        """Parse the month."""
        try:
            return value if isinstance(value, dt.date) else Month().parse(value)
        except ConfigError as error:
            self.fail(str(error), param, ctx)


DAY = DayType()

_SOURCE = click.Choice(sorted(SOURCES))

_DATE: dict[str, Any] = {"type": DAY, "metavar": "YYYY-MM-DD"}

one_source = click.option(
    "--source", type=_SOURCE, help="kind of log; not needed if only one source is on"
)
each_source = click.option(
    "--source", type=_SOURCE, help="kind of log; all sources that are on if not given"
)
any_source = click.option(
    "--source", type=_SOURCE, help="kind of log; all there are if not given"
)
start = click.option("--start", help="first UTC day", **_DATE)
required_start = click.option("--start", help="first UTC day", required=True, **_DATE)
stop = click.option("--stop", help="day after the last", **_DATE)
month = click.option(
    "--month", type=MonthType(), metavar="YYYY-MM", required=True, help="UTC month"
)
month_of_group = click.option(
    "--month", type=MonthType(), metavar="YYYY-MM", help="UTC month"
)
to_month = click.option(
    "--to",
    "last",
    type=MonthType(),
    metavar="YYYY-MM",
    help="last month of a report of several, of which --month is the first",
)
without_months = click.option(
    "--without-months", is_flag=True, help="with --to: the sum of all months only"
)
workers = click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="number of processes; more than one only helps with large days",
)
load_too = click.option(
    "--load/--no-load",
    "load_too",
    default=True,
    help="whether to update the database, counts and report afterwards",
)
verbose = click.option(
    "--verbose", "-v", is_flag=True, help="show Luigi's log instead of progress"
)
as_json = click.option("--json", "as_json", is_flag=True, help="write JSON")


def example(*lines: str) -> str:
    """The examples at the end of a command's --help."""
    return "\n".join(["\b", "Example:", *(f"  {line}" for line in lines)])


def end_of_range(start: dt.date, stop: dt.date | None, source: str) -> dt.date:
    """The day after the last; by default, the first that is not over.

    Raises:
        UsageError: if the range is empty.
    """
    stop = stop or first_running_day(source)
    if stop <= start:
        raise click.UsageError(
            f"stop = {stop} is not after start = {start}; stop is the day after the "
            "last"
        )
    return stop


def one_line(text: str) -> str:
    """Text cut to the width of the terminal."""
    width = _width()
    return text if len(text) <= width else f"{text[: width - 1]}…"


def wrapped(text: str, indent: str = "  ") -> str:
    """Text wrapped between words to the width of the terminal."""
    return textwrap.fill(
        text,
        _width(),
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _width() -> int:
    return min(shutil.get_terminal_size().columns, MAX_WIDTH)


def check_settings(sources: Collection[str] = SOURCES) -> None:
    """Check the sections of luigi.cfg, and that this is the pipeline's folder.

    Args:
        sources: those whose own sections are checked, too.

    Raises:
        ConfigError: if a setting is unknown, or there are neither settings nor data.
    """
    if not settings_files() and not run_log.local_folder().is_dir():
        raise ConfigError(
            f"there is no luigi.cfg in {Path.cwd()}, and no {config.paths().root}: go "
            "to the pipeline's folder, set the environment variable LUIGI_CONFIG_PATH "
            "to its luigi.cfg, or let usage-metrics init write one"
        )
    check_sections(sources)


def settings_files() -> list[Path]:
    """The files that settings are read from."""
    parser = luigi.configuration.get_config()
    return [Path(path) for path in parser._config_paths if Path(path).is_file()]


def chosen(source: str | None, *, or_none: bool = False) -> list[str]:
    """Check the settings, except those of sources, and say which sources are meant.

    Args:
        source: what ``--source`` says.
        or_none: whether there need be no source.

    Raises:
        ConfigError: as :func:`check_settings`, or if no source is on.
    """
    check_settings(())
    if source:
        return [source]
    return [*logs_named()] if or_none else sources_on()


def only(source: str | None) -> str:
    """The same for a command about one source.

    Raises:
        UsageError: if several are on.
    """
    first, *others = chosen(source)
    if others:
        raise click.UsageError(
            f"several sources are on: {', '.join([first, *others])}; say which: "
            f"--source {first}"
        )
    check_settings([first])
    return first
