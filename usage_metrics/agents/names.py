"""Finds the name in a user agent, for rules that do not give one."""

from usage_metrics.agents.matching import compiled
from usage_metrics.agents.rules import Rule

LONGEST = 60

_PRODUCT = (
    r"^(?:Mozilla/.*?compatible[;,] *)?"
    r"(?P<name>[a-z][^/;,()@:{}<>\"'\[\]]{1,60})"
)
"""The product: at the start of the user agent, or after Mozilla's ``compatible;``."""

_URL = r"\W*\b(?:https?|www\..*)$"
_NOT_A_NAME = r"^(?:mozilla|https?|www\.|.*@|[\d._-]*$)"


def name_in(agent: str, rule: Rule) -> str | None:
    """The name in a user agent that a rule matches, if there is one."""
    if rule.step == "script":
        naming = _PRODUCT
    elif "(?P<name>" in rule.pattern:
        naming = rule.pattern
    else:
        # What the pattern matches, extended to whole words.
        naming = rf"(?P<name>[\w.-]*(?:{rule.pattern})[\w-]*)"
    return _named(agent, naming) or _named(agent, _PRODUCT)


def _named(agent: str, pattern: str) -> str | None:
    found = compiled(pattern).search(agent)
    if found is None:
        return None
    name: str = compiled(_URL).sub("", found["name"].strip(" /-_;:,.()+\"'"))
    return None if compiled(_NOT_A_NAME).search(name) else name[:LONGEST]
