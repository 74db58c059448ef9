"""Whatever a reader chooses: each figure is that of the choice, or says that it is not.

The figures are compared with those that the database gives for the same choice.
"""

import datetime as dt
import re
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from chromium import Page, needs_browser

from usage_metrics.report import figures
from usage_metrics.report.formatting import number, percent
from usage_metrics.report.labels import CLASSES
from usage_metrics.report.rankings import LISTINGS, OF_ATTRIBUTES
from usage_metrics.report.static_tables import NOUNS
from usage_metrics.report.usage_database import ALL, Database, Span
from usage_metrics.units import rounded, size

if TYPE_CHECKING:
    import pandas as pd

pytestmark = needs_browser

FIRST, LAST = dt.date(2026, 3, 2), dt.date(2026, 3, 15)
ONE_DAY = dt.timedelta(days=1)
ON_ANY_DAY = "on any day of the report"

RANKED = {
    "formats": (figures.by_format, ["format"]),
    "pages": (figures.by_page, ["page"]),
    "tables": (figures.by_table, ["dataset", "table"]),
    "countries": (figures.by_country, ["country"]),
    "top_organizations": (figures.by_organization, ["organization", "network_class"]),
    "agents": (figures.by_agent, ["agent_name", "agent_kind"]),
    "referrers": (figures.by_referrer, ["referrer"]),
}


@dataclass(frozen=True)
class Choice:
    """What a reader chooses, and what the database says about that."""

    dataset: str = ALL
    who: str = ALL
    first: dt.date = FIRST
    last: dt.date = LAST
    measure: str = "counted"
    span: Span = field(init=False)

    def __post_init__(self) -> None:
        span = Span("datasette", self.first, self.last + ONE_DAY)
        object.__setattr__(self, "span", span)

    def values(self) -> dict[str, str]:
        """For the controls of the page."""
        dates = {"from": self.first.isoformat(), "to": self.last.isoformat()}
        named = {"dataset": self.dataset, "who": self.who, "measure": self.measure}
        return {**named, **dates}

    @property
    def ranked_by(self) -> str:
        """Robots and our own monitors never count, so their requests are ranked."""
        return "requests" if self.who in ("robot", "internal") else self.measure

    def of(self, frame: "pd.DataFrame", *, with_all: bool = False) -> "pd.DataFrame":
        """The rows of a frame that are chosen."""
        if self.dataset != ALL or with_all:
            frame = frame[frame["dataset"] == self.dataset]
        return frame if self.who == ALL else frame[frame["agent_class"] == self.who]


CHOICES = [
    Choice(),
    Choice(measure="requests"),
    Choice(who="robot"),
    Choice(who="internal", first=dt.date(2026, 3, 5)),
    Choice(dataset="ferc1", who="human"),
    Choice(dataset="pudl", first=dt.date(2026, 3, 4), last=dt.date(2026, 3, 11)),
    Choice("pudl", "machine", dt.date(2026, 3, 10), dt.date(2026, 3, 10), "requests"),
    Choice("unmapped", "human", measure="requests"),
    Choice(who="unknown", measure="requests"),
    Choice("none", "robot", dt.date(2026, 3, 7), dt.date(2026, 3, 9)),
]


def numbers(page: Page, table: str, head: str) -> list[int]:
    """A column of a table."""
    column = page.heads(table).index(head)
    return [int(row[column].replace(",", "")) for row in page.table(table)]


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_every_figure_is_that_of_the_choice(
    page: Page, database: Database, choice: Choice
) -> None:
    page.choose(**choice.values())
    the_headline_is_that_of_the_choice(page, database, choice)
    the_rankings_are_those_of_the_choice(page, database, choice)
    the_attributes_are_those_of_the_choice(page, database, choice)
    use_over_time_adds_up_to_the_headline(page)


