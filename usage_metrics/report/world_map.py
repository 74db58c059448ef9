"""The shapes of the countries, from Natural Earth, and where the smallest ones are.

``python -m usage_metrics.report.world_map FOLDER`` makes ``world_map.json`` of the
unpacked npm package ``world-atlas``; ``world_map.md`` says which, and what is changed.
"""

import argparse
import functools
import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("world_map.json")

NO_CODE = {"Kosovo": "XK"}
"""Countries that have no number in ISO 3166-1, but stand in address databases."""
LEFT_OUT = "AQ"
"""Antarctica would take a fifth of the map."""


@functools.cache
def world_map() -> dict[str, Any]:
    """The map.

    Returns:
        ``shapes``, a topology whose features have alpha-2 codes as ids, and ``points``,
        longitude and latitude of each country that is too small to have a shape.
    """
    found: dict[str, Any] = json.loads(FILE.read_text())
    return found


def build(coarse: dict[str, Any], fine: dict[str, Any]) -> dict[str, Any]:
    """Make the map.

    Args:
        coarse: ``countries-110m.json`` of world-atlas.
        fine: ``countries-50m.json``, which has more countries.
    """
    shapes = [
        {"type": shape["type"], "arcs": shape["arcs"], "id": code}
        for shape in coarse["objects"]["countries"]["geometries"]
        if (code := _code(shape)) != LEFT_OUT
    ]
    known = {shape["id"] for shape in shapes} | {LEFT_OUT}
    points = {
        str(code): _middle(shape, fine)
        for shape in fine["objects"]["countries"]["geometries"]
        if (code := _code(shape)) is not None and code not in known
    }
    topology = {
        "type": "Topology",
        "objects": {"countries": {"type": "GeometryCollection", "geometries": shapes}},
        "arcs": coarse["arcs"],
        "transform": coarse["transform"],
    }
    return {"shapes": topology, "points": dict(sorted(points.items()))}


def _code(shape: dict[str, Any]) -> str | None:
    import pycountry

    found = pycountry.countries.get(numeric=shape.get("id", ""))
    name = shape["properties"]["name"]
    return str(found.alpha_2) if found is not None else NO_CODE.get(name)


def _middle(shape: dict[str, Any], topology: dict[str, Any]) -> list[float]:
    """The middle of the box around the part of a country with the longest border."""
    polygons = shape["arcs"] if shape["type"] == "MultiPolygon" else [shape["arcs"]]
    outlines = [_outline(polygon[0], topology) for polygon in polygons]
    outline = max(outlines, key=len)
    (scale, shift) = (topology["transform"][key] for key in ("scale", "translate"))
    return [
        round((min(values) + max(values)) / 2 * scale[axis] + shift[axis], 2)
        for axis, values in enumerate(zip(*outline, strict=True))
    ]


def _outline(arcs: list[int], topology: dict[str, Any]) -> list[tuple[int, int]]:
    """The points of a ring; those of an arc are stored as steps, each from the last."""
    points = []
    for number in arcs:
        x = y = 0
        # A negative number is an arc that is gone along backwards.
        for step in topology["arcs"][~number if number < 0 else number]:
            x, y = x + step[0], y + step[1]
            points.append((x, y))
    return points


def main() -> None:
    """Make the file."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="the unpacked package world-atlas")
    folder = parser.parse_args().folder
    files = ("countries-110m.json", "countries-50m.json")
    made = build(*(json.loads((folder / name).read_text()) for name in files))
    FILE.write_text(json.dumps(made, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
