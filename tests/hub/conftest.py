"""The office that sends reports, and the hub that takes them."""

from collections.abc import Iterator

import pytest
from flow import Flow, fill_once
from hub_flow import HubFlow
from hub_server import TOKEN, HubServer
from project import Settings


@pytest.fixture
def office(
    flow: Flow, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[HubFlow]:
    """A counted month of two datasets, and the hub."""
    monkeypatch.setenv("DATACITE_TOKEN", TOKEN)
    with HubServer() as hub:
        found = HubFlow(flow, hub, settings)
        found.set_up()
        fill_once(flow, "counter-month", lambda _: found.count())
        found.set_up()
        yield found
    assert hub.complaints == [], "the hub tells nobody"