def the_headline_is_that_of_the_choice(
    page: Page, database: Database, choice: Choice
) -> None:
    used = choice.of(figures.by_class(database, choice.span), with_all=True)
    assert page.text("[data-figure='all.requests']") == number(used["requests"].sum())
    assert page.text("[data-figure='all.counted']") == number(used["counted"].sum())
    for name in {"human", "machine", "robot"} if choice.who == ALL else {choice.who}:
        requests = used[used["agent_class"] == name]["requests"].sum()
        assert page.text(f"[data-figure='{name}.requests']") == number(requests)
    reach = figures.reach(database, Span("datasette", FIRST, LAST + ONE_DAY))
    found = reach[
        (reach["dataset"] == choice.dataset) & (reach["agent_class"] == choice.who)
    ]
    for name in ("organizations", "countries"):
        expected = found[f"{name}_{choice.ranked_by}"].sum()
        assert page.text(f"[data-figure='all.{name}']") == number(expected)
    the_cards_are_those_of_the_choice(page, used, choice)
    is_narrowed = (choice.first, choice.last) != (FIRST, LAST)
    assert (ON_ANY_DAY in page.text("[data-note]")) == is_narrowed


def the_cards_are_those_of_the_choice(
    page: Page, used: "pd.DataFrame", choice: Choice
) -> None:
    days = int(page.text("[data-figure='all.days']").partition(" of ")[0])
    for name, rows in used.groupby("agent_class"):
        if choice.who not in (ALL, name):
            continue
        sums = rows[["unique_sessions", "visitor_days", "bytes", "errors"]].sum()
        for figure, expected in {
            "sessions": number(sums["unique_sessions"]),
            "visitors": rounded(sums["visitor_days"] / days),
            "bytes": size(sums["bytes"]),
            "errors": percent(sums["errors"] / rows["requests"].sum()),
        }.items():
            assert page.text(f"[data-figure='{name}.{figure}']") == expected


def the_rankings_are_those_of_the_choice(
    page: Page, database: Database, choice: Choice
) -> None:
    noun = {"counted": "Counted uses", "requests": "Requests"}[choice.ranked_by]
    for listing, (ask, names) in RANKED.items():
        rows = choice.of(ask(database, choice.span))
        expected = figures.ranking(rows, names, choice.ranked_by)[choice.ranked_by]
        expected = expected[expected > 0].tolist()
        if len(expected) > 25:
            expected = [*expected[:25], sum(expected[25:])]
        assert (page.heads(listing)[1:3], numbers(page, listing, noun)) == (
            [noun, f"Share of {noun.lower()}"],
            expected,
        ), listing


def the_attributes_are_those_of_the_choice(
    page: Page, database: Database, choice: Choice
) -> None:
    of_attributes = {ranking.id for ranking in OF_ATTRIBUTES}
    shown = [one for one in LISTINGS if one.ranking in of_attributes]
    for listing in shown:
        rows = figures.by_attribute(listing.ranking)(database, choice.span)
        if page.run("return document.getElementById(arguments[0])", listing.id) is None:
            assert listing.id in ("search", "referrer_page")  # nobody did
            continue
        measure = listing.measure or choice.ranked_by
        noun = listing.nouns.get(measure, NOUNS[measure])
        assert page.heads(listing.id)[1].lower() == noun
        found = numbers(page, listing.id, noun.capitalize())
        sums = choice.of(rows).groupby("value", dropna=False)[measure].sum()
        assert sum(found) == sums.sum(), listing.id
        named = sorted(sums[sums.index.notna() & (sums > 0)], reverse=True)
        expected = named[: len(found) - 1] if len(named) > 25 else named
        got = sorted(filter(None, found), reverse=True)
        assert (
            listing.id in ("entry", "exit", "sql") or got[: len(expected)] == expected
        )


def use_over_time_adds_up_to_the_headline(page: Page) -> None:
    total = page.text("[data-figure='all.requests']")
    for table in ("periods", "weeks"):
        column = page.heads(table).index("Requests")
        cells = [row[column].replace(",", "") for row in page.table(table)]
        assert number(sum(int(cell) for cell in cells if cell != "–")) == total


