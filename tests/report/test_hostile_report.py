"""The report on a log in which everything that can be chosen by others is an attack."""

import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import altair as alt
import nbformat
import pandas as pd
import pytest
from attacks import ATTACKS, VISITOR, attacked_database, attacked_log
from chromium import Page, needs_browser
from flow import DAY, ONE_DAY, Flow, fill_once
from lab import jupyterlab, run_all
from markupsafe import escape
from nbclient import NotebookClient
from project import ROOT, Settings

from usage_metrics.report import charts, figures, neutral
from usage_metrics.report.usage_database import Database, Span
from usage_metrics.tasks.report import Report
from usage_metrics.warehouse.reading import open_tables


@pytest.fixture(params=["neutral", "raw"])
def report(
    flow: Flow,
    settings: Settings,
    quick_reports: None,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """The report as it is, and as if its figures had the names of the log."""
    settings("datasette", start=DAY, stop=DAY + ONE_DAY)
    settings("geocode", database=flow.folder / "attack.mmdb")
    if request.param == "raw":
        monkeypatch.setattr(neutral, "neutral", lambda text: text)
    fill_once(flow, f"hostile-{request.param}", _report)
    return flow.root / "report" / "datasette.html"


def _report(flow: Flow) -> None:
    attacked_log(flow)
    attacked_database(flow.folder / "attack.mmdb")
    assert flow.build(Report()).scheduling_succeeded


@needs_browser
def test_nothing_from_a_log_runs_or_breaks_the_page(
    report: Path, listening: Page, tmp_path: Path
) -> None:
    browser = listening
    browser.open(report)
    browser.choose(measure="requests")
    browser.choose(dataset="pudl")
    browser.choose(who="unknown", dataset="all")
    browser.reset()
    assert browser.run("return window.attacks") == []
    assert browser.console() == []
    assert not [url for url in browser.requests() if url.startswith("http")]
    assert browser.run("return document.querySelectorAll('script').length") == 4
    browser.choose(measure="requests")
    elements = browser.run(
        "return [...document.querySelectorAll('main *, #tip *')].map("
        "(e) => e.localName)"
    )
    assert not {"img", "script", "iframe", "object", "title"} & set(elements)
    names = {name for name, _ in browser.names("top_organizations")}
    assert any("script>attacked(" in name for name in names)
    assert any("\\u202e" in name for name in names)
    assert "__proto__" in names
    for listing in ("search", "sql", "referrer_page", "not_found"):
        names = {name for name, _ in browser.names(listing)}
        assert any("script>attacked(" in name for name in names), listing
    hostile_names_are_chips(browser)
    linked = browser.run("return [...document.links].map((a) => a.protocol)")
    assert set(linked) <= {"file:", "https:"}
    nothing_runs_in_a_picture(browser, tmp_path)
    a_hostile_link_is_told_of(browser, report)


def nothing_runs_in_a_picture(browser: Page, folder: Path) -> None:
    button = "[data-chart={}] + .pictures button:{}-child"
    pictures = [
        browser.save(button.format(name, "last"), folder / f"{name}.svg")
        for name in ("others", "datasets", "agents", "referrers")
    ]
    browser.save(button.format("others", "first"), folder / "others.png")
    assert browser.console() == []
    drawn = ""
    for picture in pictures:
        browser.driver.get(picture.as_uri())
        assert browser.run("return document.documentElement.localName") == "svg"
        assert browser.run("return window.attacks") == [], picture.name
        drawn += browser.run("return document.documentElement.textContent")
    assert "script>attacked('script')" in drawn


def hostile_names_are_chips(browser: Page) -> None:
    """Choose names by a click, and by a link."""
    chosen = browser.run(
        """
        const names = [...document.querySelectorAll("[data-table] th [data-pick]")];
        return names.filter((name) => /^(__proto__|.*attacked)/.test(name.textContent))
            .map((name) => name.dataset.pick);
        """
    )
    for name in chosen[:6]:
        browser.go(
            "document.querySelector(`[data-pick='${arguments[0]}']`).click()", name
        )
        assert browser.run("return document.querySelectorAll('.chip').length") == 1
        address = browser.run("return location.href")
        browser.forget()
        browser.driver.get(address)
        browser.wait()
        assert browser.run("return document.querySelectorAll('.chip').length") == 1
        assert browser.run("return window.attacks") == []
        browser.choose(measure="requests")
        browser.go("document.querySelector('.chip').click()")
    assert len(chosen) > 2
    assert browser.console() == []
    assert browser.run("return document.querySelectorAll('script').length") == 4


def a_hostile_link_is_told_of(browser: Page, report: Path) -> None:
    """Which names what the page does not have; briefly."""
    fields = ("country", "program", "dataset", "who", "measure", "from", "compare")
    said = [
        (field, f"no {attack} {'x' * 100}") for attack in ATTACKS for field in fields
    ]
    browser.forget()
    browser.driver.get(f"{report.as_uri()}#{urlencode(said)}")
    browser.wait()
    told = browser.run("return document.getElementById('chosen').textContent")
    assert "country no </script><script>attacked('script')" in told
    assert "x" * 70 not in told
    assert not set("\u202e\x1b\u2028\0") & set(told)
    assert browser.run("return window.attacks") == []
    assert browser.console() == []


def test_every_attack_is_text_in_the_file(report: Path) -> None:
    text = report.read_text()
    for attack in ATTACKS:
        if "<" in attack:
            assert attack not in text
    assert str(escape("script>attacked('script')")) in text
    assert "1337" not in text.partition("<script>")[0]
    for sign in "\u202e\u2066\x1b\x00\u2028":
        assert sign not in text.partition('id="documents"')[0]


def test_no_address_that_stood_in_a_path_or_referer_is_in_the_file(
    report: Path,
) -> None:
    text = report.read_text()
    assert VISITOR not in text
    assert "/pudl/(an IP address).json" in text


# --- the notebook and saved charts ----------------------------------------------------

NOTEBOOK = ROOT / "usage_metrics" / "report" / "analysis.ipynb"
SPAN = Span("datasette", DAY, DAY + ONE_DAY)


@pytest.fixture
def loaded(flow: Flow, settings: Settings, quick_reports: None) -> Flow:
    settings("datasette", start=DAY, stop=DAY + ONE_DAY)
    settings("geocode", database=flow.folder / "attack.mmdb")
    fill_once(flow, "hostile-neutral", _report)
    return flow


def outputs(notebook: Any) -> list[str]:
    """What Jupyter shows of each cell, as HTML if it has any."""
    shown = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            assert output.output_type != "error", output
            data = output.get("data", {})
            html = data.get("text/html") or data.get("image/svg+xml")
            shown.append(
                html or str(escape(data.get("text/plain", output.get("text"))))
            )
    return shown


@needs_browser
def test_nothing_from_a_log_runs_in_the_notebook(loaded: Flow, listening: Page) -> None:
    (loaded.folder / "data").mkdir(exist_ok=True)
    (loaded.folder / "data" / "usage_metrics.db").hardlink_to(loaded.database)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {}})
    client.execute(cwd=str(loaded.folder))
    page = loaded.folder / "notebook.html"
    shown = "\n".join(f"<div>{html}</div>" for html in outputs(notebook))
    page.write_text(f"<!doctype html><meta charset=utf-8>{shown}<p id=end>end</p>")
    listening.driver.get(page.as_uri())
    assert listening.wait_for("return document.getElementById('end')?.textContent")
    assert listening.run("return window.attacks") == []
    elements = listening.run("return [...document.all].map((e) => e.localName)")
    assert not {"script", "img", "iframe"} & set(elements)
    assert "script>attacked('script')" in listening.run(
        "return document.body.textContent"
    )


