"""What a COUNTER report is made of, told apart without making it."""

import datetime as dt
import functools
from collections.abc import Collection

from usage_metrics.partitions.footer_index import Facts, FooterIndex
from usage_metrics.tasks.datasets_registry import datasets_registry

TABLES = ("usage_counter", "usage_counter_versions", "usage_by_path", "usage_daily")
"""The tables of figures that a report is made of."""


class CounterInputs:
    """The counts and the registry, looked at once for any number of months."""

    def __init__(self) -> None:
        """Read the footer index."""
        self._footers = FooterIndex()
        self._known: dict[tuple[str, str], dict[dt.date, Facts]] = {}

    def digest(self, parts: Collection[tuple[str, list[dt.date]]]) -> str:
        """A digest of everything that decides what a report says.

        Args:
            parts: each source, with the days that the report is about.
        """
        from usage_metrics.counting.datasets import digest_of

        about: list[object] = [self._registry]
        for source, days in parts:
            about.append((source, days))
            for name in TABLES:
                found = self._facts(name, source)
                ids = [(d, found[d].get("content_id")) for d in days if d in found]
                about.append((name, ids))
        return digest_of(repr(about))

    def changed_at(self, source: str, days: Collection[dt.date]) -> dt.datetime | None:
        """When the last of some days was counted; None if none is."""
        known = [day for day in days if day in self._facts(TABLES[0], source)]
        times = [self._footers.written_at(TABLES[0], source, day) for day in known]
        return dt.datetime.fromtimestamp(max(times), dt.UTC) if times else None

    def keep(self) -> None:
        """Keep what was read of footers for the next time."""
        self._footers.keep()

    @functools.cached_property
    def _registry(self) -> str:
        from usage_metrics.counting.counter_report import FORM
        from usage_metrics.counting.datasets import digest_of

        return digest_of(f"{FORM} {datasets_registry()!r}")

    def _facts(self, name: str, source: str) -> dict[dt.date, Facts]:
        if (name, source) not in self._known:
            self._known[name, source] = self._footers.of_stage(name, source)
        return self._known[name, source]
