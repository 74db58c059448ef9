"""The charts, with Vega-Altair: in a notebook from a frame, on the page by name.

Altair because one declaration serves both: the notebook draws a frame with it, and the
page its own figures, filtered in the browser, with the same axes and colours. What it
makes is a Vega-Lite document, data and not code, which Vega draws without ``eval``; so
the page can forbid everything that is not in it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from usage_metrics.report.world_map import world_map

if TYPE_CHECKING:
    import altair as alt

Rows: TypeAlias = Any
"""A pandas frame or, on the page, the name of data that come later."""


class Palette(NamedTuple):
    """Colours of what is drawn."""

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
"""The colours that the page's style sheet says, for light, dark and print."""

CLASSES = {
    "human": "Human",
    "machine": "Machine",
    "robot": "Robot",
    "internal": "Our own",
    "unknown": "Unknown",
}
"""How the classes of agents are called, in the order in which they are shown."""

ROWS = "rows"
"""The name of the data that the page gives to each chart."""
POINTS = "points"
SHADES = {
    "few": 1,
    "some": 10,
    "many": 100,
    "more": 1_000,
    "most": 10_000,
}
"""The colours of the map, each with the least number that has it."""


def over_time(rows: Rows, agent_class: str, palette: Palette = PAPER) -> "alt.Chart":
    """Requests of one class over time, and how many of them count.

    Args:
        rows: ``start``, ``stop``, ``label``, ``requests``, ``counted`` and, of a period
            without figures, ``missing``.
        agent_class: decides the colour.
        palette: the colours.
    """
    import altair as alt

    colour = getattr(palette, agent_class)
    tooltip = [
        alt.Tooltip("label:N", title="Period"),
        alt.Tooltip("requests:Q", title="Requests", format=","),
        alt.Tooltip("counted:Q", title="Counted uses", format=","),
    ]
    base = alt.Chart(rows).encode(x=_time(), x2="stop:T", tooltip=tooltip)
    none = base.mark_rect(color=palette.missing).encode(
        opacity=alt.condition("datum.missing", alt.value(1), alt.value(0))
    )
    bars = [
        base.mark_rect(color=colour, opacity=opacity, **_apart(palette)).encode(
            y=_amount(field), y2=alt.datum(0)
        )
        for field, opacity in (("requests", 0.4), ("counted", 1))
    ]
    return _finished(alt.layer(none, *bars), palette, height=130)


def per_week(
    rows: Rows, palette: Palette = PAPER, *, legend: bool = True
) -> "alt.Chart":
    """Requests of each week by class.

    Args:
        rows: ``start``, ``stop``, ``label``, ``agent_class``, ``order`` of the class
            and ``value``.
        palette: the colours.
        legend: whether to say which colour is whose.
    """
    import altair as alt

    chart = _stacked(rows, palette).encode(
        color=_by_class(palette, legend=legend),
        tooltip=[
            alt.Tooltip("label:N", title="Week"),
            alt.Tooltip("agent_class:N", title="Who"),
            alt.Tooltip("value:Q", title="Requests", format=","),
        ],
    )
    return _finished(chart, palette, height=200)


def ranked(rows: Rows, palette: Palette = PAPER, *, legend: bool = True) -> "alt.Chart":
    """What is used most, a bar for each, by class.

    Args:
        rows: ``label``, ``agent_class``, ``order`` of the class and ``value``, what is
            used most first.
        palette: the colours.
        legend: whether to say which colour is whose.
    """
    import altair as alt

    label = alt.Y("label:N", sort=None, title=None, axis=alt.Axis(ticks=False))
    base = alt.Chart(rows).encode(y=label)
    bars = base.mark_bar(cornerRadiusEnd=2).encode(
        x=alt.X("value:Q", title=None, stack=True, axis=None),
        color=_by_class(palette, legend=legend),
        order=alt.Order("order:Q"),
        tooltip=[
            alt.Tooltip("label:N", title="What"),
            alt.Tooltip("agent_class:N", title="Who"),
            alt.Tooltip("value:Q", title="How often", format=","),
        ],
    )
    totals = base.mark_text(align="left", dx=4, color=palette.ink).encode(
        x=alt.X("sum(value):Q", title=None, axis=None),
        text=alt.Text("sum(value):Q", format=","),
    )
    return _finished(alt.layer(bars, totals), palette, height=alt.Step(24))


def new_and_returning(rows: Rows, palette: Palette = PAPER) -> "alt.Chart":
    """Organisations of each period: seen for the first time, or before.

    Args:
        rows: ``start``, ``stop``, ``label``, ``kind`` (New or Returning), its ``order``
            and ``value``.
        palette: the colours.
    """
    import altair as alt

    scale = alt.Scale(domain=["Returning", "New"], range=[palette.more, palette.some])
    chart = _stacked(rows, palette).encode(
        color=alt.Color("kind:N", scale=scale, title=None, legend=_legend()),
        tooltip=[
            alt.Tooltip("label:N", title="Period"),
            alt.Tooltip("kind:N", title="Organisations"),
            alt.Tooltip("value:Q", title="How many"),
        ],
    )
    return _finished(chart, palette, height=180)


