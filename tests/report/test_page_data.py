"""What the page shows, saved as JSON."""

import json
from pathlib import Path
from typing import Any

from chromium import Page, needs_browser

from usage_metrics.report import figures
from usage_metrics.report.usage_database import Database, Span

pytestmark = needs_browser


def saved(page: Page, folder: Path) -> dict[str, Any]:
    """The page's data as JSON."""
    page.command(
        "Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder)
    )
    page.run("document.querySelector('.json').click()")
    file = folder / "datasette.json"
    page.until(file.exists)
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def test_the_data_are_what_is_chosen_with_numbers_that_are_exact(
    page: Page, tmp_path: Path, database: Database, span: Span
) -> None:
    page.choose(who="machine")
    found = saved(page, tmp_path)
    assert found["title"] == page.text("h1")
    assert found["chosen"]["who"] == "machine"
    used = figures.by_class(database, span)
    used = used[(used["dataset"] == "all") & (used["agent_class"] == "machine")]
    by_id = {figure["id"]: figure for figure in found["figures"]}
    assert by_id["machine.bytes"]["value"] == used["bytes"].sum()
    assert by_id["machine.bytes"]["unit"] == "bytes"
    errors = used["errors"].sum() / used["requests"].sum()
    assert abs(by_id["machine.errors"]["value"] - errors) < 1e-12
    tables = {table["id"]: table for table in found["tables"]}
    paths, formats = tables["paths"], tables["formats"]
    assert len(paths["rows"]) == len({row[0] for row in paths["rows"]}) > 25
    assert [column["name"] for column in formats["columns"]] == page.heads("formats")
    units = [column["unit"] for column in formats["columns"]]
    assert units == [None, "count", "share", "count"]
    total = sum(row[1] for row in formats["rows"])
    assert total == used["counted"].sum()
    assert sum(row[2] for row in formats["rows"]) == 1
    columns = [column["name"] for column in tables["top_organizations"]["columns"]]
    assert columns[:2] == ["Organisation", "AS number · Network"]
    assert found["what_each_counts"]["Session"].startswith(
        "The requests of one visitor"
    )
