"""The charts, with Vega-Altair: in a notebook from a frame, on the page by name.

With Altair, one declaration serves both: the notebook draws a frame, and the page draws
its figures, filtered in the browser, with the same axes and colours. Altair writes a
Vega-Lite document, which is data and not code, and Vega draws it without ``eval``; so
the page's policy can forbid all code that is not in the page.

Every chart takes ``rows`` and a ``palette``, and some have a ``legend`` of colours that
can be left out, as on the page, which has its own.
"""

import functools
import json
from collections.abc import Callable
from importlib import resources
from typing import Any, NamedTuple, TypeAlias

import altair as alt

from usage_metrics.report.labels import CLASSES, SHADES
from usage_metrics.report.neutral import for_chart

Rows: TypeAlias = Any
"""A pandas frame or, on the page, the name of data that come later."""


class Palette(NamedTuple):
    """The colours of a chart."""

    human: str = "#2f6fde"
    machine: str = "#d9820f"
    robot: str = "#7b8794"
    internal: str = "#3f9c7a"
    unknown: str = "#a35ec9"
    ink: str = "#3b4652"
    grid: str = "#e3e7ec"
    land: str = "#e6eaee"
    border: str = "#ffffff"
    missing: str = "#f3d9d6"
    few: str = "#cfe0fb"
    some: str = "#9ec1f5"
    many: str = "#5f96ea"
    more: str = "#2f6fde"
    most: str = "#173f8a"


PAPER = Palette()
"""For a white background."""
BY_STYLE = Palette(*(f"var(--{name})" for name in Palette._fields))
"""The colours of the page's style sheet, for light, dark and print."""

ROWS = "rows"
"""The name of the data that the page gives to each chart."""


def over_time(
    rows: Rows,
    agent_class: str,
    palette: Palette = PAPER,
    *,
    compared: bool = False,
) -> alt.Chart:
    """Requests of one class over time, and how many of them count.

    Rows have ``start``, ``stop``, ``label``, ``requests``, ``counted`` and, if a period
    has no data, ``missing``; if they are compared, how many requests there were
    ``before``, and ``then``, a text on that, which is empty if that is not known.
    """
    colour = getattr(palette, agent_class)
    tooltip = _tooltip(label="Period", requests="Requests", counted="Counted uses")
    tooltip += _tooltip(then="Before") if compared else []
    base = _chart(rows).encode(x=_time(), x2="stop:T", tooltip=tooltip)
    bars = [
        base.mark_rect(color=colour, opacity=opacity, **_edge(palette)).encode(
            y=_amount(field), y2=alt.datum(0)
        )
        for field, opacity in (("requests", 0.4), ("counted", 1))
    ]
    lines = [_before(rows, palette, tooltip)] if compared else []
    layers = alt.layer(_band(rows, palette), *bars, *lines)
    return _finished(_over_days(layers), palette, height=130)


def per_week(
    rows: Rows,
    palette: Palette = PAPER,
    *,
    legend: bool = True,
    compared: bool = False,
) -> alt.Chart:
    """Requests per week by class.

    Rows have ``start``, ``stop``, ``label``, ``agent_class``, its ``order``, ``value``
    and, if a period has no data, ``missing``; if they are compared, also what
    :func:`over_time` says.
    """
    then = _tooltip(then="Before") if compared else []
    chart = _stacked(rows, palette).encode(
        color=_by_class(palette, legend=legend),
        tooltip=[*_tooltip(label="Week", agent_class="Who", value="Requests"), *then],
    )
    lines = (
        [_before(rows, palette, [*_tooltip(label="Week"), *then])] if compared else []
    )
    layers = alt.layer(_band(rows, palette), chart, *lines)
    return _finished(_over_days(layers), palette, height=200)


def ranked(rows: Rows, palette: Palette = PAPER, *, legend: bool = True) -> alt.Chart:
    """A bar for each name, divided by class.

    Rows have ``label``, ``agent_class``, its ``order`` and ``value``; most used first.
    """
    # Without a place, names that stay after a filter keep the order they had before.
    order = alt.EncodingSortField("place", op="min")
    axis = alt.Axis(ticks=False)
    base = _chart(rows).encode(y=alt.Y("label:N", sort=order, title=None, axis=axis))
    bars = base.mark_bar(cornerRadiusEnd=2).encode(
        x=alt.X("value:Q", title=None, stack=True, axis=None),
        color=_by_class(palette, legend=legend),
        order=alt.Order("order:Q"),
        tooltip=_tooltip(label="What", agent_class="Who", value="Count"),
    )
    totals = base.mark_text(align="left", dx=4, color=palette.ink).encode(
        x=alt.X("sum(value):Q", title=None, axis=None),
        text=alt.Text("sum(value):Q", format=","),
    )
    chart = alt.layer(bars, totals).transform_window(place="row_number()")
    return _finished(chart, palette, height=alt.Step(24))


