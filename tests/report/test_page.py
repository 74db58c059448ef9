"""The report on the sample logs, opened from disk in a real browser."""

import base64
import datetime as dt
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from axe_core_python.selenium import Axe
from chromium import Page, needs_browser
from report_html import Standing

from usage_metrics.report import figures
from usage_metrics.report.page import SECTIONS
from usage_metrics.report.usage_database import Database, Span

pytestmark = needs_browser

LARGEST = 2_000_000
WIDTHS = (1280, 390)

MARKS = """
return Object.fromEntries([...document.querySelectorAll("[data-chart]")].map((chart) =>
    [chart.dataset.chart, chart.checkVisibility()
        ? chart.querySelectorAll(".mark-rect path, .mark-shape path").length
        : -1]));
"""
DRAWN = """
return Object.fromEntries([...document.querySelectorAll("[data-chart]")]
    .filter((chart) => chart.checkVisibility())
    .map((chart) => [chart.dataset.chart, chart.innerHTML]));
"""
FIGURES = """
const found = {};
for (const [kind, key] of [["figure", "figure"], ["change", "change"]]) {
    for (const place of document.querySelectorAll(`[data-${key}]`)) {
        found[`${kind} ${place.dataset[key]}`] = place.textContent.trim();
    }
}
return found;
"""


def test_the_file_is_small(file: Path) -> None:
    assert file.stat().st_size < LARGEST


def test_sections_are_in_their_order(page: Page) -> None:
    found = page.run(
        "return [...document.querySelectorAll('main > section')].map((s) => s.id)"
    )
    assert found == [id_ for id_, _ in SECTIONS]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_opens_without_a_word_on_the_console_and_without_a_request(
    browser: Page, file: Path, width: int, dark: bool
) -> None:
    browser.open(file, width, dark=dark)
    browser.choose(dataset="pudl")
    browser.reset()
    assert browser.console() == []
    schemes = {url.partition(":")[0] for url in browser.requests()}
    assert schemes <= {"file", "data", "chrome"}
    loaded = browser.run("return performance.getEntriesByType('resource').length")
    assert loaded == 0


@pytest.mark.parametrize("width", [*WIDTHS, 768, 320])
def test_nothing_is_wider_than_the_screen(
    browser: Page, file: Path, width: int
) -> None:
    browser.open(file, width)
    browser.choose(who="robot")
    assert browser.run("return document.documentElement.scrollWidth") <= width
    too_wide = browser.run(
        """
        return [...document.querySelectorAll("[data-chart] svg")].filter((svg) =>
            svg.clientWidth > svg.closest("figure").clientWidth).length
        """
    )
    assert too_wide == 0


def test_every_chart_is_drawn(page: Page) -> None:
    marks = page.run(MARKS)
    assert marks.pop("over_time_internal") == -1
    assert marks.pop("over_time_unknown") == -1
    assert {name for name, count in marks.items() if count < 1} == set()
    assert marks["over_time_human"] == 3 * 14  # with two heights, and what is missing
    assert marks["countries"] > 150
    assert marks["loyalty"] == 4 * 13  # bands and bars, but not of the first day


def test_what_stands_in_the_file_is_what_the_script_makes(
    page: Page, file: Path
) -> None:
    standing = Standing(file.read_text())
    page.choose(dataset="all")
    tables = {name: page.table(name) for name in standing.tables}
    assert tables == standing.tables
    assert {name: page.heads(name) for name in standing.heads} == standing.heads
    assert page.run(FIGURES) == standing.figures
    assert len(standing.tables) >= 18


def test_headline_figures_stand_side_by_side(page: Page) -> None:
    found = page.run(FIGURES)
    assert found["figure human.requests"] == "3,792"
    assert found["figure machine.requests"] == "12,293"
    assert found["figure robot.requests"] == "2,007"
    assert "figure robot.counted" not in found
    assert found["change human.requests"] == "+18 %", "of the average day"
    assert page.text("#compared").endswith(
        "Of these 14 days, the 13 that are there are compared; missing days are in no "
        "average."
    )
    assert "10.7 % by robots and 3.1 % by others." in page.text(".short")


