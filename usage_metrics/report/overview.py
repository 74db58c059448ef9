"""The publisher's page: every dataset once, with each place where it is used.

It needs no script: tables and small charts are written here. Numbers of two places are
never added up, but for the standard's requests over our own logs.
"""

import datetime as dt
import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import metadata
from typing import Any, NamedTuple

import numpy as np

from usage_metrics.dates import ONE_DAY, consecutive
from usage_metrics.report import formatting, page, small_charts
from usage_metrics.report.few import FEW, HIDDEN, LEAST, Writing
from usage_metrics.report.formatting import harmless, listed, number
from usage_metrics.report.place_lines import (
    INVESTIGATIONS,
    REQUESTS,
    Line,
    Measure,
    Place,
)
from usage_metrics.report.static_tables import NONE
from usage_metrics.report.usage_database import Span

WINDOWS = (365, 91, 30, 7)
"""How many last days may be compared with those before, the most that there are."""
ROWS = 200
"""The most datasets in the table."""
CHARTS = 120
"""The most charts; a dataset has all of its charts or none."""
PAPER = 31
PAPER_WIDE = 95
"""The lines of the printed summary, and the letters and digits of a line."""
QUOTED = 3
"""The most platforms in the sentences to quote."""


@dataclass(frozen=True)
class Publisher:
    """What the page is made of."""

    title: str
    span: Span
    places: Sequence[Place]
    lines: Sequence[Line]
    titles: Mapping[str, str]
    """Titles of the datasets, by id."""
    made_on: dt.date
    releases: Mapping[str, Sequence[tuple[dt.date, str]]] = field(default_factory=dict)
    """Of each dataset, when which version was published."""
    is_public: bool = False

    @functools.cached_property
    def writing(self) -> Writing:
        """How its numbers are written."""
        return Writing(self.is_public)

    @functools.cached_property
    def known(self) -> dict[str, Line]:
        """The lines by id."""
        return {line.id: line for line in self.lines}

    @functools.cached_property
    def window(self) -> int:
        """How many last days are compared with those before; 0: there are too few."""
        length = self.span.length.days
        return next((days for days in WINDOWS if 2 * days <= length), 0)

    @functools.cached_property
    def datasets(self) -> list[str]:
        """The most used first: by investigations in our logs, then by name."""
        used: dict[str, float] = {line.dataset: 0 for line in self.lines}
        for line in self.lines:
            if line.measure.id == INVESTIGATIONS:
                used[line.dataset] += line.total or 0
        return sorted(used, key=lambda name: (-used[name], name))

    def of(self, dataset: str, place: Place) -> list[Line]:
        """The lines of a dataset in a place."""
        return self._of.get((dataset, place.name), [])

    @functools.cached_property
    def _of(self) -> dict[tuple[str, str], list[Line]]:
        found: dict[tuple[str, str], list[Line]] = {}
        for line in self.lines:
            found.setdefault((line.dataset, line.place.name), []).append(line)
        return found

    def name_of(self, dataset: str) -> str:
        """What the page calls a dataset."""
        return harmless(self.titles.get(dataset, dataset))


class Cell(NamedTuple):
    """A number, and what is said below it in small letters."""

    id: str
    """Empty if there is none."""
    text: str
    below: str = ""
    name: str = ""
    """What it is a number of."""


class Group(NamedTuple):
    """The columns of a place."""

    place: Place
    measures: list[Measure]


class Row(NamedTuple):
    """A dataset with its cells, by place."""

    name: str
    id: str
    cells: list[list[Cell]]
    """Of each group, one for each measure; without a number where there is none."""


def render(publisher: Publisher, made_from: str) -> str:
    """Write the page."""
    template = page.template("overview.html")
    return template.render(made_from=made_from, **content(publisher))


def content(publisher: Publisher) -> dict[str, Any]:
    """What the template shows."""
    span, groups = publisher.span, list(_groups(publisher))
    rows = [_row(publisher, groups, name) for name in publisher.datasets[:ROWS]]
    total = sum_of_requests(publisher)
    return {
        **page.style("page.css", "overview.css"),
        "title": publisher.title,
        "span_label": formatting.days(span.start, span.stop - ONE_DAY),
        "made_on": formatting.day(publisher.made_on),
        "version": metadata.version("usage_metrics"),
        "sentences": sentences(publisher, total),
        "sum": total,
        "window": publisher.window,
        "groups": groups,
        "rows": rows,
        "on_paper": _on_paper(rows),
        "more": len(publisher.datasets) - len(rows),
        "charts": list(_charts(publisher)),
        "coverage": list(_coverage(publisher)),
        "shares": any(line.is_shared for line in publisher.lines),
        "is_public": publisher.is_public,
        "least": LEAST,
        "none": NONE,
    }


