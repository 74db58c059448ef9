"""Finds stale files: rebuilt now, they would hold something else.

A file is stale when its input has been replaced since, or when it was made by an older
version of its stage, or with other settings or lists. The footers say all of it. A
stale file is as good as it was: ``status`` shows it, and ``rebuild`` makes it again.
"""

import datetime as dt
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from usage_metrics.config import retention_start
from usage_metrics.errors import UsageMetricsError
from usage_metrics.partitions.footer import is_or_replaces
from usage_metrics.partitions.footer_index import DAMAGED, Facts, FooterIndex
from usage_metrics.tasks.count import CountUsage
from usage_metrics.tasks.count_status import counting_settings, is_counted_from
from usage_metrics.tasks.stages import STAGES
from usage_metrics.tasks.task import Stage

CHAIN: tuple[type[Stage], ...] = (*STAGES, CountUsage)
"""The stages, each made from the one before it."""

Days = dict[dt.date, Facts]


class Staleness:
    """The files of a source, and which of them are stale."""

    def __init__(self, source: str, footers: FooterIndex) -> None:
        """Look at every stage."""
        self.source = source
        self.days: dict[type[Stage], Days] = {
            stage: footers.of_stage(stage.stage, source) for stage in CHAIN
        }
        self.problems: list[str] = []
        """Why the settings of a stage cannot be compared."""

    def stale(self) -> dict[type[Stage], list[dt.date]]:
        """The stale days of each stage; of raw, made from logs, the damaged days."""
        raw = self.days[CHAIN[0]]
        damaged = [day for day, facts in raw.items() if facts == DAMAGED]
        found: dict[type[Stage], list[dt.date]] = {CHAIN[0]: damaged}
        for left, stage in itertools.pairwise(CHAIN):
            days, lefts = self.days[stage], self.days[left]
            if stage is CountUsage:
                found[stage] = self._stale_counts(days, lefts)
                continue
            recipe = self._recipe(stage)
            kept = retention_start(left.stage)  # before it, there may be no input
            found[stage] = [
                day
                for day, facts in days.items()
                if (day in lefts or day >= kept)
                and is_stale(facts, lefts.get(day), recipe)
            ]
        return found

    def first_stale(self) -> dict[dt.date, type[Stage]]:
        """For each day with a stale file, the first stage that is stale."""
        found: dict[dt.date, type[Stage]] = {}
        for stage, days in self.stale().items():
            for day in days:
                found.setdefault(day, stage)
        return found

    def _stale_counts(self, counts: Days, requests: Days) -> list[dt.date]:
        """None while the registry of datasets is wrong: then no run counts a day."""
        try:
            return list(_stale_counts(self.source, counts, requests))
        except UsageMetricsError as error:
            mend = "No run starts until this is mended"
            self.problems += [f"{mend}: {sentence}" for sentence in error.sentences]
            return []

    def _recipe(self, stage: type[Stage]) -> dict[str, Any] | None:
        try:
            return stage.recipe(self.source)
        except UsageMetricsError as error:
            self.problems.append(str(error))
            return None


def is_stale(facts: Facts, left: Facts | None, recipe: dict[str, Any] | None) -> bool:
    """Whether a file, made today, would hold something else.

    Args:
        facts: what its footer says.
        left: what the footer of its input says; None if the input is gone.
        recipe: the present recipe of its stage; None if it cannot be determined.
    """
    made_from_another = (
        left is not None
        and left.get("content_id") is not None
        and not is_or_replaces(left, facts.get("made_from"))
    )
    return made_from_another or recipe not in (None, facts.get("recipe"))


def _stale_counts(
    source: str, counts: Days, requests: Mapping[dt.date, Facts]
) -> Iterator[dt.date]:
    """The days whose requests, next day or datasets changed after the count."""

    def facts_of(day: dt.date) -> Facts:
        return requests.get(day, {})

    settings = counting_settings(source)
    for day, facts in counts.items():
        counted_from = facts.get("counted_from")
        is_current = is_counted_from(counted_from, day, facts_of, settings)
        if day in requests and not is_current:
            yield day
