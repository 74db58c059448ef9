"""Show which days of each stage are done, missing, stale or failed."""

import contextlib
import datetime as dt
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from luigi.task_register import Register

from usage_metrics import config
from usage_metrics.commands import calendar_strip, options, terminal
from usage_metrics.commands.each_source import with_right_settings
from usage_metrics.commands.pipeline_state import (
    MAX_SPANS,
    PipelineState,
    Span,
    StageDays,
    ends,
    in_ranges,
    next_run,
    pipeline_state,
    spans,
)
from usage_metrics.dates import gaps
from usage_metrics.errors import UsageMetricsError
from usage_metrics.hub.hub_settings import endpoint
from usage_metrics.monitoring.printable import printable
from usage_metrics.partitions import storage
from usage_metrics.sources import registered
from usage_metrics.tasks import snapshot_days
from usage_metrics.tasks.platform_subjects import platforms_on
from usage_metrics.tasks.sent_months import STALE, sent_months

WATCH_SECONDS = 10


@click.command(
    epilog=options.example(
        "usage-metrics status", "usage-metrics status --html status.html --watch"
    )
)
@options.each_source
@options.as_json
@click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="write a self-contained page",
)
@click.option(
    "--watch",
    is_flag=True,
    help="with --html: keep the page up to date until interrupted; it reloads itself",
)
def command(source: str | None, as_json: bool, html: Path | None, watch: bool) -> int:
    """Show which days of each stage are done, missing, stale or failed.

    A day of the source's range in luigi.cfg is missing if its file does not exist; the
    logs are asked whether they hold such days. A file is stale if the file it was made
    from has changed since, or if it was made by an older version or with other
    settings. A day failed if its last attempt in the run log did.
    """
    if watch and html is None:
        raise click.UsageError("--watch needs --html FILE, the page to keep up to date")
    named = options.chosen(source, or_none=bool(platforms_on()))
    sources, code = with_right_settings(named)
    if watch and html is not None:
        _watch(html, sources)
    states = [pipeline_state(source) for source in sources]
    if html is not None:
        _write(html, states)
        click.echo(f"written to {html}", err=True)
    if as_json:
        sent = {"counter_reports": [asdict(month) for month in sent_months()]}
        platforms = [_platform_data(name) for name in platforms_on()]
        data = [*(as_data(state) | sent for state in states), *platforms]
        click.echo(json.dumps(data, indent=2, default=str))
    elif html is None:
        lines = [line for state in states for line in describe(state)]
        lines += [*snapshot_days.lines(), *_sent()]
        click.echo("\n".join(lines))
    return code


def _watch(html: Path, sources: Sequence[str]) -> None:
    """Write the page every few seconds until somebody presses Ctrl-C."""
    click.echo(f"{html} is kept up to date; Ctrl-C ends that", err=True)
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            Register.clear_instance_cache()  # tasks remember what they found
            _write(html, [*map(pipeline_state, sources)], WATCH_SECONDS)
            time.sleep(WATCH_SECONDS)


def _write(
    html: Path, states: Sequence[PipelineState], seconds: int | None = None
) -> None:
    from usage_metrics.commands.alone import is_running
    from usage_metrics.commands.status_page import page

    platforms = [*snapshot_days.lines()]
    text = page(states, platforms, is_running=is_running(), reload_after=seconds)
    file = str(html.absolute())
    with storage.whole_or_absent(file, private=False) as stream:  # it may be reloading
        stream.write(text.encode())


def as_data(state: PipelineState) -> dict[str, Any]:
    """The state for programs; its dates are JSON as text."""
    first, last = ends(state.wanted)
    return {
        "source": state.source,
        "root": state.root,
        "first": first,
        "last": last,
        "stages": [_stage_data(stage) for stage in state.stages],
        "next_run": {
            "makes": _ranges(state.to_make),
            "reads_again": _ranges(state.to_refresh),
            "loads": _ranges(state.to_load),
        },
        "not_exported": [
            {"first": gap.first, "last": gap.last, "reason": str(gap)}
            for gap in gaps(state.unexported)
        ],
        "lost": _ranges(state.lost),
        "raw_gone": _ranges(state.raw_gone),
        "problems": state.problems,
    }


def _platform_data(name: str) -> dict[str, Any]:
    """What there is of a platform, for programs."""
    days = snapshot_days.snapshot_days(name)
    first, last = ends(days.taken)
    return {
        "platform": name,
        "root": config.paths().root,
        "snapshots": len(days.taken),
        "first": first,
        "last": last,
        "incomplete": _ranges(days.incomplete),
        "filled": _ranges(days.filled),
        "to_fill": _ranges(days.to_fill),
        "mend_by": days.mend_by,
        "without": _ranges(days.lost),
        "alarms": [alarm.text for alarm in snapshot_days.alarms(name)],
    }


