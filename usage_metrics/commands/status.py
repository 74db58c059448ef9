"""Say which days of each stage are there, missing or stale.

Missing is a day between the first and the last raw one. Stale is a file that was made
from another file than the present one on its left, or by an older version or other
settings; delete it and the files to the right of it, and the next run makes them again.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import click

from usage_metrics import config
from usage_metrics.commands import options
from usage_metrics.commands.options import example
from usage_metrics.days import days_between, kept_from
from usage_metrics.partitions import Partition, list_partitions
from usage_metrics.pipeline import STAGES

SHOWN = 5
"""Of many days so many are named."""


@click.command(epilog=example("usage-metrics status"))
@options.any_source
def command(source: str | None) -> None:
    """Say which days of each stage are there, missing or stale.

    Missing is a day between the first and the last raw one. Stale is a file that was
    made from another file than the present one on its left, or by an older version or
    other settings.
    """
    for name in options.sources(source):
        click.echo(f"{name} in {config.paths().root}")
        for line in describe(name):
            click.echo(f"  {line}")


def describe(source: str) -> Iterator[str]:
    """One line for each stage of a source."""
    root = config.paths().root
    left: dict[dt.date, dict[str, Any]] = {}
    previous = ""
    wanted: list[dt.date] = []
    for stage in STAGES:
        days = list(list_partitions(root, stage.stage, source))
        facts = {day: Partition(root, stage.stage, source, day).facts() for day in days}
        if stage is STAGES[0] and days:
            wanted = [*days_between(days[0], days[-1]), days[-1]]
        recipe = stage.recipe(source)
        kept = kept_from(stage.stage)
        missing = [day for day in wanted if day not in facts and day >= kept]
        stale = [
            day
            for day in days
            if stage is not STAGES[0]
            and (day in left or day >= kept_from(previous))
            and is_stale(facts[day], left.get(day), recipe)
        ]
        span = f"{days[0]} … {days[-1]}" if days else ""
        yield (
            f"{stage.stage:9} {len(days):5,} days  {span}"
            f"{_named('missing', missing)}{_named('stale', stale)}"
        )
        left, previous = facts, stage.stage


def is_stale(
    facts: dict[str, Any], left: dict[str, Any] | None, recipe: dict[str, Any]
) -> bool:
    """Whether a file would be made otherwise now.

    Args:
        facts: of its footer.
        left: those of the file on its left; None when there is none any more.
        recipe: the present one of its stage.
    """
    made_from_another = left is not None and facts["made_from"] != left["content_id"]
    return made_from_another or facts.get("recipe") != recipe


def _named(what: str, days: list[dt.date]) -> str:
    if not days:
        return ""
    named = ", ".join(map(str, days[:SHOWN]))
    return f"  {len(days):,} {what}: {named}{' …' if len(days) > SHOWN else ''}"
