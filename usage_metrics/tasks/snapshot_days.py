"""Which days have a snapshot, and what became of the others; alarm before loss."""

import datetime as dt
from collections.abc import Iterator
from typing import NamedTuple

from usage_metrics import config
from usage_metrics.dates import ONE_DAY, days_between, utc_now
from usage_metrics.errors import UsageMetricsError
from usage_metrics.partitions.footer_index import FooterIndex
from usage_metrics.platforms import get_platform
from usage_metrics.platforms.settings import platform_section
from usage_metrics.tasks.data_quality import Finding
from usage_metrics.tasks.platform_subjects import is_asked, platforms_on, subjects_of
from usage_metrics.tasks.snapshot_copies import copies

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

    mend_by: dt.date | None
    """Until when the first of them can be filled."""
    ended: dt.date | None = None
    """The day from which the platform is not asked any more, if that has come."""

    @property
    def kinds(self) -> dict[str, list[dt.date]]:
        """The days of each kind, by what they are."""
        until = f" until {self.mend_by}" if self.mend_by else ""
        return {
            "incomplete": self.incomplete,
            "filled from later ones": self.filled,
            f"to be filled by the next{until}": self.to_fill,
            "without one": self.lost,
        }

    def __str__(self) -> str:
        """All of it in a line."""
        parts = ["no snapshot yet"]
        if self.taken:
            parts = [
                f"{len(self.taken):,} snapshots, {self.taken[0]} to {self.taken[-1]}"
            ]
        parts += [f"{len(days):,} {what}" for what, days in self.kinds.items() if days]
        if self.ended:
            parts.append(f"not asked since {self.ended}")
        return f"{self.platform}: " + " · ".join(parts)


def snapshot_days(name: str) -> SnapshotDays:
    """Look at the snapshots of a platform."""
    footers = FooterIndex().of_stage("raw", name)
    taken, retention = sorted(footers), get_platform(name).retention
    incomplete = [day for day in taken if footers[day].get("unanswered")]
    today, stop = utc_now().date(), platform_section(name).stop
    ended = None if is_asked(name, today) else stop
    found = SnapshotDays(name, taken, incomplete, [], [], [], None, ended)
    if not taken:
        return found
    for day in days_between(taken[0], ended or today):
        if day in footers:
            continue
        later = next((d for d in taken if d > day), None)
        if retention and later is not None and later - day < retention:
            found.filled.append(day)
        elif retention and today - day < retention and not ended:
            found.to_fill.append(day)
        else:
            found.lost.append(day)
    if found.to_fill:
        mend_by = get_platform(name).last_chance(found.to_fill[0])
        return found._replace(mend_by=mend_by)
    return found


def alarms(name: str) -> Iterator[Finding]:
    """What is wrong with the snapshots of a platform, while it can be mended."""
    platform, days = get_platform(name), snapshot_days(name)
    if not days.taken or days.ended:
        return
    newest, today = days.taken[-1], utc_now().date()
    age = today - newest
    text = f"the newest snapshot is {age.days:,} days old"
    if platform.retention is None:
        if age > PATIENCE:
            why = f"{platform.title} tells no past day; let usage-metrics run every day"
            yield Finding("snapshots", newest, f"{text}: {why}")
    elif 2 * age > platform.retention:
        last = platform.last_chance(newest + ONE_DAY)
        until = f"run by {last}" if last and last >= today else "run now: days are lost"
        yield Finding("snapshots", newest, f"{text}: let usage-metrics {until}")
    if newest in days.incomplete:
        yield Finding(
            "snapshots", newest, "parts of the newest snapshot are missing; run again"
        )


def describe(name: str) -> str:
    """What a platform is asked about, and what is there, in a line."""
    days = snapshot_days(name)
    there = str(days).removeprefix(f"{name}: ")
    return there if days.ended else f"{len(subjects_of(name)):,} to ask about; {there}"


def second_copy(name: str) -> str:
    """What is wrong with the second copy of snapshots; nothing if all is well.

    Raises:
        UsageMetricsError: if it cannot be looked at.
    """
    if config.snapshots().copy:
        return str(copies(name))
    return "no second copy" if FooterIndex().of_stage("raw", name) else ""


def lines() -> Iterator[str]:
    """A line for each platform that is on."""
    for name in platforms_on():
        try:
            copy = second_copy(name)
        except UsageMetricsError as error:
            copy = str(error)
        line = str(snapshot_days(name))
        yield f"{line} · {copy}" if copy else line
