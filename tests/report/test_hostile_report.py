"""The report on a log in which everything that can be chosen by others is an attack."""

from pathlib import Path
from typing import Any

import pytest
from chromium import Page, needs_browser
from flow import DAY, ONE_DAY, Flow, fill_once, request
from markupsafe import escape
from mmdb_writer import MMDBWriter
from netaddr import IPSet
from project import Settings

from usage_metrics.tasks.report import Report

ATTACKS = (
    "</script><script>attacked('script')</script>",
    "<!--<script>attacked('comment')//",
    "\"><img src=x onerror=attacked('image')>",
    "' autofocus onfocus=attacked('focus') x='",
    "javascript:attacked('scheme')",
    "{{ 7 * 191 }}{% raw %}${7 * 191}<%= 7 * 191 %>#{7 * 191}",
    "\u202egnirts \u2066desrever\u2069",
    "\x1b[31mred\x07\x00\x7f",
    "\u2028attacked('line')\u2029",
    "</title></style></table></textarea><svg onload=attacked('svg')>",
    "[click](javascript:attacked('markdown')) \\u003cscript\\u003e",
    "__proto__",
    "constructor",
)
"""Each is tried in every place."""

VISITOR = "198.51.100.77"
"""Stands in paths and referers, too."""


def attacked_log(flow: Flow) -> None:
    entries: list[dict[str, Any]] = []
    for number, attack in enumerate(ATTACKS):
        for place in ("userAgent", "requestUrl", "referer", "table"):
            values: dict[str, Any] = {
                "userAgent": "Mozilla/5.0 (X11; Linux x86_64; rv:147.0) "
                "Gecko/20100101 Firefox/147.0",
                "requestUrl": f"https://data.example/pudl/plants{number}.json",
                "remoteIp": f"8.8.{number}.8",
            }
            if place == "requestUrl":
                values[place] = f"https://data.example/pudl/{attack}.json?{attack}"
            elif place == "table":
                values["requestUrl"] = f"https://data.example/pudl/{attack}"
            elif place == "referer":
                values[place] = f"https://{attack}.example/{attack}"
            else:
                values[place] = attack
            entries.append(request(f"{number}-{place}", **values))
    entries.append(
        request(
            "address",
            requestUrl=f"https://data.example/pudl/{VISITOR}.json",
            referer=f"http://{VISITOR}/",
            remoteIp="8.8.0.8",
        )
    )
    flow.export(DAY, *entries)


def attacked_database(path: Path) -> None:
    """One in which organisations, cities and countries have such names, too."""
    writer = MMDBWriter(4, ipv4_compatible=False)
    for number, attack in enumerate(ATTACKS):
        record = {
            "country": attack,
            "country_code": attack if number % 2 else "DE",
            "asn": f"AS{64500 + number}" if number % 3 else attack,
            "as_name": attack,
            "city": attack,
            "region": attack,
        }
        writer.insert_network(IPSet([f"8.8.{number}.0/24"]), record)
    writer.to_db_file(str(path))


@pytest.fixture
def report(flow: Flow, settings: Settings, quick_reports: None) -> Path:
    settings("datasette", start=DAY, stop=DAY + ONE_DAY)
    settings("geocode", database=flow.folder / "attack.mmdb")
    fill_once(flow, "hostile", _report)
    return flow.root / "report" / "datasette.html"


def _report(flow: Flow) -> None:
    attacked_log(flow)
    attacked_database(flow.folder / "attack.mmdb")
    assert flow.build(Report()).scheduling_succeeded


@needs_browser
def test_nothing_from_a_log_runs_or_breaks_the_page(
    report: Path, browser: Page, request: pytest.FixtureRequest
) -> None:
    added = browser.command(
        "Page.addScriptToEvaluateOnNewDocument",
        source="window.attacks = []; window.attacked = (a) => attacks.push(a);",
    )
    request.addfinalizer(
        lambda: browser.command("Page.removeScriptToEvaluateOnNewDocument", **added)
    )
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
    assert any(name.startswith("</script><script>attacked(") for name in names)
    assert any("\\u202e" in name for name in names)
    assert "__proto__" in names
    linked = browser.run("return [...document.links].map((a) => a.protocol)")
    assert set(linked) <= {"file:", "https:"}


def test_every_attack_is_text_in_the_file(report: Path) -> None:
    text = report.read_text()
    for attack in ATTACKS:
        if "<" in attack:
            assert attack not in text
    assert str(escape(ATTACKS[0])) in text
    assert "1337" not in text.partition("<script>")[0]
    for sign in "\u202e\u2066\x1b\x00\u2028":
        assert sign not in text.partition('id="documents"')[0]


def test_no_address_that_stood_in_a_path_or_referer_is_in_the_file(
    report: Path,
) -> None:
    text = report.read_text()
    assert VISITOR not in text
    assert "/pudl/(an IP address).json" in text
