"""The settings of each platform, in a section of its name in ``luigi.cfg``.

They stand here, as those of the sources do, because their modules import Arrow.
"""

from usage_metrics.config import SHORTEST_TIMEOUT, Section
from usage_metrics.errors import ConfigError
from usage_metrics.parameters import Names, OptionalDay, choice, number, text
from usage_metrics.platforms import DOI, ID, OWNER_AND_NAME, get_platform


class PlatformSection(Section):
    """The settings that every platform has."""

    endpoint = text("URL to ask instead of the platform's")
    timeout = number(
        30.0, 3_600.0, "seconds to wait for an answer;", least=SHORTEST_TIMEOUT
    )
    attempts = number(5, 1_000, "attempts before giving up a request;", least=1)
    stop = OptionalDay(
        "the UTC day from which it is not asked any more; what it has told stays; "
        "empty: it is asked every day"
    )


class github(PlatformSection):
    """What GitHub counts; the token is in GITHUB_TOKEN."""

    repositories = Names(
        "the repositories, such as example/data, separated by commas; empty: GitHub "
        "is not asked",
        OWNER_AND_NAME,
    )


class zenodo(PlatformSection):
    """What Zenodo counts, or another InvenioRDM; a token may be in ZENODO_TOKEN."""

    records = Names(
        "the ids of records, such as 1234567, separated by commas; of any version", ID
    )
    communities = Names(
        "communities of which all records are meant, separated by commas", ID
    )


class kaggle(PlatformSection):
    """What Kaggle counts; docs/platforms.md says where a token or key may be."""

    datasets = Names(
        "the datasets, such as owner/name, separated by commas", OWNER_AND_NAME
    )


class huggingface(PlatformSection):
    """What Hugging Face counts; a token may be in HF_TOKEN."""

    datasets = Names(
        "the datasets, such as owner/name, separated by commas", OWNER_AND_NAME
    )


class pypi(PlatformSection):
    """How often packages were downloaded from PyPI, as pypistats.org knows it."""

    packages = Names("the packages, separated by commas", ID)


class datacite(PlatformSection):
    """What DataCite knows of DOIs, and where COUNTER reports go."""

    dois = Names("the DOIs, such as 10.5281/zenodo.1234567, separated by commas", DOI)
    hub = text(
        "URL of the API that COUNTER reports are sent to, such as "
        "https://api.test.datacite.org to try it; empty: https://api.datacite.org"
    )
    submit = choice(
        ["no", "yes"],
        "whether run sends the COUNTER report of last month by itself: no or yes",
    )


class dataverse(PlatformSection):
    """What a Dataverse counts; endpoint is that of Harvard unless it is set."""

    dois = Names("the DOIs of datasets, separated by commas", DOI)


PLATFORM_SECTIONS: tuple[type[PlatformSection], ...] = (
    *(github, zenodo, kaggle, huggingface, pypi, datacite),
    dataverse,
)
"""The section of each platform."""


def platform_section(name: str) -> PlatformSection:
    """The settings of a platform.

    Raises:
        ConfigError: if there is no platform of that name, or a setting is wrong.
    """
    get_platform(name)
    found = {section.__name__: section for section in PLATFORM_SECTIONS}[name]()
    if "@" in found.endpoint.partition("//")[2].partition("/")[0]:
        raise ConfigError(
            f"luigi.cfg: [{name}] endpoint has a name or password in it, which would "
            "end up in files and messages: take it out"
        )
    if found.endpoint and not found.endpoint.startswith(("https://", "http://")):
        raise ConfigError(
            f"luigi.cfg: [{name}] endpoint = {found.endpoint!r} must be a URL that "
            "begins with https:// or http://, or empty"
        )
    return found