def _groups(publisher: Publisher) -> Iterator[Group]:
    """The places of which something is known, with the measures that they have."""
    for place in publisher.places:
        lines = [line for line in publisher.lines if line.place is place]
        found = {line.measure.id: line.measure for line in lines}
        if found:
            yield Group(place, list(found.values()))


def _row(publisher: Publisher, groups: Sequence[Group], dataset: str) -> Row:
    cells = []
    for group in groups:
        lines = {line.measure.id: line for line in publisher.of(dataset, group.place)}
        used = lines.get(INVESTIGATIONS)
        is_few = publisher.writing.hides(used.total if used else None)
        cells.append(
            [
                cell(lines[measure.id], publisher, is_few=is_few)
                if measure.id in lines
                else Cell("", NONE)
                for measure in group.measures
            ]
        )
    return Row(publisher.name_of(dataset), harmless(dataset), cells)


def cell(line: Line, publisher: Publisher, *, is_few: bool) -> Cell:
    """What the table says of a line.

    Args:
        line: the line.
        publisher: says how numbers are written.
        is_few: whether the dataset was used by so few there that sizes are hidden.
    """
    writing, name = publisher.writing, line.measure.name.lower()
    write = writing.of(line.measure)
    if line.level is not None:
        level, below = line.last_level, _added(line, writing)
        text = NONE if level is None else write(level)
    elif line.total is None:
        text, below = NONE, ""
    elif is_few and line.measure.write is not number:
        text, below = HIDDEN, ""
    else:
        text, below = write(line.total), writing.change(line, publisher.window)
    if line.is_shared:
        below = f"{below}, shared" if below else "shared"
    return Cell(harmless(line.id), text, below, name)


def _added(line: Line, writing: Writing) -> str:
    """What was added to a running total, as far as it is known."""
    if line.total is None:
        return ""
    if writing.hides(line.total):
        return f"changed by {FEW}"
    sign = "+" if line.total > 0 else "±" if line.total == 0 else ""
    return f"{sign}{number(line.total)}".replace("-", "−")


class Sum(NamedTuple):
    """The one sum that may be made."""

    requests: str
    change: str
    places: list[str]
    again: list[str]
    """Logs that have the same requests once more; they are not in it."""


def sum_of_requests(publisher: Publisher) -> Sum | None:
    """The standard's requests over our own logs, each request once.

    What a CDN has asked a bucket for is not use in the bucket's log, if that of the CDN
    is read. A number that is hidden is not in the sum, so that nobody finds it by
    subtraction.
    """
    logs, again = _different_logs(publisher)
    lines = [
        line
        for line in publisher.lines
        if line.measure.id == REQUESTS and line.place in logs
    ]
    shown = [line for line in lines if not publisher.writing.hides(line.total)]
    if not shown:
        return None
    added = np.nansum([line.added for line in shown], axis=0)
    added[np.all([~line.known for line in shown], axis=0)] = np.nan
    together = replace(shown[0], added=added)
    change = publisher.writing.change(together, publisher.window)
    titles = [[place.title for place in of] for of in (logs, again)]
    return Sum(number(together.total or 0), change, *titles)


def _different_logs(publisher: Publisher) -> tuple[list[Place], list[Place]]:
    """The logs of different requests, and those that have the same ones once more.

    A load balancer and the server behind it both log a request. Of logs that name the
    same host, and are about the same dataset, the one with most requests is taken.
    """
    used: dict[str, float] = {}
    datasets: dict[str, set[str]] = {}
    for line in publisher.lines:
        if line.measure.id == REQUESTS:
            name = line.place.name
            used[name] = used.get(name, 0) + (line.total or 0)
            datasets.setdefault(name, set()).add(line.dataset)
    logs = [place for place in publisher.places if place.name in used]
    taken: list[Place] = []
    for place in sorted(logs, key=lambda place: -used[place.name]):
        same = (
            place.hosts & other.hosts and datasets[place.name] & datasets[other.name]
            for other in taken
        )
        if not any(same):
            taken.append(place)
    return [p for p in logs if p in taken], [p for p in logs if p not in taken]


def sentences(publisher: Publisher, total: Sum | None) -> list[str]:
    """What a person may quote: the figures, the period, and what was left out."""
    span = publisher.span
    period = formatting.days(span.start, span.stop - ONE_DAY)
    said = []
    if total:
        logs = listed([harmless(title) for title in total.places])
        said.append(
            f"{period}: our data were requested {total.requests} times from our own "
            f"servers ({logs}), as counted by the COUNTER Code of Practice for "
            f"Research Data; requests of robots, our own requests, repeated clicks "
            f"and failures are left out{_days_left_out(publisher)}."
            f"{_said_again(total)}"
        )
    quoted = [_quoted(publisher, place) for place in publisher.places]
    told = [text for text in quoted if text][:QUOTED]
    if told:
        when = "In the same period" if total else period
        joint = ", " if total else ": "
        said.append(
            f"{when}{joint}{listed(told)}; each counts in its own way, so these "
            "numbers are not added up."
        )
    return said or [f"Nothing was counted in {period}."]


