"""Builds the report's world map: country shapes, and points for the smallest ones.

``python -m usage_metrics.maintenance.world_map FOLDER`` makes ``report/world_map.json``
from the unpacked npm package ``world-atlas``; ``report/world_map.md`` says which
version, and what is changed. A maintenance command, not used at run time.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import pycountry

FILE = Path(__file__).parents[1] / "report" / "world_map.json"

NO_CODE = {"Kosovo": "XK"}
"""Countries without a number in ISO 3166-1 that address databases know."""
LEFT_OUT = "AQ"
"""Antarctica would take up a fifth of the map."""


def build(coarse: dict[str, Any], fine: dict[str, Any]) -> dict[str, Any]:
    """Make the map.

    Args:
        coarse: ``countries-110m.json`` of world-atlas.
        fine: ``countries-50m.json``, which has more countries.

    Returns:
        ``shapes``, a topology whose features have alpha-2 codes as ids, and ``points``,
        longitude and latitude of each country that is too small to have a shape.
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
    found = pycountry.countries.get(numeric=shape.get("id", ""))
    name = shape["properties"]["name"]
    return str(found.alpha_2) if found is not None else NO_CODE.get(name)


def _middle(shape: dict[str, Any], topology: dict[str, Any]) -> list[float]:
    """The centre of the box around the part of a country with the longest border."""
    polygons = shape["arcs"] if shape["type"] == "MultiPolygon" else [shape["arcs"]]
    outlines = [_outline(polygon[0], topology) for polygon in polygons]
    outline = max(outlines, key=len)
    scale, shift = (topology["transform"][key] for key in ("scale", "translate"))
    return [
        round((min(values) + max(values)) / 2 * scale[axis] + shift[axis], 2)
        for axis, values in enumerate(zip(*outline, strict=True))
    ]


def _outline(arcs: list[int], topology: dict[str, Any]) -> list[tuple[int, int]]:
    """The points of a ring; an arc stores each as a step from the previous one."""
    points = []
    for number in arcs:
        x = y = 0
        # A negative number is an arc in reverse.
        for step in topology["arcs"][~number if number < 0 else number]:
            x, y = x + step[0], y + step[1]
            points.append((x, y))
    return points


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="the unpacked package world-atlas")
    folder = parser.parse_args().folder
    files = ("countries-110m.json", "countries-50m.json")
    made = build(*(json.loads((folder / name).read_text()) for name in files))
    FILE.write_text(json.dumps(made, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
