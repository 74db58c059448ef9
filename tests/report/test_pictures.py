"""Charts that are saved as pictures, to be put into another document."""

import base64
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

from attacks import ATTACKS
from chromium import Page, needs_browser
from everywhere import FIRST, fill, publisher

from usage_metrics.report import overview

pytestmark = needs_browser

ELEMENTS = {"svg", "g", "path", "line", "rect", "text", "title", "defs", "clipPath"}
BUTTONS = """
return [...document.querySelectorAll(".pictures button")]
    .filter((button) => button.checkVisibility());
"""
LOOK = """
const [content, done] = arguments;
const image = new Image();
image.src = `data:image/png;base64,${content}`;
image.decode().then(() => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.width, image.height];
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    const {data} = context.getImageData(0, 0, image.width, image.height);
    const colours = new Set();
    for (let at = 0; at < data.length; at += 4 * 97)
        colours.add(data.slice(at, at + 4).join(" "));
    done([image.width, image.height, data.slice(0, 4).join(" "), [...colours]]);
});
"""
WHITE, HUMAN = "255 255 255 255", "47 111 222 255"
BUTTON = "[data-chart={}] + .pictures button:{}-child"


def test_each_chart_is_saved_so_that_it_can_stand_alone(
    browser: Page, file: Path, tmp_path: Path
) -> None:
    browser.open(file, 390, dark=True)
    browser.choose(who="human")
    for name, title in {
        "over_time_human": "Human: requests over time",
        "tables": "Most used tables by counted uses",
        "countries": "Countries by counted uses",
        "per_week": "Requests per week by class",
    }.items():
        drawn = browser.save(BUTTON.format(name, "last"), tmp_path / f"{name}.svg")
        stands_alone(drawn, title)
    painted = browser.save(BUTTON.format(name, "first"), tmp_path / f"{name}.png")
    assert browser.console() == []
    is_on_white(browser, drawn, painted)


def stands_alone(file: Path, title: str) -> None:
    """Title, choice, period and source are in it; nothing is left to a style sheet."""
    content = file.read_text()
    assert "var(" not in content
    found = ET.fromstring(content)  # noqa: S314  our own file
    assert {element.tag.partition("}")[2] for element in found.iter()} <= ELEMENTS
    texts = ["".join(element.itertext()) for element in found.iter()]
    assert title in texts
    assert "All datasets · Human · 2–15 March 2026." in texts
    assert any(text.startswith("Use of ") for text in texts)


def is_on_white(browser: Page, drawn: Path, painted: Path) -> None:
    """The two are the same, in light colours although the page is dark."""
    browser.forget()
    content = base64.b64encode(painted.read_bytes()).decode()
    width, height, corner, colours = browser.driver.execute_async_script(LOOK, content)
    svg = ET.fromstring(drawn.read_text())  # noqa: S314
    assert (width, height) == (
        2 * int(svg.attrib["width"]),
        2 * int(svg.attrib["height"]),
    )
    assert corner == WHITE
    assert HUMAN in colours


def test_the_small_charts_of_the_publishers_page_are_saved_and_run_nothing(
    listening: Page, tmp_path: Path
) -> None:
    browser, database = listening, tmp_path / "usage.db"
    fill(database, 3, ATTACKS)
    found = publisher(database)
    releases = {name: [(FIRST, name)] for name in ATTACKS}
    found = replace(found, releases=releases, titles={name: name for name in ATTACKS})
    file = tmp_path / "index.html"
    file.write_text(overview.render(found, "0"))
    browser.show(file, dark=True)
    span = browser.text(".span")
    charts = browser.run("return document.querySelectorAll('.small-chart').length")
    button = ".small-chart[data-number='{}'] button:{}-child"
    pictures = [
        browser.save(button.format(number, "last"), tmp_path / f"chart_{number}.svg")
        for number in (1, charts // 2, charts)
    ]
    painted = browser.save(
        button.format(charts, "first"), tmp_path / f"chart_{charts}.png"
    )
    assert browser.console() == []
    for drawn in pictures:
        assert "var(" not in drawn.read_text()
        browser.driver.get(drawn.as_uri())
        names = browser.run("return [...document.all].map((e) => e.localName)")
        assert set(names) <= {*ELEMENTS, "pattern"}
        assert browser.run("return window.attacks") == []
        texts = browser.run("return document.documentElement.textContent")
        assert span in texts
    is_on_white(browser, drawn, painted)


def test_each_button_says_what_it_saves_and_is_not_printed(page: Page) -> None:
    labels = [button.get_attribute("aria-label") for button in page.run(BUTTONS)]
    assert len(labels) == len(set(labels)) > 20
    assert "Download as SVG: Countries" in labels
    page.command("Emulation.setEmulatedMedia", media="print")
    assert page.run(BUTTONS) == []
    page.command("Emulation.setEmulatedMedia", media="")
