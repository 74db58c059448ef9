"""The publisher's page: every dataset once, with each place where it is used.

Tables and small charts are written here; the script only says what one points at.
Numbers of two places are never added up, but for the standard's requests over our logs.
"""

from collections.abc import Iterator, Sequence
from importlib import metadata
from typing import Any, NamedTuple

from usage_metrics.dates import ONE_DAY, consecutive
from usage_metrics.report import formatting, page, small_charts
from usage_metrics.report.few import FEW, HIDDEN, LEAST, Writing
from usage_metrics.report.formatting import harmless, number
from usage_metrics.report.labels import OTHERS
from usage_metrics.report.place_lines import (
    INVESTIGATIONS,
    REQUESTS,
    Line,
    Measure,
    Place,
)
from usage_metrics.report.place_queries import daily_queries, queries
from usage_metrics.report.publisher import Publisher
from usage_metrics.report.quotable import sentences, sum_of_requests
from usage_metrics.report.static_tables import NONE

SCRIPTS = (
    "script/buttons.js",
    "script/tables.js",
    "script/downloads.js",
    "script/page_data.js",
    "script/copying.js",
    "script/pictures.js",
    "script/small_pictures.js",
    "overview.js",
)
ROWS, CELLS = 200, 5_000
"""The most datasets in the table, and the most numbers."""
LINKS = 5_000
"""The most datasets below it that are named, if each has a page."""
CHARTS = 120
"""The most charts; a dataset has all of its charts or none."""
PAPER = 31
PAPER_WIDE = 95
"""The lines of the printed summary, and the letters and digits of a line."""


class Cell(NamedTuple):
    """A number, and what is said below it in small letters."""

    id: str
    """Empty if there is none."""
    text: str
    below: str = ""
    name: str = ""
    """What it is a number of."""
    value: float | None = None
    """The number itself, where the text is of a rounded one; the public gets none."""


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
    page: str = ""
    """The path of its own page, if it has one."""


def render(publisher: Publisher, made_from: str) -> str:
    """Write the page."""
    template = page.template("overview.html")
    return template.render(made_from=made_from, **content(publisher))


def content(publisher: Publisher) -> dict[str, Any]:
    """What the template shows."""
    span, groups = publisher.span, list(groups_of(publisher))
    shown = _rows(publisher)
    rows = [row_of(publisher, groups, name) for name in publisher.datasets[:shown]]
    total = sum_of_requests(publisher)
    has_queries = not (publisher.is_public or publisher.index)
    return {
        **page.code(("page.css", "overview.css"), SCRIPTS),
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
        "linked": [
            (publisher.name_of(name), publisher.pages[name])
            for name in publisher.datasets[shown : shown + LINKS]
            if name in publisher.pages
        ],
        "index": publisher.index,
        "heading": "Every place" if publisher.index else "Every dataset, everywhere",
        "folder": publisher.index.rpartition("/")[0],
        "charts": list(_charts(publisher)),
        "coverage": list(_coverage(publisher)),
        "kinds": _kinds(publisher),
        "listings": publisher.listings,
        "shares": any(line.is_shared for line in publisher.lines),
        "is_public": publisher.is_public,
        "least": LEAST,
        "dash": NONE,
        "others": OTHERS,
        # For readers who have the database; those of a dataset find them on the index.
        "queries": queries(publisher, groups, total) if has_queries else [],
        "daily_queries": daily_queries(publisher, groups) if has_queries else [],
    }


def _rows(publisher: Publisher) -> int:
    """For how many datasets the table has room."""
    columns = sum(len(group.measures) for group in groups_of(publisher))
    return min(ROWS, CELLS // max(1, columns))


def needs_pages(publisher: Publisher) -> bool:
    """Whether there are more datasets, or charts, than fit on the page."""
    names = publisher.datasets
    if len(names) > _rows(publisher):
        return True
    return sum(len([*_drawn(publisher, name)]) for name in names) > CHARTS


def with_pages(publisher: Publisher) -> list[str]:
    """The datasets that have pages of their own: none, or those that are linked."""
    linked = _rows(publisher) + LINKS
    return publisher.datasets[:linked] if needs_pages(publisher) else []


def _kinds(publisher: Publisher) -> set[str]:
    """What is on the page, and has to be explained there."""
    found = {"release"} if publisher.releases else set()
    for line in publisher.lines:
        found |= set() if line.level is None else {"running"}
        found |= set() if line.quality is None else set(line.quality)
    return found


def groups_of(publisher: Publisher) -> Iterator[Group]:
    """The places of which something is known, with the measures that they have."""
    for place in publisher.places:
        lines = [line for line in publisher.lines if line.place is place]
        found = {line.measure.id: line.measure for line in lines}
        if found:
            yield Group(place, list(found.values()))


def row_of(publisher: Publisher, groups: Sequence[Group], dataset: str) -> Row:
    """What the table says of a dataset."""
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
    page = publisher.pages.get(dataset, "")
    return Row(publisher.name_of(dataset), harmless(dataset), cells, page)


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
    is_rounded = line.measure.write is not number and not publisher.is_public
    value = line.total if is_rounded and line.level is None else None
    return Cell(harmless(line.id), text, below, name, value)


def _added(line: Line, writing: Writing) -> str:
    """What was added to a running total, as far as it is known."""
    if line.total is None:
        return ""
    if writing.hides(line.total):
        return f"changed by {FEW}"
    sign = "+" if line.total > 0 else "±" if line.total == 0 else ""
    return f"{sign}{number(line.total)}".replace("-", "−")


def _on_paper(rows: Sequence[Row]) -> int:
    """For how many rows the printed page has room."""
    left = PAPER
    for position, row in enumerate(rows):
        there = ([c for c in of if c.id] for of in row.cells)
        texts = ("".join(f"{c.text}{c.name}{c.below}" for c in of) for of in there)
        left -= 1 + sum(1 + len(text) // PAPER_WIDE for text in texts if text)
        if left < 0:
            return position
    return len(rows)


class ChartOf(NamedTuple):
    """A chart and its caption."""

    place: str
    what: str
    total: str
    chart: small_charts.Chart
    columns: str
    """Those of its lines in the table below, from 1."""


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
        charts: list[ChartOf] = []
        heads: list[str] = []
        columns: list[list[small_charts.Bar]] = []
        for lines in pairs:
            drawn = small_charts.draw(lines, periods, marks, publisher.writing)
            line = lines[-1]
            what, total = line.measure.name.lower(), _drawn_in_all(line, publisher)
            at = " ".join(str(len(heads) + n + 1) for n in range(len(lines)))
            charts.append(ChartOf(line.place.title, what, total, drawn, at))
            for line in lines:
                heads.append(f"{line.place.title}: {line.measure.name.lower()}")
                columns.append(small_charts.bars(line, periods, publisher.writing))
        rows = [
            (period.name, *map(str, of))
            for period, *of in zip(periods, *columns, strict=True)
        ]
        yield ChartsOf(publisher.name_of(dataset), charts, heads, rows)


def _drawn_in_all(line: Line, publisher: Publisher) -> str:
    """What the bars of a chart add up to, or where its line ends."""
    if line.level is None or line.measure.is_stock:
        return cell(line, publisher, is_few=False).text
    return _added(line, publisher.writing) or NONE


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