def in_order(rows: Rows, palette: Palette = PAPER, *, legend: bool = True) -> alt.Chart:
    """A column for each name, divided by class, in the order of the names.

    Rows have ``label``, ``agent_class``, its ``order`` and ``value``.
    """
    axis = alt.Axis(ticks=False, labelAngle=0, labelOverlap=True)
    sort = alt.EncodingSortField("place", op="min")
    columns = (
        _chart(rows)
        .transform_window(place="row_number()")
        .mark_bar(**_edge(palette))
        .encode(
            x=alt.X("label:N", sort=sort, title=None, axis=axis),
            y=_amount("value"),
            color=_by_class(palette, legend=legend),
            order=alt.Order("order:Q"),
            tooltip=_tooltip(label="What", agent_class="Who", value="Count"),
        )
    )
    return _finished(columns, palette, height=180)


def new_and_returning(
    rows: Rows, palette: Palette = PAPER, *, legend: bool = True
) -> alt.Chart:
    """Organisations of each period: new, or seen before.

    Rows have ``start``, ``stop``, ``label``, ``kind``, its ``order``, ``value`` and, if
    a period has no data, ``missing``.
    """
    scale = alt.Scale(domain=["Returning", "New"], range=[palette.more, palette.some])
    chart = _stacked(rows, palette).encode(
        color=alt.Color(
            "kind:N", scale=scale, title=None, legend=_LEGEND if legend else None
        ),
        tooltip=_tooltip(label="Period", kind="Organisations", value="Number"),
    )
    layers = alt.layer(_band(rows, palette), chart)
    return _finished(_over_days(layers), palette, height=180)


def world(rows: Rows, palette: Palette = PAPER, *, legend: bool = True) -> alt.Chart:
    """Countries, darker with more use; those too small for a shape as dots.

    Rows have ``code`` (ISO 3166-1 alpha-2), ``label`` and ``value``.
    """
    found = world_map()
    topology = alt.TopoDataFormat(type="topojson", feature="countries")
    shapes = alt.InlineData(values=found["shapes"], format=topology)
    points = [
        {"id": code, "longitude": longitude, "latitude": latitude}
        for code, (longitude, latitude) in found["points"].items()
    ]
    colour = alt.Color(
        "value:Q",
        title=None,
        scale=alt.Scale(
            type="threshold",
            domain=list(SHADES.values())[1:],
            range=[getattr(palette, name) for name in SHADES],
        ),
        legend=alt.Legend(orient="bottom", format=",") if legend else None,
    )
    looked_up = alt.LookupData(
        data=for_chart(rows), key="code", fields=["label", "value"]
    )

    def used(places: alt.InlineData) -> alt.Chart:
        chart: alt.Chart = (
            alt.Chart(places)
            .transform_lookup(lookup="id", from_=looked_up)
            .transform_filter("datum.value > 0")
            .encode(color=colour, tooltip=_tooltip(label="Country", value="Count"))
        )
        return chart

    edge = _edge(palette, 0.5)
    land = alt.Chart(shapes).mark_geoshape(fill=palette.land, tooltip=False, **edge)
    dots = used(alt.InlineData(values=points)).mark_circle(
        size=60, opacity=1, **_edge(palette, 1)
    )
    dots = dots.encode(longitude="longitude:Q", latitude="latitude:Q")
    chart = alt.layer(land, used(shapes).mark_geoshape(**edge), dots)
    chart = chart.project(type="equalEarth")
    return _finished(chart, palette, height=360)


@functools.cache
def world_map() -> dict[str, Any]:
    """The map: ``shapes`` of countries, and ``points`` of those too small for one."""
    text = resources.files(__package__).joinpath("world_map.json").read_text()
    found: dict[str, Any] = json.loads(text)
    return found


KINDS: dict[str, tuple[Callable[..., alt.Chart], dict[str, Any]]] = {
    **{
        f"over_time_{name}": (over_time, {"agent_class": name, "compared": True})
        for name in CLASSES
    },
    "per_week": (per_week, {"legend": False, "compared": True}),
    "ranked": (ranked, {"legend": False}),
    "in_order": (in_order, {"legend": False}),
    "new_and_returning": (new_and_returning, {"legend": False}),
    "world": (world, {"legend": False}),
}
"""The charts of the page."""


def documents() -> dict[str, Any]:
    """The Vega-Lite document of each kind of chart, for data given by name."""
    data = alt.NamedData(name=ROWS)
    return {
        kind: draw(data, palette=BY_STYLE, **options).to_dict()
        for kind, (draw, options) in KINDS.items()
    }


