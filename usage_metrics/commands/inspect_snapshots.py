"""What platforms replied on a day; ``inspect`` shows it where there are no logs."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

from usage_metrics import config
from usage_metrics.commands import options, terminal
from usage_metrics.errors import StorageError
from usage_metrics.partitions.partition import Partition
from usage_metrics.tasks.platform_subjects import platforms_on
from usage_metrics.tasks.snapshots import RAW, MissedSnapshot


def history(day: dt.date) -> dict[str, Any]:
    """What is known about the snapshots of a day, by platform."""
    found = {name: _snapshot(name, day) for name in platforms_on()}
    return {"date": day.isoformat(), "snapshots": found}


def _snapshot(name: str, day: dt.date) -> dict[str, Any]:
    """How many replies there are and parts are missing, or why there is nothing."""
    partition = Partition(config.paths().root, RAW, name, day)
    if not partition.exists():
        return {"problem": MissedSnapshot(date=day, source=name).unavailable()}
    try:
        facts = partition.facts()
    except StorageError as error:
        return {"problem": str(error)}
    return {"replies": facts["rows"], "unanswered": facts.get("unanswered", 0)}


def describe(data: dict[str, Any]) -> Iterator[str]:
    """The snapshots of a day as lines for a terminal."""
    yield terminal.style(data["date"], bold=True)
    for name, snapshot in data["snapshots"].items():
        yield options.wrapped(f"{name}: {_in_words(snapshot)}")


def _in_words(snapshot: dict[str, Any]) -> str:
    if "problem" in snapshot:
        return str(snapshot["problem"])
    missing = snapshot["unanswered"]
    parts = f" · {missing:,} {'part is' if missing == 1 else 'parts are'} missing"
    replies = snapshot["replies"]
    what = f"{replies:,} {'reply' if replies == 1 else 'replies'}"
    return what + (parts if missing else "")
