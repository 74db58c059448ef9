"""The options that several commands have, each written once."""

import datetime as dt
import shutil
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import luigi

from usage_metrics import config
from usage_metrics.errors import ConfigError
from usage_metrics.monitoring import run_log
from usage_metrics.sources import SOURCES

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

LONGEST_LINE = 100

USUAL_SOURCE = "datasette"

_SOURCE = click.Choice(sorted(SOURCES))


class DayType(click.ParamType[dt.date]):
    """A UTC day, written YYYY-MM-DD."""

    name = "day"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> dt.date:
        """Read it."""
        if isinstance(value, dt.date):
            return value
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a date; write it as YYYY-MM-DD", param, ctx)


DAY = DayType()

one_source = click.option(
    "--source",
    type=_SOURCE,
    default=USUAL_SOURCE,
    show_default=True,
    help="kind of log",
)
any_source = click.option(
    "--source", type=_SOURCE, help="only this kind of log; without it, all"
)
start = click.option(
    "--start", type=DAY, metavar="YYYY-MM-DD", help="the first UTC day"
)
needed_start = click.option(
    "--start",
    type=DAY,
    metavar="YYYY-MM-DD",
    required=True,
    help="the first UTC day",
)
stop = click.option(
    "--stop", type=DAY, metavar="YYYY-MM-DD", help="the day after the last"
)
verbose = click.option(
    "--verbose", "-v", is_flag=True, help="show Luigi's log in place of progress"
)
as_json = click.option("--json", "as_json", is_flag=True, help="write JSON")


def example(*lines: str) -> str:
    """What stands below the options in the --help of a command."""
    return "\n".join(["\b", "Example:", *(f"  {line}" for line in lines)])


def named(source: str) -> str:
    """The option for a source on a command line; the usual one needs none."""
    return "" if source == USUAL_SOURCE else f" --source {source}"


def checked_stop(start: dt.date, stop: dt.date) -> dt.date:
    """The day after the last of a range.

    Raises:
        UsageError: if no day is in it.
    """
    if stop <= start:
        raise click.UsageError(
            f"stop = {stop} is not after start = {start}; stop is the day after the "
            "last"
        )
    return stop


def cut(text: str) -> str:
    """Text in one line of a terminal, the end left out if it is too long."""
    width = min(shutil.get_terminal_size().columns, LONGEST_LINE)
    return text if len(text) <= width else f"{text[: width - 1]}…"


def in_lines(text: str, indent: str = "") -> str:
    """Text cut between words, to be read in a terminal."""
    width = min(shutil.get_terminal_size().columns, LONGEST_LINE)
    return textwrap.fill(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def sources(chosen: str | None) -> list[str]:
    """The source that was chosen, or all."""
    return [chosen] if chosen else sorted(SOURCES)


def check_place() -> None:
    """Refuse a folder with neither settings nor data in it.

    Raises:
        ConfigError: saying where settings are looked for.
    """
    if settings_files() or run_log.local_folder().is_dir():
        return
    raise ConfigError(
        f"there is no luigi.cfg in {Path.cwd()}, and no {config.paths().root}: go to "
        "the folder where the pipeline runs, or name its luigi.cfg in the environment "
        "variable LUIGI_CONFIG_PATH"
    )


def settings_files() -> list[Path]:
    """The files that settings are read from."""
    parser = luigi.configuration.get_config()
    return [Path(path) for path in parser._config_paths if Path(path).is_file()]
