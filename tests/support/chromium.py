"""Drives a headless Chromium and records console messages and requests."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver import ActionChains
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.wait import WebDriverWait

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")

needs_browser = pytest.mark.skipif(
    BROWSER is None or DRIVER is None,
    reason="there is no chromium or no chromedriver: on Debian, "
    "apt-get install chromium chromium-driver",
)

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"),
    *("--no-first-run", "--disable-background-networking", "--disable-dev-shm-usage"),
    *("--disable-component-update", "--disable-sync", "--force-device-scale-factor=1"),
)
SHOWN = "return document.documentElement.dataset.shown"
PATIENCE = 300
"""Seconds to wait for a state before giving up: a busy machine may be slow."""


class Page:
    """The page that the browser shows."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, file: Path, width: int = 1280, *, dark: bool = False) -> None:
        """Open a report from disk and wait until its charts are drawn."""
        self.show(file, width, dark=dark)
        self.wait()

    def show(self, file: Path, width: int = 1280, *, dark: bool = False) -> None:
        """Open a page from disk."""
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = "dark" if dark else "light"
        self.command(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )
        self.driver.get(file.absolute().as_uri())

    def forget(self) -> None:
        """Leave the page and drop its console messages, its requests and the history.

        Of a full history, Chromium drops what no user has added: the choices of a test.
        """
        self.driver.get("about:blank")
        self.command("Page.resetNavigationHistory")
        self.console()
        self.requests()

    def wait(self) -> None:
        """Wait until the charts of the current selection are drawn."""
        self.wait_for(SHOWN)

    def wait_for(self, script: str, *arguments: Any) -> Any:
        """Wait until a script returns something true, and return that."""
        return WebDriverWait(self.driver, PATIENCE, poll_frequency=0.05).until(
            lambda driver: driver.execute_script(script, *arguments)
        )

    def choose(self, **values: str) -> None:
        """Set filters as a user would and wait until the charts are redrawn."""
        self.go(
            """
            for (const [id, value] of Object.entries(arguments[0])) {
                document.getElementById(id).value = value;
            }
            const one = document.getElementById(Object.keys(arguments[0])[0]);
            one.dispatchEvent(new Event("change", {bubbles: true}));
            """,
            values,
        )

    def reset(self) -> None:
        """Press the reset button and wait until the charts are redrawn."""
        with self._redrawn():
            self.driver.find_element("css selector", "#filter button").click()

    def go(self, script: str, *arguments: Any) -> None:
        """Run what changes the selection, and wait until the charts are redrawn."""
        with self._redrawn():
            self.driver.execute_script(script, *arguments)

    @contextmanager
    def _redrawn(self) -> Iterator[None]:
        before = self.driver.execute_script(SHOWN)
        yield
        self.wait_for(f"{SHOWN} !== arguments[0]", before)

    def until(self, is_so: Callable[[], bool]) -> None:
        """Wait until something outside the page is so."""
        WebDriverWait(self.driver, PATIENCE, poll_frequency=0.05).until(
            lambda _: is_so()
        )

    def run(self, script: str, *arguments: Any) -> Any:
        """Run JavaScript in the page."""
        return self.driver.execute_script(script, *arguments)

    def text(self, selector: str) -> str:
        """The text of the first element that matches a selector, visible or not."""
        found = self.run(
            "return document.querySelector(arguments[0]).textContent", selector
        )
        return str(found).strip()

    def table(self, name: str) -> list[list[str]]:
        """The rows of a table."""
        found: list[list[str]] = self.run(
            """
            const body = document.querySelector(`[data-table="${arguments[0]}"]`);
            return [...body.tBodies[0].rows, ...body.tFoot?.rows ?? []].map(
                (row) => [...row.cells].map((cell) => cell.textContent.trim()));
            """,
            name,
        )
        return found

    def names(self, name: str) -> list[tuple[str, str]]:
        """Of each row of a table: its name, and what is said below it."""
        found = self.run(
            """
            const body = document.querySelector(`[data-table="${arguments[0]}"]`);
            return [...body.tBodies[0].rows, ...body.tFoot?.rows ?? []].map(
                ({cells: [cell]}) => [cell.firstChild.textContent.trim(),
                cell.querySelector("small")?.textContent ?? ""]);
            """,
            name,
        )
        return [(text, below) for text, below in found]

    def heads(self, name: str) -> list[str]:
        """The heads of a table."""
        found: list[str] = self.run(
            """
            const table = document.querySelector(`[data-table="${arguments[0]}"]`);
            return [...table.tHead.rows[0].cells].map(
                (cell) => cell.textContent.trim());
            """,
            name,
        )
        return found

    def save(self, button: str, file: Path) -> Path:
        """Press a button as a user would, and wait for the file that it saves.

        Chromium saves no more than some files for a script that nobody presses.
        """
        behaviour = "Browser.setDownloadBehavior"
        self.command(behaviour, behavior="allow", downloadPath=str(file.parent))
        found = self.driver.find_element("css selector", button)
        self.run("arguments[0].scrollIntoView({block: 'center'})", found)
        ActionChains(self.driver).move_to_element(found).click().perform()
        self.until(file.exists)
        self.command(behaviour, behavior="default")
        return file

    def command(self, name: str, **parameters: Any) -> Any:
        """Send a command of the DevTools protocol."""
        return self.driver.execute_cdp_cmd(name, parameters)

    def console(self) -> list[str]:
        """Console messages since the last call, including policy violations."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """URLs requested since the last call, including that of the page itself.

        Requests that the page's policy blocked are left out.
        """
        events = [
            json.loads(entry["message"])["message"]
            for entry in self.driver.get_log("performance")
        ]
        blocked = {
            event["params"]["requestId"]
            for event in events
            if event["params"].get("blockedReason") == "csp"
        }
        return [
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
            and event["params"]["requestId"] not in blocked
        ]


@contextmanager
def chromium(profile: Path) -> Iterator[Page]:
    """Start a browser with a new profile; stop it at the end."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(BROWSER)
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    logs = {"browser": "ALL", "performance": "ALL"}
    options.set_capability("goog:loggingPrefs", logs)
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    try:
        yield Page(driver)
    finally:
        driver.quit()
