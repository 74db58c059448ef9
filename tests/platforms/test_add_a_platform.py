"""A platform is one module and one section: the smallest goes through all tasks."""

import datetime as dt
import sys
import types
from collections.abc import Iterator

import pytest
from flow import Flow
from platform_server import PlatformServer
from project import Settings
from snapshot_flow import Days

from usage_metrics import platforms
from usage_metrics.parameters import Names
from usage_metrics.platforms import Figure, Platform, Request
from usage_metrics.platforms import settings as sections
from usage_metrics.platforms.shapes import count

DAY = dt.date(2026, 3, 2)

TOY = Platform(
    name="toys",
    title="Toy",
    endpoint="https://toy.example",
    subjects=lambda settings: settings.things,
    requests=lambda thing, _: [Request("thing", f"/things/{thing}")],
    read=lambda kind, pages, day: [
        Figure("downloads", count(pages[0], "downloads"), "cumulative")
    ],
    metrics={"downloads": "Downloads of the thing since it was published"},
)


class toys(sections.PlatformSection):  # noqa: N801  named like its section
    """What Toy counts."""

    things = Names("the things, separated by commas", r"\w+")


@pytest.fixture
def days(
    flow: Flow, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Days]:
    module = types.ModuleType("toy_platform")
    vars(module)["PLATFORM"] = TOY
    monkeypatch.setitem(sys.modules, "toy_platform", module)
    monkeypatch.setitem(platforms.PLATFORMS, "toys", "toy_platform")
    registered = (*sections.PLATFORM_SECTIONS, toys)
    monkeypatch.setattr(sections, "PLATFORM_SECTIONS", registered)
    with PlatformServer() as server:
        settings("toys", things="spade", endpoint=server.url)
        yield Days(flow, server, monkeypatch, "toys")


def test_the_smallest_platform_goes_through_all_tasks(days: Days) -> None:
    for number, downloads in enumerate((100, 104)):
        days.on(DAY + dt.timedelta(number))
        days.server.give("/things/spade", {"downloads": downloads})
        assert days.run().scheduling_succeeded
    assert days.series("downloads") == {
        "2026-03-02": (100, None, None, "final"),
        "2026-03-03": (104, 4, 1, "final"),
    }
