"""What platforms are asked about: what their sections name, and the registry does."""

from collections.abc import Sequence

from usage_metrics.errors import ConfigError
from usage_metrics.partitions.footer_index import FooterIndex
from usage_metrics.platforms import PLATFORMS, get_platform
from usage_metrics.platforms.settings import platform_section
from usage_metrics.tasks.datasets_registry import datasets_registry

RAW = "raw"
"""The stage of replies."""


def subjects_of(name: str) -> list[str]:
    """What a platform is asked about.

    Raises:
        ConfigError: if its section or the registry is wrong.
    """
    named = datasets_registry().subjects
    in_registry = [subject.asked for subject in named if subject.source == name]
    known: dict[str, str] = {}
    for subject in (*_in_section(name), *in_registry):
        known.setdefault(subject.lower(), subject)
    return list(known.values())


def platforms_on() -> list[str]:
    """The platforms that are asked about anything.

    If the registry is wrong, those that a section names: no run starts until it is
    mended, and what says so must not stop there.
    """
    try:
        datasets_registry()
    except ConfigError:
        return [name for name in PLATFORMS if _in_section(name)]
    return [name for name in PLATFORMS if subjects_of(name)]


def _in_section(name: str) -> Sequence[str]:
    return get_platform(name).subjects(platform_section(name))


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
