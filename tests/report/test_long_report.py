"""A report of many weeks, most of them without data, cut into weeks."""

import datetime as dt
from pathlib import Path

import pytest
from chromium import Page, needs_browser
from report_html import rendered

from usage_metrics.report import payload
from usage_metrics.report.formatting import days, number, percent
from usage_metrics.report.rankings import rankings
from usage_metrics.report.usage_database import Database, Span

pytestmark = [needs_browser, pytest.mark.usefixtures("quick_reports")]

FIRST, LAST = dt.date(2025, 11, 6), dt.date(2026, 3, 15)


SPAN = Span("datasette", FIRST, LAST + dt.timedelta(days=1))
LITTLE_ROOM = 6_000


@pytest.fixture(scope="module")
def gathered(database: Database) -> payload.Payload:
    """The figures of which the combinations of names have little room."""
    found = payload.gather(database, SPAN, {})
    ranked = rankings(database, SPAN, {})
    return payload._with_combined(found, database, ranked, LITTLE_ROOM)


@pytest.fixture(scope="module")
def long_report(
    database: Database,
    gathered: payload.Payload,
    quick_reports: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    file = tmp_path_factory.mktemp("long") / "report.html"
    file.write_text(rendered(database, gathered))
    return file


@pytest.fixture
def opened(browser: Page, long_report: Path) -> Page:
    browser.open(long_report)
    return browser


def test_periods_without_data_are_in_the_legend_and_have_no_numbers(
    opened: Page,
) -> None:
    assert opened.run(
        "return document.querySelector('#time > .legend [data-key]').checkVisibility()"
    )
    first, *_, last = opened.table("periods")
    assert first[:3] == ["6–9 November 2025 (no data)", "–", "–"]
    assert last[:3] == ["9–15 March 2026", "9,825", "6,518"]


@pytest.mark.parametrize(
    ("first", "last", "shown"),
    [
        ((2026, 3, 5), (2026, 3, 10), ((2026, 3, 2), (2026, 3, 15))),
        ((2026, 3, 2), (2026, 3, 8), ((2026, 3, 2), (2026, 3, 8))),
        ((2026, 1, 27), (2026, 2, 10), ((2026, 1, 26), (2026, 2, 15))),
        ((2025, 11, 6), (2026, 1, 1), ((2025, 11, 6), (2026, 1, 4))),
    ],
)
def test_weeks_are_shown_whole_and_that_is_said(
    opened: Page,
    first: tuple[int, int, int],
    last: tuple[int, int, int],
    shown: tuple[tuple[int, int, int], tuple[int, int, int]],
) -> None:
    chosen = {"from": dt.date(*first), "to": dt.date(*last)}
    opened.choose(**{name: day.isoformat() for name, day in chosen.items()})
    weeks = days(*(dt.date(*day) for day in shown))
    said = opened.text("#chosen")
    assert said.startswith(f"All datasets · Everybody · {weeks}.")
    assert ("In whole weeks." in said) == ((first, last) != shown)
    assert opened.table("weeks") == opened.table("periods")


def test_a_choice_without_data_says_so_once_a_section(opened: Page) -> None:
    opened.choose(**{"from": "2026-02-02", "to": "2026-02-08"})
    assert opened.text("[data-figure='all.days']") == "0 of 7"
    for figure in ("all.requests", "all.bytes", "human.requests", "robot.errors"):
        assert opened.text(f"[data-figure='{figure}']") == "–"
    lines = opened.run(
        "return document.getElementById('time').innerText.split('\\n').filter(Boolean)"
    )
    assert lines == ["Requests over time", "Nothing in this selection."]
    assert opened.console() == []


def test_a_month_is_chosen_by_its_name_and_known_by_its_days(opened: Page) -> None:
    name = "return document.getElementById('named').selectedOptions[0].textContent"
    assert opened.run(name) == "All days"
    opened.choose(named="2026-02-01/2026-02-28")
    assert opened.run("return location.hash") == "#from=2026-02-01&to=2026-02-28"
    assert opened.text("#chosen").endswith("26 January – 1 March 2026. In whole weeks.")
    opened.choose(to="2026-03-15")
    assert opened.run(name) == "Other days"
    opened.choose(**{"from": "2026-03-01"})
    assert opened.run(name) == "March 2026"
    opened.go("history.go(-2)")
    assert opened.run(name) == "February 2026"
    opened.reset()
    assert opened.run(name) == "All days"


def test_it_says_how_much_it_does_not_know_of_the_chosen_names(
    opened: Page, gathered: payload.Payload
) -> None:
    assert gathered.combined is not None
    rows = gathered.combined.columns
    names = gathered.facts["organizations"].names
    opened.go("location.hash = 'organization=Stanford University'")
    chosen = next(n for n, name in enumerate(names) if name[0] == "Stanford University")
    kept = rows["counted"][rows["organizations"] == chosen].sum()
    assert opened.text("[data-figure='all.counted']") == number(kept)
    known = rows["counted"][rows["organizations"] < len(names)].sum()
    everything = gathered.classes(gathered.before, len(gathered.periods))
    share = percent(1 - known / everything["counted"].sum())
    said = f"Of {share} of the counted uses, this page does not know the names"
    assert said in opened.text("#chosen")
