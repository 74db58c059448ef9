"""Who is asking: a person, a script, a robot or ourselves, and from which network.

Read :mod:`~usage_metrics.agents.classifier` first: it tries the rules of ``rules.tsv``
and of other people's :mod:`~usage_metrics.agents.lists` on each user agent.
:mod:`~usage_metrics.agents.networks` classifies the network of an address.
"""

from usage_metrics.agents.classifier import AGENT, AgentSettings, classify
from usage_metrics.agents.lists import list_versions
from usage_metrics.agents.networks import NETWORK, is_suspect, network_class

__all__ = [
    "AGENT",
    "NETWORK",
    "AgentSettings",
    "classify",
    "is_suspect",
    "list_versions",
    "network_class",
]