def world(rows: Rows, palette: Palette = PAPER, *, legend: bool = True) -> "alt.Chart":
    """Countries, darker with use; those too small to have a shape as dots.

    Args:
        rows: ``code`` (ISO 3166-1 alpha-2), ``label`` and ``value``.
        palette: the colours.
        legend: whether to say which colour is how much.
    """
    import altair as alt

    found = world_map()
    shapes = alt.InlineData(
        values=found["shapes"],
        format=alt.TopoDataFormat(type="topojson", feature="countries"),
    )
    points = alt.InlineData(
        values=[
            {"id": code, "longitude": longitude, "latitude": latitude}
            for code, (longitude, latitude) in found["points"].items()
        ]
    )
    looked_up = alt.LookupData(data=rows, key="code", fields=["label", "value"])
    colours = [getattr(palette, name) for name in SHADES]
    colour = alt.Color(
        "value:Q",
        title=None,
        scale=alt.Scale(
            type="threshold", domain=list(SHADES.values())[1:], range=colours
        ),
        legend=alt.Legend(orient="bottom", format=",") if legend else None,
    )
    tooltip = [
        alt.Tooltip("label:N", title="Country"),
        alt.Tooltip("value:Q", title="How often", format=","),
    ]
    land = alt.Chart(shapes).mark_geoshape(
        fill=palette.land, stroke=palette.border, strokeWidth=0.5, tooltip=False
    )
    used = (
        alt.Chart(shapes)
        .transform_lookup(lookup="id", from_=looked_up)
        .transform_filter("datum.value > 0")
        .mark_geoshape(stroke=palette.border, strokeWidth=0.5)
        .encode(color=colour, tooltip=tooltip)
    )
    small = (
        alt.Chart(points)
        .transform_lookup(lookup="id", from_=looked_up)
        .transform_filter("datum.value > 0")
        .mark_circle(size=60, opacity=1, stroke=palette.border, strokeWidth=1)
        .encode(
            longitude="longitude:Q",
            latitude="latitude:Q",
            color=colour,
            tooltip=tooltip,
        )
    )
    chart = alt.layer(land, used, small).project(type="equalEarth")
    return _finished(chart, palette, height=360)


KINDS: dict[str, tuple[Callable[..., "alt.Chart"], dict[str, Any]]] = {
    **{f"over_time_{name}": (over_time, {"agent_class": name}) for name in CLASSES},
    "per_week": (per_week, {"legend": False}),
    "ranked": (ranked, {"legend": False}),
    "new_and_returning": (new_and_returning, {}),
    "world": (world, {"legend": False}),
}
"""The charts of the page, which has legends of its own."""


def documents() -> dict[str, Any]:
    """The Vega-Lite document of each kind of chart, for data that come by name."""
    import altair as alt

    documents = {}
    for kind, (draw, options) in KINDS.items():
        chart = draw(alt.NamedData(name=ROWS), palette=BY_STYLE, **options)
        documents[kind] = chart.to_dict()
    return documents


def _time() -> "alt.X":
    import altair as alt

    axis = alt.Axis(grid=False, labelOverlap=True, tickCount=6, format="%-d %b %Y")
    return alt.X("start:T", title=None, scale=alt.Scale(type="utc"), axis=axis)


def _amount(field: str) -> "alt.Y":
    import altair as alt

    axis = alt.Axis(
        tickCount=4, tickMinStep=1, domain=False, ticks=False, labelExpr=_SHORT
    )
    return alt.Y(f"{field}:Q", title=None, axis=axis)


_SHORT = (
    "datum.value >= 1e6 ? format(datum.value / 1e6, ',~r') + ' M' : "
    "datum.value >= 1e4 ? format(datum.value / 1e3, ',~r') + ' k' : "
    "format(datum.value, ',')"
)
"""How an axis writes numbers."""


def _stacked(rows: Rows, palette: Palette) -> "alt.Chart":
    """Boxes as wide as their periods, one on the other.

    Bars that have both a beginning and an end in time are not stacked by themselves.
    """
    import altair as alt

    chart: alt.Chart = (
        alt.Chart(rows)
        .transform_stack(
            stack="value",
            as_=["bottom", "top"],
            groupby=["start"],
            sort=[alt.SortField("order")],
        )
        .mark_rect(**_apart(palette))
        .encode(x=_time(), x2="stop:T", y=_amount("bottom"), y2="top:Q")
    )
    return chart


def _apart(palette: Palette) -> dict[str, Any]:
    """A thin line between one period and the next."""
    return {"stroke": palette.border, "strokeWidth": 0.75}


def _by_class(palette: Palette, *, legend: bool) -> "alt.Color":
    import altair as alt

    scale = alt.Scale(
        domain=list(CLASSES.values()),
        range=[getattr(palette, name) for name in CLASSES],
    )
    shown = _legend() if legend else None
    return alt.Color("agent_class:N", scale=scale, title=None, legend=shown)


def _legend() -> "alt.Legend":
    import altair as alt

    return alt.Legend(orient="top", symbolType="square")


def _finished(chart: Any, palette: Palette, height: Any) -> "alt.Chart":
    """As wide as there is room, in the colours and letters of the page."""
    text = {"labelColor": palette.ink, "titleColor": palette.ink, "labelFontSize": 12}
    lines = {"gridColor": palette.grid, "domainColor": palette.grid}
    finished: alt.Chart = chart.properties(width="container", height=height).configure(
        background="transparent",
        font="system-ui, sans-serif",
        aria=False,  # the page says in words what a chart shows
        axis={**text, **lines, "tickColor": palette.grid},
        legend=text,
        view={"stroke": None},
    )
    return finished