def _said_again(total: Sum) -> str:
    """Which logs are not in the sum."""
    if not total.again:
        return ""
    return (
        f" The sum is without the log of {listed(total.again)}, which has requests to "
        "the same host for the same data."
    )


def _days_left_out(publisher: Publisher) -> str:
    gone = [
        f"{len(days):,} {'day' if len(days) == 1 else 'days'} of {place.title}"
        for place in publisher.places
        if place.is_log and (days := [*place.days.missing, *place.days.lost])
    ]
    return f", and so are {listed(gone)} without logs" if gone else ""


def _quoted(publisher: Publisher, place: Place) -> str:
    """What a platform added most of, in words; nothing if that is not known."""
    lines = [
        line
        for line in publisher.lines
        if line.place is place and not place.is_log and not line.measure.is_stock
    ]
    lines = [line for line in lines if line.total and line.total >= LEAST]
    if not lines:
        return ""
    most = max(lines, key=lambda line: line.total or 0)
    what = f"{number(most.total or 0)} {most.measure.name.lower()}"
    return f"{place.title} counted {what} of {publisher.name_of(most.dataset)}"


def _on_paper(rows: Sequence[Row]) -> int:
    """For how many rows the printed page has room."""
    left = PAPER
    for position, row in enumerate(rows):
        texts = ["".join(f"{c.text}{c.name}{c.below}" for c in of) for of in row.cells]
        left -= 1 + sum(1 + len(text) // PAPER_WIDE for text in texts if text != NONE)
        if left < 0:
            return position
    return len(rows)


class ChartOf(NamedTuple):
    """A chart and its caption."""

    place: str
    what: str
    total: str
    chart: small_charts.Chart


class ChartsOf(NamedTuple):
    """The charts of a dataset, and their numbers."""

    name: str
    charts: list[ChartOf]
    heads: list[str]
    rows: list[tuple[str, ...]]


def _charts(publisher: Publisher) -> Iterator[ChartsOf]:
    periods, left = small_charts.periods(publisher.span), CHARTS
    for dataset in publisher.datasets:
        pairs = [*_drawn(publisher, dataset)]
        left -= len(pairs)
        if left < 0:
            return
        marks = _marks(publisher, dataset)
        charts, heads, columns = [], [], []
        for lines in pairs:
            drawn = small_charts.draw(lines, periods, marks, publisher.writing)
            line = lines[-1]
            of_line = cell(line, publisher, is_few=False)
            what = line.measure.name.lower()
            charts.append(ChartOf(line.place.title, what, of_line.text, drawn))
            for line in lines:
                heads.append(f"{line.place.title}: {line.measure.name.lower()}")
                columns.append(small_charts.bars(line, periods, publisher.writing))
        rows = [
            (period.name, *map(str, of))
            for period, *of in zip(periods, *columns, strict=True)
        ]
        yield ChartsOf(publisher.name_of(dataset), charts, heads, rows)


def _drawn(publisher: Publisher, dataset: str) -> Iterator[list[Line]]:
    """The lines that share a chart: of a log, investigations and requests."""
    for place in publisher.places:
        lines = publisher.of(dataset, place)
        if place.is_log:
            of = {line.measure.id: line for line in lines}
            if INVESTIGATIONS in of:
                yield [of[INVESTIGATIONS], of[REQUESTS]]
        else:
            # To the public, two levels would tell the few that are between them.
            hides = publisher.is_public
            shown = (x for x in lines if not (hides and x.measure.is_stock))
            yield from ([line] for line in shown)


def _marks(publisher: Publisher, dataset: str) -> list[tuple[int, str]]:
    return [
        ((day - publisher.span.start).days, f"{harmless(text)}, {formatting.day(day)}")
        for day, text in publisher.releases.get(dataset, ())
        if publisher.span.start <= day < publisher.span.stop
    ]


class Covered(NamedTuple):
    """What is there of a place."""

    place: Place
    first: str
    last: str
    numbers: list[tuple[str, str]]
    strip: Any


def _coverage(publisher: Publisher) -> Iterator[Covered]:
    for place in publisher.places:
        days = place.days
        kinds = (days.there, days.missing, days.filled, days.lost)
        names = ("there", "missing", "filled", "lost")
        numbers = [
            (f"days {place.name} {name}", number(len(of)))
            for name, of in zip(names, kinds, strict=True)
        ]
        first, last = (formatting.day(end) for end in (days.there[0], days.there[-1]))
        strip = small_charts.strip(
            publisher.span,
            {name: consecutive(of) for name, of in zip(names, kinds, strict=True)},
        )
        yield Covered(place, first, last, numbers, strip)
