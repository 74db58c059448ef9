"""What a report is compared with: the time before, or the year before.

The sample has two weeks. Its second one is also put a year earlier, without its last
two days, so that a report on the second week can be compared with both.
"""

import datetime as dt
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import Page, needs_browser
from report_html import rendered

from usage_metrics.dates import ONE_DAY
from usage_metrics.report import earlier, figures, payload
from usage_metrics.report.formatting import change, number
from usage_metrics.report.usage_database import Database, Span
from usage_metrics.warehouse.reading import open_tables

FIRST, STOP = dt.date(2026, 3, 9), dt.date(2026, 3, 16)
WEEK = Span("datasette", FIRST, STOP)
BEFORE, YEAR = WEEK.before(), WEEK.year_before()


@pytest.fixture(scope="module")
def two_years(
    sample: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    file = tmp_path_factory.mktemp("years") / "usage_metrics.db"
    shutil.copy(sample / "data" / "usage_metrics.db", file)
    with sqlite3.connect(file) as tables:
        for table in ("usage_by_class", "usage_reconciliation"):
            tables.execute(f"CREATE TABLE earlier AS SELECT * FROM {table}")
            others = "date < '2026-03-09' OR date > '2026-03-13'"
            tables.execute(f"DELETE FROM earlier WHERE {others}")
            tables.execute("UPDATE earlier SET date = replace(date, '2026', '2025')")
            tables.execute(f"INSERT INTO {table} SELECT * FROM earlier")
            tables.execute("DROP TABLE earlier")
    tables.close()
    with open_tables(file) as opened:
        yield Database(opened)


@pytest.fixture(scope="module")
def of_week(two_years: Database) -> payload.Payload:
    return payload.gather(two_years, WEEK, {})


@pytest.fixture(scope="module")
def report(
    two_years: Database,
    of_week: payload.Payload,
    quick_reports: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    file = tmp_path_factory.mktemp("compared") / "report.html"
    file.write_text(rendered(two_years, of_week))
    return file


@pytest.mark.parametrize(
    ("days", "grain", "year_before"),
    [
        (("2028-02-29", "2028-03-02"), "day", ("2027-02-28", "2027-03-02")),
        (("2028-02-01", "2028-03-01"), "day", ("2027-02-01", "2027-03-01")),
        (("2026-03-09", "2026-03-16"), "week", ("2025-03-10", "2025-03-17")),
        (("2026-01-01", "2026-03-16"), "month", ("2025-01-01", "2025-03-16")),
    ],
)
def test_the_year_before_has_the_same_days_or_weeks(
    days: tuple[str, str], grain: str, year_before: tuple[str, str]
) -> None:
    start, stop = map(dt.date.fromisoformat, days)
    span = Span("datasette", start, stop, grain)
    found = span.year_before()
    assert (found.start.isoformat(), found.stop.isoformat()) == year_before


def test_what_a_span_may_be_compared_with_comes_with_it(
    of_week: payload.Payload,
) -> None:
    firsts = [dt.date.fromisoformat(of.first) for of in of_week.periods]
    assert of_week.before == 14
    assert (firsts[0], firsts[7], firsts[14]) == (YEAR.start, BEFORE.start, FIRST)
    assert earlier.choices(of_week)[1] == ("year", "The year before")


def test_days_that_are_compared_follow_each_other(two_years: Database) -> None:
    """A year before is not the time before, although the report has it."""
    both = Span("datasette", BEFORE.start, STOP)
    found = payload.gather(two_years, both, {})
    compared = earlier.comparison(found)
    assert found.before == 7, "those of the year before"
    assert compared == earlier.Comparison((14, 20), (7, 13), is_half=True)


def test_a_half_year_and_a_year_before_are_one_range(two_years: Database) -> None:
    half = Span("datasette", STOP - 196 * ONE_DAY, STOP, "week")
    found = payload._of_span(two_years, half)
    starts = [of.period for of in found.periods]
    assert starts == sorted(set(starts))
    assert {of.days for of in found.periods[1:-1]} == {7}


@needs_browser
def test_the_charts_the_tables_and_the_changes_are_compared_with_the_choice(
    browser: Page, report: Path, two_years: Database
) -> None:
    browser.open(report)
    is_compared_with(browser, two_years, BEFORE)
    assert "the 7 days before. Of these 14 days, the 13" in browser.text("#compared")
    browser.choose(compare="year")
    assert browser.run("return location.hash") == "#compare=year"
    is_compared_with(browser, two_years, YEAR)
    assert browser.text("#compared").startswith(
        "Changes compare the daily average with the year before, 9–15 March 2025. Of "
        "these 14 days, the 12 that are there are compared;"
    )
    browser.choose(**{"from": "2026-03-13"})
    assert "too little data of the year before" in browser.text("#compared")
    assert lines(browser) == 0
    browser.choose(compare="none", **{"from": "2026-03-09"})
    assert browser.text("#compared") == browser.text("[data-change='all.bytes']") == ""
    assert (lines(browser), browser.heads("periods")[-1]) == (0, "Unknown")
    assert browser.console() == []


def is_compared_with(browser: Page, database: Database, then: Span) -> None:
    """The table, the lines in the charts, the legend and the change of people's use."""
    days = figures.periods(database, then)
    used = figures.by_class(database, then).query("dataset == 'all'")
    requests = used.groupby("period")["requests"].sum()
    column = -2  # the last one has the counted uses
    assert browser.heads("periods")[column].startswith("Requests before")
    shown = [row[column] for row in browser.table("periods")]
    assert shown == [
        number(requests[day.period]) if day.days_counted else "–"
        for day in days.itertuples()
    ]
    there = int(days["days_counted"].sum())
    assert lines(browser) == there
    assert browser.table("weeks")[0][column] == number(requests.sum())
    people = used.query("agent_class == 'human'")["requests"].sum() / there
    now = figures.by_class(database, WEEK)
    now = now.query("dataset == 'all' and agent_class == 'human'")["requests"].sum() / 7
    text = browser.text("[data-change='human.requests']")
    assert text == change(now / people - 1)
    first, last = then.start, then.stop - ONE_DAY
    named = browser.text("#time [data-key='before']")
    assert named == f"Requests before: {first.day}–{last.day} {last:%B %Y}"
    assert tip(browser)[-1].endswith(f"({first.day} {first:%B %Y})")


LINE = "[data-chart=over_time_human] .mark-rule.role-mark line:not([opacity='0'])"


def lines(browser: Page) -> int:
    """How many periods of a chart have a line."""
    return len(browser.driver.find_elements("css selector", LINE))


def tip(browser: Page) -> list[str]:
    """What is said where one points at the first bar."""
    from selenium.webdriver import ActionChains

    line = browser.driver.find_element("css selector", LINE)
    browser.run("arguments[0].scrollIntoView({block: 'center'})", line)
    ActionChains(browser.driver).move_to_element(line).perform()
    found: list[str] = browser.run(
        "return [...document.querySelectorAll('#tip p')].map((p) => p.textContent)"
    )
    return found