@needs_browser
def test_nothing_from_a_log_runs_in_jupyterlab(loaded: Flow, listening: Page) -> None:
    """Which runs scripts in outputs of cells that were run there."""
    pytest.importorskip("jupyterlab")
    (loaded.folder / "data").mkdir(exist_ok=True)
    (loaded.folder / "data" / "usage_metrics.db").hardlink_to(loaded.database)
    shutil.copy(NOTEBOOK, loaded.folder)
    with jupyterlab(loaded.folder) as url:
        assert run_all(listening, url, NOTEBOOK.name)
        assert listening.run("return window.attacks") == []
        shown = "document.querySelectorAll('.jp-OutputArea-output')"
        texts = f"return [...{shown}].map((output) => output.textContent).join()"
        assert "script>attacked('script')" in listening.run(texts)
        found = f"return [...{shown}].flatMap((e) => [...e.querySelectorAll('*')])"
        elements = listening.run(f"{found}.map((e) => [e.localName, e.src ?? ''])")
        assert not {"script", "iframe"} & {name for name, _ in elements}
        pictures = {source[:18] for name, source in elements if name == "img"}
        assert pictures <= {"data:image/svg+xml"}, "the charts"


def hostile_charts(flow: Flow) -> dict[str, alt.Chart]:
    """Charts as people draw them: with ours or Altair's functions, of any frame."""
    with open_tables(flow.database) as tables:
        found = figures.by_path(Database(tables), SPAN)
    top = figures.ranking(found, ["path"], by="requests")
    rows = top.assign(label=top["path"], value=top["requests"])
    rows = rows.assign(agent_class="Human", order=0)[
        ["label", "agent_class", "order", "value"]
    ]
    raw = pd.DataFrame(
        {"label": ATTACKS, "agent_class": ATTACKS, "order": 0, "value": 1}
    )
    return {
        "figures": charts.ranked(rows),
        "own frame": charts.ranked(raw),
        "own chart": alt.Chart(rows).mark_bar().encode(x="value:Q", y="label:N"),
    }


@needs_browser
def test_nothing_from_a_log_runs_in_a_saved_chart(
    loaded: Flow, listening: Page
) -> None:
    for name, chart in hostile_charts(loaded).items():
        page = loaded.folder / f"{name}.html"
        chart.save(page, inline=True)
        listening.driver.get(page.as_uri())
        assert listening.wait_for("return document.querySelector('#vis svg text')"), (
            name
        )
        assert listening.run("return window.attacks") == [], name
        drawn = listening.run("return document.getElementById('vis').textContent")
        assert "img src=x onerror" in drawn, name


def test_charts_of_attacks_become_pictures(loaded: Flow) -> None:
    for name, chart in hostile_charts(loaded).items():
        picture = loaded.folder / f"{name}.svg"
        chart.properties(width=300).save(picture)
        assert "attacked('script')" in picture.read_text().replace("&#39;", "'"), name


def test_a_spreadsheet_takes_every_name_of_a_csv_file_as_text(loaded: Flow) -> None:
    with open_tables(loaded.database) as tables:
        found = figures.by_table(Database(tables), SPAN)
    names = found["table"].dropna().tolist()
    assert not [name for name in names if name[0] in "=+-@\t\r"]
    assert any(name.startswith("'@SUM(") for name in names)
