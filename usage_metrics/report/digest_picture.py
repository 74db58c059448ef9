"""The picture of a digest: the month day by day, in the small charts of the pages.

It is an SVG of our own shapes, drawn by the library that draws charts; names in it are
escaped. It is light, whatever the chat, and readable at the width of a phone.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from usage_metrics.dates import days_between
from usage_metrics.platforms.qualities import PROVISIONAL
from usage_metrics.report import small_charts
from usage_metrics.report.digest_text import Digest
from usage_metrics.report.formatting import number
from usage_metrics.report.place_lines import Line
from usage_metrics.report.publisher import Publisher
from usage_metrics.report.quotable import Sum, most_of_platforms, sum_of_requests

if TYPE_CHECKING:
    from markupsafe import Markup

WIDE, MARGIN = 640, 24
HEAD, PANEL, DRAWN, FOOT = 62, 112, 72, 30
"""Pixels: of the picture, above the charts, of a chart with its caption, of its bars,
and below all."""
SCALE = 2
"""For screens with fine pixels."""
LETTERS = 48
"""What fits in a line."""
LEGEND = "Pink: no data. Hollow: too few to show, not of all logs, or may still change."

STYLE = """
text { font-family: sans-serif; fill: #3b4652; font-size: 15px; }
.title { font-size: 21px; font-weight: bold; fill: #16202b; }
.total { font-weight: bold; fill: #16202b; text-anchor: end; }
.soft { font-size: 12px; fill: #5b6875; }
.some { fill: #2f6fde; }
.open { fill: none; stroke: #2f6fde; }
.frozen { fill: #9aa5b1; }
.gap { fill: #f3d9d6; }
"""


class Picture(NamedTuple):
    """A picture, and what stands in its place for those who do not see it."""

    png: bytes
    alternative: str


class _Panel(NamedTuple):
    """A chart with its caption."""

    name: str
    total: str
    line: Line


def picture_of(digest: Digest) -> Picture | None:
    """Draw a digest; None if nothing has a number for each day."""
    import vl_convert

    panels = list(_panels(digest))
    if not panels:
        return None
    periods = small_charts.periods(digest.now.span)
    writing = digest.now.writing
    charts = [small_charts.draw([p.line], periods, (), writing) for p in panels]
    parts: list[str] = [_text(MARGIN, 38, _cut(digest.title), "title")]
    for position, (panel, chart) in enumerate(zip(panels, charts, strict=True)):
        parts += _drawn(HEAD + position * PANEL, panel, chart)
    high = HEAD + len(panels) * PANEL + FOOT
    parts.append(_text(MARGIN, high - 14, LEGEND, "soft"))
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDE}" height="{high}">'
        f"<style>{STYLE}</style>"
        f'<rect width="{WIDE}" height="{high}" fill="#fff"/>{"".join(parts)}</svg>'
    )
    said = (
        f"{panel.name}, {panel.total}: each day {chart.label}."
        for panel, chart in zip(panels, charts, strict=True)
    )
    png: bytes = vl_convert.svg_to_png(svg, scale=SCALE)
    return Picture(png, f"{digest.title}, in bars. {' '.join(said)}")


def _panels(digest: Digest) -> Iterator[_Panel]:
    """The sum over our logs, and what platforms added most of."""
    if total := sum_of_requests(digest.now):
        line = replace(total.line, quality=_not_of_all(digest.now, total))
        yield _Panel("Requests in all our logs", total.requests, line)
    for line in most_of_platforms(digest.now):
        what = f"{line.place.title}: {line.measure.name.lower()}"
        name = f"{what} of {digest.now.name_of(line.dataset)}"
        yield _Panel(name, number(line.total or 0), line)


def _not_of_all(now: Publisher, total: Sum) -> Any:
    """Marks the days of a sum of which a log is not there."""
    days = days_between(now.span.start, now.span.stop)
    logs = [place for place in now.places if place.title in total.places]
    there = set.intersection(*({*log.days.there} for log in logs))
    return np.array(["" if day in there else PROVISIONAL for day in days], object)


def _drawn(top: int, panel: _Panel, chart: small_charts.Chart) -> Iterator[str]:
    wide = WIDE - 2 * MARGIN
    most = f" · at most {chart.top} a day" if chart.top else ""
    yield _text(MARGIN, top + 16, _cut(panel.name) + most)
    yield _text(WIDE - MARGIN, top + 16, panel.total, "total")
    place = f'x="{MARGIN}" y="{top + 26}" width="{wide}" height="{DRAWN}"'
    yield str(chart.drawing).replace("<svg", f"<svg {place}", 1)
    yield (f'<path d="M{MARGIN} {top + 26 + DRAWN}h{wide}" stroke="#b9c2cb"/>')


def _text(x: int, y: int, text: str, name: str = "") -> "Markup":
    from markupsafe import Markup

    return Markup('<text x="{}" y="{}" class="{}">{}</text>').format(x, y, name, text)


def _cut(text: str) -> str:
    return text if len(text) <= LETTERS else f"{text[: LETTERS - 1]}…"
