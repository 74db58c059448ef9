"""Where COUNTER reports go, and whether by themselves."""

from usage_metrics.errors import ConfigError
from usage_metrics.platforms.settings import datacite, platform_section

PRODUCTION = "https://api.datacite.org"


def endpoint() -> str:
    """The URL of the hub that ``[datacite] hub`` names, or of DataCite's.

    Raises:
        ConfigError: if it is no URL.
    """
    url = hub_settings().hub
    if url and not url.startswith(("https://", "http://")):
        raise ConfigError(
            f"luigi.cfg: [datacite] hub = {url!r} must be a URL that begins with "
            "https:// or http://, or empty"
        )
    return (url or PRODUCTION).rstrip("/")


def sends_by_itself() -> bool:
    """Whether a run sends reports."""
    return hub_settings().submit == "yes"


def hub_settings() -> datacite:
    """The section ``[datacite]``, checked."""
    platform_section("datacite")
    return datacite()
