"""The status page of a pipeline whose names and reasons are attacks, in a browser."""

import shutil
from collections.abc import Iterator

import pytest
from attacks import ATTACKS, LISTENER
from chromium import Page, needs_browser
from flow import DAY, ONE_DAY, Flow
from project import Settings

from usage_metrics.commands import main
from usage_metrics.monitoring import run_log

NAMES = [attack.replace("/", "\u2215").replace("\0", "") for attack in ATTACKS]
"""What the attacks are as names of files."""


@pytest.fixture
def listening(browser: Page) -> Iterator[Page]:
    """A browser in which each page notes what ran in it."""
    added = browser.command("Page.addScriptToEvaluateOnNewDocument", source=LISTENER)
    yield browser
    browser.command("Page.removeScriptToEvaluateOnNewDocument", **added)


@pytest.fixture
def attacked(flow: Flow, settings: Settings) -> Flow:
    """One day is made; each other failed for an attack, or has one for a file."""
    flow.export_days(1)
    days = len(ATTACKS)
    settings("datasette", start=DAY, stop=DAY + (2 * days + 1) * ONE_DAY)
    main(["run"])
    for number, attack in enumerate(ATTACKS):
        failed = DAY + (number + 1) * ONE_DAY
        run_log.append(
            {
                "task": "Clean",
                "parameters": {"date": str(failed), "source": "datasette"},
                "outcome": run_log.FAILED,
                "reason": attack,
            }
        )
        (flow.logs / f"{failed + days * ONE_DAY} {NAMES[number]}").touch()
    return flow


@needs_browser
def test_nothing_runs_in_the_status_page_and_all_is_shown_as_text(
    attacked: Flow, settings: Settings, listening: Page
) -> None:
    root = attacked.folder / NAMES[0]
    shutil.move(attacked.root, root)
    settings("paths", root=root)
    page = attacked.folder / "status.html"
    main(["status", "--html", str(page)])
    listening.driver.get(page.as_uri())
    assert listening.run("return window.attacks") == []
    assert listening.console() == []
    assert not [url for url in listening.requests() if url.startswith("http")]
    elements = listening.run("return [...document.all].map((e) => e.localName)")
    assert not {"script", "img", "iframe", "svg", "textarea", "a"} & set(elements)
    assert elements.count("title") == elements.count("style") == 1
    shown = listening.run("return document.body.textContent")
    for attack in ATTACKS:
        assert "".join(c if c.isprintable() else repr(c)[1:-1] for c in attack) in shown
    assert shown.replace("\n", "").isprintable()
    assert f"in {root}" in shown
