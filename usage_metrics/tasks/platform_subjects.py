"""What platforms are asked about: what their sections name, and the registry does."""

import contextlib
import datetime as dt
import functools
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from usage_metrics import config
from usage_metrics.errors import ConfigError, PartitionError
from usage_metrics.partitions.footer_index import FooterIndex
from usage_metrics.partitions.partition import Partition, list_partitions
from usage_metrics.platforms import PLATFORMS, get_platform
from usage_metrics.platforms.settings import platform_section
from usage_metrics.tasks.datasets_registry import datasets_registry

if TYPE_CHECKING:
    from usage_metrics.counting.datasets import Registry

RAW = "raw"
"""The stage of replies."""


def subjects_of(name: str) -> list[str]:
    """What a platform is asked about.

    Raises:
        ConfigError: if its section or the registry is wrong.
    """
    return _subjects_of(name, datasets_registry())


def _subjects_of(name: str, registry: "Registry") -> list[str]:
    in_section = _in_section(name)
    named = [about for about in registry.subjects if about.source == name]
    told: Collection[str] = ()
    if in_section and any(about.asked != about.name for about in named):
        told = _told_anyway(name, in_section)
    in_registry = [about.asked for about in named if about.asked not in told]
    known: dict[str, str] = {}
    for subject in (*in_section, *in_registry):
        known.setdefault(subject.lower(), subject)
    return list(known.values())


def platforms_on() -> list[str]:
    """The platforms that are asked about anything.

    If the registry is wrong, those that a section names: no run starts until it is
    mended, and what says so must not stop there.
    """
    try:
        registry = datasets_registry()
    except ConfigError:
        return [name for name in PLATFORMS if _in_section(name)]
    return [name for name in PLATFORMS if _subjects_of(name, registry)]


def is_asked(name: str, day: dt.date) -> bool:
    """Whether a platform is asked on a day: from its ``stop`` on, it is not."""
    stop = platform_section(name).stop
    return stop is None or day < stop


def _in_section(name: str) -> Sequence[str]:
    return get_platform(name).subjects(platform_section(name))


def _told_anyway(name: str, in_section: Sequence[str]) -> Collection[str]:
    """What the newest replies about others tell of: a community of all its records.

    To ask for each again would take hours.
    """
    days = list_partitions(config.paths().root, RAW, name)
    if not days:
        return ()
    newest = max(days)
    return _told(name, newest, days[newest], frozenset(in_section))


@functools.lru_cache(maxsize=4)
def _told(
    name: str, day: dt.date, fingerprint: str, asked: frozenset[str]
) -> frozenset[str]:
    """What replies of a day about some subjects tell of, by the file as it is."""
    from usage_metrics.platforms import archive, taking

    found: set[str] = set()
    file = Partition(config.paths().root, RAW, name, day)
    with contextlib.suppress(PartitionError):  # the commands check and status name it
        for part, pages in taking.by_part(archive.replies_of(file)).items():
            if part[0] in asked and taking.is_complete(pages):
                found |= taking.told_by(get_platform(name), pages)
    return frozenset(found)


def present_names() -> dict[tuple[str, str], str]:
    """What each platform calls its subjects now, where a snapshot tells it.

    Returns:
        By platform and what it is asked about, in small letters.
    """
    index, found = FooterIndex(), {}
    for source in sorted({about.source for about in datasets_registry().subjects}):
        for facts in index.of_stage(RAW, source).values():
            for asked, identity in (facts.get("subjects") or {}).items():
                if identity is not None:
                    found[source, asked.lower()] = str(identity[1])
    index.keep()
    return found