def test_the_organisations_of_robots_are_those_in_the_table(page: Page) -> None:
    page.choose(who="robot")
    names = {name for name, _ in page.names("top_organizations")} - {"Unknown"}
    assert page.text("[data-figure='all.organizations']") == str(len(names)) == "8"
    assert page.run("return document.getElementById('measure').value") == "requests"
    page.choose(who="human")
    assert page.run("return document.getElementById('measure').value") == "counted"


def test_a_link_shows_what_its_sender_saw(page: Page, file: Path) -> None:
    page.choose(dataset="pudl", who="human", **{"from": "2026-03-04"})
    address = page.run("return location.hash")
    assert address == "#dataset=pudl&who=human&from=2026-03-04"
    seen = page.text("[data-figure='all.requests']")
    page.choose(who="robot")
    assert page.text("[data-figure='all.requests']") != seen
    page.go("history.back()")
    assert page.text("[data-figure='all.requests']") == seen
    page.run("location.hash = 'where'")  # a section
    assert page.run("return document.getElementById('who').value") == "human"
    page.forget()
    page.driver.get(file.absolute().as_uri() + address)
    page.wait()
    assert page.text("[data-figure='all.requests']") == seen
    assert page.text("#chosen").endswith("Human · 4–15 March 2026.")
    page.reset()
    assert page.run("return location.hash") == ""


def test_an_address_that_says_nothing_of_use_shows_everything(
    page: Page, file: Path
) -> None:
    all_requests = page.text("[data-figure='all.requests']")
    page.forget()
    wrong = "#dataset=nowhere&who=%3Cb%3E&from=soon&to=&measure=1&x=2"
    page.driver.get(file.absolute().as_uri() + wrong)
    page.wait()
    assert page.text("[data-figure='all.requests']") == all_requests
    assert page.console() == []


def test_dates_in_the_wrong_order_are_put_in_order_and_that_is_said(page: Page) -> None:
    page.choose(**{"from": "2026-03-12", "to": "2026-03-10"})
    swapped = page.text("[data-figure='all.requests']")
    assert page.text("[data-figure='all.days']") == "3 of 3"
    assert "10–12 March 2026. From is after To" in page.text("#chosen")
    page.choose(**{"from": "2026-03-10", "to": "2026-03-12"})
    assert page.text("[data-figure='all.requests']") == swapped
    assert "From is after To" not in page.text("#chosen")


@pytest.mark.parametrize(
    ("first", "last", "days"),
    [("", "", "14"), ("2026-03-14", "", "2"), ("2020-01-01", "2026-03-03", "2")],
)
def test_dates_that_are_empty_or_not_in_the_report_are_its_first_or_last(
    page: Page, first: str, last: str, days: str
) -> None:
    page.choose(**{"from": first, "to": last})
    assert page.text("[data-figure='all.days']").endswith(f" of {days}")
    assert "The report has no other days." in page.text("#chosen")


def test_a_week_holds_only_the_chosen_days(page: Page) -> None:
    page.choose(**{"from": "2026-03-11", "to": "2026-03-12"})
    [[week, requests, *_]] = page.table("weeks")
    assert week == "11–12 March 2026"
    assert requests == page.text("[data-figure='all.requests']")
    assert page.text("#incomplete") == ""


def test_a_week_with_a_missing_day_says_so_beside_its_bar(page: Page) -> None:
    said = "Lower because days are missing: 2–8 March 2026 (6 of 7 days)."
    assert page.text("#incomplete") == said
    assert page.table("weeks")[0][0] == "2–8 March 2026 (6 of 7 days)"
    page.choose(**{"from": "2026-03-07"})
    assert "7–8 March 2026 (1 of 2 days)" in page.text("#incomplete")
    assert page.table("periods")[1][1] == "–"