def shown(page: Page, table: str, name: int = 0) -> dict[str, int]:
    """The first number of each row of a listing, by its name or what is below it."""
    numbers = [int(row[1].replace(",", "")) for row in page.table(table)]
    names = [names[name] for names in page.names(table)]
    return dict(zip(names, numbers, strict=True))


def expected(frame: Any, names: list[str], by: str = "counted") -> dict[str, int]:
    rows = figures.ranking(frame, names, by)
    return {row[0]: count for *row, count in rows[[*names, by]].to_numpy() if count}


def test_a_dataset_that_is_chosen_changes_every_table_and_chart(
    page: Page, database: Database, span: Span
) -> None:
    before = page.run(DRAWN)
    page.choose(dataset="ferc1")
    rows = figures.by_country(database, span)
    countries = expected(rows[rows["dataset"] == "ferc1"], ["country"])
    assert shown(page, "countries", 1) == countries
    rows = figures.by_table(database, span).query("dataset == 'ferc1'")
    tables = expected(rows, ["table"])
    assert sum(shown(page, "tables").values()) == sum(tables.values())
    after = page.run(DRAWN)
    assert {name for name in before if after[name] == before[name]} == set()
    sessions = figures.by_class(database, span).query(
        "dataset == 'ferc1' and agent_class == 'human'"
    )["unique_sessions"]
    assert page.text("[data-figure='human.sessions']") == f"{sessions.sum():,}"


def test_a_class_that_is_chosen_leaves_its_card_and_its_chart(
    page: Page, database: Database, span: Span
) -> None:
    page.choose(who="robot")
    cards = page.run(
        """
        return [...document.querySelectorAll("[data-card]")]
            .filter((card) => card.checkVisibility()).map((card) => card.dataset.card)
        """
    )
    assert cards == ["robot"]
    assert page.run("return document.getElementById('measure').disabled")
    rows = figures.by_page(database, span).query("agent_class == 'robot'")
    ranked = figures.ranking(rows, ["page"], by="requests")
    assert list(shown(page, "pages").values()) == ranked["requests"].tolist()


def test_whom_nobody_asks_for_is_shown_when_chosen(page: Page) -> None:
    page.choose(who="internal")
    assert page.run(MARKS)["over_time_internal"] > 0
    assert page.text("[data-figure='internal.requests']") == "488"


def test_dates_that_are_chosen_bound_the_figures(
    page: Page, database: Database
) -> None:
    page.choose(**{"from": "2026-03-10", "to": "2026-03-12"})
    some = Span("datasette", dt.date(2026, 3, 10), dt.date(2026, 3, 13))
    rows = figures.by_class(database, some).query("dataset == 'all'")
    assert page.text("[data-figure='all.requests']") == f"{rows['requests'].sum():,}"
    assert page.text("[data-figure='all.days']") == "3 of 3"
    assert page.text("#compared").startswith(
        "Changes compare the daily average with the 3 days before"
    )
    countries = expected(figures.by_country(database, some).dropna(), ["country"])
    listed = shown(page, "countries", 1)
    assert {code: n for code, n in listed.items() if code} == countries
    assert [row[0] for row in page.table("periods")] == [
        *("10 March 2026", "11 March 2026", "12 March 2026"),
    ]


def test_the_change_is_that_of_the_average_day(page: Page, database: Database) -> None:
    page.choose(**{"from": "2026-03-10", "to": "2026-03-12"})
    days = figures.by_class(
        database,
        Span("datasette", dt.date(2026, 3, 7), dt.date(2026, 3, 13)),
    ).query("dataset == 'all' and agent_class == 'human'")
    now = days[days["period"] >= "2026-03-10"]["requests"].sum()
    then = days[days["period"] < "2026-03-10"]["requests"].sum()
    # Of the three days before, one was never exported.
    ratio = (now / 3) / (then / 2)
    sign = "+" if ratio > 1 else "−"
    change = page.text("[data-change='human.requests']")
    assert change == f"{sign}{abs(100 * (ratio - 1)):.0f} %"


