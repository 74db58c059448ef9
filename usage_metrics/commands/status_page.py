"""The status as a page that needs nothing else: no script, no request, no account."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from usage_metrics.commands import calendar_strip
from usage_metrics.commands.pipeline_state import (
    Overview,
    StageDays,
    next_run,
    spans,
)
from usage_metrics.dates import utc_now

STYLE = """
:root { color-scheme: light dark; --failed: #c62828; --missing: #bdbdbd;
  --stale: #f9a825; --made: #4dd0e1; --done: #2e7d32; }
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
i.failed { background: var(--failed); } i.missing { background: var(--missing); }
i.stale { background: var(--stale); } i.made { background: var(--made); }
i.done { background: var(--done); }
.legend i { margin: 0 .3rem 0 1rem; vertical-align: -.1rem; }
.why { color: var(--failed); }
"""


def page(overviews: Iterable[Overview]) -> str:
    """Write it."""
    now = f"{utc_now():%Y-%m-%d %H:%M} UTC"
    body = "\n".join(part for overview in overviews for part in _source(overview))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>usage_metrics, {now}</title>\n<style>{STYLE}</style></head>\n"
        f"<body><h1>usage_metrics</h1><p>{now}</p>\n{body}\n</body></html>\n"
    )


def _source(overview: Overview) -> Iterator[str]:
    wanted = overview.wanted
    yield f"<h2>{escape(overview.source)} in {escape(overview.root)}</h2>"
    for sentence in (*next_run(overview), *overview.problems):
        yield f"<p>{escape(sentence)}</p>"
    if wanted:
        yield f"<h3>{wanted[0]} to {wanted[-1]}</h3>"
        yield '<div class="scroll">'
        for line in calendar_strip.lines(wanted, overview.state):
            yield f'<div class="line"><b>{line.name}</b>{_squares(line)}</div>'
        yield f'</div><p class="legend">{"".join(_legend())}</p>'
    yield '<div class="scroll"><table><thead><tr>'
    names = ("stage", "days", "first", "last", "missing", "stale", "damaged", "failed")
    yield "".join(f'<th scope="col">{name}</th>' for name in names)
    yield "</tr></thead><tbody>"
    yield from (_row(stage) for stage in overview.stages)
    yield "</tbody></table></div>"
    for stage in overview.stages:
        for day, reason in stage.failed.items():
            why = f'<span class="why">{escape(reason)}</span>'
            yield f"<p>{escape(stage.stage)} {day} failed: {why}</p>"


def _row(stage: StageDays) -> str:
    first, last = (stage.done[0], stage.done[-1]) if stage.done else ("", "")
    days = (stage.missing, stage.stale, stage.damaged, list(stage.failed))
    return (
        f'<tr><th scope="row">{escape(stage.stage)}</th>'
        f'<td class="number">{len(stage.done):,}</td>'
        + "".join(f"<td>{cell}</td>" for cell in (first, last, *map(_ranges, days)))
        + "</tr>"
    )


def _ranges(days: Sequence[dt.date]) -> str:
    return "<br>".join(map(str, spans(days)))


def _squares(line: calendar_strip.Line) -> str:
    return "".join(
        f'<i class="{state}" title="{calendar_strip.SIGNS[state].meaning}"></i>'
        if state
        else "<i></i>"
        for state in line.states
    )


def _legend() -> Iterator[str]:
    for state, sign in reversed(calendar_strip.SIGNS.items()):
        yield f'<i class="{state}"></i>{sign.meaning}'
