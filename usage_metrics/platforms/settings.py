"""The settings of each platform, in a section of its name in ``luigi.cfg``.

They stand here, as those of the sources do, because their modules import Arrow.
"""

from usage_metrics.config import SHORTEST_TIMEOUT, Section
from usage_metrics.errors import ConfigError
from usage_metrics.parameters import Names, number, text
from usage_metrics.platforms import PLATFORMS, get_platform


class PlatformSection(Section):
    """The settings that every platform has."""

    endpoint = text("URL to ask instead of the platform's")
    timeout = number(
        30.0, 3_600.0, "seconds to wait for an answer;", least=SHORTEST_TIMEOUT
    )
    attempts = number(5, 1_000, "attempts before giving up a request;", least=1)


class github(PlatformSection):
    """What GitHub counts; the token is in GITHUB_TOKEN."""

    repositories = Names(
        "the repositories, such as example/data, separated by commas; empty: GitHub "
        "is not asked",
        r"[\w.-]+/[\w.-]+",
    )


PLATFORM_SECTIONS: tuple[type[PlatformSection], ...] = (github,)
"""The section of each platform."""


def platform_section(name: str) -> PlatformSection:
    """The settings of a platform.

    Raises:
        ConfigError: if there is no platform of that name, or a setting is wrong.
    """
    get_platform(name)
    found = {section.__name__: section for section in PLATFORM_SECTIONS}[name]()
    if found.endpoint and not found.endpoint.startswith(("https://", "http://")):
        raise ConfigError(
            f"luigi.cfg: [{name}] endpoint = {found.endpoint!r} must be a URL that "
            "begins with https:// or http://, or empty"
        )
    return found


def platforms_on() -> list[str]:
    """The platforms whose section names something to ask about."""
    return [n for n in PLATFORMS if get_platform(n).subjects(platform_section(n))]
