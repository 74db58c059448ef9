"""What a user agent calls itself, where the rule that holds has no name of its own."""

import re

from usage_metrics.agents.matching import compiled
from usage_metrics.agents.rules import Rule

LONGEST = 60

_PRODUCT = (
    r"^(?:Mozilla/.*?compatible[;,] *)?"
    r"(?P<name>[a-z][^/;,()@:{}<>\"'\[\]]{1,60})"
)
"""The product: first in the user agent, or after Mozilla's ``compatible;``."""

_ADDRESS = re.compile(r"\W*\b(https?|www\..*)$", re.IGNORECASE)
_NO_NAME = re.compile(r"mozilla|https?|www\.|.*@|[\d._-]*$", re.IGNORECASE)


def name_in(agent: str, rule: Rule) -> str | None:
    """The name in a user agent for which a rule holds, if there is one."""
    if "(?P<name>" in rule.pattern:
        naming = rule.pattern
    else:
        # What the pattern matches, to the ends of the word.
        naming = rf"(?P<name>[\w.-]*(?:{rule.pattern})[\w-]*)"
    return _named(agent, naming) or _named(agent, _PRODUCT)


def _named(agent: str, pattern: str) -> str | None:
    found = compiled(pattern).search(agent)
    if found is None:
        return None
    name = _ADDRESS.sub("", found["name"].strip(" /-_;:,.()+\"'"))
    return None if _NO_NAME.match(name) else name[:LONGEST]
