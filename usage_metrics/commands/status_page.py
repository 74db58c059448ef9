"""The status as one self-contained HTML page, without scripts."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from usage_metrics.commands import calendar_strip, running
from usage_metrics.commands.pipeline_state import (
    PipelineState,
    Span,
    StageDays,
    ends,
    next_run,
    spans,
)
from usage_metrics.dates import gaps, utc_now
from usage_metrics.monitoring.printable import printable

STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem;
  padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .25rem .75rem .25rem 0; vertical-align: top;
  border-bottom: 1px solid #8884; }
td { white-space: nowrap; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
.line { display: flex; gap: 2px; align-items: center; margin: 2px 0; }
.line b { font: .85rem ui-monospace, monospace; width: 5rem; flex: none; }
i { width: .9rem; height: .9rem; flex: none; border-radius: 2px;
  display: inline-block; }
i.failed { background: #c62828; } i.missing { background: #bdbdbd; }
i.stale { background: #f9a825; } i.made { background: #4dd0e1; }
i.done { background: #2e7d32; } i.unexported { background: #8e24aa; }
i.lost { background: #607d8b; }
.legend i { margin: 0 .3rem 0 1rem; vertical-align: -.1rem; }
.why { color: #c62828; }
"""


def page(
    states: Iterable[PipelineState],
    platforms: Sequence[str] = (),
    *,
    is_running: bool = False,
    reload_after: int | None = None,
) -> str:
    """Give the page as HTML.

    Args:
        states: what it shows of sources.
        platforms: what it says of platforms, a line each.
        is_running: whether a run is in progress.
        reload_after: seconds after which it reloads itself; None: never.
    """
    now = f"{utc_now():%Y-%m-%d %H:%M:%S} UTC"
    body = "\n".join(part for state in states for part in _source(state))
    if platforms:
        items = "".join(f"<li>{_text(line)}</li>" for line in platforms)
        body += f"\n<h2>Platforms</h2><ul>{items}</ul>"
    about = f"{now}. {'A run is in progress.' if is_running else 'No run is going on.'}"
    if reload_after is not None:
        about += f" This page reloads itself every {reload_after} seconds."
    if url := running.visualiser_url():
        about += f' <a href="{_text(url)}">Luigi’s visualiser</a> shows each task.'
    reload = f'<meta http-equiv="refresh" content="{reload_after}">\n'
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"{'' if reload_after is None else reload}"
        f"<title>usage_metrics, {now}</title>\n<style>{STYLE}</style></head>\n"
        f"<body><h1>usage_metrics</h1><p>{about}</p>\n{body}\n</body></html>\n"
    )


def _text(text: str) -> str:
    """A text as HTML that shows each of its characters, in the order they have."""
    return escape(printable(text))


def _source(state: PipelineState) -> Iterator[str]:
    wanted = state.wanted
    yield f"<h2>{_text(state.source)} in {_text(state.root)}</h2>"
    for sentence in (*next_run(state), *state.problems):
        yield f"<p>{_text(sentence)}</p>"
    if wanted:
        yield f"<h3>{wanted[0]} to {wanted[-1]}</h3>"
        yield '<div class="scroll">'
        for line in calendar_strip.lines(state.states):
            squares = "".join(map(_square, line.states))
            yield f'<div class="line"><b>{line.name}</b>{squares}</div>'
        legend = (
            f'<i class="{name}"></i>{sign.meaning}'
            for name, sign in reversed(calendar_strip.SIGNS.items())
        )
        yield f'</div><p class="legend">{"".join(legend)}</p>'
    yield '<div class="scroll"><table><thead><tr>'
    names = ("stage", "days", "first", "last", "missing", "stale", "damaged", "failed")
    yield "".join(f'<th scope="col">{name}</th>' for name in names)
    yield "</tr></thead><tbody>"
    yield from map(_row, state.stages)
    yield "</tbody></table></div>"
    for stage in state.stages:
        for gap in gaps(stage.failed):
            why = f'<span class="why">{_text(gap.why)}</span>'
            days = Span(gap.first, gap.last)
            yield f"<p>{_text(stage.stage)} {days} failed: {why}</p>"


def _row(stage: StageDays) -> str:
    days = (stage.missing, stage.stale, stage.damaged, stage.failed)
    ranges = ("<br>".join(map(str, spans(each))) for each in days)
    first_last = (day or "" for day in ends(stage.done))
    return (
        f'<tr><th scope="row">{_text(stage.stage)}</th>'
        f'<td class="number">{len(stage.done):,}</td>'
        + "".join(f"<td>{cell}</td>" for cell in (*first_last, *ranges))
        + "</tr>"
    )


def _square(state: str | None) -> str:
    if state is None:
        return "<i></i>"
    return f'<i class="{state}" title="{calendar_strip.SIGNS[state].meaning}"></i>'
