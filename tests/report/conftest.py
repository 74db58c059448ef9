"""The report on the sample logs, in a browser and as its database."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from attacks import LISTENER
from chromium import Page

from usage_metrics.report.usage_database import Database, Span
from usage_metrics.warehouse.reading import open_tables


@pytest.fixture(scope="module")
def file(sample: Path) -> Path:
    return sample / "data" / "report" / "datasette.html"


@pytest.fixture
def page(browser: Page, file: Path) -> Page:
    browser.open(file)
    browser.console()
    browser.requests()
    return browser


@pytest.fixture(scope="module")
def database(sample: Path) -> Iterator[Database]:
    with open_tables(sample / "data" / "usage_metrics.db") as tables:
        yield Database(tables)


@pytest.fixture(scope="module")
def span() -> Span:
    return Span("datasette", dt.date(2026, 3, 2), dt.date(2026, 3, 16))


@pytest.fixture
def listening(browser: Page) -> Iterator[Page]:
    """A browser in which each page notes what ran in it."""
    added = browser.command("Page.addScriptToEvaluateOnNewDocument", source=LISTENER)
    yield browser
    browser.command("Page.removeScriptToEvaluateOnNewDocument", **added)
