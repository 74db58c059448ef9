"""A folder with the counted logs of a month, and the hub that its reports go to."""

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flow import DAY, ONE_DAY, Flow, request
from hub_server import HubServer
from project import Settings

from usage_metrics.commands import main

MONTH = f"{DAY:%Y-%m}"

REGISTRY = """
platform = "Our data"
created_by = "Our office"
not_data = ['/nothing']
"""

ENTRY = """
[[dataset]]
id = "{id}"
title = "{title}"
publisher = "Our office"
publisher_id = {{ type = "urn", value = "https://data.example.org" }}
{identifier}
"""


def entry(id_: str, identifier: str = "", title: str = "") -> str:
    """A dataset in the registry; by default with a DOI."""
    identifier = identifier or f'doi = "10.5072/{id_}"'
    return ENTRY.format(id=id_, title=title or id_.title(), identifier=identifier)


def asked(insert_id: str, path: str, day: dt.date = DAY, **http: Any) -> dict[str, Any]:
    """A log entry of a person who got some data."""
    about = {
        "requestUrl": f"https://data.example{path}",
        "userAgent": "Mozilla/5.0 (X11; Linux x86_64; rv:147.0) Gecko/20100101 "
        "Firefox/147.0",
    }
    return request(insert_id, day, **about | http)


@dataclass
class HubFlow:
    """Two days of logs, and a hub."""

    flow: Flow
    hub: HubServer
    settings: Settings

    def set_up(self) -> None:
        """Write two days of logs, of pudl and ferc1, and the settings."""
        self.flow.export(DAY, asked("a", "/pudl/plants.json"), asked("b", "/ferc1/x"))
        following = DAY + ONE_DAY
        assistant = {"userAgent": "Mozilla/5.0 (compatible; Claude-User/1.0)"}
        self.flow.export(
            following,
            asked("c", "/pudl", following),
            asked("d", "/pudl", following, **assistant),
        )
        self.settings("datasette", start=DAY, stop=DAY + 2 * ONE_DAY)
        self.settings("datacite", hub=self.hub.url, attempts=3)
        self.register(entry("pudl"), entry("ferc1"))

    def register(self, *entries: str) -> None:
        """Write the registry."""
        file = self.flow.folder / "datasets.toml"
        file.write_text(REGISTRY + "".join(entries))
        self.settings("counting", datasets=file)

    def count(self) -> None:
        """Count what is there, and write the report of the month."""
        assert main(["counter", "--month", MONTH]) == 0

    def command(self, name: str, *more: str) -> int:
        """A subcommand of ``usage-metrics counter`` on the month."""
        return main(["counter", name, "--month", MONTH, *more])

    @property
    def sent(self) -> Path:
        return self.flow.root / "counter" / "sent" / MONTH

    def records(self) -> list[dict[str, Any]]:
        """The records of what was sent."""
        files = sorted(self.sent.glob("????.json"))
        return [json.loads(file.read_text()) for file in files]
