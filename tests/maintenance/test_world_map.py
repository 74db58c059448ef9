"""The map: the countries that have a shape, and those that are dots."""

from typing import Any

from usage_metrics.geocode.countries import COUNTRIES
from usage_metrics.maintenance.world_map import build
from usage_metrics.report.charts import world_map


def atlas(*countries: tuple[str, str, list[Any]], arcs: list[Any]) -> dict[str, Any]:
    shapes = [
        {"type": "Polygon", "arcs": outline, "id": number, "properties": {"name": name}}
        for number, name, outline in countries
    ]
    return {
        "objects": {"countries": {"geometries": shapes}},
        "arcs": arcs,
        "transform": {"scale": [0.5, 0.5], "translate": [-10, 20]},
    }


ARCS = [[[0, 0], [4, 0], [0, 8]], [[0, 0], [4, 8]]]


def test_shapes_have_codes_and_what_has_none_at_this_scale_is_a_point() -> None:
    coarse = atlas(("276", "Germany", [[0]]), ("010", "Antarctica", [[0]]), arcs=ARCS)
    fine = atlas(
        ("276", "Germany", [[0]]),
        ("470", "Malta", [[0, ~1]]),
        ("", "Kosovo", [[1]]),
        ("", "Somaliland", [[1]]),
        arcs=ARCS,
    )
    made = build(coarse, fine)
    shapes = made["shapes"]["objects"]["countries"]["geometries"]
    assert [shape["id"] for shape in shapes] == ["DE"]
    assert made["points"] == {"MT": [-9.0, 22.0], "XK": [-9.0, 22.0]}


def test_a_country_of_several_parts_is_where_its_longest_border_is() -> None:
    fine = atlas(("470", "Malta", []), arcs=[[[40, 40]], *ARCS])
    fine["objects"]["countries"]["geometries"][0] |= {
        "type": "MultiPolygon",
        "arcs": [[[0]], [[1]]],
    }
    assert build(atlas(arcs=[]), fine)["points"] == {"MT": [-9.0, 22.0]}


def test_the_map_knows_nearly_every_country() -> None:
    found = world_map()
    shapes = found["shapes"]["objects"]["countries"]["geometries"]
    known = {shape["id"] for shape in shapes} | set(found["points"])
    assert set(COUNTRIES) - known == {
        *("AQ", "BQ", "BV", "CC", "CX", "GF", "GI", "GP", "MQ"),
        *("RE", "SJ", "TK", "TV", "UM", "YT"),
    }
