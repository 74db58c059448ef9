"""Which days and months of a source are counted, by one listing of each stage.

A footer says what its count was made from. The footer index keeps what footers say, so
that five years of days are looked at without opening their files.
"""

import contextlib
import datetime as dt
import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from usage_metrics import config
from usage_metrics.config import retention_start
from usage_metrics.dates import ONE_DAY
from usage_metrics.errors import UsageMetricsError
from usage_metrics.partitions.footer import is_or_replaces
from usage_metrics.partitions.footer_index import Facts, FooterIndex
from usage_metrics.partitions.partition import list_partitions
from usage_metrics.tasks.datasets_registry import datasets_registry
from usage_metrics.tasks.missing import is_partial, missing_in_run
from usage_metrics.tasks.stages import Geocode

COUNTED = "counted"
"""The stage of the events; its file marks the day as counted."""

RULES = "2026-11-30"
"""Change it with the rules of counting or the columns of a table."""


class Counts:
    """The days and months of a source that are counted from the present files."""

    def __init__(self, source: str, footers: FooterIndex | None = None) -> None:
        """Look at every stage once."""
        from usage_metrics.counting.tables import DAILY, MONTHLY

        footers = footers or FooterIndex()
        self._source = source
        self._requests = footers.of_stage(Geocode.stage, source)
        self._counted = footers.of_stage(COUNTED, source)
        self._months = [footers.of_stage(table.name, source) for table in MONTHLY]
        footers.keep()
        root = config.paths().root
        settings = counting_settings(source)
        tables = [set(list_partitions(root, table.name, source)) for table in DAILY]
        self.days = {
            day
            for day in set.intersection(set(self._counted), *tables)
            if is_counted_from(
                self._counted[day].get("counted_from"), day, self._facts, settings
            )
        }

    def missing(self, days: Iterable[dt.date]) -> list[dt.date]:
        """Which of some days need counting, for the first time or again.

        A day whose requests are no longer kept stays as it was counted. A day without a
        file is left out if there are no logs of it, or when missing days are ignored.
        """
        kept = retention_start(Geocode.stage)
        found = [
            day
            for day in days
            if day >= kept and (day not in self.days or self._is_next_to_come(day))
        ]
        absent = [day for day in found if day not in self._requests]
        out = absent if is_partial() else missing_in_run(self._source, absent)
        return [day for day in found if day not in out]

    def _is_next_to_come(self, day: dt.date) -> bool:
        """Whether the next day, which decides about the last clicks, can be made."""
        following = day + ONE_DAY
        return following not in self._requests and is_available(self._source, following)

    def is_added_up(self, month: dt.date) -> bool:
        """Whether a month matches the present counts of its days.

        As for a day, what an erasure has replaced counts as the present.
        """
        first = month.replace(day=1)
        days = self._of_months.get(first, {})
        return all(
            first in months and _is_made_from(months[first].get("made_from"), days)
            for months in self._months
        )

    @functools.cached_property
    def _of_months(self) -> dict[dt.date, dict[str, Facts]]:
        """What the footers of the counted days of each month say."""
        found: dict[dt.date, dict[str, Facts]] = {}
        for day, facts in self._counted.items():
            found.setdefault(day.replace(day=1), {})[day.isoformat()] = facts
        return found

    def _facts(self, day: dt.date) -> Facts:
        return self._requests.get(day, {})


def is_available(source: str, day: dt.date) -> bool:
    """Whether the requests of a day that has no file can be had in this run."""
    with contextlib.suppress(UsageMetricsError):  # who reads them says what is wrong
        return not is_partial() and not missing_in_run(source, [day])
    return False


def counting_settings(source: str) -> dict[str, str]:
    """What determines how each day of a source is counted, besides the day.

    These are the registry, visitors, tables and rules.

    Raises:
        ConfigError: if the registry cannot be used.
    """
    from usage_metrics.counting.datasets import digest_of
    from usage_metrics.counting.tables import DAILY

    return {
        "datasets": datasets_registry().at(source).digest(),
        "visitor_prefix": str(config.counting().visitor_prefix),
        "tables": digest_of("\n".join([*(table.name for table in DAILY), RULES])),
    }


def counting_from(
    day: dt.date, facts: Callable[[dt.date], Facts], settings: Mapping[str, str]
) -> dict[str, str | None]:
    """What determines how a day is counted.

    Args:
        day: the day to count.
        facts: gives what the footer of a day's requests says; nothing if it is missing.
        settings: what :func:`counting_settings` says.
    """
    requests = {n: facts(of).get("content_id") for n, of in _days_for(day).items()}
    return {**requests, **settings}


def is_counted_from(
    counted_from: Any,
    day: dt.date,
    facts: Callable[[dt.date], Facts],
    settings: Mapping[str, str],
) -> bool:
    """Whether a count of a day, as its footer has it, is one of the present requests.

    What an erasure has replaced, and did not come to write into that footer, counts as
    the present: counted again without the addresses, a day would have fewer visitors.
    """
    if not isinstance(counted_from, dict):
        return False
    days = _days_for(day)
    others = {name: text for name, text in counted_from.items() if name not in days}
    return others == settings and all(
        is_or_replaces(facts(of), counted_from.get(name)) for name, of in days.items()
    )


def _is_made_from(made_from: Any, days: Mapping[str, Facts]) -> bool:
    """Whether the days that a month's footer names are those days, and no others."""
    return (
        isinstance(made_from, dict)
        and made_from.keys() == days.keys()
        and all(is_or_replaces(facts, made_from[day]) for day, facts in days.items())
    )


def _days_for(day: dt.date) -> dict[str, dt.date]:
    """The days whose requests decide about the count of one, by what they are to it."""
    return {"requests": day, "following": day + ONE_DAY}
