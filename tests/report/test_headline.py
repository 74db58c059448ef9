"""Which headline figures stand on the page."""

from dataclasses import replace

import numpy as np
import pytest
from flow import DAY

from usage_metrics.dates import ONE_DAY
from usage_metrics.report import payload
from usage_metrics.report.labels import CLASSES
from usage_metrics.report.static_tables import headline
from usage_metrics.report.usage_database import Database, Span

ROBOT = list(CLASSES).index("robot")


@pytest.fixture(scope="module")
def found(database: Database) -> payload.Payload:
    """A week without requests of AI assistants."""
    return payload.gather(database, Span("datasette", DAY, DAY + 7 * ONE_DAY), {})


def test_requests_of_ai_assistants_have_a_figure_of_their_own(
    found: payload.Payload,
) -> None:
    used = found.by_class
    is_robot = used["agent_class"] == ROBOT
    of_robots = {**used, "assistants": np.where(is_robot, used["requests"], 0) // 2}
    shown = headline(replace(found, by_class=of_robots))

    is_counted = (used["dataset"] == 0) & (used["period"] >= found.before)
    of_days = of_robots["assistants"][is_counted].sum()
    strip = {figure.id: figure.value for figure in shown["strip"]}
    assert strip["all.assistants"] == f"{of_days:,}"
    (card,) = [card for card in shown["cards"] if card.id == "robot"]
    assert "robot.assistants" in {figure.id for figure in card.figures}
    (card,) = [card for card in shown["cards"] if card.id == "human"]
    assert "human.assistants" not in {figure.id for figure in card.figures}


def test_without_any_there_is_no_such_figure(found: payload.Payload) -> None:
    shown = headline(found)

    ids = {figure.id for figure in shown["strip"]}
    ids |= {figure.id for card in shown["cards"] for figure in card.figures}
    assert not [id_ for id_ in ids if id_.endswith(".assistants")]