def test_all_requests_can_be_ranked_by(
    page: Page, database: Database, span: Span
) -> None:
    page.choose(measure="requests")
    ranked = figures.ranking(figures.by_page(database, span), ["page"], by="requests")
    assert list(shown(page, "pages").values()) == ranked["requests"].tolist()


def test_a_choice_without_a_request_says_so(page: Page) -> None:
    page.choose(dataset="ferc1", who="internal")
    assert set(page.run(MARKS).values()) == {-1}
    sections = page.run(
        """
        return ["time", "datasets-section", "countries-section", "referrers-section",
            "loyalty-section", "serving"
        ].map((id) => document.getElementById(id).innerText)
        """
    )
    for section in sections:
        assert section.split("\n\n")[1:] == ["Nothing in this selection."]
    assert page.text("[data-figure='all.requests']") == "0"
    page.reset()
    assert page.run(MARKS)["countries"] > 150


def test_choosing_fast_ends_with_the_last_choice(page: Page) -> None:
    page.run(
        """
        for (const value of ["pudl", "ferc1", "none", "ferc1"]) {
            document.getElementById("dataset").value = value;
            document.getElementById("dataset").dispatchEvent(
                new Event("change", {bubbles: true}));
        }
        """
    )
    page.choose(dataset="ferc1")
    assert page.text("[data-figure='all.requests']") == "637"
    assert page.run("return document.querySelectorAll('#countries svg').length") == 1


def test_it_says_what_is_chosen(page: Page) -> None:
    page.choose(dataset="ferc1", who="human")
    assert page.text("#chosen").startswith(
        "FERC Form 1 database · Human · 2–15 March 2026."
    )


COLOURS = """
const colour = (selector, name) =>
    getComputedStyle(document.querySelector(selector))[name];
return [colour("body", "backgroundColor"), colour("body", "color"),
    colour("#tables .mark-rect path", "fill")];
"""


def test_light_and_dark_are_different_to_the_last_bar(
    browser: Page, file: Path
) -> None:
    browser.open(file)
    light = browser.run(COLOURS)
    browser.open(file, dark=True)
    dark = browser.run(COLOURS)
    assert all(a != b for a, b in zip(light, dark, strict=True))


@pytest.mark.parametrize(
    ("width", "dark"), [(1280, False), (390, True)], ids=["light", "dark"]
)
def test_it_is_accessible(browser: Page, file: Path, width: int, dark: bool) -> None:
    browser.open(file, width, dark=dark)
    if dark:
        browser.go("location.hash = 'country=Germany&format=JSON'")
    browser.run("for (const d of document.querySelectorAll('details')) d.open = true;")
    browser.run(Axe().axe_script)
    browser.run("axe.run().then((results) => { window.axeResults = results; });")
    found = browser.wait_for("return window.axeResults")
    problems = {
        (problem["id"], node["html"][:120])
        for problem in found["violations"]
        for node in problem["nodes"]
    }
    assert problems == set()


def test_every_chart_says_what_it_shows_and_has_a_table(page: Page) -> None:
    charts = page.run(
        """
        return [...document.querySelectorAll("[data-chart]")]
            .filter((chart) => chart.checkVisibility())
            .map((chart) => [chart.getAttribute("role"), chart.ariaLabel,
                chart.closest("section").querySelector("details table") !== null])
        """
    )
    assert len(charts) >= 14
    for role, name, has_table in charts:
        assert role == "img"
        assert re.search(r"\d", name)
        assert has_table
    label = page.run("return document.querySelector('#countries .chart').ariaLabel")
    assert "Germany: 10,817; United States: 1,345" in label


