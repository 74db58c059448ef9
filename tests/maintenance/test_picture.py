"""The picture of the report."""

import shutil
import struct
from pathlib import Path

import pytest
from chromium import needs_browser
from project import ROOT

from usage_metrics.errors import ConfigError
from usage_metrics.maintenance import picture

IN_README, IN_RESULTS = ROOT / "docs" / "index.png", ROOT / "docs" / "report.png"


def size(png: Path) -> tuple[int, int]:
    """Width and height, from the header."""
    header = png.read_bytes()[:24]
    assert header.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", header[16:])
    return width, height


@needs_browser
def test_it_shows_a_report_at_the_size_of_those_in_the_documentation(
    sample: Path, tmp_path: Path
) -> None:
    png = tmp_path / "report.png"
    picture.take(sample / "data" / "report" / "datasette.html", png)
    assert size(IN_README) == (picture.WIDTH, picture.HEIGHT)
    assert size(png) == size(IN_RESULTS) == (picture.WIDTH, picture.HEIGHT)
    # An empty page of that size has a tenth of it.
    assert png.stat().st_size > 100_000


def test_without_a_browser_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda program: None)
    with pytest.raises(ConfigError, match="apt-get install chromium"):
        picture.take(tmp_path / "report.html", tmp_path / "report.png")
