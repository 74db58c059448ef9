"""What is left when names are chosen: every figure, as the requests themselves say.

The expected numbers are counted from the files of requests, not from any table of
figures.
"""

from pathlib import Path

import pandas as pd
import pytest
from chromium import Page, needs_browser
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from usage_metrics.report.formatting import number
from usage_metrics.units import size

pytestmark = needs_browser

COLUMNS = {
    "tables": "table",
    "formats": "format",
    "countries": "country",
    "top_organizations": "organization",
    "agents": "agent_name",
    "referrers": "referrer",
    "paths": "request_url_path",
}
"""What each table ranks, in the files of requests."""


@pytest.fixture(scope="module")
def requests(sample: Path) -> pd.DataFrame:
    """Every request of the sample, and what became of it."""
    stages = [sample / "data" / stage / "datasette" for stage in ("counted", "geocoded")]
    counted, geocoded = (pd.read_parquet(stage) for stage in stages)
    also = geocoded[["insert_id", "agent_name", "request_url_path", "remote_ip_city"]]
    found = counted.merge(also, on="insert_id", validate="one_to_one")
    return found.astype({name: object for name in COLUMNS.values()})


def press(page: Page, table: str, name: str) -> None:
    """Press a name in a table, and wait until the page shows what is left."""
    page.go(
        """
        const table = document.querySelector(`[data-table="${arguments[0]}"]`);
        const names = [...table.tBodies[0].querySelectorAll("th button")];
        names.find((name) => name.textContent === arguments[1]).click();
        """,
        table,
        name,
    )


def chips(page: Page) -> list[str]:
    found: list[str] = page.run(
        "return [...document.querySelectorAll('.chip')].map((c) => c.textContent)"
    )
    return found


def the_page_shows(page: Page, chosen: pd.DataFrame) -> None:
    """Check all figures that can be known of names."""
    is_counted = chosen["outcome"] == "counted"
    assert page.text("[data-figure='all.requests']") == number(len(chosen))
    assert page.text("[data-figure='all.counted']") == number(is_counted.sum())
    assert page.text("[data-figure='all.bytes']") == size(chosen["bytes"].sum())
    for name, rows in chosen.groupby("agent_class", observed=True):
        shown = page.text(f"[data-figure='{name}.requests']")
        assert shown == number(len(rows))
        assert page.text(f"[data-figure='{name}.sessions']") == "–"
    for table, column in COLUMNS.items():
        expected = chosen[is_counted][column].value_counts(dropna=False).tolist()
        shown = [int(row[1].replace(",", "")) for row in page.table(table)]
        assert sum(shown) == sum(expected), table
        named = [
            int(row[1].replace(",", ""))
            for row in page.table(table)
            if not row[0].startswith("All others")
        ]
        assert named == expected[: len(named)], table
    days = chosen["timestamp"].dt.strftime("%-d %B %Y").value_counts()
    column = page.heads("periods").index("Requests")
    for row in page.table("periods"):
        assert row[column] in ("–", number(days.get(row[0], 0)))


def test_a_name_that_is_pressed_filters_everything(
    page: Page, requests: pd.DataFrame
) -> None:
    press(page, "countries", "Germany")
    german = requests[requests["country"] == "DE"]
    the_page_shows(page, german)
    assert chips(page) == ["Country: Germany"]
    press(page, "formats", "JSON")
    the_page_shows(page, german[german["format"] == "json"])
    page.choose(who="machine")
    chosen = german[(german["format"] == "json") & (german["agent_class"] == "machine")]
    the_page_shows(page, chosen)
