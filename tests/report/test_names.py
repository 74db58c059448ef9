"""What is left when names are chosen: every figure, as the requests themselves say.

The expected numbers are counted from the files of requests, not from any table of
figures.
"""

from pathlib import Path

import pandas as pd
import pytest
from chromium import Page, needs_browser
from selenium.webdriver.common.keys import Keys

from usage_metrics.report.formatting import number
from usage_metrics.units import size

pytestmark = needs_browser

PUDL = "Public Utility Data Liberation (PUDL) database"
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
    counted, geocoded = (
        pd.read_parquet(sample / "data" / stage / "datasette")
        for stage in ("counted", "geocoded")
    )
    also = geocoded[["insert_id", "agent_name", "request_url_path", "remote_ip_city"]]
    found = counted.merge(also, on="insert_id", validate="one_to_one")
    return found.astype(dict.fromkeys(COLUMNS.values(), object))


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
        requests = page.text(f"[data-figure='{name}.requests']")
        assert requests == number(len(rows))
        assert page.text(f"[data-figure='{name}.sessions']") == "–"
    for table, column in COLUMNS.items():
        expected = chosen[is_counted][column].value_counts(dropna=False).tolist()
        shown = [int(row[1].replace(",", "")) for row in page.table(table)]
        assert sum(shown) == sum(expected), table
        # The last lines add up what is not shown.
        named = shown[:25] if len(shown) > 25 else shown[:-1]
        assert named == expected[: len(named)], table
    days = chosen["timestamp"].dt.strftime("%-d %B %Y").value_counts()
    at = page.heads("periods").index("Requests")
    for row in page.table("periods"):
        assert row[at] in ("–", number(days.get(row[0], 0)))


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


def test_a_name_is_chosen_and_taken_back_by_keyboard(page: Page) -> None:
    everything = page.text("[data-figure='all.requests']")
    page.run(
        """
        const table = document.querySelector('[data-table="countries"]');
        table.closest("details").open = true;
        table.tBodies[0].querySelector("th button").focus();
        """
    )
    name = pressed_on(page, Keys.ENTER)
    assert page.text("[data-figure='all.requests']") != everything
    assert focused(page) == (name, "true"), "the focus stays in the table"
    pressed_on(page, Keys.SPACE)
    assert page.text("[data-figure='all.requests']") == everything
    assert (focused(page), chips(page)) == ((name, "false"), [])
    pressed_on(page, Keys.ENTER)
    page.run("document.querySelector('.chip').focus()")
    pressed_on(page, Keys.ENTER)
    assert page.text("[data-figure='all.requests']") == everything
    assert page.run("return document.activeElement.id") == "dataset"


def pressed_on(page: Page, key: str) -> str:
    """Press a key on what has the focus, and wait until the page is drawn again."""
    before = page.run("return document.documentElement.dataset.shown")
    element = page.driver.switch_to.active_element
    name = element.text
    element.send_keys(key)
    page.wait_for(
        "return document.documentElement.dataset.shown !== arguments[0]", before
    )
    return name


def focused(page: Page) -> tuple[str, str]:
    """The name that has the focus, and whether it is chosen."""
    element = page.driver.switch_to.active_element
    return element.text, str(element.get_attribute("aria-pressed"))


def test_a_link_holds_the_chosen_names_and_back_takes_them_back(
    page: Page, file: Path
) -> None:
    press(page, "countries", "Germany")
    press(page, "formats", "JSON")
    seen = page.text("[data-figure='all.requests']")
    address = page.run("return location.hash")
    assert address == "#country=Germany&format=JSON"
    page.go("history.back()")
    assert chips(page) == ["Country: Germany"]
    page.go("history.forward()")
    assert page.text("[data-figure='all.requests']") == seen
    page.forget()
    page.driver.get(f"{file.absolute().as_uri()}{address}&country=Atlantis")
    page.wait()
    assert page.text("[data-figure='all.requests']") == seen
    assert chips(page) == ["Country: Germany", "Format: JSON"]
    assert "Not in this report: country Atlantis." in page.text("#chosen")
    assert page.console() == []
    page.reset()
    assert (chips(page), page.run("return location.hash")) == ([], "")


def test_of_several_names_in_one_table_any_counts(
    page: Page, requests: pd.DataFrame
) -> None:
    press(page, "countries", "Germany")
    page.go(
        """
        const others = document.querySelector("#chips select");
        others.value = [...others.options].find((o) => o.text === "France").value;
        others.dispatchEvent(new Event("change", {bubbles: true}));
        """
    )
    assert chips(page) == ["Country: Germany", "Country: France"]
    assert page.run("return location.hash") == "#country=Germany&country=France"
    the_page_shows(page, requests[requests["country"].isin(["DE", "FR"])])


def test_a_dataset_a_class_and_days_are_chosen_by_a_click_too(page: Page) -> None:
    press(page, "datasets", PUDL)
    page.go("document.querySelector('[data-card=\"machine\"] h3 button').click()")
    click_mark(page, "per_week", "2–8 March 2026 (6 of 7 days)")
    assert chips(page) == [f"Dataset: {PUDL}", "Who: Machine", "Days: 2–8 March 2026"]
    page.go("document.querySelector('.chip').click()")
    assert page.run("return location.hash") == "#who=machine&to=2026-03-08"


def click_mark(page: Page, chart: str, label: str) -> None:
    """Click a bar or a country of a chart, and wait until the page is drawn again."""
    page.go(
        """
        const place = document.querySelector(`[data-chart="${arguments[0]}"]`);
        const marks = place.querySelectorAll(".mark-rect > path, .mark-shape > path");
        [...marks].find((mark) => mark.__data__?.datum?.label === arguments[1])
            .dispatchEvent(new MouseEvent("click", {bubbles: true}));
        """,
        chart,
        label,
    )


def test_a_bar_and_a_country_on_the_map_are_chosen_by_a_click(page: Page) -> None:
    click_mark(page, "formats", "CSV")
    click_mark(page, "countries", "Germany")
    assert chips(page) == ["Format: CSV", "Country: Germany"]
    click_mark(page, "formats", "CSV")
    assert chips(page) == ["Country: Germany"]


def test_what_names_do_not_filter_says_so(page: Page) -> None:
    notes = "return [...document.querySelectorAll('[data-not-by-name]')]"
    assert page.run(f"{notes}.filter((note) => note.checkVisibility())") == []
    press(page, "countries", "Germany")
    assert page.run(f"{notes}.every((note) => note.checkVisibility())")
    for figure in ("all.organizations", "all.countries", "human.visitors"):
        assert page.text(f"[data-figure='{figure}']") == "–"
