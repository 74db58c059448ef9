"""Say which days of each stage are done, missing, stale or failed."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from usage_metrics import config
from usage_metrics.commands import calendar_strip, options
from usage_metrics.commands.options import check_place
from usage_metrics.commands.pipeline_state import (
    SHOWN,
    Overview,
    Span,
    StageDays,
    in_ranges,
    look_at,
    next_run,
    spans,
)

HEAD = "  missing  stale  failed"


@click.command(
    epilog=options.example(
        "usage-metrics status", "usage-metrics status --html status.html"
    )
)
@options.any_source
@options.as_json
@click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="write a page that needs nothing else",
)
def command(source: str | None, as_json: bool, html: Path | None) -> None:
    """Say which days of each stage are done, missing, stale or failed.

    Missing is a day of the database's range (in luigi.cfg) that is not there. Stale is
    a file that was made from another file than the one now on its left, or by an older
    version or other settings. Failed is what the run log says failed at last. No
    service is asked.
    """
    config.check_sections()
    check_place()
    overviews = [look_at(name) for name in options.sources(source)]
    if html is not None:
        from usage_metrics.commands.status_page import page

        html.write_text(page(overviews), encoding="utf-8")
        click.echo(f"written to {html}", err=True)
    if as_json:
        click.echo(json.dumps([as_data(o) for o in overviews], indent=2))
    elif html is None:
        for overview in overviews:
            for line in describe(overview):
                click.echo(line)


def as_data(overview: Overview) -> dict[str, Any]:
    """Everything, for programs."""
    wanted = overview.wanted
    return {
        "source": overview.source,
        "root": overview.root,
        "first": str(wanted[0]) if wanted else None,
        "last": str(wanted[-1]) if wanted else None,
        "stages": [
            {
                "stage": stage.stage,
                "days": len(stage.done),
                "first": str(stage.done[0]) if stage.done else None,
                "last": str(stage.done[-1]) if stage.done else None,
                **{
                    name: _as_ranges(getattr(stage, name))
                    for name in ("missing", "stale", "damaged")
                },
                "failed": {str(day): why for day, why in stage.failed.items()},
            }
            for stage in overview.stages
        ],
        "next_run": {
            "makes": _as_ranges(overview.to_make),
            "reads_again": _as_ranges(overview.again),
            "loads": _as_ranges(overview.to_load),
        },
        "problems": overview.problems,
    }


def describe(overview: Overview) -> Iterator[str]:
    """Everything, for a terminal of 80 columns."""
    wanted = overview.wanted
    span = f", {wanted[0]} to {wanted[-1]}" if wanted else ""
    yield click.style(f"{overview.source} in {overview.root}{span}", bold=True)
    if overview.is_empty:
        yield f"  Nothing is made yet. {next_run(overview)[0]}"
        return
    yield f"  {'stage':9} {'days':>6}  {'first':10}  {'last':10}" + HEAD
    for stage in overview.stages:
        yield _row(stage)
    for stage in overview.stages:
        yield from _details(stage)
    yield ""
    for line in calendar_strip.lines(wanted, overview.state):
        yield f"  {line.name:7} {''.join(map(_sign, line.states))}".rstrip()
    yield f"  {'':7} {'  '.join(_legend(overview))}"
    yield ""
    for sentence in (*next_run(overview), *overview.problems):
        yield options.in_lines(sentence, indent="  ")


def _row(stage: StageDays) -> str:
    first, last = (stage.done[0], stage.done[-1]) if stage.done else ("", "")
    numbers = (
        _number(len(stage.missing), 7, "yellow"),
        _number(len({*stage.stale, *stage.damaged}), 5, "yellow"),
        _number(len(stage.failed), 6, "red"),
    )
    head = f"  {stage.stage:9} {len(stage.done):>6,}  {first!s:10}  {last!s:10}"
    return f"{head}  {'  '.join(numbers)}"


def _number(number: int, width: int, colour: str) -> str:
    text = f"{number:>{width},}" if number else f"{'-':>{width}}"
    return click.style(text, fg=colour) if number else text


def _details(stage: StageDays) -> Iterator[str]:
    for what in ("missing", "stale", "damaged"):
        days = getattr(stage, what)
        if days:
            yield f"  {stage.stage} {what}: {in_ranges(days)}"
    for day, reason in list(stage.failed.items())[:SHOWN]:
        when = "" if str(day) in reason else f" {day}"
        text = f"{stage.stage}{when} failed: {reason}"
        yield options.in_lines(click.style(text, fg="red"), indent="  ")
    if len(stage.failed) > SHOWN:
        yield f"  {stage.stage}: {len(stage.failed) - SHOWN:,} more failed"


def _sign(state: str | None) -> str:
    if state is None:
        return " "
    sign = calendar_strip.SIGNS[state]
    return click.style(sign.text, fg=sign.colour)


def _legend(overview: Overview) -> Iterator[str]:
    seen = {overview.state(day) for day in overview.wanted}
    for state, sign in reversed(calendar_strip.SIGNS.items()):
        if state in seen:
            yield f"{_sign(state)} {sign.meaning}"


def _as_ranges(days: Iterable[Any]) -> list[dict[str, str]]:
    return [_as_range(span) for span in spans(days)]


def _as_range(span: Span) -> dict[str, str]:
    return {"first": str(span.first), "last": str(span.last)}
