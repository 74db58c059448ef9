"""Small multiples: one small chart for each line of a place, each on its own scale.

They are SVG in the page, drawn without a script: bars of what each period added, or a
line of how many there were. A period without data is a band, not a zero; one that may
still change is hollow; one in which a counter stood still is hatched.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from usage_metrics.dates import days_between
from usage_metrics.platforms.qualities import FROZEN, PROVISIONAL
from usage_metrics.report import formatting
from usage_metrics.report.few import LEAST, Writing
from usage_metrics.report.place_lines import Line
from usage_metrics.report.static_tables import NONE
from usage_metrics.report.usage_database import Span

if TYPE_CHECKING:
    from markupsafe import Markup

MOST_BARS = {"day": 62, "week": 62 * 7, "month": 62 * 30}
"""The longest span, in days, that is cut into such short periods."""
WIDE, HIGH = 10, 100
"""The size of a period in a chart, which is stretched to the width of its figure."""


@dataclass(frozen=True)
class Period:
    """Days that one bar is of."""

    first: dt.date
    last: dt.date
    start: int
    """The number of its first day in the span."""
    stop: int
    name: str


def periods(span: Span) -> list[Period]:
    """Cut a span into as few periods as there is room for."""
    length = span.length.days
    fits = (grain for grain, most in MOST_BARS.items() if length <= most)
    return list(cut(replace(span, grain=next(fits, "quarter"))))


def cut(span: Span) -> Iterator[Period]:
    """The periods of a span, by its grain."""
    days = days_between(span.start, span.stop)
    names = [span.period(day) for day in days]
    edges = [n for n, name in enumerate(names) if n == 0 or name != names[n - 1]]
    for start, stop in zip(edges, [*edges[1:], len(days)], strict=True):
        first, last = days[start], days[stop - 1]
        name = formatting.period(span.grain, first, last, stop - start)
        yield Period(first, last, start, stop, name)


class Bar(NamedTuple):
    """What a line says of a period."""

    value: float | None
    """How high it is; None: nothing is known."""
    text: str
    kind: str = "sure"
    """How it is drawn: ``sure``, ``open`` or ``frozen``."""
    note: str = ""
    gap: float = 0
    """The share of its days that is not known."""

    def __str__(self) -> str:
        """What the table says of it."""
        if self.value is None:
            return NONE
        return f"{self.text} ({self.note})" if self.note else self.text


def bars(line: Line, of: Sequence[Period], writing: Writing) -> list[Bar]:
    """What a line says of each period."""
    found = [_bar(line, period, writing) for period in of]
    hidden = writing.hidden([bar.value for bar in found])
    return [
        bar._replace(value=LEAST - 1, text=text, kind="open") if text else bar
        for bar, text in zip(found, hidden, strict=True)
    ]


def _bar(line: Line, period: Period, writing: Writing) -> Bar:
    days = slice(period.start, period.stop)
    told = line.level if line.measure.is_stock else line.added
    values = np.empty(0) if told is None else told[days][~np.isnan(told[days])]
    if not len(values):
        return Bar(None, "no data", gap=1)
    value = float(values[-1] if line.measure.is_stock else values.sum())
    text = writing.of(line.measure)(value)
    quality = [] if line.quality is None else list(line.quality[days])
    if quality and set(quality) == {FROZEN}:
        return Bar(value, text, "frozen", "stood still")
    if PROVISIONAL in quality:
        return Bar(value, text, "open", "may still change")
    known, total = len(values), period.stop - period.start
    if line.days is not None and not line.measure.is_stock:
        known = int(line.days[days][line.known[days]].sum())
    gap = max(0, total - known) / total
    return Bar(value, text, note=_days(known, total), gap=gap)


def _days(known: int, total: int) -> str:
    if known == total:
        return ""
    return f"{known} of {total} days" if known < total else f"of {known} days"


@dataclass(frozen=True)
class Chart:
    """A small chart, and what stands around it."""

    drawing: "Markup"
    top: str
    """What its upper edge stands for."""
    label: str
    """The chart in words."""


def draw(
    lines: Sequence[Line],
    of: Sequence[Period],
    marks: Sequence[tuple[int, str]],
    writing: Writing,
) -> Chart:
    """Draw lines of one place over each other, the largest first.

    Args:
        lines: they are of one unit.
        of: the periods.
        marks: the numbers of days, each with what happened then.
        writing: how numbers are written.
    """
    from markupsafe import Markup

    found = [bars(line, of, writing) for line in lines]
    known = [bar.value for of_line in found for bar in of_line if bar.value is not None]
    is_line = lines[0].measure.is_stock
    high = max(known, default=1.0) if is_line else max([*known, 1.0])
    low = min([*known, high - 1]) if is_line else 0.0
    parts = [_gaps(found[0])]
    for of_line, name in zip(found, ("all", "some")[-len(lines) :], strict=True):
        scaled = [_share(bar.value, low, high) for bar in of_line]
        parts.append(_steps(scaled) if is_line else _columns(of_line, scaled, name))
    parts += _marks(of, marks)
    write = writing.of(lines[0].measure)
    svg = (
        f'<svg viewBox="0 0 {WIDE * len(of)} {HIGH}" preserveAspectRatio="none" '
        f'aria-hidden="true">{"".join(parts)}</svg>'
    )
    # Made of numbers and our own words only.
    return Chart(
        Markup(svg),  # noqa: S704
        write(high) if known else "",
        _label(of, found[-1]),
    )


def _share(value: float | None, low: float, high: float) -> float | None:
    return None if value is None else (value - low) / (high - low)


def _columns(of: Sequence[Bar], scaled: Sequence[float | None], name: str) -> str:
    """A bar for each period of which something is known, those of a kind as one shape.

    Browsers and screen readers are slow with thousands of shapes.
    """
    shapes: dict[str, str] = {}
    for position, (bar, share) in enumerate(zip(of, scaled, strict=True)):
        if share is not None:
            high = HIGH if bar.kind == "frozen" else HIGH * share
            shapes[bar.kind] = shapes.get(bar.kind, "") + _box(position, high)
    return "".join(
        f'<path class="{kind} {name}" d="{shape}"/>' for kind, shape in shapes.items()
    )


def _box(position: int, high: float, wide: float = WIDE - 1) -> str:
    """The outline of a bar."""
    x, y = position * WIDE + (WIDE - wide) / 2, HIGH - high
    return f"M{x:.4g} {y:.4g}h{wide:.3g}v{high:.4g}h-{wide:.3g}z"


def _steps(scaled: Sequence[float | None]) -> str:
    """A line that is broken where nothing is known."""
    path, before = "", False
    for position, share in enumerate(scaled):
        if share is not None:
            y = HIGH - 2 - (HIGH - 4) * share
            path += f"{'L' if before else 'M'}{position * WIDE:g} {y:.4g}h{WIDE}"
        before = share is not None
    return f'<path class="level" d="{path}"/>'


def _gaps(of: Sequence[Bar]) -> str:
    """A band as high as the chart for what is not known of each period."""
    bands = (_box(n, HIGH, WIDE * bar.gap) for n, bar in enumerate(of) if bar.gap)
    return f'<path class="gap" d="{"".join(bands)}"/>'


def _marks(of: Sequence[Period], marks: Sequence[tuple[int, str]]) -> Iterator[str]:
    from markupsafe import escape

    for day, text in marks:
        for position, period in enumerate(of):
            if period.start <= day < period.stop:
                share = (day - period.start) / (period.stop - period.start)
                x = (position + share) * WIDE
                yield (
                    f'<path class="mark" d="M{x:.5g} 0V{HIGH}">'
                    f"<title>{escape(text)}</title></path>"
                )


def _label(of: Sequence[Period], found: Sequence[Bar]) -> str:
    """A chart in words: the lowest and the highest of its periods."""
    known = [(bar.value, n) for n, bar in enumerate(found) if bar.value is not None]
    if not known:
        return "no data"
    (_, low), (_, high) = min(known), max(known)
    ends = [f"{found[n].text} ({of[n].name})" for n in (low, high)]
    return f"from {ends[0]} to {ends[1]}"


def strip(
    span: Span, ranges: Mapping[str, Sequence[tuple[dt.date, dt.date]]]
) -> "Markup":
    """The days of a span as one line, coloured by what became of them.

    Args:
        span: the days.
        ranges: for each kind of days, their first and last ones.
    """
    from markupsafe import Markup

    parts = [
        f'<rect class="{kind}" x="{(first - span.start).days}" y="0" '
        f'width="{(last - first).days + 1}" height="1">'
        f"<title>{formatting.days(first, last)}: {kind}</title></rect>"
        for kind, of_kind in ranges.items()
        for first, last in of_kind
    ]
    svg = (
        f'<svg class="strip-of-days" viewBox="0 0 {span.length.days} 1" '
        f'preserveAspectRatio="none" aria-hidden="true">{"".join(parts)}</svg>'
    )
    return Markup(svg)  # noqa: S704  of dates and our own words