def _stage_data(stage: StageDays) -> dict[str, Any]:
    first, last = ends(stage.done)
    return {
        "stage": stage.stage,
        "days": len(stage.done),
        "first": first,
        "last": last,
        "missing": _ranges(stage.missing),
        "stale": _ranges(stage.stale),
        "damaged": _ranges(stage.damaged),
        "failed": {str(day): reason for day, reason in stage.failed.items()},
    }


def _ranges(days: Iterable[dt.date]) -> list[dict[str, dt.date]]:
    return [span._asdict() for span in spans(days)]


def describe(state: PipelineState) -> Iterator[str]:
    """The state as lines for a terminal of 80 columns."""
    wanted = state.wanted
    span = f", {wanted[0]} to {wanted[-1]}" if wanted else ""
    source = f"{state.source} ({registered(state.source).title})"
    yield terminal.style(f"{source} in {state.root}{span}", bold=True)
    if not any(stage.done or stage.failed for stage in state.stages):
        first, *others = next_run(state)
        yield options.wrapped(f"Nothing has been built yet. {first}")
        yield from map(options.wrapped, (*others, *state.problems))
        return
    yield "  stage       days  first       last        missing  stale  failed"
    yield from map(_row, state.stages)
    for stage in state.stages:
        yield from _details(state, stage)
    yield ""
    for line in calendar_strip.lines(state.states):
        yield f"  {line.name:7} {''.join(map(_sign, line.states))}".rstrip()
    seen = set(state.states.values())
    legend = [
        f"{_sign(name)} {sign.meaning}"
        for name, sign in reversed(calendar_strip.SIGNS.items())
        if name in seen
    ]
    yield f"  {'':7} {'  '.join(legend)}"
    yield ""
    yield from map(options.wrapped, (*next_run(state), *state.problems))


def _sent() -> Iterator[str]:
    """The months that DataCite was told of, and the others, as lines."""
    try:
        found = sent_months()
    except UsageMetricsError as error:
        yield from (f"COUNTER reports: {printable(text)}" for text in error.sentences)
        return
    if found:
        yield f"COUNTER reports at {endpoint()}"
    for state in dict.fromkeys(month.state for month in found if month.state != STALE):
        months = [f"{month.month:%Y-%m}" for month in found if month.state == state]
        yield options.wrapped(f"{state}: {', '.join(months)}")
    for month in (month for month in found if month.state == STALE):
        since = f", counted again at {month.stale_since}" if month.stale_since else ""
        differs = "; ".join(month.differs)
        yield options.wrapped(
            f"stale: {month.month:%Y-%m}, sent at {month.sent_at}{since}: {differs}; "
            f"usage-metrics counter submit --month {month.month:%Y-%m} corrects it"
        )


def _row(stage: StageDays) -> str:
    first, last = ends(stage.done)
    numbers = (
        _number(len(stage.missing), 7, "yellow"),
        _number(len({*stage.stale, *stage.damaged}), 5, "yellow"),
        _number(len(stage.failed), 6, "red"),
    )
    return (
        f"  {stage.stage:9} {len(stage.done):>6,}  {first or ''!s:10}  "
        f"{last or ''!s:10}  {'  '.join(numbers)}"
    )


def _number(number: int, width: int, colour: str) -> str:
    text = f"{number:>{width},}" if number else f"{'-':>{width}}"
    return terminal.style(text, fg=colour) if number else text


def _details(state: PipelineState, stage: StageDays) -> Iterator[str]:
    # Of days without logs, a sentence says more than a line for each stage.
    missing = [*filter(state.has_logs, stage.missing)]
    named = {"missing": missing, "stale": stage.stale, "damaged": stage.damaged}
    for what, days in named.items():
        if days:
            yield f"  {stage.stage} {what}: {in_ranges(days)}"
    failed = gaps(stage.failed)
    for gap in failed[:MAX_SPANS]:
        span = str(Span(gap.first, gap.last))
        names_day = gap.why.removeprefix(f"{state.source} ").startswith(span)
        when = "" if names_day else f" {span}"
        text = f"{stage.stage}{when} failed: {gap.why}"
        yield terminal.style(options.wrapped(text), fg="red")
    if len(failed) > MAX_SPANS:
        yield f"  {stage.stage}: {len(failed) - MAX_SPANS:,} more failures"


def _sign(state: str | None) -> str:
    if state is None:
        return " "
    sign = calendar_strip.SIGNS[state]
    return terminal.style(sign.text, fg=sign.colour)
