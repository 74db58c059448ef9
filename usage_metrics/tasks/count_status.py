"""Which days and months of a source are counted, from one listing of each stage.

Whether a count is stale stands in its footer.
:mod:`usage_metrics.partitions.footer_index` keeps what footers say,
so that five years of days are looked at without opening their files.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from usage_metrics import config
from usage_metrics.dates import ONE_DAY, retention_start
from usage_metrics.partitions.footer_index import Footers
from usage_metrics.partitions.partition import list_partitions
from usage_metrics.tasks.load import LoadSQLite
from usage_metrics.tasks.stages import Geocode

if TYPE_CHECKING:
    from usage_metrics.counting.datasets import Registry

COUNTED = "counted"
"""The stage of the events, whose file says that the day is counted."""

DAILY = (
    *("usage_daily", "usage_by_organization", "usage_by_referrer", "usage_counter"),
    *("usage_counter_versions", "usage_concentration", "usage_reconciliation"),
    *("usage_by_class", "usage_by_path", "usage_by_city", "usage_by_agent"),
)
"""The stages that a count makes beside its events, each also a table of that name."""

MONTHLY = ("usage_concentration_monthly", "usage_monthly")
"""The stages that a month is added up in, each also a table of that name."""

RULES = "2026-11-24b"
"""To be changed with the rules of counting, or the columns of a table."""


class Counts:
    """The days and months of a source that are counted from what is there now."""

    def __init__(self, source: str, footers: Footers | None = None) -> None:
        """Look at every stage once."""
        footers = footers or Footers()
        self._requests = footers.of_stage(Geocode.stage, source)
        self._counted = footers.of_stage(COUNTED, source)
        self._months = [footers.of_stage(stage, source) for stage in MONTHLY]
        footers.keep()
        root = config.paths().root
        settings = counting_settings()
        tables = [set(list_partitions(root, name, source)) for name in DAILY]
        self.days = {
            day
            for day in set.intersection(set(self._counted), *tables)
            if self._counted[day].get("counted_from")
            == counting_from(day, self._content_id, settings)
        }

    def missing(self, days: Iterable[dt.date]) -> list[dt.date]:
        """Those of some days that are to be counted, for the first time or again.

        A day whose requests are no longer kept stays as it was counted. One that never
        had any is left out where the database may lack it.
        """
        kept = retention_start(Geocode.stage)
        found = [day for day in days if day not in self.days and day >= kept]
        return [day for day in found if day in self._requests or not is_partial()]

    def is_added_up(self, month: dt.date) -> bool:
        """Whether a month holds what its days hold."""
        made_from = {
            day.isoformat(): facts.get("content_id")
            for day, facts in self._counted.items()
            if (day.year, day.month) == (month.year, month.month)
        }
        first = month.replace(day=1)
        return all(
            first in months and months[first].get("made_from") == made_from
            for months in self._months
        )

    def _content_id(self, day: dt.date) -> str | None:
        return self._requests.get(day, {}).get("content_id")


def is_partial() -> bool:
    """Whether days that are missing are left out, as ``LoadSQLite`` is told."""
    return bool(LoadSQLite.partial.task_value("LoadSQLite", "partial"))


def counting_settings() -> dict[str, str]:
    """What decides how any day is counted: the registry, the tables and the rules.

    Raises:
        ConfigError: if the registry cannot be read.
    """
    from usage_metrics.counting.datasets import digest_of
    from usage_metrics.counting.registry_file import registry_digest

    return {
        "datasets": registry_digest(config.counting().datasets),
        "tables": digest_of("\n".join([*DAILY, RULES])),
    }


def counting_from(
    day: dt.date,
    content: Callable[[dt.date], str | None],
    settings: Mapping[str, str],
) -> dict[str, str | None]:
    """What decides how a day is counted.

    Args:
        day: the one that is counted.
        content: the content id of a day's requests; None if there are none yet.
        settings: what :func:`counting_settings` says.
    """
    return {
        "requests": content(day),
        "following": content(day + ONE_DAY),
        **settings,
    }


def datasets_registry() -> "Registry":
    """The registry of datasets that ``[counting] datasets`` names."""
    from usage_metrics.counting.registry_file import read_registry

    return read_registry(config.counting().datasets)
