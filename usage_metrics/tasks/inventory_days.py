"""Reads what there is in the newest days of logs, and in what platforms said."""

import contextlib
import datetime as dt
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from usage_metrics import config
from usage_metrics.errors import ReplyError
from usage_metrics.partitions.partition import Partition, list_partitions
from usage_metrics.platforms import PLATFORMS, Description, get_platform
from usage_metrics.tasks.count_input import batches
from usage_metrics.tasks.datasets_registry import datasets_registry, kind_of_place
from usage_metrics.tasks.load import open_warehouse
from usage_metrics.tasks.platform_subjects import present_names
from usage_metrics.tasks.stages import Geocode

if TYPE_CHECKING:
    from usage_metrics.counting.inventory import Found


class Days(NamedTuple):
    """The days that were looked at."""

    first: dt.date
    last: dt.date
    number: int


class Counted(NamedTuple):
    """What a platform counted of a subject in the newest days."""

    source: str
    subject: str
    datasets: tuple[str, ...]
    """The datasets that the registry says it is of."""
    added: dict[str, int]
    """By metric, what the days added."""


def of_logs(source: str, number: int) -> tuple["Days | None", "Counter[Found]"]:
    """What was asked for in the newest days of a source.

    Args:
        source: the kind of log.
        number: how many days, of those that are there.

    Raises:
        PartitionError: if a file is damaged.
        ConfigError: if the registry is wrong.
    """
    from usage_metrics.counting.inventory import COLUMNS, Inventory, databases_of
    from usage_metrics.counting.registry_places import PAIRS

    root = config.paths().root
    days = sorted(list_partitions(root, Geocode.stage, source))[-number:]
    registry, kind = datasets_registry().at(source), kind_of_place(source)
    inventory = Inventory(registry, PAIRS[kind][1], is_split=kind != "databases")
    for day in days:
        with Partition(root, Geocode.stage, source, day).open() as file:
            databases = databases_of(batches(file, COLUMNS), registry)
            inventory.add(batches(file, COLUMNS), databases)
    about = Days(days[0], days[-1], len(days)) if days else None
    return about, inventory.requests


def of_platforms(number: int) -> list[Counted]:
    """What platforms counted in the newest days of each.

    Args:
        number: how many days.
    """
    from usage_metrics.counting.registry_tables import subjects
    from usage_metrics.platforms.snapshot_tables import IN_SERIES, USES

    warehouse = open_warehouse()
    if IN_SERIES.name not in {name for name, *_ in warehouse.sizes()}:
        return []
    named: dict[tuple[str, str], list[str]] = {}
    for source, subject, dataset, *_ in subjects(datasets_registry(), present_names()):
        named.setdefault((str(source), str(subject).lower()), []).append(str(dataset))
    metrics = ", ".join("?" * len(USES))
    days = f"-{number - 1} days"
    rows = warehouse.rows(
        "SELECT s.source, s.subject, s.metric, sum(s.increment) FROM snapshot_series "  # noqa: S608 - placeholders
        "AS s JOIN (SELECT source, date(max(date), ?) AS first FROM snapshot_series "
        "GROUP BY 1) AS l ON l.source = s.source WHERE s.measure = 'total' "
        f"AND s.metric IN ({metrics}) AND s.date >= l.first "
        "GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        [days, *USES],
    )
    found: dict[tuple[str, str], Counted] = {}
    for source, subject, metric, added in rows:
        datasets = tuple(named.get((source, subject.lower()), ()))
        one = Counted(source, subject, datasets, {})
        found.setdefault((source, subject), one).added[metric] = int(added or 0)
    return list(found.values())


def descriptions() -> list[Description]:
    """What the newest replies of each platform tell of records and DOIs."""
    from usage_metrics.platforms import archive, taking

    found: list[Description] = []
    root = config.paths().root
    for name in PLATFORMS:
        days = list_partitions(root, archive.STAGE, name)
        if not days:
            continue
        replies = archive.replies_of(Partition(root, archive.STAGE, name, max(days)))
        for pages in taking.by_part(replies).values():
            if taking.is_complete(pages):
                with contextlib.suppress(ReplyError):
                    bodies = taking.bodies(pages)
                    found += get_platform(name).describe(bodies)
    return found
