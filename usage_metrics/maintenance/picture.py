"""Takes the picture of the report that the README shows.

``python -m usage_metrics.maintenance.picture REPORT PNG`` takes a screenshot of the top
of a report in headless Chromium (Debian's package ``chromium``).
"""

import argparse
import shutil
import subprocess
import tempfile
from pathlib import Path

from usage_metrics.errors import ConfigError

BROWSERS = ("chromium", "google-chrome")
WIDTH, HEIGHT = 1100, 1690
"""Pixels: the headline figures and the first chart over time."""
MILLISECONDS = 8_000
"""Time, by the page's own clock, for the charts to be drawn."""


def take(page: Path, picture: Path) -> None:
    """Write a PNG of the top of a page."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise ConfigError("Chromium is missing: apt-get install chromium")
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(  # noqa: S603  our own arguments
            [
                *(browser, "--headless", "--no-sandbox", "--disable-gpu"),
                *("--disable-background-networking", "--hide-scrollbars"),
                f"--user-data-dir={profile}",
                f"--window-size={WIDTH},{HEIGHT}",
                f"--virtual-time-budget={MILLISECONDS}",
                f"--screenshot={picture.absolute()}",
                page.absolute().as_uri(),
            ],
            check=True,
            capture_output=True,
        )


def main() -> None:
    """Read the command line and take the picture."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("page", type=Path, help="the report, an HTML file")
    parser.add_argument("picture", type=Path, help="the PNG to write")
    arguments = parser.parse_args()
    take(arguments.page, arguments.picture)


if __name__ == "__main__":
    main()