def test_what_the_filter_does_not_change_says_so(page: Page) -> None:
    visible = "return document.getElementById('unfiltered').checkVisibility()"
    assert not page.run(visible)
    page.choose(who="human")
    assert page.run(visible)
    assert "the filter does not change them" in page.text("#unfiltered")
    assert "the filter does not change it" in page.text("#quality .lead")
    page.reset()
    assert not page.run(visible)


def test_what_is_chosen_stands_on_paper_too(page: Page) -> None:
    page.choose(who="human")
    page.command("Emulation.setEmulatedMedia", media="print")
    visible = "return document.querySelector(arguments[0]).checkVisibility()"
    assert page.run(visible, "#chosen")
    assert not page.run(visible, "#who")
    page.command("Emulation.setEmulatedMedia", media="")


LEGENDS = """
return Object.fromEntries([...document.querySelectorAll(".legend")].map((legend) =>
    [legend.parentElement.id, [...legend.children].filter((entry) =>
        entry.checkVisibility()).map((entry) => entry.textContent.trim())]));
"""


def test_a_legend_and_a_table_have_nothing_that_is_zero_throughout(page: Page) -> None:
    legends = page.run(LEGENDS)
    assert legends["datasets-section"] == ["Human", "Machine"]
    before = "Requests before: 2–8 March 2026"
    assert legends["per_week"] == [*CLASSES.values(), before]
    assert page.heads("formats")[3:] == ["Human", "Machine"]
    page.choose(who="robot")
    legends = page.run(LEGENDS)
    assert legends["datasets-section"] == ["Robot"]
    assert legends["per_week"] == ["Robot", before]
    assert page.heads("periods")[:3] == ["Period", "Requests", "Robot"]
    assert page.heads("periods")[3:] == ["Requests before 2–8 March 2026"]


def test_a_change_is_coloured_only_where_more_is_better(page: Page) -> None:
    colours = page.run(
        """
        return Object.fromEntries([...document.querySelectorAll("[data-change]")].map(
            (place) => [place.dataset.change, place.className.replace("number ", "")]));
        """
    )
    assert colours["human.requests"] == "change up"
    for name in ("robot.requests", "robot.errors", "all.requests", "all.bytes"):
        assert colours[name] == "change"


def test_the_share_of_the_largest_organisation_says_of_what(page: Page) -> None:
    said = "made 59.1 % of all requests and 82.9 % of the counted uses"
    assert said in page.text(".short")
    assert page.table("top_organizations")[0][2] == "82.9 %"
    assert page.heads("top_organizations")[2] == "Share of counted uses"
    everything = dict(
        zip(page.heads("concentration"), page.table("concentration")[0], strict=True)
    )
    assert everything["Its share of requests"] == "59.1 %"
    assert everything["Its share of counted uses"] == "82.9 %"


def test_every_table_shows_its_first_number_beside_the_name_on_a_phone(
    browser: Page, file: Path
) -> None:
    browser.open(file, 390)
    browser.run("for (const d of document.querySelectorAll('details')) d.open = true;")
    for choice in ({"dataset": ALL}, {"measure": "requests"}, {"who": "robot"}):
        browser.choose(**choice)
        hidden = browser.run(
            """
            return [...document.querySelectorAll("table")].filter((table) =>
                table.checkVisibility() && table.tBodies[0].rows.length
            ).filter((table) => {
                const right = (place) => place.getBoundingClientRect().right;
                const seen = right(table.closest(".scroll") ?? table.closest(".card"));
                return right(table.tBodies[0].querySelector(".number")) > seen + 1;
            }).map((table) => table.dataset.table);
            """
        )
        assert hidden == []


def test_it_says_when_and_with_what_it_was_made(page: Page) -> None:
    version = re.escape(metadata.version("usage_metrics"))
    made = rf"Made on \d+ [A-Z][a-z]+ \d{{4}} with usage_metrics {version}\."
    assert re.fullmatch(made, page.text(".top .small"))
