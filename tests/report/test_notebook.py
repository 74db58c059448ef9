"""The notebook runs as it is shipped, in the folder where the report was made."""

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from project import ROOT

NOTEBOOK = ROOT / "usage_metrics" / "report" / "analysis.ipynb"


@pytest.fixture(scope="module")
def cells(sample: Path) -> list[Any]:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {}})
    client.execute(cwd=str(sample))
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def output(cells: list[Any], code: str, kind: str = "text/plain") -> Any:
    """What the cell with some code shows."""
    [cell] = [cell for cell in cells if code in cell.source]
    return cell.outputs[-1].data[kind]


def test_it_has_what_the_old_notebook_had(cells: list[Any]) -> None:
    assert "2026-03-09    2199" in output(cells, "requests_per_week")
    assert "8.4%" in output(cells, "by_path", "text/html")
    assert "Hetzner" in output(cells, "by_organization(database").split("\n")[1]
    assert "CERN" in output(cells, '"education"]').split("\n")[1]
    assert "Empty DataFrame" in output(cells, "cities.dropna()")
    assert "duckduckgo.com" in output(cells, "by_referrer")


def test_it_says_whose_figures_of_which_days_they_are(cells: list[Any]) -> None:
    assert "'data.example.org'" in output(cells, "host_of_site(")


def test_its_charts_are_drawn_from_frames(cells: list[Any]) -> None:
    for code in ("charts.per_week", "charts.ranked", "charts.world"):
        [cell] = [cell for cell in cells if code in cell.source]
        assert "</svg>" in cell.outputs[-1].data["image/svg+xml"]


def test_no_name_in_a_chart_is_cut(cells: list[Any]) -> None:
    drawn = output(cells, "charts.ranked", "image/svg+xml")
    assert "CERN - European Organization for Nuclear Research" in drawn
    for code in ("charts.per_week", "charts.ranked", "charts.world"):
        assert "…" not in output(cells, code, "image/svg+xml")


def test_no_chart_names_a_day_after_its_last(cells: list[Any]) -> None:
    drawn = output(cells, "charts.per_week", "image/svg+xml")
    assert ">2 Mar 2026<" in drawn
    assert ">16 Mar 2026<" not in drawn


def test_no_cell_warns(cells: list[Any]) -> None:
    assert [out for cell in cells for out in cell.outputs if "name" in out] == []