def test_it_can_be_used_with_the_keyboard_alone(page: Page) -> None:
    from selenium.webdriver.common.keys import Keys

    focused = page.driver.switch_to
    page.run("document.body.focus()")
    focused.active_element.send_keys(Keys.TAB)
    assert focused.active_element.text == "Skip to the figures"
    seen = []
    for _ in range(40):
        focused.active_element.send_keys(Keys.TAB)
        seen.append(focused.active_element.get_attribute("id"))
        if focused.active_element.tag_name == "summary":
            break
    assert [id_ for id_ in seen if id_][:2] == ["dataset", "who"]
    focused.active_element.send_keys(Keys.ENTER)
    assert page.run("return document.querySelector('details').open")


def test_a_bar_says_what_it_is_when_pointed_at(page: Page) -> None:
    from selenium.webdriver import ActionChains

    bar = page.driver.find_element("css selector", "#formats .mark-rect path")
    page.run("arguments[0].scrollIntoView({block: 'center'})", bar)
    ActionChains(page.driver).move_to_element(bar).perform()
    lines = page.text("#tip")
    assert "What: JSON" in lines
    assert "Who: Machine" in lines


def test_it_prints_with_every_table_open_and_on_white(page: Page) -> None:
    page.run("window.dispatchEvent(new Event('beforeprint'))")
    closed = "return document.querySelectorAll('details:not([open])').length"
    assert page.run(closed) == 0
    page.run("window.dispatchEvent(new Event('afterprint'))")
    assert page.run(closed) > 10
    page.command(
        "Emulation.setEmulatedMedia",
        media="print",
        features=[{"name": "prefers-color-scheme", "value": "dark"}],
    )
    background, _, _ = page.run(COLOURS)
    assert background == "rgb(255, 255, 255)"
    assert not page.run("return document.getElementById('who').checkVisibility()")
    printed = page.command("Page.printToPDF", printBackground=True)
    page.command("Emulation.setEmulatedMedia", media="")
    assert base64.b64decode(printed["data"]).startswith(b"%PDF")


@pytest.mark.parametrize("paper", [(8.27, 11.69), (8.5, 11)], ids=["A4", "Letter"])
def test_it_prints_as_a_summary_of_one_page_unless_all_is_wanted(
    page: Page, paper: tuple[float, float]
) -> None:
    page.choose(who="human", compare="none")
    page.reset()  # what is chosen is said from then on
    assert pages(page, paper) == 1
    page.run(
        "window.print = () => {}; document.querySelector('#paper button').click();"
    )
    assert pages(page, paper) > 5
    page.run("window.dispatchEvent(new Event('afterprint'))")
    assert pages(page, paper) == 1


def pages(page: Page, paper: tuple[float, float]) -> int:
    """How many pages are printed, with tables open."""
    width, height = paper
    printed = page.command(
        "Page.printToPDF", paperWidth=width, paperHeight=height, printBackground=True
    )
    return len(re.findall(rb"/Type\s*/Page\b", base64.b64decode(printed["data"])))


def test_no_address_of_the_log_is_in_the_file(sample: Path, file: Path) -> None:
    cleaned = pd.read_parquet(sample / "data" / "cleaned", columns=["remote_ip"])
    addresses = cleaned["remote_ip"].dropna().unique()
    assert len(addresses) > 50
    text = file.read_text()
    assert [address for address in addresses if address in text] == []


def test_the_policy_forbids_all_that_is_not_in_the_file(page: Page) -> None:
    for attempt in (
        "eval('1')",
        "document.body.append(Object.assign(document.createElement('script'),"
        " {textContent: 'window.hacked = true'}))",
        "new Image().src = 'https://example.com/a.png'",
        "fetch('https://example.com/')",
    ):
        page.command("Runtime.evaluate", expression=f"setTimeout(() => {{{attempt}}})")
    page.wait()
    page.driver.execute_async_script("setTimeout(arguments[0], 300)")
    refused = [line for line in page.console() if "Content Security Policy" in line]
    assert len(refused) >= 4
    assert not page.run("return window.hacked === true")
    urls = page.requests()
    assert not [url for url in urls if url.startswith("http")]
