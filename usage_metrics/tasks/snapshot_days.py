"""Which days have a snapshot, and what became of the others; alarm before loss."""

import datetime as dt
from collections.abc import Iterator
from typing import NamedTuple

from usage_metrics import config
from usage_metrics.dates import ONE_DAY, days_between, utc_now
from usage_metrics.partitions.footer_index import FooterIndex
from usage_metrics.platforms import get_platform
from usage_metrics.tasks.data_quality import Finding
from usage_metrics.tasks.platform_subjects import platforms_on, subjects_of

PATIENCE = 2 * ONE_DAY
"""The age of the newest snapshot, of a platform that does not look back, that is no
reason to worry yet."""


class SnapshotDays(NamedTuple):
    """The days of a platform, from its first snapshot to today."""

    platform: str
    taken: list[dt.date]
    incomplete: list[dt.date]
    """Those of which parts are missing."""
    filled: list[dt.date]
    """Days without a snapshot that a later one tells of."""
    to_fill: list[dt.date]
    """Those that a snapshot of today would tell of."""
    lost: list[dt.date]
    """Those of which no snapshot tells."""

    def __str__(self) -> str:
        """All of it in a line."""
        if not self.taken:
            return f"{self.platform}: no snapshot yet"
        counted = {
            "incomplete": self.incomplete,
            "filled from later ones": self.filled,
            "to be filled by the next": self.to_fill,
            "without one": self.lost,
        }
        parts = [f"{len(days):,} {what}" for what, days in counted.items() if days]
        return f"{self.platform}: " + " · ".join(
            [
                f"{len(self.taken):,} snapshots, {self.taken[0]} to {self.taken[-1]}",
                *parts,
            ]
        )


def snapshot_days(name: str) -> SnapshotDays:
    """Look at the snapshots of a platform."""
    footers = FooterIndex().of_stage("raw", name)
    taken, retention = sorted(footers), get_platform(name).retention
    incomplete = [day for day in taken if footers[day].get("unanswered")]
    found = SnapshotDays(name, taken, incomplete, [], [], [])
    if not taken:
        return found
    today = utc_now().date()
    for day in days_between(taken[0], today):
        if day in footers:
            continue
        later = next((d for d in taken if d > day), None)
        if retention and later is not None and later - day < retention:
            found.filled.append(day)
        elif retention and today - day < retention:
            found.to_fill.append(day)
        else:
            found.lost.append(day)
    return found


def alarms(name: str) -> Iterator[Finding]:
    """What is wrong with the snapshots of a platform, while it can be mended."""
    platform, days = get_platform(name), snapshot_days(name)
    if not days.taken:
        return
    newest, today = days.taken[-1], utc_now().date()
    age = today - newest
    text = f"the newest snapshot is {age.days:,} days old"
    if platform.retention is None:
        if age > PATIENCE:
            why = f"{platform.title} tells no past day; let usage-metrics run every day"
            yield Finding("snapshots", newest, f"{text}: {why}")
    elif 2 * age > platform.retention:
        last = newest + platform.retention
        until = f"run by {last}" if last > today else "run now: days are lost"
        yield Finding("snapshots", newest, f"{text}: let usage-metrics {until}")
    if newest in days.incomplete:
        yield Finding(
            "snapshots", newest, "parts of the newest snapshot are missing; run again"
        )


def describe(name: str) -> str:
    """What a platform is asked about, and what is there, in a line."""
    subjects = subjects_of(name)
    return f"{len(subjects):,} to ask about; {snapshot_days(name)}"


def lines() -> list[str]:
    """A line for each platform that is on."""
    return [
        f"{snapshot_days(name)} in {config.paths().root}" for name in platforms_on()
    ]