_LEGEND = alt.Legend(orient="top", symbolType="square")

_SHORT = (
    "datum.value >= 1e6 ? format(datum.value / 1e6, ',~r') + ' M' : "
    "datum.value >= 1e4 ? format(datum.value / 1e3, ',~r') + ' k' : "
    "format(datum.value, ',')"
)
"""How an axis writes numbers."""


_TICKS = "ticks"


def _time() -> alt.X:
    """Days; without ticks from the page, Vega's, and no name after the last day."""
    axis = alt.Axis(
        grid=False,
        labelOverlap=True,
        tickCount=6,
        values=alt.ExprRef(_TICKS),
        labelExpr="datum.value < domain('x')[1] ? "
        "utcFormat(datum.value, '%-d %b %Y') : ''",
    )
    return alt.X("start:T", title=None, scale=alt.Scale(type="utc"), axis=axis)


def _over_days(chart: Any) -> Any:
    """A chart with days for which the page can say where their ticks are."""
    return chart.add_params(alt.param(name=_TICKS, expr="null"))


def _amount(field: str) -> alt.Y:
    axis = alt.Axis(
        tickCount=4, tickMinStep=1, domain=False, ticks=False, labelExpr=_SHORT
    )
    return alt.Y(f"{field}:Q", title=None, axis=axis)


def _tooltip(**titles: str) -> list[alt.Tooltip]:
    """The title of each field in the tooltip; numbers with thousands separators."""
    return [
        alt.Tooltip(f"{field}:N", title=title)
        if field in ("label", "agent_class", "kind", "then")
        else alt.Tooltip(f"{field}:Q", title=title, format=",")
        for field, title in titles.items()
    ]


def _chart(rows: Rows) -> alt.Chart:
    """A chart of neutral texts: Altair writes ``<`` as it is into pages it saves."""
    return alt.Chart(for_chart(rows))


def _band(rows: Rows, palette: Palette) -> alt.Chart:
    """A band as high as the chart for each period without data."""
    band: alt.Chart = (
        _chart(rows)
        .mark_rect(color=palette.missing)
        .encode(
            x=_time(),
            x2="stop:T",
            opacity=alt.condition("datum.missing", alt.value(1), alt.value(0)),
            tooltip=_tooltip(label="Period"),
        )
    )
    return band


def _before(rows: Rows, palette: Palette, tooltip: list[alt.Tooltip]) -> alt.Chart:
    """A line as wide as each period, as high as there were requests before."""
    line: alt.Chart = (
        _chart(rows)
        .mark_rule(color=palette.ink, strokeWidth=2)
        .encode(
            x=_time(),
            x2="stop:T",
            y=_amount("before"),
            opacity=alt.condition("datum.then", alt.value(1), alt.value(0)),
            tooltip=tooltip,
        )
    )
    return line


def _stacked(rows: Rows, palette: Palette) -> alt.Chart:
    """Stacked bars as wide as their periods.

    Vega-Lite does not stack bars that have both a start and an end in time.
    """
    chart: alt.Chart = (
        _chart(rows)
        .transform_stack(
            stack="value",
            as_=["bottom", "top"],
            groupby=["start"],
            sort=[alt.SortField("order")],
        )
        .mark_rect(**_edge(palette))
        .encode(x=_time(), x2="stop:T", y=_amount("bottom"), y2="top:Q")
    )
    return chart


def _edge(palette: Palette, width: float = 0.75) -> dict[str, Any]:
    """A thin line that keeps neighbours apart."""
    return {"stroke": palette.border, "strokeWidth": width}


def _by_class(palette: Palette, *, legend: bool) -> alt.Color:
    colours = [getattr(palette, name) for name in CLASSES]
    scale = alt.Scale(domain=list(CLASSES.values()), range=colours)
    shown = _LEGEND if legend else None
    return alt.Color("agent_class:N", scale=scale, title=None, legend=shown)


def _finished(chart: Any, palette: Palette, height: Any) -> alt.Chart:
    """As wide as its container, in the colours and font of the page."""
    text = {"labelColor": palette.ink, "titleColor": palette.ink, "labelFontSize": 12}
    lines = {"gridColor": palette.grid, "domainColor": palette.grid}
    finished: alt.Chart = chart.properties(width="container", height=height).configure(
        background="transparent",
        font="system-ui, sans-serif",
        aria=False,  # the page describes each chart itself
        axis={**text, **lines, "tickColor": palette.grid},
        axisY={"labelLimit": 0},  # none
        legend=text,
        view={"stroke": None},
    )
    return finished
