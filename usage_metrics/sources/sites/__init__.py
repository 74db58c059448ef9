"""What the paths of a site mean, by the software that answers.

A site says of distinct URLs what each asks for: a module of this package with
``asked_for``, in :data:`SITES`.
"""

import importlib

from usage_metrics.errors import ConfigError
from usage_metrics.parameters import did_you_mean
from usage_metrics.sources.request_log import AskedFor

SITES = {
    "files": "usage_metrics.sources.sites.file_server",
    "datasette": "usage_metrics.sources.datasette_pages",
}
"""The module of each kind of site."""


def asked_of(site: str) -> AskedFor:
    """What URLs of a site ask for.

    Raises:
        ConfigError: if there is no such kind of site.
    """
    if site not in SITES:
        raise ConfigError(
            f"site = {site} is not known{did_you_mean(site, SITES)}; it is one of "
            f"{', '.join(SITES)}"
        )
    found: AskedFor = importlib.import_module(SITES[site]).asked_for
    return found
