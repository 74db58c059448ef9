"""What a reader sees in the charts of the page, before and after a filter."""

from pathlib import Path

import pytest
from chromium import Page, needs_browser

pytestmark = needs_browser

BARS = """
const [id] = arguments;
const texts = [...document.querySelectorAll(`#${id} .mark-text.role-mark text`)];
const height = (text) => text.getBoundingClientRect().top;
return texts.sort((a, b) => height(a) - height(b)).map((text) => text.textContent);
"""
DAYS = """
const axis = document.querySelector(`[data-chart="${arguments[0]}"] .role-axis-label`);
const left = (text) => text.getBoundingClientRect().left;
return [...axis.querySelectorAll("text")]
    .filter((text) => text.textContent && getComputedStyle(text).opacity !== "0")
    .sort((a, b) => left(a) - left(b)).map((text) => text.textContent);
"""


def bars(page: Page, listing: str) -> list[int]:
    """The numbers at the bars of a chart, from the top."""
    return [int(text.replace(",", "")) for text in page.run(BARS, listing)]


@pytest.mark.parametrize(
    "choice",
    [
        {"dataset": "ferc1"},
        {"who": "robot"},
        {"dataset": "pudl", "who": "human"},
        {"from": "2026-03-10", "to": "2026-03-11", "measure": "requests"},
    ],
    ids=str,
)
def test_the_longest_bar_is_on_top_whatever_was_shown_before(
    page: Page, choice: dict[str, str]
) -> None:
    page.choose(**choice)
    for listing in ("datasets", "tables", "formats", "academic", "hosting", "agents"):
        numbers = bars(page, listing)
        assert numbers, listing
        assert numbers == sorted(numbers, reverse=True), listing
    page.reset()
    assert bars(page, "formats") == [11_606, 1_053, 315, 74]


def test_hours_stand_in_their_order_also_those_without_a_request(page: Page) -> None:
    page.choose(**{"who": "human", "from": "2026-03-10", "to": "2026-03-10"})
    hours = [f"{hour:02}" for hour in range(24)]
    assert page.run(DAYS, "hour") == hours
    rows = page.table("hour")
    assert [row[0] for row in rows] == hours
    assert "0" in [row[1] for row in rows]


def test_the_axis_ends_on_the_last_day(page: Page) -> None:
    charts = ("over_time_human", "over_time_robot", "loyalty")
    for chart in charts:
        assert page.run(DAYS, chart)[-1] == "15 Mar 2026"
    page.choose(**{"from": "2026-03-10", "to": "2026-03-12"})
    for chart in charts:
        assert page.run(DAYS, chart) == ["10 Mar 2026", "11 Mar 2026", "12 Mar 2026"]
    page.choose(**{"from": "2026-03-11", "to": "2026-03-11"})
    for chart in charts:
        assert page.run(DAYS, chart) == ["11 Mar 2026"]


def test_the_axis_ends_on_the_last_day_on_a_phone(browser: Page, file: Path) -> None:
    browser.open(file, 390)
    assert browser.run(DAYS, "over_time_human") == [
        *("2 Mar 2026", "9 Mar 2026", "15 Mar 2026"),
    ]
